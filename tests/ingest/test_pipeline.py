"""Adding files: what becomes of each, and that the second time nothing is done."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deadly
import pdfs
import pytest
from drafts import empty_library

from pagesight.ingest import Outcome, Progress, add, reading, worker
from pagesight.retrieval import Library
from pagesight.retrieval.errors import LibraryLocked


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unterlagen ä").mkdir()
    return tmp_path / "unterlagen ä"


def save(folder: Path, name: str, *lines: str, **more: object) -> Path:
    (folder / name).write_bytes(pdfs.pdf(pdfs.text_page(*lines), **more))  # type: ignore[arg-type]
    return folder / name


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {Path(outcome.path).name: outcome.state for outcome in outcomes}


def found(library: Library, word: str) -> list[str]:
    """Names of the files that hold a word, as a reader of the library finds them."""
    pages = library.channels[0].ask(word).candidates(library.scope())
    documents = {document.id: document for document in library.documents()}
    return sorted(Path(path).name for page in pages for path in documents[page.split("/")[0]].sources)


def test_one_bad_file_among_good_ones_stops_nothing(library: Library, folder: Path):
    save(folder, "a gut.pdf", "Wärmepumpe")
    save(folder, "b zu.pdf", "geheim", password="ä")
    (folder / "c kurz.pdf").write_bytes(pdfs.truncated())
    (folder / "d leer.pdf").touch()
    (folder / "e ohne.pdf").write_bytes(pdfs.no_pages())
    (folder / "f riese.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Größe", box=(0, 0, 90_000, 90_000))))
    (folder / "g halb.pdf").write_bytes(pdfs.lost_page())
    (folder / "h text.pdf").write_text("nur Text, für niemanden")
    (folder / "i.pdf").symlink_to(folder / "i.pdf")
    os.mkfifo(folder / "j röhre.pdf")
    (folder / "k weg.pdf").symlink_to(folder / "nirgends.pdf")
    Path(os.fsdecode(os.fsencode(folder) + b"/l caf\xe9.pdf")).write_bytes(pdfs.pdf(pdfs.text_page("Wärmepumpe 2")))
    save(folder, "z gut.pdf", "Wärmepumpe 3")

    outcomes = list(add(library, [folder, folder / "fehlt.pdf"]))
    assert states(outcomes) == {
        "a gut.pdf": "indexed",
        "b zu.pdf": "failed",
        "c kurz.pdf": "failed",
        "d leer.pdf": "failed",
        "e ohne.pdf": "failed",
        "f riese.pdf": "failed",
        "g halb.pdf": "partial",
        "h text.pdf": "failed",
        "i.pdf": "failed",
        "j röhre.pdf": "failed",
        "k weg.pdf": "failed",
        "l caf\\xe9.pdf": "indexed",
        "z gut.pdf": "indexed",
        "fehlt.pdf": "failed",
    }
    reasons = {Path(outcome.path).name: outcome.reason or "" for outcome in outcomes}
    for name, part in {
        "b zu.pdf": "encrypted; give its password (--password)",
        "c kurz.pdf": "broken or cut short",
        "d leer.pdf": "empty (0 bytes)",
        "e ohne.pdf": "no pages",
        "f riese.pdf": "points",
        "g halb.pdf": "page 2",
        "h text.pdf": "it is text, and its name ends in .pdf",
        "i.pdf": "in a circle",
        "j röhre.pdf": "not a regular file",
        "k weg.pdf": "no such file",
        "fehlt.pdf": "no such file",
    }.items():
        assert part in reasons[name]
        assert name in reasons[name] or name == "g halb.pdf"
    kept = {Path(source.path).name: source.reason for source in library.catalog.sources() if not source.document}
    assert kept == {name: reasons[name] for name, state in states(outcomes).items() if state == "failed"}
    assert found(library, "Wärmepumpe") == ["a gut.pdf", "l caf\\xe9.pdf", "z gut.pdf"]
    assert found(library, "Première") == ["g halb.pdf"]
    assert library.catalog.failures(library.resolve("g halb.pdf")[0]).keys() == {2}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(library: Library, folder: Path):
    save(folder, "zu ä.pdf", "Größe").chmod(0)
    (outcome,) = add(library, [folder])
    assert "permission denied" in (outcome.reason or "")


def test_the_second_time_nothing_is_read(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch):
    for n in range(3):
        save(folder, f"ä{n}.pdf", f"Größe {n}")
    first = list(add(library, [folder]))
    assert [(outcome.state, outcome.pages) for outcome in first] == [("indexed", 1)] * 3

    def no_work(*_: object, **__: object) -> None:
        raise AssertionError("a reader was started, or bytes were hashed")

    monkeypatch.setattr(worker.Reader, "_start", no_work)
    monkeypatch.setattr(reading.hashlib, "file_digest", no_work)
    second = list(add(library, [folder]))
    assert [(outcome.path, outcome.state, outcome.pages) for outcome in second] == [
        (outcome.path, "unchanged", 1) for outcome in first
    ]
    monkeypatch.undo()
    monkeypatch.setattr(worker.Reader, "_start", no_work)
    for file in folder.iterdir():
        os.utime(file, ns=(1, 1))
    assert set(states(list(add(library, [folder]))).values()) == {"unchanged"}, "another time, but the same bytes"


def test_a_changed_file_replaces_its_old_version(library: Library, folder: Path):
    file = save(folder, "ä.pdf", "Wärmepumpe")
    list(add(library, [folder]))
    (old,) = library.documents()
    save(folder, "ä.pdf", "Kältemaschine")
    assert states(list(add(library, [folder]))) == {"ä.pdf": "indexed"}
    assert found(library, "Wärmepumpe") == []
    assert found(library, "Kältemaschine") == ["ä.pdf"]
    assert not library.image_path(old.id, 1).exists()
    file.write_bytes(b"")
    assert states(list(add(library, [folder]))) == {"ä.pdf": "failed"}
    assert found(library, "Kältemaschine") == []


def test_the_same_bytes_under_two_names_are_one_document(library: Library, folder: Path):
    save(folder, "a.pdf", "Wärmepumpe")
    shutil.copy(folder / "a.pdf", folder / "zwilling ä.pdf")
    assert states(list(add(library, [folder]))) == {"a.pdf": "indexed", "zwilling ä.pdf": "unchanged"}
    assert len(library.documents()) == 1
    assert found(library, "Wärmepumpe") == ["a.pdf", "zwilling ä.pdf"]
    save(folder, "a.pdf", "Kältemaschine")
    assert states(list(add(library, [folder]))) == {"a.pdf": "indexed", "zwilling ä.pdf": "unchanged"}
    assert found(library, "Wärmepumpe") == ["zwilling ä.pdf"]


def test_twins_that_cannot_be_read_each_say_why(library: Library, folder: Path):
    for name in ("a.pdf", "zwilling ä.pdf"):
        (folder / name).write_bytes(pdfs.truncated())
    outcomes = list(add(library, [folder]))
    assert states(outcomes) == {"a.pdf": "failed", "zwilling ä.pdf": "failed"}
    assert all("broken or cut short" in (outcome.reason or "") for outcome in outcomes)


def test_files_that_swap_their_names_lose_nothing(library: Library, folder: Path):
    a, b = save(folder, "a.pdf", "Wärmepumpe"), save(folder, "b.pdf", "Kältemaschine")
    list(add(library, [folder]))
    a.rename(folder / "c")
    b.rename(a)
    (folder / "c").rename(b)
    assert "failed" not in states(list(add(library, [folder]))).values()
    assert found(library, "Wärmepumpe") == ["b.pdf"]
    assert found(library, "Kältemaschine") == ["a.pdf"]


@pytest.mark.parametrize("what", ["is changed", "is removed"])
def test_a_file_that_goes_while_it_is_read_fails_alone(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    save(folder, "a.pdf", "Wärmepumpe")
    save(folder, "b.pdf", "Kältemaschine")
    read = worker.Reader.read

    def then_gone(self: worker.Reader, path: Path, *more: Any):
        yield from read(self, path, *more)
        if path.name == "a.pdf":
            path.unlink() if what == "is removed" else path.write_bytes(b"ganz anders")

    monkeypatch.setattr(worker.Reader, "read", then_gone)
    first, second = add(library, [folder])
    assert (first.state, second.state) == ("failed", "indexed")
    assert "changed while it was read" in (first.reason or "")
    assert found(library, "Wärmepumpe") == []


def test_a_file_that_kills_its_reader_costs_its_page_and_the_run_goes_on(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    pages = [pdfs.text_page(f"Wärmepumpe {n}") for n in range(1, 4)]
    for name in ("stirbt 2.pdf", "stirbt 0.pdf", "stirbt immer.pdf"):
        (folder / name).write_bytes(pdfs.pdf(*pages, title=f"Größe {name}"))
    save(folder, "z gut.pdf", "Kältemaschine")
    outcomes = list(add(library, [folder]))
    assert states(outcomes) == {
        "stirbt 0.pdf": "failed",
        "stirbt 2.pdf": "partial",
        "stirbt immer.pdf": "failed",
        "z gut.pdf": "indexed",
    }
    partial = next(outcome for outcome in outcomes if outcome.state == "partial")
    assert (partial.pages, partial.reason) == (2, "page 2: the process that read it died (signal 9)")
    assert [page.text for page in library.catalog.pages_of(library.resolve("stirbt 2.pdf")[0])] == [
        "Wärmepumpe 1", None, "Wärmepumpe 3"
    ]  # fmt: skip


def test_stopping_in_the_middle_leaves_a_good_library(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    save(folder, "a.pdf", "Wärmepumpe")
    save(folder, "hängt 1.pdf", "Kältemaschine")
    outcomes = add(library, [folder])
    assert next(outcomes).state == "indexed"
    begun = time.monotonic()
    outcomes.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 0.5 * library.settings.page_seconds, "it waited for the page that hangs"
    assert found(library, "Wärmepumpe") == ["a.pdf"]
    assert library.catalog.jobs() == []
    monkeypatch.undo()
    assert states(list(add(library, [folder]))) == {"a.pdf": "unchanged", "hängt 1.pdf": "indexed"}


def test_progress_counts_every_page_of_a_long_document(library: Library, folder: Path):
    (folder / "lang ä.pdf").write_bytes(pdfs.pdf(*[pdfs.text_page(f"Wärmepumpe {n}") for n in range(1, 41)]))
    seen: list[Progress] = []
    (outcome,) = add(library, [folder], on_progress=seen.append)
    assert [(one.page, one.pages) for one in seen] == [(n, 40) for n in range(1, 41)]
    assert (outcome.state, outcome.pages, outcome.reason) == ("indexed", 40, None)
    assert outcome.to_dict().keys() == {"path", "state", "pages", "reason", "seconds"}
    (document,) = library.documents()
    assert (document.title, document.pages) == ("lang ä", 40)


def test_a_password_opens_what_was_closed(library: Library, folder: Path):
    save(folder, "zu ä.pdf", "Wärmepumpe", password="schlüssel")
    assert states(list(add(library, [folder]))) == {"zu ä.pdf": "failed"}
    assert states(list(add(library, [folder], password="schlüssel"))) == {"zu ä.pdf": "indexed"}
    assert [source.reason for source in library.catalog.sources()] == [None]


def test_a_bug_is_no_outcome_and_leaves_nothing_behind(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, found_nothing: Callable[[Library, str], bool]
):
    save(folder, "ä.pdf", "Wärmepumpe")
    monkeypatch.setattr(library.dense, "add", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(add(library, [folder]))
    assert found_nothing(library, "Wärmepumpe")


@pytest.fixture
def found_nothing() -> Callable[[Library, str], bool]:
    return lambda library, word: not library.lexical.search(word) and not library.documents()


def test_adding_while_another_writes_is_refused(library: Library, folder: Path):
    save(folder, "ä.pdf", "Wärmepumpe")
    with library.writer(), pytest.raises(LibraryLocked):
        list(add(library, [folder]))
