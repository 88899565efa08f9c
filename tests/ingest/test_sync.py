"""Keeping a library in step with folders: what is left out, what has gone, what is tried again."""

import os
import shutil
from pathlib import Path

import deadly
import pdfs
import pytest

from pagesight.ingest import Outcome, add, worker
from pagesight.retrieval import Library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "unterlagen ä"
    for place in (".", "entwürfe", "2021/entwürfe", "2021/größen"):
        (folder / place).mkdir(parents=True, exist_ok=True)
        save(folder / place, "a.pdf", f"Wärmepumpe {place}")
        save(folder / place, "b [1].pdf", f"Kältemaschine {place}")
    return folder


def save(folder: Path, name: str, *lines: str) -> Path:
    (folder / name).write_bytes(pdfs.pdf(pdfs.text_page(*lines)))
    return folder / name


def names(outcomes: list[Outcome], folder: Path) -> list[str]:
    return [str(Path(outcome.path).relative_to(folder)) for outcome in outcomes]


def there(library: Library) -> set[str]:
    return {Path(path).name for document in library.documents() for path in document.sources}


def test_patterns_choose_among_what_is_in_folders(library: Library, folder: Path):
    outcomes = list(add(library, [folder], include=["a.*", "2021/größen/*"], exclude=["entwürfe"]))
    assert names(outcomes, folder) == ["a.pdf", "2021/größen/a.pdf", "2021/größen/b [1].pdf"]
    named = folder / "entwürfe" / "b [1].pdf"
    outcomes = list(add(library, [folder, named], include=["nichts"], exclude=["*"]))
    assert names(outcomes, folder) == ["entwürfe/b [1].pdf"], "a file that is named is meant"


def test_what_left_a_folder_is_removed_when_asked_for(library: Library, folder: Path, tmp_path: Path):
    other = save(tmp_path, "anderswo.pdf", "Quarzuhrwerk")
    list(add(library, [folder, other]))
    before = len(library.documents())
    (folder / "a.pdf").unlink()
    shutil.rmtree(folder / "2021" / "größen")
    (folder / "entwürfe" / "a.pdf").rename(folder / "verschoben.pdf")
    other.unlink()
    assert "removed" not in {outcome.state for outcome in add(library, [folder])}, "not asked for"
    outcomes = list(add(library, [folder], prune=True, exclude=["b*"]))
    removed = [outcome for outcome in outcomes if outcome.state == "removed"]
    assert sorted(names(removed, folder)) == [
        "2021/größen/a.pdf", "2021/größen/b [1].pdf", "a.pdf", "entwürfe/a.pdf"
    ]  # fmt: skip
    assert len(library.documents()) == before - 3, "what was moved is still there"
    assert {"verschoben.pdf", "b [1].pdf", "anderswo.pdf"} <= there(library), "left out is not gone, nor is elsewhere"
    assert [outcome.state for outcome in add(library, [other], prune=True)] == ["failed", "removed"]
    assert "anderswo.pdf" not in there(library)


def test_a_folder_whose_disk_is_not_there_takes_nothing_with_it(library: Library, folder: Path):
    list(add(library, [folder]))
    before = there(library)
    folder.rename(folder.with_name("fort"))
    list(add(library, [folder], prune=True))
    folder.mkdir()  # a mount point with nothing mounted
    list(add(library, [folder], prune=True))
    assert there(library) >= before


def test_what_cannot_be_looked_at_is_not_gone(library: Library, folder: Path):
    list(add(library, [folder]))
    (folder / "2021").rename(folder / "fort")
    (folder / "2021").symlink_to(folder / "2021")  # as where a share is not mounted, or permission was taken away
    assert "removed" not in {outcome.state for outcome in add(library, [folder], prune=True)}


def test_a_name_that_is_no_text_is_not_gone(library: Library, folder: Path):
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pdf"))
    odd.write_bytes(pdfs.pdf(pdfs.text_page("Kaffee")))
    assert "removed" not in {outcome.state for outcome in add(library, [folder], prune=True)}
    odd.unlink()
    assert [outcome.path[-8:] for outcome in add(library, [folder], prune=True) if outcome.state == "removed"] == [
        "\\xe9.pdf"
    ]


def test_a_file_that_failed_is_tried_again_when_there_is_a_reason_to(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = folder / "kaputt.pdf"
    broken.write_bytes(b"%PDF-1.7 nichts")
    tried: list[str] = []
    read = worker.Reader.read
    monkeypatch.setattr(
        worker.Reader,
        "read",
        lambda self, path, *more, **how: (tried.append(path.name), read(self, path, *more, **how))[1],
    )

    def again(**how: bool | str) -> tuple[bool, str]:
        tried.clear()
        (outcome,) = [one for one in add(library, [folder], **how) if one.state == "failed"]  # type: ignore[arg-type]
        return "kaputt.pdf" in tried, outcome.reason or ""

    assert again()[0]
    first = again()
    assert (first[0], "was not tried again; --retry-failed does" in first[1]) == (False, True)
    assert again() == first, "what is said does not grow"
    assert again(retry_failed=True)[0]
    assert again(password="ä")[0]
    tried.clear()
    assert [outcome.state for outcome in add(library, [broken])] == ["failed"]
    assert tried == ["kaputt.pdf"], "named by itself"
    broken.write_bytes(b"%PDF-1.7 anders")
    assert again()[0], "changed"


def test_pages_that_are_missing_are_tried_again_and_no_others(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    long = folder / "stirbt 2.pdf"
    long.write_bytes(pdfs.pdf(*[pdfs.text_page(f"Quarzuhrwerk {n}") for n in range(1, 6)]))
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    (outcome,) = [one for one in add(library, [folder]) if one.state == "partial"]
    assert outcome.pages == 4
    assert "partial" not in {one.state for one in add(library, [folder])}, (
        "a partial document that is as it was is there"
    )
    document = library.resolve("stirbt 2.pdf")[0]
    before = library.catalog.pages_of(document)
    (outcome,) = add(library, [long], retry_failed=True)
    assert (outcome.state, outcome.pages, (outcome.reason or "")[:7]) == ("partial", 4, "page 2:")
    monkeypatch.undo()
    long.touch()  # the same bytes at another time
    read: list[int] = []
    (outcome,) = add(
        library, [long], retry_failed=True, metadata={"wer": "ich"}, on_progress=lambda one: read.append(one.page)
    )
    assert (outcome.state, outcome.pages, outcome.reason, read) == ("indexed", 5, None, [2])
    source = library.catalog.source(str(long))
    assert source is not None
    assert source.modified == long.stat().st_mtime_ns
    after = library.catalog.pages_of(document)
    assert [page.text for page in after] == [f"Quarzuhrwerk {n}" for n in range(1, 6)]
    assert [page for page in after if page.number != 2] == [page for page in before if page.number != 2]
    assert library.retrieve("Quarzuhrwerk 2", k=1)[0].page.number == 2
    assert next(one for one in library.documents() if one.id == document).metadata == {"wer": "ich"}
    assert [one.state for one in add(library, [long], retry_failed=True)] == ["unchanged"]
