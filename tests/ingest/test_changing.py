"""Files that change, shrink, grow or go while they are read: never a mixture of two, never a loss of what was there."""

from __future__ import annotations

from pathlib import Path

import deadly
import pdfs
import pytest
from drafts import empty_library

from pagesight.ingest import add, worker
from pagesight.retrieval import Library

PAGES = 40


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unterlagen ä").mkdir()
    return tmp_path / "unterlagen ä"


def save(file: Path, *, password: str | None = None, word: str = "Wärmepumpe") -> Path:
    file.write_bytes(pdfs.pdf(*[pdfs.text_page(f"{word} {n}") for n in range(1, PAGES + 1)], password=password))
    return file


@pytest.mark.parametrize("what", ["kürzt", "löscht", "schreibt", "wächst"])
def test_a_file_that_changes_under_its_reader_fails_alone(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    save(folder / f"{what} 2.pdf")
    save(folder / "zuletzt gut.pdf", word="Kältemaschine")
    bad, good = add(library, [folder])
    assert (bad.state, good.state) == ("failed", "indexed")
    assert bad.reason == f"Cannot read {folder / f'{what} 2.pdf'}: it changed while it was read; add it again."
    assert [document.sources for document in library.documents()] == [(str(folder / "zuletzt gut.pdf"),)]
    assert library.catalog.jobs() == []


@pytest.fixture
def partial(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of which page 2 could not be read."""
    file = save(folder / "stirbt 2.pdf", password="schlüssel")
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    assert [outcome.state for outcome in add(library, [folder], password="schlüssel")] == ["partial"]
    monkeypatch.undo()
    return file


def pages_there(library: Library) -> int:
    (document,) = library.documents()
    return sum(page.text is not None for page in library.catalog.pages_of(document.id))


def test_missing_pages_of_a_file_that_changes_meanwhile_are_not_taken(
    library: Library, partial: Path, monkeypatch: pytest.MonkeyPatch
):
    read = worker.Reader.read

    def then_another(self: worker.Reader, path: Path, *more: object, **how: object):
        yield from read(self, path, *more, **how)  # type: ignore[arg-type]
        path.touch()

    monkeypatch.setattr(worker.Reader, "read", then_another)
    (outcome,) = add(library, [partial], retry_failed=True, password="schlüssel")
    assert (outcome.state, outcome.pages) == ("partial", PAGES - 1)
    assert "changed while it was read" in (outcome.reason or "")
    assert pages_there(library) == PAGES - 1


def test_a_document_whose_file_cannot_be_opened_any_more_keeps_its_pages(library: Library, partial: Path):
    (outcome,) = add(library, [partial], retry_failed=True)
    assert (outcome.state, outcome.pages) == ("partial", PAGES - 1)
    assert "encrypted; give its password" in (outcome.reason or "")
    assert pages_there(library) == PAGES - 1
    (outcome,) = add(library, [partial], retry_failed=True, password="schlüssel")
    assert (outcome.state, pages_there(library)) == ("indexed", PAGES)
