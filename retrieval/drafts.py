"""Documents on their way into the catalog: their pages wait in tables of their own, a batch at a time.

A writer that was killed, or stopped, is followed by one that goes on with the page after those. Committing a document
moves its pages to where they are found, however many they are, without reading them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .figures import figure_rows
from .packed_words import pack_words

if TYPE_CHECKING:
    from .catalog import Catalog, PageRow

KEPT = timedelta(days=7)
"""How long a draft waits for somebody to go on with it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that is not committed."""

    document: str
    made: str
    """How its pages were made. Only a writer that makes them the same way goes on with it; `""`: none does."""
    begun: str
    pages: int
    """How many of its pages wait: those from the first to this one."""

    @property
    def outdated(self) -> bool:
        """Whether nobody will go on with it."""
        return not self.pages or not self.made or datetime.now(UTC) - datetime.fromisoformat(self.begun) > KEPT


def drafts(catalog: Catalog) -> list[Draft]:
    """The oldest first."""
    return _drafts(catalog, "kind = 'add' ORDER BY begun")


def draft_of(catalog: Catalog, document: str, made: str) -> Draft | None:
    """What is there to go on with, of a document whose pages are made in this way."""
    found = _drafts(catalog, "kind = 'add' AND document = ? AND made = ?", document, made)
    return next((one for one in found if not one.outdated), None)


def _drafts(catalog: Catalog, condition: str, *values: str) -> list[Draft]:
    rows = catalog.rows(
        f"""SELECT document, made, begun,
                   (SELECT coalesce(max(number), 0) FROM draft_pages WHERE document = jobs.document)
            FROM jobs WHERE {condition}""",
        values,
    )
    return [Draft(*row) for row in rows]


def failures_of(catalog: Catalog, document: str) -> list[tuple[int, str]]:
    """The pages of a draft that could not be read, and why."""
    return catalog.rows(
        "SELECT number, failure FROM draft_pages WHERE document = ? AND failure NOT NULL ORDER BY number", (document,)
    )


def put_draft_pages(catalog: Catalog, document: str, pages: Sequence[PageRow]) -> None:
    """Keep pages until their document is committed. Readers see nothing of it."""
    with catalog.transaction(seen=False) as connection:
        insert_pages(connection, "draft_", document, pages)


def insert_pages(connection: sqlite3.Connection, prefix: str, document: str, pages: Iterable[PageRow]) -> None:
    """Rows of the tables `pages` and `figures`, or of the drafts' with the prefix `draft_`."""
    pages = list(pages)
    connection.executemany(
        f"INSERT INTO {prefix}pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                f"{document}/{page.number}",
                document,
                page.number,
                page.width,
                page.height,
                page.rotation,
                page.text,
                page.text_origin,
                pack_words(page.words) if page.text is not None else None,
                json.dumps([[passage.first, passage.last] for passage in page.passages]),
                page.image_sha,
                page.failure,
                page.language,
            )
            for page in pages
        ),
    )
    figures = figure_rows(document, pages)
    connection.executemany(f"INSERT INTO {prefix}figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", figures)


def move_pages(connection: sqlite3.Connection, document: str) -> None:
    """Of a document that is being committed: from the drafts to where they are found."""
    connection.execute("INSERT INTO pages SELECT * FROM draft_pages WHERE document = ? ORDER BY number", (document,))
    connection.execute(
        "INSERT INTO figures SELECT * FROM draft_figures WHERE page IN (SELECT id FROM draft_pages WHERE document = ?) "
        "ORDER BY rowid",
        (document,),
    )
    end_draft(connection, document)


def end_draft(connection: sqlite3.Connection, document: str) -> None:
    """Forget a document's job and the pages that wait for it."""
    connection.execute(
        "DELETE FROM draft_figures WHERE page IN (SELECT id FROM draft_pages WHERE document = ?)", (document,)
    )
    connection.execute("DELETE FROM draft_pages WHERE document = ?", (document,))
    connection.execute("DELETE FROM jobs WHERE document = ?", (document,))
