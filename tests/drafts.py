"""Documents put into a library by hand, without files and without a model, and what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from fakes import FakePageEncoder, words_of

from pagesight.retrieval import Library, Settings, create_library
from pagesight.retrieval.catalog import DocumentRow, PageRow, Source
from pagesight.retrieval.types import PageContent, Passage
from pagesight.retrieval.writer import LibraryWriter


def empty_library(path: Path, **settings: Any) -> Library:
    """A new library, or one that is there; its pages are encoded by a fake."""
    library = create_library(path, Settings(**settings))
    library.page_encoder = FakePageEncoder(384)  # type: ignore[assignment]
    return library


def write(
    writer: LibraryWriter, id_: str, path: str, *texts: str, commit: bool = True, languages: Sequence[str] = ()
) -> None:
    """`languages`: of the pages, as far as they are known."""
    with writer.document(id_) as draft:
        for number, (text, language) in enumerate(zip_longest(texts, languages), start=1):
            words = words_of(text)
            passages = (Passage(text, 0, len(words)),)
            draft.add_pages(
                [PageRow(number, 612, 792, 0, text, "layer", words, passages, language=language)],
                [PageContent("", "Titel", words, passages, text.encode(), 612, 792)],
                [{"title": "Titel", "headings": "", "name": ""}],
            )
        if commit:
            row = DocumentRow(id_, "Titel", "application/pdf", 1, len(texts), "indexed", None, 0.0)
            draft.commit(row, Source(path, id_, 1, 1, None))


def traces(library: Library, id_: str, word: str) -> list[str]:
    """Where something of a document is left, whatever the catalog says."""
    query = FakePageEncoder(384).encode_query(word)
    found = {
        "catalog": library.catalog.has_document(id_),
        "lexical": any(page.startswith(f"{id_}/") for page in library.lexical.search(word)),
        "dense": bool(library.dense.search(query.rows[0], 10, {id_})),
        "words": any(page.startswith(f"{id_}/") for page in library.words.score(query)),
        "pictures": (library.path / "pages" / id_).exists(),
        "unfinished": bool(library.catalog.jobs()) or bool(list(library.path.rglob(".new-*"))),
    }
    return [name for name, there in found.items() if there]


EVERYWHERE = ["catalog", "lexical", "dense", "words", "pictures"]
