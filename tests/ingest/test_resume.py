"""A run that was stopped or killed inside a document: nothing of it is found, and the next run goes on at its page."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pdfs
import pytest
from drafts import empty_library

from pagesight.ingest import Progress, add, worker
from pagesight.retrieval import Library, open_library
from pagesight.retrieval.drafts import drafts

PAGES = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One document of twenty pages, the third of which is too large."""
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    pages = [pdfs.text_page(f"Wärmepumpe {n}") for n in range(1, PAGES + 1)]
    pages[2] = pdfs.text_page("Größe", box=(0, 0, 90_000, 90_000))
    (folder / "lang ä.pdf").write_bytes(pdfs.pdf(*pages))
    return folder


def stop_at(page: int) -> Callable[[Progress], None]:
    def interrupted(progress: Progress) -> None:
        if progress.page == page:
            raise KeyboardInterrupt

    return interrupted


def begin(library: Library, folder: Path) -> None:
    """Add the document, and stop inside of it, with two batches written: pages 1, 2 and 4 to 11."""
    with pytest.raises(KeyboardInterrupt):
        list(add(library, [folder], on_progress=stop_at(10)))


def pages_written(library: Library, folder: Path) -> list[int]:
    seen: list[Progress] = []
    (outcome,) = add(library, [folder], on_progress=seen.append)
    assert outcome.state == "partial"
    assert (outcome.pages, (outcome.reason or "")[:6]) == (PAGES - 1, "page 3")
    return [one.page for one in seen]


def whole(library: Library) -> list[object]:
    """Everything that is known of the one document, but for times."""
    library.lexical.compact()  # pages that were deleted count in what is rare until they have gone
    (document,) = library.documents()
    pages = [(page, library.page_words(page.id)) for page in library.catalog.pages_of(document.id)]
    question = library._words.encode_query("Wärmepumpe 12")
    return [
        replace(document, added=""),
        pages,
        library.catalog.rows("SELECT * FROM figures ORDER BY id"),
        sorted(library.lexical.search("Wärmepumpe").items()),
        sorted(library.lexical.search_documents("Wärmepumpe").items()),
        sorted(library.words.score(question).items()),
        sorted(library.dense.keys(document.id)),
        sorted(path.relative_to(library.path) for path in library.path.glob("pages/*/*")),
    ]


def test_nothing_of_it_is_found_and_the_next_run_goes_on_at_the_page(library: Library, folder: Path, tmp_path: Path):
    begin(library, folder)
    assert library.documents() == []
    assert library.retrieve("Wärmepumpe 4") == []
    assert [(draft.pages, draft.outdated) for draft in drafts(library.catalog)] == [(11, False)]
    with library.writer():
        pass  # somebody else who writes leaves it alone
    assert pages_written(library, folder) == list(range(12, PAGES + 1))
    assert library.catalog.jobs() == []
    at_once = empty_library(tmp_path / "на раз", ocr="off", dpi=36)
    assert pages_written(at_once, folder) == [n for n in range(1, PAGES + 1) if n != 3]
    assert whole(library) == whole(at_once)
    assert [outcome.state for outcome in add(library, [folder])] == ["unchanged"]


def test_stopped_again_it_goes_on_again(library: Library, folder: Path):
    begin(library, folder)
    with pytest.raises(KeyboardInterrupt):
        list(add(library, [folder], on_progress=stop_at(19)))
    assert [draft.pages for draft in drafts(library.catalog)] == [19]
    assert pages_written(library, folder) == [20]


def test_pages_that_would_be_made_another_way_are_made_anew(library: Library, folder: Path):
    begin(library, folder)
    finer = open_library(library.path, library.settings.model_copy(update={"dpi": 50}))
    finer.page_encoder = library.page_encoder
    assert len(pages_written(finer, folder)) == PAGES - 1


def test_another_file_under_that_name_begins_at_its_first_page(library: Library, folder: Path):
    begin(library, folder)
    (folder / "lang ä.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Kältemaschine")))
    seen: list[Progress] = []
    assert [outcome.state for outcome in add(library, [folder], on_progress=seen.append)] == ["indexed"]
    assert [one.page for one in seen] == [1]


def test_what_nobody_goes_on_with_is_cleared_away(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch):
    begin(library, folder)
    long_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    with library.catalog.transaction() as connection:
        connection.execute("UPDATE jobs SET begun = ?", (long_ago,))
    with library.writer():
        pass
    assert nothing_is_left(library)
    begin(library, folder)
    with library.writer() as writer:
        writer.compact()
    assert nothing_is_left(library)


def test_a_document_that_fails_when_it_is_gone_on_with_leaves_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    begin(library, folder)
    file = folder / "lang ä.pdf"
    parse = worker.Reader.read

    def changing(*arguments: Any) -> Iterator[worker.Parsed]:
        yield from parse(*arguments)
        file.touch()

    monkeypatch.setattr(worker.Reader, "read", changing)
    assert [outcome.state for outcome in add(library, [folder])] == ["failed"]
    assert nothing_is_left(library)


def nothing_is_left(library: Library) -> bool:
    rows = [library.catalog.rows(f"SELECT * FROM {name}") for name in ("jobs", "draft_pages", "draft_figures")]
    found = library.lexical.search("Wärmepumpe"), library.words.score(library._words.encode_query("Wärmepumpe"))
    return not any((*rows, *found, *library.path.glob("pages/*/*")))
