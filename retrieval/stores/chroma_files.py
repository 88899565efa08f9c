"""What Chroma's files say from outside: which database is in use, how far it is written, and whether it is whole."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ..errors import MEND
from ..sqlite_files import reading_address

FILE = "chroma.sqlite3"


class Written(NamedTuple):
    """How far a database has been written."""

    collection: str
    """Chroma's id of it; another one is made when an empty one is to take vectors of another size."""
    queued: int
    """The last record in the queue."""
    indexed: int
    """How far the indexes have read it."""


def last_written(folder: Path) -> Written | None:
    """`None` when that cannot be told."""
    try:
        with closing(_opened(folder)) as connection:
            (collection,) = connection.execute("SELECT coalesce(max(id), '') FROM collections").fetchone()
            (queued,) = connection.execute("SELECT coalesce(max(seq_id), 0) FROM embeddings_queue").fetchone()
            (indexed,) = connection.execute("SELECT coalesce(sum(seq_id), 0) FROM max_seq_id").fetchone()
    except sqlite3.Error:  # no database yet, another layout, or locked for longer than is worth waiting
        return None
    return Written(collection, queued, indexed)


def databases(first: Path) -> list[Path]:
    """The folders with a database, the one in use last; more than one after a compaction that was killed.

    `first`: the one that was there before any compaction.
    """
    return sorted(file.parent for file in first.parent.glob(f"*/{FILE}") if _is_one(first, file.parent))


def half_databases(first: Path) -> list[Path]:
    """Folders that have lost their database's main file, and hold others of it."""
    found = (one for one in first.parent.glob("*") if _is_one(first, one) and not (one / FILE).is_file())
    return sorted(one for one in found if any(one.iterdir()))


def damages(first: Path) -> Iterator[str]:
    """A line for each database that has lost its main file, or that SQLite finds damaged."""
    yield from (f"{folder / FILE} is missing; {MEND}" for folder in half_databases(first))
    for folder in databases(first):
        try:
            with closing(_opened(folder)) as connection:
                (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            said = str(error)
        if said != "ok":
            yield f"{folder / FILE} is damaged ({' '.join(said.split())}); {MEND}"


def _is_one(first: Path, folder: Path) -> bool:
    return re.fullmatch(rf"{re.escape(first.name)}(-[0-9]{{6}})?", folder.name) is not None


def _opened(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(reading_address(folder / FILE), uri=True)
