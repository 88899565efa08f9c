"""What adding would do, before it does it: which files are new, about how many pages they have, how long that takes."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..retrieval.errors import DocumentError
from ..retrieval.files import disk_use
from ..retrieval.library import Library
from ..retrieval.settings import Settings
from .changes import Change, File, Wanted, look
from .documents import display_path
from .parsed import ParsedDocument, ParseOptions
from .prune import gone
from .worker import Reader

SAMPLE = 24
"""Files whose pages are counted; those of the others are told from their bytes."""
KNOWN_PAGES = 50
"""Pages of a library from which its own figures are taken."""
PAGE_BYTES = 350_000
"""On disk, pictures among it: a guess until a library has figures of its own."""
TO_READ: tuple[Change, ...] = ("new", "changed", "again")


@dataclass(frozen=True, slots=True)
class Planned:
    """A file, and what it is to the library."""

    path: str
    change: Change | Literal["removed"]
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

    def count(self, *changes: Change | Literal["removed"]) -> int:
        return sum(one.change in changes for one in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        counts = {one.change: self.count(one.change) for one in self.files}
        seconds = None if self.seconds is None else round(self.seconds)
        return {"files": counts, "pages": self.pages, "seconds": seconds, "bytes": self.bytes}


def make_plan(library: Library | None, settings: Settings, wanted: Wanted, *, prune: bool = False) -> Plan:
    """Look at sizes and times, and count the pages of some files. Nothing is written; there may be no library yet."""
    catalog = None if library is None else library.catalog
    files: list[Planned] = []
    whole: list[File] = []
    pages = 0
    for path in wanted.files():
        try:
            looked = look(catalog, wanted, path)
        except DocumentError:
            files.append(Planned(display_path(path), "failed"))
            continue
        files.append(Planned(looked.file.name, looked.change, looked.file.bytes))
        if looked.change == "again" and looked.document is not None:
            pages += len(looked.missing)
        elif looked.change in TO_READ:
            whole.append(looked.file)
    if catalog is not None and prune:
        files += [Planned(path, "removed") for path in gone(catalog, wanted.paths)]
    pages += _count_pages(settings, wanted.password, whole)
    seconds, each = _figures(library)
    return Plan(files, pages, None if seconds is None else seconds * pages, round(each * pages))


def _count_pages(settings: Settings, password: str | None, files: Sequence[File]) -> int:
    """About: of many files some are opened."""
    if not files:
        return 0
    sample = random.Random(0).sample(files, min(SAMPLE, len(files)))
    pages = 0
    limits = settings.page_seconds, int(settings.parse_memory_gb * 1e9)
    with Reader(ParseOptions(), page_seconds=limits[0], memory_bytes=limits[1]) as reader:
        for one in sample:
            try:
                for message in reader.read(one.path, password, sys.maxsize):
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
