"""Bringing a library of an older format up to date, where it lies: one step a version.

A step changes files whole or not at all, and finds out what it did before when it is run again; `library.json` says so
last. So a run that is killed anywhere goes on where it stood, the next time that the library is opened.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from .errors import LibraryError, LibraryLocked
from .language import language_of
from .lock import writing
from .manifest import read_encoders, read_format, write_format
from .stores.batch_segments import convert
from .stores.tantivy_index import TantivyIndex

logger = logging.getLogger(__name__)


def migrate(library: Path) -> None:
    """Bring a library up to this version's format; one that has it, or that no step begins at, is left alone.

    Raises `LibraryLocked` while somebody writes to it, and `LibraryError` where it may not be written.
    """
    if read_format(library) not in STEPS:
        return
    needed = f"The library at {library} was made by an older version of pagesight and is brought up to date once"
    try:
        with writing(library):
            while (version := read_format(library)) in STEPS:
                STEPS[version](library)
                write_format(library, version + 1)
    except LibraryLocked as error:
        raise LibraryLocked(f"{needed}, when nobody writes to it. {error}") from error
    except (LibraryError, OSError, sqlite3.Error) as error:
        raise LibraryError(
            f"{needed}, which failed: {error}. See that this user may write to it and that the disk has room, and open "
            f"it again, for example with: pagesight list --library {library}"
        ) from error


def _add_languages_and_metadata(library: Path) -> None:
    """2 to 3: the language of each page, and metadata of documents."""
    with closing(_opened(library)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(pages)")}
        if "language" in columns:
            return
        connection.execute("PRAGMA synchronous = FULL")
        connection.create_function("language_of", 1, language_of, deterministic=True)
        connection.execute("BEGIN IMMEDIATE")
        for statement in _LANGUAGES_AND_METADATA:
            connection.execute(statement)
        connection.execute("COMMIT")


def _opened(library: Path) -> sqlite3.Connection:
    address = f"{(library / 'catalog.sqlite').absolute().as_uri()}?mode=rw"  # a missing one is not made anew
    return sqlite3.connect(address, timeout=30, isolation_level=None, uri=True)


_LANGUAGES_AND_METADATA = (
    "ALTER TABLE pages ADD COLUMN language TEXT",
    "UPDATE pages SET language = language_of(text) WHERE text IS NOT NULL",
    "CREATE INDEX pages_language ON pages (document, language, id) WHERE text IS NOT NULL",
    """CREATE TABLE metadata (
           key TEXT NOT NULL,
           document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
           origin INTEGER NOT NULL,
           type TEXT NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean')),
           value NOT NULL,
           PRIMARY KEY (key, document, origin)
       ) WITHOUT ROWID""",
    "CREATE INDEX metadata_document ON metadata (document)",
    """CREATE VIEW facts AS
           SELECT key, document, type, value, max(origin) AS origin FROM metadata GROUP BY key, document""",
    "UPDATE counters SET value = value + 1 WHERE name = 'generation'",
)


_DRAFTS = (
    "ALTER TABLE jobs ADD COLUMN made TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE draft_pages AS SELECT * FROM pages LIMIT 0",
    "CREATE INDEX draft_pages_document ON draft_pages (document, number)",
    "CREATE TABLE draft_figures AS SELECT * FROM figures LIMIT 0",
    "CREATE INDEX draft_figures_page ON draft_figures (page)",
)


def _join_segments_and_keep_drafts(library: Path) -> None:
    """3 to 4: pages of many vectors in segments that grow, instead of a folder a batch; drafts that can be resumed."""
    with closing(_opened(library)) as connection:
        if "made" not in {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in _DRAFTS:
                connection.execute(statement)
            connection.execute("COMMIT")
    encoders = read_encoders(library)
    for channel in ("words", "visual"):
        encoder = encoders.get(channel)
        for line in convert(library / "multivectors" / channel, "" if encoder is None else str(encoder)):
            logger.warning("%s", line)


def _index_text_anew(library: Path) -> None:
    """5 to 6: the full text in tantivy instead of SQLite's FTS5, words stemmed by the language of their page.

    Texts and titles come from the catalog; headings and file names, which are nowhere else, from the old index, as it
    has them. Documents that are on their way begin anew: their pages are in no catalog yet.
    """
    old, new = library / "lexical" / "fts.sqlite", TantivyIndex(library / "lexical")
    if not old.exists() and new.documents():
        return
    with closing(_opened(library)) as catalog:
        catalog.execute("PRAGMA synchronous = FULL")
        catalog.execute("UPDATE jobs SET made = ''")
        for document, title in catalog.execute("SELECT id, title FROM documents ORDER BY number").fetchall():
            try:
                if not catalog.execute("SELECT 1 FROM pragma_database_list WHERE name = 'old'").fetchone():
                    catalog.execute("ATTACH ? AS old", (str(old),))
                rows = catalog.execute(_TEXTS, (document,)).fetchall()
            except sqlite3.DatabaseError as error:
                logger.warning("Headings of %s are lost: %s is damaged (%s)", title, old, error)
                rows = catalog.execute(_TEXTS_ALONE, (document,)).fetchall()
            pages = {
                page: {"body": text, "title": title, "headings": headings, "name": name, "language": language}
                for page, text, language, headings, name in rows
            }
            new.add(document, pages)
            new.seal(document)
    new.settle()
    for end in ("", "-wal", "-shm"):
        old.with_name(old.name + end).unlink(missing_ok=True)


_TEXTS = """SELECT p.id, coalesce(p.text, ''), coalesce(p.language, ''), coalesce(t.headings, ''), coalesce(t.name, '')
            FROM pages p LEFT JOIN old.rows r ON r.page = p.id LEFT JOIN old.pages t ON t.rowid = r.rowid
            WHERE p.document = ? AND p.text NOT NULL"""
_TEXTS_ALONE = """SELECT id, text, coalesce(language, ''), '', '' FROM pages WHERE document = ? AND text NOT NULL"""


def _nothing(library: Path) -> None:
    """4 to 5 was about the index that 6 makes anew."""


STEPS: Mapping[int, Callable[[Path], None]] = {
    2: _add_languages_and_metadata,
    3: _join_segments_and_keep_drafts,
    4: _nothing,
    5: _index_text_anew,
}
"""The format that a step begins at to the step, which ends at the next one."""
