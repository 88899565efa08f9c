"""Compaction: what was removed leaves the files, and the disk gets its room back.

Removing takes a document out of everything that is searched. Its bytes may stay behind: in free pages and write-ahead
logs of SQLite, in merged terms of the full text, in Chroma's queue and in the graphs of its vectors.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import journal
from .errors import LibraryError
from .files import disk_use

if TYPE_CHECKING:
    from .library import Library

logger = logging.getLogger(__name__)

FREE_SHARE, FREE_BYTES = 0.25, 8_000_000
"""A writer that removed something compacts when so much of the catalog's file is free: every removal frees some."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """Disk use of a library's files and folders, in bytes, by name."""

    before: dict[str, int]
    after: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight compact --json` prints."""
        return {
            "before": sum(self.before.values()),
            "after": sum(self.after.values()),
            "parts": {
                name: {"before": size, "after": self.after.get(name, 0)} for name, size in sorted(self.before.items())
            },
        }


def compact(library: Library) -> Compacted:
    """Rewrite what holds bytes of removed documents. The caller holds the writer's lock.

    Each part is rewritten whole or not at all, so a run that was killed leaves a good library, and the next one clears
    away what it left. Raises `LibraryError` when something keeps a part from it; the others may be done by then.
    """
    try:
        before = disk_use(library.path)
        for leftover in _leftovers(library):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        stores = (library.dense, library.words, library.visual, library.images.figures, library.images.pages)
        for part in (library.catalog, library.lexical, *stores):
            part.compact()
        if (library.path / journal.FILE).exists():
            with closing(journal.Journal(library.path, library.catalog)) as kept:
                kept.compact()
        return Compacted(before, disk_use(library.path))
    except (sqlite3.Error, OSError) as error:
        raise LibraryError(
            f"{library.path} could not be compacted: {error}. It is as good as before; free some disk and run it "
            "again, when nobody else uses the library."
        ) from error


def compact_where_it_pays(library: Library) -> None:
    """Compact after removals when much of the library is free. What hinders it is logged; the next time will do."""
    free, total = library.catalog.free_bytes()
    if free >= FREE_BYTES and free >= FREE_SHARE * total:
        try:
            compact(library)
        except LibraryError as error:
            logger.warning("%s", error)


def _leftovers(library: Library) -> Iterator[Path]:
    """Files of killed writers, and pictures of documents that are not in the catalog."""
    for folder in (library.path, library.path / "chroma", library.path / "pages"):
        yield from folder.glob(".new-*")
    if (library.path / "pages").is_dir():
        here = {document for (document,) in library.catalog.rows("SELECT id FROM documents")}
        yield from (folder for folder in (library.path / "pages").glob("[!.]*") if folder.name not in here)
