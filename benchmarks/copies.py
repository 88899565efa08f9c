"""A library as large as one wants, of the samples' pages under many names; and what machine this is."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library
from pagesight.retrieval.catalog import DocumentRow, PageRow, Source
from pagesight.retrieval.protocols import PageEncoder
from pagesight.retrieval.types import Page, PageContent, PageVectors
from pagesight.retrieval.writer import LibraryWriter

DATA = Path(__file__).parents[1] / "data"


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def build(folder: Path, most: int) -> int:
    """A library of `most` pages or a few more; returns how many."""
    with create_library(folder) as library:
        library.page_encoder = _Remembered(library.page_encoder)  # type: ignore[assignment]
        for outcome in add(library, [DATA / "samples"]):
            print(f"read {Path(outcome.path).name}", file=sys.stderr)
        pages = len(library.catalog.page_documents())
        originals = library.documents()
        with library.writer() as writer:
            copy = 0
            while pages < most:
                copy += 1
                for document in originals:
                    pages += _copy(library, writer, document.id, f"{document.title} ({copy})", copy)
                print(f"{pages} pages", file=sys.stderr)
    return pages


def _copy(library: Library, writer: LibraryWriter, document: str, title: str, number: int) -> int:
    """Write a document once more under another id; returns its pages."""
    id_ = hashlib.sha256(f"{document} {number}".encode()).hexdigest()
    found = library.catalog.pages_of(document)
    contents = library.contents([page.id for page in found])
    with writer.document(id_) as draft:
        for begin in range(0, len(found), 8):
            part, content = found[begin : begin + 8], contents[begin : begin + 8]
            rows = [
                # Its number makes it another page: those that say the same are one hit.
                replace(_row(page), text=f"{page.text} {number}", words=one.words, passages=one.passages)
                for page, one in zip(part, content, strict=True)
            ]
            fields = [{"title": title, "headings": "", "name": title} for _ in part]
            draft.add_pages(rows, content, fields)
        name = f"/copies/{number}/{document[:8]}.pdf"
        row = DocumentRow(id_, title, "application/pdf", 1, len(found), "indexed", None, 0.0)
        draft.commit(row, Source(name, id_, 1, 1, None))
    return len(found)


def _row(page: Page) -> PageRow:
    return PageRow(page.number, page.width, page.height, page.rotation, page.text, page.text_origin, (), ())


class _Remembered:
    """An encoder that looks at each picture of a page once: a copy's vectors are those of its original."""

    def __init__(self, encoder: PageEncoder) -> None:
        self._encoder = encoder
        self._kept: dict[bytes, PageVectors] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        keys = [hashlib.sha256(page.image).digest() for page in pages]
        new = [page for page, key in zip(pages, keys, strict=True) if key not in self._kept]
        for page, vectors in zip(new, self._encoder.encode_pages(new) if new else (), strict=True):
            self._kept[hashlib.sha256(page.image).digest()] = vectors
        return [replace(self._kept[key], id=page.id) for page, key in zip(pages, keys, strict=True)]
