"""SQLite files without free pages and without a write-ahead log."""

from __future__ import annotations

import sqlite3


def squeeze(connection: sqlite3.Connection) -> None:
    """Write a database anew, without what was deleted, and empty its write-ahead log.

    It is done by a transaction: a kill leaves it as before or as after. Raises `sqlite3.OperationalError` when a
    reader keeps the log in use for longer than the connection's time-out.
    """
    connection.execute("VACUUM")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("somebody reads from it for a long time")
