"""Whether a library is whole: each of its parts compared with its checksums and with the catalog. Writes nothing.

Readers and a writer go on meanwhile. What is wrong is looked at twice, against the catalog of two moments: what a
writer was doing is not so both times, and what it has under a job is not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import journal
from .catalog_checkup import contradictions, lost_pages, sources_left, unreadable
from .drafts import drafts
from .errors import MEND, LibraryError
from .inventory import Difference, Inventory
from .optional import OPTIONAL
from .picture_checkup import damaged_pictures, leftovers
from .protocols import LexicalIndex, MultiVectorStore, VectorStore
from .sources import find_source, paths_of
from .sqlite_files import may_write, reading_address

if TYPE_CHECKING:
    from .library import Library

REPAIR = "pagesight doctor --repair"
CHANNELS = ("lexical", "dense", "words", "visual", "image")
SHOWN = 3
"""Examples that a finding names."""

OnStep = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight doctor --json` prints."""
        return {"name": self.name, "ok": self.ok, "note": self.note}


def check(library: Library, on_step: OnStep = lambda *_: None) -> list[Finding]:
    """Look at everything; a finding a part, sound or not. Takes as long as reading all of the library's files.

    A catalog that SQLite cannot read is the only finding: nothing can be compared with it.
    """
    why = unreadable(library.path / "catalog.sqlite")
    if why is not None:
        return [_beyond_repair(library.path / "catalog.sqlite", why)]
    look = _Checkup(library, on_step)
    return [look.catalog(), look.pictures(), *look.indexes(), look.orphans(), look.journal(), overview(library)]


def overview(library: Library) -> Finding:
    """How much there is, and what is unfinished; looks at the catalog only."""
    catalog = library.catalog
    ((documents, pages),) = catalog.rows("SELECT count(*), coalesce(sum(pages), 0) FROM documents")
    waiting = [draft for draft in drafts(catalog) if not draft.outdated]
    left = len(catalog.jobs()) - len(waiting)
    note = f"{library.path}: {documents} documents, {pages} pages"
    if not may_write(library.path / "catalog.sqlite"):
        note += "; it may only be read here"
    if left:
        note += f"; {left} documents were left unfinished and are cleared away by the next add"
    if waiting:
        pages = sum(draft.pages for draft in waiting)
        note += f"; {len(waiting)} documents stopped after {pages} pages and go on when they are added again"
    return Finding("library", True, note)


def stores_of(library: Library, channel: str) -> Sequence[LexicalIndex | VectorStore | MultiVectorStore]:
    """What a channel keeps its part of the library in."""
    return {
        "lexical": (library.lexical,),
        "dense": (library.dense,),
        "words": (library.words,),
        "visual": (library.visual,),
        "image": (library.images.figures, library.images.pages),
    }[channel]


class _Checkup:
    def __init__(self, library: Library, on_step: OnStep) -> None:
        self._library, self._on_step = library, on_step
        self._strange: dict[str, frozenset[str]] = {}
        """Documents that are in an index and not in the catalog, by channel."""

    def catalog(self) -> Finding:
        catalog = self._library.catalog
        wrong = list(contradictions(catalog))
        lost = lost_pages(catalog, lambda done, total: self._on_step("catalog", done, total))
        again = set(lost_pages(catalog)) if lost else set()
        lost = [page for page in lost if page in again]
        ways = self._ways({page.document for page in lost})
        wrong += _some([f"{self._title(page.document)}, {page.why}" for page in lost])
        if not wrong:
            return Finding("catalog", True, "whole")
        return Finding("catalog", False, f"{'; '.join(wrong)}. {REPAIR} mends it{ways}.")

    def pictures(self) -> Finding:
        library = self._library
        with self._inventory() as inventory:
            total = len(inventory.pages("image_sha NOT NULL"))
            wrong = damaged_pictures(inventory, library.path, lambda *done: self._on_step("pictures", *done))
        if wrong:
            with self._inventory() as inventory:
                wrong = damaged_pictures(inventory, library.path, among=wrong)
        if not wrong:
            return Finding("pictures", True, f"{total} pages, each as it was drawn")
        documents = {page.rpartition("/")[0] for page in wrong}
        places = [f"{file.relative_to(library.path)} (of {self._page(page)})" for page, file in wrong.items()]
        return Finding(
            "pictures",
            False,
            f"{len(wrong)} of {total} pages have a picture that is missing or damaged: {', '.join(_some(places))}. "
            f"{REPAIR} draws them again{self._ways(documents)}.",
        )

    def indexes(self) -> Iterator[Finding]:
        for done, channel in enumerate(CHANNELS):
            self._on_step("indexes", done, len(CHANNELS))
            try:
                damaged = self._damages(channel)
                difference = Difference() if damaged else self._difference(channel)
            except LibraryError as error:  # a server that does not answer
                yield Finding(channel, False, str(error))
                continue
            self._strange[channel] = difference.strange
            missing = f"{len(difference.missing)} pages lack the channel {channel}"
            if damaged:
                lines = _some([line.removesuffix(f"; {MEND}") for line in damaged])
                yield Finding(channel, False, f"{'; '.join(lines)}. {REPAIR} makes it again.")
            elif difference.missing and channel in OPTIONAL:  # no fault: it counts as average where it has not looked
                yield Finding(channel, True, f"{missing}: pagesight encode --channel {channel}")
            elif difference.missing:
                places = ", ".join(_some([self._page(page) for page in sorted(difference.missing)]))
                yield Finding(channel, False, f"{missing}: {places}. {REPAIR} makes them again.")
            else:
                yield Finding(channel, True, "")

    def orphans(self) -> Finding:
        path = self._library.path
        with self._inventory() as inventory:
            left = list(leftovers(inventory, path))
        if left:
            with self._inventory() as inventory:
                left = [one for one in leftovers(inventory, path) if one in left]
        lines = [str(one.relative_to(path)) for one in left]
        lines += [f"{channel}: {one[:12]}" for channel, found in self._strange.items() for one in sorted(found)]
        if not lines:
            return Finding("orphans", True, "none")
        note = f"{len(lines)} things belong to no document and are never shown: {', '.join(_some(lines))}"
        return Finding("orphans", False, f"{note}. {REPAIR} removes them.")

    def journal(self) -> Finding:
        file = self._library.path / journal.FILE
        if not file.exists():
            return Finding("journal", True, "none yet")
        try:
            with closing(sqlite3.connect(reading_address(file), uri=True)) as connection:
                (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.OperationalError as error:  # somebody writes to it
            return Finding("journal", True, f"not looked at: {error}")
        except sqlite3.DatabaseError as error:
            said = str(error)
        if said == "ok":
            return Finding("journal", True, "whole")
        note = f"{file} is damaged ({' '.join(said.split())}), so that nothing is kept in it"
        return Finding("journal", False, f"{note}; restore it, or delete it for a new one.")

    def _inventory(self) -> Inventory:
        return Inventory(self._library.path / "catalog.sqlite")

    def _damages(self, channel: str) -> list[str]:
        def look() -> list[str]:
            return [line for store in stores_of(self._library, channel) for line in store.verify()]

        lines = look()
        return [line for line in look() if line in lines] if lines else []

    def _difference(self, channel: str) -> Difference:
        with self._inventory() as inventory:
            found = inventory.difference(self._library, channel)
        if not found:
            return found
        with self._inventory() as inventory:
            return found & inventory.difference(self._library, channel)

    def _ways(self, documents: Collection[str]) -> str:
        """Which files have to be there for a repair of these documents and are not."""
        catalog = self._library.catalog
        gone = [document for document in sorted(documents) if find_source(catalog, document) is None]
        files = [path for document in gone for path in paths_of(catalog, document)[:1]]
        return f", once these files are back as they were: {', '.join(_some(files))}" if files else ""

    def _page(self, page: str) -> str:
        document, _, number = page.rpartition("/")
        return f"{self._title(document)}, page {number}"

    def _title(self, document: str) -> str:
        paths = paths_of(self._library.catalog, document)
        return Path(paths[0]).name if paths else document[:12]


def _beyond_repair(file: Path, why: str) -> Finding:
    added = sources_left(file)
    which = f". What was in it: {', '.join(_some(added, 20))}" if added else ""
    note = f"{file} is damaged ({why}), and nothing can be found without it"
    way = "Restore it from a copy, or make a new library of the same files: pagesight add FILES --library NEW"
    return Finding("catalog", False, f"{note}. {way}{which}")


def _some(lines: Sequence[str], most: int = SHOWN) -> list[str]:
    """The first ones, and how many more.

    >>> _some(["a", "b", "c", "d", "e"])
    ['a', 'b', 'c', 'and 2 more']
    """
    return [*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else [])]
