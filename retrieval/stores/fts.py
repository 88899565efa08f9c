"""Full text in weighted fields, over SQLite's FTS5: no dependency, updates and deletes in place, BM25 in C."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import local

from ..analysis import query_phrases, query_terms, terms
from ..errors import MEND
from ..sqlite_files import Database, may_write, open_database, reading_address
from ..squeeze import squeeze

FIELDS = {"body": 1.0, "headings": 2.0, "title": 1.0, "name": 1.0}
"""Field to weight. Title and file name stand on every page of a document: they let its identity speak for its pages."""

IDENTITY = ("front", "title", "name")
"""Fields of a document's identity: what it says first, by which questions name it. A company that ten reports speak of
heads only its own, so that its name is rare here and common in the texts."""
FRONT = 2
"""Pages at the front of a document. One that has not twice as many is its pages, and they speak for themselves."""

# The text that goes in is terms already, separated by spaces; the tokenizer must not cut them again.
_TOKENIZER = "unicode61 remove_diacritics 0 categories ''L* N* M* Co'' tokenchars ''._''"


_TABLES = {"pages": "rows", "documents": "document_rows", "identities": "document_rows"}
"""What FTS5 indexes, and whose each row of it is."""


_WEIGHTS = {"pages": FIELDS.values(), "documents": FIELDS.values(), "identities": [1.0] * len(IDENTITY)}


class FtsIndex:
    """A `LexicalIndex`. One connection a thread; readers never wait for a writer (WAL)."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "fts.sqlite"
        self._local = local()

    def add(self, document: str, pages: Mapping[str, Mapping[str, str]]) -> None:
        columns = ", ".join(FIELDS)
        holes = ", ".join("?" * (len(FIELDS) + 2))
        with self._connection as connection:
            connection.executemany(
                "DELETE FROM pages WHERE rowid IN (SELECT rowid FROM rows WHERE page = ?)", _one(pages)
            )
            connection.executemany("DELETE FROM rows WHERE page = ?", _one(pages))
            for page, texts in pages.items():
                cursor = connection.execute("INSERT INTO rows (page, document) VALUES (?, ?)", (page, document))
                connection.execute(
                    f"INSERT INTO pages (rowid, {columns}) VALUES ({holes[: -len(', ?')]})",
                    (cursor.lastrowid, *(" ".join(terms(texts.get(name, ""))) for name in FIELDS)),
                )

    def seal(self, document: str) -> None:
        columns = ", ".join(FIELDS)
        with self._connection as connection:
            _forget_document(connection, document)
            rows = connection.execute(
                f"SELECT {columns} FROM pages WHERE rowid IN (SELECT rowid FROM rows WHERE document = ?)", (document,)
            ).fetchall()
            if not rows:
                return
            # Title and name stand on every page; the document has them once.
            texts = [" ".join(text for text in field if text) for field in zip(*rows, strict=True)]
            once = [rows[0][i] if name in ("title", "name") else texts[i] for i, name in enumerate(FIELDS)]
            cursor = connection.execute("INSERT INTO document_rows (document) VALUES (?)", (document,))
            holes = ", ".join("?" * (len(FIELDS) + 1))
            connection.execute(f"INSERT INTO documents (rowid, {columns}) VALUES ({holes})", (cursor.lastrowid, *once))
            _identify(connection, document, cursor.lastrowid)

    def identify(self) -> None:
        """Make the identities that are missing, of documents that were sealed before there were any."""
        if not self._path.is_file():
            return
        with self._connection as connection:
            missing = connection.execute(
                "SELECT rowid, document FROM document_rows WHERE rowid NOT IN (SELECT rowid FROM identities)"
            ).fetchall()
            for row, document in missing:
                _identify(connection, document, row)

    def search_documents(self, query: str, documents: Collection[str] | None = None) -> dict[str, float]:
        return self._ranked("documents", "document_rows", "document", query, None, documents)

    def search_identities(self, query: str, documents: Collection[str] | None = None) -> dict[str, float]:
        found = self._ranked("identities", "document_rows", "document", query, None, documents)
        # FTS5 gives a term that half of the documents have next to nothing: it names none of them.
        return {document: score for document, score in found.items() if score > 0.01}

    def search(
        self, query: str, limit: int | None = None, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        return self._ranked("pages", "rows", "page", query, limit, documents)

    def _ranked(
        self, table: str, rows: str, key: str, query: str, limit: int | None, documents: Collection[str] | None
    ) -> dict[str, float]:
        wanted = query_terms(query)
        if not wanted or not self._path.is_file():
            return {}
        weights = ", ".join(map(str, _WEIGHTS[table]))
        # FTS5 gives the best match the lowest number.
        statement = f"""SELECT r.{key}, -bm25({table}, {weights}) AS score
                        FROM {table} JOIN {rows} r ON r.rowid = {table}.rowid WHERE {table} MATCH ?"""
        phrases = [" ".join(found) for found in query_phrases(query)]
        values: list[object] = [" OR ".join(f'"{one}"' for one in (*wanted, *phrases))]
        if documents is not None:
            # one value, however many they are: SQLite takes 32,766 a statement
            statement += " AND r.document IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(documents)))
        statement += " ORDER BY score DESC, 1 LIMIT ?"
        values.append(-1 if limit is None else limit)
        return dict(self._connection.execute(statement, values).fetchall())

    def terms(self, prefix: str) -> dict[str, int]:
        if not self._path.is_file():
            return {}
        return dict(
            self._connection.execute(
                "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?", (prefix, prefix + chr(0x10FFFF))
            ).fetchall()
        )

    def rarity(self, words: Collection[str]) -> dict[str, float]:
        """How telling each word is in this library: its rarest term's inverse document frequency, at least 0."""
        if not self._path.is_file():
            return dict.fromkeys(words, 1.0)
        connection = self._connection
        total = connection.execute("SELECT count(*) FROM rows").fetchone()[0]
        found: dict[str, float] = {}
        for word in words:
            counts = [
                connection.execute("SELECT coalesce(max(doc), 0) FROM vocabulary WHERE term = ?", (term,)).fetchone()[0]
                for term in terms(word)
            ]
            found[word] = math.log(1 + (total - min(counts) + 0.5) / (min(counts) + 0.5)) if counts else 0.0
        return found

    def remove(self, document: str) -> None:
        if not self._path.is_file():
            return
        with self._connection as connection:
            connection.execute(
                "DELETE FROM pages WHERE rowid IN (SELECT rowid FROM rows WHERE document = ?)", (document,)
            )
            connection.execute("DELETE FROM rows WHERE document = ?", (document,))
            _forget_document(connection, document)

    def pages(self) -> set[str]:
        # both tables: a row of one alone is never found
        return self._names("SELECT page FROM rows JOIN pages ON pages.rowid = rows.rowid")

    def documents(self) -> set[str]:
        return self._names(
            "SELECT document FROM document_rows d JOIN documents ON documents.rowid = d.rowid "
            "JOIN identities ON identities.rowid = d.rowid"
        )

    def verify(self) -> Iterator[str]:
        """Look at a copy: FTS5 checks itself by a statement that writers would wait for."""
        if not self._path.is_file():
            return
        said = "ok"
        try:
            with closing(sqlite3.connect("")) as copy:
                with closing(sqlite3.connect(reading_address(self._path), uri=True)) as connection:
                    connection.backup(copy)
                (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
                for table, rows in _TABLES.items():
                    copy.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
                    if copy.execute(f"SELECT 1 FROM {table} WHERE rowid NOT IN (SELECT rowid FROM {rows})").fetchone():
                        said = "rows that belong to nothing"
        except sqlite3.DatabaseError as error:
            said = str(error)
        if said != "ok":
            yield f"{self._path} is damaged ({' '.join(said.split())}); {MEND}"

    def drop_damaged(self) -> None:
        """All of it: what is left of a damaged index cannot be told from what is not."""
        if any(self.verify()):
            self.close()
            for end in ("", "-wal", "-shm"):  # in this order: who opens it now finds no index, rather than half of one
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def _names(self, statement: str) -> set[str]:
        return {name for (name,) in self._connection.execute(statement)} if self._path.is_file() else set()

    def compact(self) -> None:
        """Write the file anew, without the terms and texts of what was removed."""
        if self._path.is_file():
            with self._connection as connection:
                for table in _TABLES:  # merged into one, which has no place for deleted terms
                    connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
            squeeze(self._connection)

    @property
    def _connection(self) -> sqlite3.Connection:
        if hasattr(self._local, "database") and self._local.database.outdated:
            self.close()
        if not hasattr(self._local, "database"):
            self._local.database = self._open()
        return self._local.database.connection

    def _open(self) -> Database:
        if self._path.is_file() and not may_write(self._path):
            return open_database(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = open_database(self._path)
        connection = database.connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(
            f"""CREATE TABLE IF NOT EXISTS rows (rowid INTEGER PRIMARY KEY, page TEXT UNIQUE, document TEXT);
                CREATE INDEX IF NOT EXISTS rows_document ON rows (document);
                CREATE VIRTUAL TABLE IF NOT EXISTS pages USING fts5({", ".join(FIELDS)}, tokenize='{_TOKENIZER}');
                CREATE TABLE IF NOT EXISTS document_rows (rowid INTEGER PRIMARY KEY, document TEXT UNIQUE);
                CREATE VIRTUAL TABLE IF NOT EXISTS documents
                    USING fts5({", ".join(FIELDS)}, tokenize='{_TOKENIZER}');
                CREATE VIRTUAL TABLE IF NOT EXISTS identities
                    USING fts5({", ".join(IDENTITY)}, tokenize='{_TOKENIZER}');
                CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(pages, row);"""
        )
        if sqlite3.sqlite_version_info >= (3, 42):  # before, deleted terms stay in the file until a merge
            for table in _TABLES:
                connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('secure-delete', 1)")
            connection.commit()
        return database

    def close(self) -> None:
        """Close this thread's connection."""
        if hasattr(self._local, "database"):
            self._local.database.connection.close()
            del self._local.database


def _forget_document(connection: sqlite3.Connection, document: str) -> None:
    for table in ("documents", "identities"):
        connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM document_rows WHERE document = ?)", (document,)
        )
    connection.execute("DELETE FROM document_rows WHERE document = ?", (document,))


def _identify(connection: sqlite3.Connection, document: str, row: int | None) -> None:
    rows = connection.execute("SELECT page, rowid FROM rows WHERE document = ?", (document,)).fetchall()
    rows.sort(key=lambda one: int(one[0].rpartition("/")[2]))
    read = [
        connection.execute("SELECT body, title, name FROM pages WHERE rowid = ?", (rowid,)).fetchone()
        for _, rowid in rows[:FRONT]
    ]
    if read:
        front = " ".join(body for body, _, _ in read) if len(rows) >= 2 * FRONT else ""
        connection.execute(
            "INSERT INTO identities (rowid, front, title, name) VALUES (?, ?, ?, ?)", (row, front, *read[0][1:])
        )


def _one(pages: Iterable[str]) -> Iterable[tuple[str]]:
    return ((page,) for page in pages)
