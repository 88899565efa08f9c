"""What adding would do, before it does it: which files are new, about how many pages they have, how long that takes."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..retrieval.errors import DocumentError, LibraryNotFound
from ..retrieval.files import disk_use
from ..retrieval.library import Library, open_library
from ..retrieval.settings import Settings
from .documents import display_path
from .parsed import ParsedDocument, ParseOptions
from .prune import gone
from .reading import Wanted
from .worker import Reader

SAMPLE = 24
"""Files whose pages are counted; those of the others are told from their bytes."""
KNOWN_PAGES = 50
"""Pages of a library from which its own figures are taken."""
PAGE_BYTES = 350_000
"""On disk, pictures among it, before a library has figures of its own: the largest of five in benchmarks/RESULTS.md."""

Change = Literal["new", "changed", "unchanged", "partial", "failed", "removed"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A file, and what would become of it. `partial` and `failed`: it was so before and would not be tried again."""

    path: str
    change: Change
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What adding would do. Estimates are of what is to be read."""

    files: Sequence[Planned]
    pages: int
    seconds: float | None
    """`None`: this library has not enough pages yet to tell."""
    bytes: int
    """On disk, in the end."""

    def count(self, *changes: Change) -> int:
        return sum(one.change in changes for one in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        counts = {one.change: self.count(one.change) for one in self.files}
        seconds = None if self.seconds is None else round(self.seconds)
        return {"files": counts, "pages": self.pages, "seconds": seconds, "bytes": self.bytes}


def make_plan(settings: Settings, wanted: Wanted, *, prune: bool = False) -> Plan:
    """Look at sizes and times, and count the pages of some files. Nothing is written, and no library is made."""
    try:
        library = open_library(settings.library, settings)
    except LibraryNotFound:
        library = None
    try:
        files = list(_changes(library, wanted, prune=prune))
        todo = [one for one in files if one.change in ("new", "changed")]
        pages = _count_pages(settings, wanted.password, todo)
        seconds, each = _figures(library)
        return Plan(files, pages, None if seconds is None else seconds * pages, round(each * pages))
    finally:
        if library is not None:
            library.close()


def _changes(library: Library | None, wanted: Wanted, *, prune: bool) -> Iterator[Planned]:
    known = {source.path: source for source in library.catalog.sources()} if library is not None else {}
    documents = {one.id: one for one in library.documents()} if library is not None else {}
    for path in wanted.files():
        name = display_path(path)
        try:
            stat = path.stat()
        except OSError:
            yield Planned(name, "failed")
            continue
        source = known.get(name)
        if source is None:
            yield Planned(name, "new", stat.st_size)
        elif (source.bytes, source.modified) != (stat.st_size, stat.st_mtime_ns):
            yield Planned(name, "changed", stat.st_size)
        elif source.document is None:
            yield Planned(name, "new" if wanted.retry_failed else "failed", stat.st_size)
        else:
            partial = documents[source.document].state == "partial"
            yield Planned(name, "partial" if partial else "unchanged", stat.st_size)
    if prune and library is not None:
        yield from (Planned(path, "removed") for path in gone(library.catalog, wanted.paths))


def _count_pages(settings: Settings, password: str | None, files: Sequence[Planned]) -> int:
    """About: of many files some are opened."""
    if not files:
        return 0
    sample = random.Random(0).sample(list(files), min(SAMPLE, len(files)))
    pages = 0
    limits = settings.page_seconds, int(settings.parse_memory_gb * 1e9)
    with Reader(ParseOptions(), page_seconds=limits[0], memory_bytes=limits[1]) as reader:
        for one in sample:
            try:
                for message in reader.read(Path(one.path), password, sys.maxsize):
                    pages += message.pages if isinstance(message, ParsedDocument) else 0
            except DocumentError:
                continue  # it will fail, too
    seen = sum(one.bytes for one in sample)
    return pages if len(sample) == len(files) else round(pages * sum(one.bytes for one in files) / max(seen, 1))


def _figures(library: Library | None) -> tuple[float | None, float]:
    """Seconds and bytes a page, of this library so far."""
    if library is None:
        return None, PAGE_BYTES
    ((seconds, pages),) = library.catalog.rows("SELECT total(seconds), total(pages) FROM documents")
    if pages < KNOWN_PAGES:
        return None, PAGE_BYTES
    return seconds / pages, sum(disk_use(library.path).values()) / pages
