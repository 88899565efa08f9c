"""What people asked a library, said of its answers, and keep as test questions: `journal.sqlite` beside the catalog.

The catalog decides here too. A turn whose answer stands on a page that is no longer in the library is deleted with the
document, or when the journal is next read, and never shown: an answer quotes its pages.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from .catalog import Catalog, now
from .squeeze import squeeze
from .types import Answer, Box, Citation, Hit

logger = logging.getLogger(__name__)

FILE = "journal.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, title TEXT NOT NULL, begun TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS turns (
    id TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    address TEXT NOT NULL, answer TEXT NOT NULL, rating INTEGER, said TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS turn_pages (turn TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE, page TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS turn_pages_turn ON turn_pages (turn);
CREATE TABLE IF NOT EXISTS cases (
    question TEXT NOT NULL, page TEXT NOT NULL, kept TEXT NOT NULL, UNIQUE (question, page)
);
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation of one person."""

    id: str
    title: str
    begun: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation with its answer."""

    id: str
    address: str
    """Where the question is asked again: the query part of the page's address."""
    answer: Answer
    rating: int | None
    """1 good, 0 bad, `None` not rated."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test question: the pages that must be found for it."""

    question: str
    pages: tuple[str, ...]
    """Ids."""


class Journal:
    """One file, written in transactions. Thread-safe.

    A library that may only be read gets a journal in memory: `lasting` is then false, and it ends with the process.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = RLock()
        self.lasting = True
        try:
            self._connection = _connect(str(folder / FILE))
        except sqlite3.DatabaseError as error:  # it may not be written, or is none
            logger.warning("%s cannot be used, so nothing is kept in it: %s", folder / FILE, error)
            self.lasting = False
            self._connection = _connect(":memory:")
        self._generation = -1

    # Conversations

    def sessions(self, person: str) -> list[Session]:
        """A person's conversations, the latest first."""
        self.sweep()
        rows = self._rows("SELECT id, title, begun FROM sessions WHERE person = ? ORDER BY begun DESC", person)
        return [Session(*row) for row in rows]

    def begin(self, person: str, title: str) -> str:
        """Begin a conversation; returns its id."""
        session = uuid.uuid4().hex
        with self._changing() as connection:
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (session, person, title, now()))
        return session

    def rename(self, session: str, title: str) -> None:
        with self._changing() as connection:
            connection.execute("UPDATE sessions SET title = ? WHERE id = ?", (title, session))

    def delete(self, session: str) -> None:
        with self._changing() as connection:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session,))

    def say(self, session: str, address: str, answer: Answer) -> str:
        """Add a turn to a conversation; returns its id."""
        turn = uuid.uuid4().hex
        pages = {hit.page.id for hit in answer.hits} | {citation.page.id for citation in answer.citations}
        with self._changing() as connection:
            connection.execute(
                "INSERT INTO turns VALUES (?, ?, ?, ?, NULL, ?)", (turn, session, address, _pack(answer), now())
            )
            connection.executemany("INSERT INTO turn_pages VALUES (?, ?)", [(turn, page) for page in sorted(pages)])
        return turn

    def turns(self, session: str) -> list[Turn]:
        """The turns of a conversation, in the order they were held."""
        self.sweep()
        rows = self._rows("SELECT id, address, answer, rating FROM turns WHERE session = ? ORDER BY said", session)
        return [Turn(id_, address, self._unpack(packed), rating) for id_, address, packed, rating in rows]

    # For evaluation

    def rate(self, turn: str, rating: int | None) -> None:
        """Keep what a person thinks of an answer: 1 good, 0 bad, `None` nothing."""
        with self._changing() as connection:
            connection.execute("UPDATE turns SET rating = ? WHERE id = ?", (rating, turn))

    def rated(self) -> list[Turn]:
        """All turns that somebody rated, the latest first."""
        self.sweep()
        rows = self._rows("SELECT id, address, answer, rating FROM turns WHERE rating NOT NULL ORDER BY said DESC")
        return [Turn(id_, address, self._unpack(packed), rating) for id_, address, packed, rating in rows]

    def keep_case(self, question: str, pages: Sequence[str]) -> None:
        """Keep a test question: each of these pages answers it. Pages that it had stay."""
        with self._changing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO cases VALUES (?, ?, ?)", [(question, page, now()) for page in pages]
            )

    def drop_case(self, question: str) -> None:
        with self._changing() as connection:
            connection.execute("DELETE FROM cases WHERE question = ?", (question,))

    def cases(self) -> list[Case]:
        """The test questions whose pages are still in the library, by the time they were kept."""
        self.sweep()
        found: dict[str, list[str]] = {}
        for question, page in self._rows("SELECT question, page FROM cases ORDER BY kept, page"):
            found.setdefault(question, []).append(page)
        return [Case(question, tuple(pages)) for question, pages in found.items()]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def compact(self) -> None:
        """Delete what stands on pages that are gone, and write the file anew without it."""
        self.sweep()
        with self._lock:
            squeeze(self._connection)

    def sweep(self) -> None:
        """Delete what stands on pages that are gone; done once a state of the catalog."""
        with self._lock:
            generation = self._catalog.generation()
            if generation == self._generation:
                return
            here = set(self._catalog.page_documents())
            turns = {turn for turn, page in self._rows("SELECT turn, page FROM turn_pages") if page not in here}
            cases = {page for (page,) in self._rows("SELECT DISTINCT page FROM cases") if page not in here}
            if turns or cases:
                with self._changing() as connection:
                    connection.executemany("DELETE FROM turns WHERE id = ?", [(turn,) for turn in turns])
                    connection.executemany("DELETE FROM cases WHERE page = ?", [(page,) for page in cases])
            self._generation = generation

    def _unpack(self, packed: str) -> Answer:
        kept = json.loads(packed)
        pages = self._catalog.pages(dict.fromkeys([*kept["hits"], *(one[3] for one in kept["citations"])]))
        return Answer(
            kept["question"],
            kept["text"],
            tuple(
                Citation(marker, start, end, pages[page], tuple(Box(*box) for box in boxes), quote)
                for marker, start, end, page, boxes, quote in kept["citations"]
                if page in pages
            ),
            tuple(Hit(pages[page], 0.0, rank) for rank, page in enumerate(kept["hits"], start=1) if page in pages),
            kept["model"],
            abstained=kept["abstained"],
            reason=kept["reason"],
            unsupported=tuple((start, end) for start, end in kept["unsupported"]),
        )

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _connect(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # deleted text is overwritten, not only unlinked
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")  # says at once when it may not be written
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _pack(answer: Answer) -> str:
    return json.dumps(
        {
            "question": answer.question,
            "text": answer.text,
            "citations": [
                [one.marker, one.start, one.end, one.page.id, [list(box) for box in one.boxes], one.quote]
                for one in answer.citations
            ],
            "hits": [hit.page.id for hit in answer.hits],
            "model": answer.model,
            "abstained": answer.abstained,
            "reason": answer.reason,
            "unsupported": [list(span) for span in answer.unsupported],
        },
        ensure_ascii=False,
    )
