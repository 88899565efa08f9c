"""The catalog: which documents, pages and words a library holds. SQLite, and the single source of truth."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from threading import local
from typing import Literal

from .drafts import end_draft, insert_pages, move_pages
from .errors import LibraryError
from .facts import facts_by_document, inherit_facts, put_new_facts
from .packed_words import unpack_words
from .sqlite_files import Database, open_database
from .squeeze import squeeze
from .types import Document, Figure, MetadataValue, Page, Passage, Word


@dataclass(frozen=True, slots=True)
class Source:
    """A path as the catalog last saw it. `document` is `None` when the file could not be read."""

    path: str
    document: str | None
    bytes: int | None
    modified: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page on its way into the catalog."""

    number: int
    width: float
    height: float
    rotation: int
    text: str | None
    text_origin: Literal["layer", "ocr", "none"]
    words: Sequence[Word] = ()
    passages: Sequence[Passage] = ()
    image_sha: str | None = None
    failure: str | None = None
    figures: Sequence[Figure] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document on its way into the catalog."""

    id: str
    title: str
    media_type: str
    bytes: int
    pages: int
    state: Literal["indexed", "partial"]
    reason: str | None
    seconds: float
    own: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Metadata that the file has of itself."""
    given: Mapping[str, object] = field(default_factory=dict)
    """Metadata that a person gave with it, not read yet."""


def page_id(document: str, number: int) -> str:
    """The id of a page.

    >>> page_id("ab12", 3)
    'ab12/3'
    """
    return f"{document}/{number}"


class Catalog:
    """One connection a thread; readers see the last commit and never wait for the writer (WAL)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = local()
        self._documents: tuple[int, tuple[Document, ...]] = (-1, ())

    @classmethod
    def create(cls, path: Path) -> Catalog:
        catalog = cls(path)
        with closing(catalog._open(create=True).connection) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN;\n{files('pagesight.retrieval').joinpath('schema.sql').read_text()}\nCOMMIT;"
            )
        return catalog

    # Reading

    def generation(self) -> int:
        """A number that grows with every commit: readers keep what they derived while it stays the same."""
        return int(self._one("SELECT value FROM counters WHERE name = 'generation'")[0])

    def documents(self) -> list[Document]:
        """All documents, in the order they were added; read once while the catalog stays the same."""
        generation = self.generation()  # before the rows: what is newer than it is read again
        if generation != self._documents[0]:
            self._documents = generation, tuple(self._read_documents())
        return list(self._documents[1])

    def _read_documents(self) -> list[Document]:
        rows = self.rows(
            "SELECT id, title, pages, state, reason, bytes, added FROM documents ORDER BY number",
        )
        sources: dict[str, list[str]] = {}
        for path, document in self.rows("SELECT path, document FROM sources WHERE document IS NOT NULL ORDER BY path"):
            sources.setdefault(document, []).append(path)
        languages: dict[str, dict[str, int]] = {}
        for document, language, count in self.rows(_LANGUAGES):
            languages.setdefault(document, {})[language] = count
        facts = facts_by_document(self)
        return [
            Document(
                id_,
                title,
                pages,
                state,
                reason,
                tuple(sources.get(id_, ())),
                size,
                added,
                languages.get(id_, {}),
                facts.get(id_, {}),
            )
            for id_, title, pages, state, reason, size, added in rows
        ]

    def has_documents(self) -> bool:
        """Whether there is any document."""
        return bool(self.rows("SELECT 1 FROM documents LIMIT 1"))

    def has_document(self, document: str) -> bool:
        return bool(self.rows("SELECT 1 FROM documents WHERE id = ?", (document,)))

    def sources(self) -> list[Source]:
        """Every path that was ever added and not removed, readable or not, by name."""
        rows = self.rows("SELECT path, document, bytes, modified, reason FROM sources ORDER BY path")
        return [Source(*row) for row in rows]

    def source(self, path: str) -> Source | None:
        rows = self.rows("SELECT path, document, bytes, modified, reason FROM sources WHERE path = ?", (path,))
        return Source(*rows[0]) if rows else None

    def page_documents(self) -> dict[str, str]:
        """Page id to document id, for all pages that were read."""
        return dict(self.rows("SELECT id, document FROM pages WHERE text IS NOT NULL"))

    def pages(self, ids: Iterable[str]) -> dict[str, Page]:
        """The pages with these ids, those that are here."""
        found: dict[str, Page] = {}
        wanted = list(ids)
        for begin in range(0, len(wanted), 500):  # SQLite's oldest limit of variables in a statement is 999
            chunk = wanted[begin : begin + 500]
            rows = self.rows(
                f"""SELECT p.id, p.document, (SELECT min(path) FROM sources s WHERE s.document = p.document),
                           d.title, p.number, p.width, p.height, p.rotation, p.text, p.text_origin
                    FROM pages p JOIN documents d ON d.id = p.document
                    WHERE p.id IN ({",".join("?" * len(chunk))})""",
                chunk,
            )
            found.update((row[0], Page(*row)) for row in rows)
        return found

    def pages_of(self, document: str) -> list[Page]:
        """The pages of a document, in order."""
        ids = [row[0] for row in self.rows("SELECT id FROM pages WHERE document = ? ORDER BY number", (document,))]
        pages = self.pages(ids)
        return [pages[id_] for id_ in ids if id_ in pages]

    def words(self, page: str) -> tuple[Word, ...]:
        """The words of a page in reading order; empty for a page without text or not here."""
        rows = self.rows("SELECT words, text FROM pages WHERE id = ?", (page,))
        return unpack_words(rows[0][0], rows[0][1]) if rows and rows[0][0] is not None else ()

    def passages(self, page: str) -> tuple[Passage, ...]:
        """The passages of a page in reading order."""
        rows = self.rows("SELECT passages FROM pages WHERE id = ?", (page,))
        if not rows:
            return ()
        words = self.words(page)
        text = self.pages([page])[page].text or ""
        return tuple(
            Passage(text[words[first].start : words[last - 1].start + len(words[last - 1].text)], first, last)
            for first, last in json.loads(rows[0][0])
        )

    def image_sha(self, page: str) -> str | None:
        """SHA-256 of the page's picture, `None` when there is none."""
        rows = self.rows("SELECT image_sha FROM pages WHERE id = ?", (page,))
        return rows[0][0] if rows else None

    def failures(self, document: str) -> dict[int, str]:
        """The pages of a document that could not be read, and why."""
        return dict(self.rows("SELECT number, failure FROM pages WHERE document = ? AND failure NOT NULL", (document,)))

    def jobs(self) -> list[str]:
        """Documents whose index rows a writer left unfinished."""
        return [row[0] for row in self.rows("SELECT document FROM jobs ORDER BY begun")]

    # Writing

    @contextmanager
    def transaction(self, *, seen: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing; on success the generation grows, where readers see something of it."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            if seen:
                connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'generation'")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def begin_job(self, document: str, kind: Literal["add", "remove"], made: str = "") -> None:
        with self.transaction(seen=False) as connection:
            connection.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", (document, kind, now(), made))

    def end_job(self, document: str) -> None:
        with self.transaction(seen=False) as connection:
            end_draft(connection, document)

    def put_document(self, document: DocumentRow, pages: Sequence[PageRow], source: Source) -> list[str]:
        """Commit a document with the pages of its draft and these, and that `source` now holds it.

        Returns the documents that lost their last source by it; their index rows are the caller's to purge (they
        have a job until then).
        """
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO documents (id, title, media_type, bytes, pages, state, reason, added, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    document.title,
                    document.media_type,
                    document.bytes,
                    document.pages,
                    document.state,
                    document.reason,
                    now(),
                    document.seconds,
                ),
            )
            move_pages(connection, document.id)
            insert_pages(connection, "", document.id, pages)
            put_new_facts(connection, document.id, document.given, document.own)
            inherit_facts(connection, document.id, source.path)
            return self._put_source(connection, source)

    def replace_pages(
        self, document: str, pages: Sequence[PageRow], state: Literal["indexed", "partial"], reason: str | None
    ) -> None:
        """Put pages of a document in the place of those with the same numbers."""
        with self.transaction() as connection:
            connection.executemany(
                "DELETE FROM pages WHERE document = ? AND number = ?", ((document, page.number) for page in pages)
            )
            insert_pages(connection, "", document, pages)
            connection.execute("UPDATE documents SET state = ?, reason = ? WHERE id = ?", (state, reason, document))

    def put_source(self, source: Source) -> list[str]:
        """Record what a path holds now. Returns the documents that lost their last source by it."""
        with self.transaction() as connection:
            return self._put_source(connection, source)

    def remove_sources(self, paths: Sequence[str]) -> list[str]:
        """Forget paths. Returns the documents that lost their last source by it."""
        with self.transaction() as connection:
            connection.executemany("DELETE FROM sources WHERE path = ?", ((path,) for path in paths))
            return self._drop_orphans(connection)

    def _put_source(self, connection: sqlite3.Connection, source: Source) -> list[str]:
        connection.execute(
            "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?)",
            (source.path, source.document, source.bytes, source.modified, source.reason, now()),
        )
        return self._drop_orphans(connection)

    def _drop_orphans(self, connection: sqlite3.Connection) -> list[str]:
        orphans = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM documents WHERE id NOT IN (SELECT document FROM sources WHERE document IS NOT NULL)"
            )
        ]
        for document in orphans:
            connection.execute("DELETE FROM documents WHERE id = ?", (document,))
            connection.execute("INSERT OR REPLACE INTO jobs VALUES (?, 'remove', ?, '')", (document, now()))
        return orphans

    def free_bytes(self) -> tuple[int, int]:
        """How much of the file is free, and how large it is."""
        free, total, size = (self._one(f"PRAGMA {name}")[0] for name in ("freelist_count", "page_count", "page_size"))
        return free * size, total * size

    def compact(self) -> None:
        """Write the file anew, without what was deleted from it."""
        squeeze(self._connection)

    # Plumbing

    @property
    def _connection(self) -> sqlite3.Connection:
        if hasattr(self._local, "database") and self._local.database.outdated:
            self.close()
        if not hasattr(self._local, "database"):
            self._local.database = self._open()
        return self._local.database.connection

    def _open(self, *, create: bool = False) -> Database:
        if not create and not self._path.is_file():
            raise LibraryError(f"{self._path} is missing: this is not a whole library; add the documents again.")
        # autocommit: transactions are begun by hand, so that none is open while nobody writes
        database = open_database(self._path, isolation_level=None)
        if database.writable:
            database.connection.execute("PRAGMA foreign_keys = ON")
            database.connection.execute("PRAGMA secure_delete = ON")  # deleted text is overwritten, not only unlinked
            database.connection.execute("PRAGMA synchronous = FULL")
        return database

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:
        """What a SELECT finds; for the modules that read tables of their own."""
        return self._connection.execute(statement, values).fetchall()

    def _one(self, statement: str, values: Sequence[object] = ()) -> tuple:
        return self._connection.execute(statement, values).fetchone()

    def close(self) -> None:
        """Close this thread's connection; those of other threads close with their threads."""
        if hasattr(self._local, "database"):
            self._local.database.connection.close()
            del self._local.database


_LANGUAGES = """SELECT document, language, count(*) FROM pages
                WHERE text IS NOT NULL AND language IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
