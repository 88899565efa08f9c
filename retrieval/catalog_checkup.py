"""Whether the catalog fits together: SQLite's own checks, and what SQLite cannot know of pages, words and sources."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .catalog import page_id
from .inventory import attached
from .packed_words import unpack_words

if TYPE_CHECKING:
    from .catalog import Catalog


@dataclass(frozen=True, slots=True)
class LostPage:
    """A page that the catalog does not have, or not whole."""

    document: str
    number: int
    why: str


_TABLES = ("documents", "sources", "pages", "metadata", "figures", "jobs", "draft_pages", "draft_figures", "counters")

DROPPED = {
    "sources of documents that are not there": "FROM sources WHERE document NOT IN (SELECT id FROM documents)",
    "pages of documents that are not there": "FROM pages WHERE document NOT IN (SELECT id FROM documents)",
    "figures of pages that are not there": "FROM figures WHERE page NOT IN (SELECT id FROM pages)",
    "metadata of documents that are not there": "FROM metadata WHERE document NOT IN (SELECT id FROM documents)",
    # Whoever opens the library for writing would take its document out of every index.
    "notes of unfinished work on documents that are finished": (
        "FROM jobs WHERE document IN (SELECT id FROM documents)"
    ),
    "waiting pages that nobody goes on with": "FROM draft_pages WHERE document NOT IN (SELECT document FROM jobs)",
    "waiting figures that nobody goes on with": "FROM draft_figures WHERE page NOT IN (SELECT id FROM draft_pages)",
    "pages under another page's id": "FROM pages WHERE id <> document || '/' || number OR number < 1",
}
"""Rows that should not be there, in words, and what finds them and deletes them."""


def unreadable(catalog: Path) -> str | None:
    """Why SQLite cannot read the catalog, in its words; `None` when all of it is well."""
    try:
        with closing(sqlite3.connect("", uri=True, isolation_level=None)) as connection, attached(connection, catalog):
            for table in _TABLES:
                connection.execute(f"SELECT 1 FROM library.{table} LIMIT 1")
            (said,) = connection.execute("PRAGMA library.integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    return None if said == "ok" else " ".join(said.split())


def sources_left(catalog: Path) -> list[str]:
    """The paths that were added, as far as a damaged catalog still says them."""
    found: list[str] = []
    try:
        with closing(sqlite3.connect("", uri=True, isolation_level=None)) as connection, attached(connection, catalog):
            for (path,) in connection.execute("SELECT path FROM library.sources"):
                found.append(str(path))
    except sqlite3.DatabaseError:
        pass
    return found


def contradictions(catalog: Catalog) -> Iterator[str]:
    """A line for each kind of row that contradicts the others."""
    for what, rows in DROPPED.items():
        ((count,),) = catalog.rows(f"SELECT count(*) {rows}")
        if count:
            yield f"{count} {what}"
    if not generation_sound(catalog):
        yield "the counter that tells readers of changes is lost"
    unsourced = catalog.rows(UNSOURCED)
    if unsourced:
        yield f"{len(unsourced)} documents that no file stands for, the first {unsourced[0][0][:12]}"
    longer = catalog.rows(LONGER)
    if longer:
        yield f"{len(longer)} documents with more pages than they say"


UNSOURCED = "SELECT id FROM documents WHERE id NOT IN (SELECT document FROM sources WHERE document NOT NULL)"

LONGER = """SELECT p.document, max(p.number) AS last FROM pages p JOIN documents d ON d.id = p.document
            GROUP BY p.document HAVING last > d.pages"""
"""Documents with a page behind their last, and its number."""


def generation_sound(catalog: Catalog) -> bool:
    rows = catalog.rows("SELECT typeof(value), value FROM counters WHERE name = 'generation'")
    return len(rows) == 1 and rows[0][0] == "integer" and rows[0][1] >= 0


def lost_pages(catalog: Catalog, on_page: Callable[[int, int], None] = lambda *_: None) -> list[LostPage]:
    """Pages that are not there, and pages whose words cannot be read. Reads every page's words.

    `on_page` is told how many were read, and how many there are.
    """
    documents = catalog.rows("SELECT id, pages FROM documents ORDER BY number")
    done, total, found = 0, sum(pages for _, pages in documents), list[LostPage]()
    for document, pages in documents:
        numbers = {n for (n,) in catalog.rows("SELECT number FROM pages WHERE document = ?", (document,))}
        if not numbers and not catalog.has_document(document):
            continue  # removed since
        for number in range(1, pages + 1):
            why = _wrong_words(catalog, page_id(document, number)) if number in numbers else "it is lost"
            if why is not None:
                found.append(LostPage(document, number, f"page {number}: {why}"))
            on_page(done := done + 1, total)
    return found


def _wrong_words(catalog: Catalog, page: str) -> str | None:
    for text, packed, passages in catalog.rows(
        "SELECT text, words, passages FROM pages WHERE id = ? AND text NOT NULL", (page,)
    ):
        try:
            words = unpack_words(packed, text)
            spans = json.loads(passages)
            if any(not 0 <= first <= last <= len(words) for first, last in spans):
                return "its passages lie outside of it"
        except (TypeError, ValueError, OverflowError, zlib.error) as error:
            return f"its words are damaged ({error})"
        if any(not word.text or word.start < 0 or not text.startswith(word.text, word.start) for word in words):
            return "its words are not in its text"
    return None
