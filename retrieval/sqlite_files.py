"""Opening SQLite files: to write where that is possible, else to read.

In WAL mode SQLite wants to make a file beside the one that it reads. Where nobody may, on a read-only disk or in
somebody else's folder, a file without a log is read as one that never changes, until it does.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LibraryError

_Stamp = tuple[int, int, int]
_FIXED = "&immutable=1"


@dataclass(frozen=True, slots=True)
class Database:
    """An open SQLite file."""

    path: Path
    connection: sqlite3.Connection
    writable: bool
    fixed: _Stamp | None = None
    """What the file was like, where it is read as one that never changes."""

    @property
    def outdated(self) -> bool:
        """Whether it has to be opened again, because somebody who may write to it does."""
        return self.fixed is not None and (_stamp(self.path) != self.fixed or _log(self.path).exists())


def open_database(path: Path, **options: Any) -> Database:
    """Open a file, which is made where it is missing and may be; `options` are `sqlite3.connect`'s.

    Raises `LibraryError` for a file that cannot be read without writing to it, and `sqlite3.OperationalError`.
    """
    options = {"timeout": 30, "check_same_thread": False, **options}
    if may_write(path):
        return Database(path, sqlite3.connect(path, **options), writable=True)
    fixed = _stamp(path)
    address = reading_address(path)
    connection = sqlite3.connect(address, uri=True, **options)
    return Database(path, connection, writable=False, fixed=fixed if address.endswith(_FIXED) else None)


def reading_address(path: Path) -> str:
    """The address by which `sqlite3.connect` opens a file to read it only.

    Raises `LibraryError` for a file that cannot be read without writing to it.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    if may_write(path) or not path.exists():
        return address
    with closing(sqlite3.connect(address, uri=True)) as connection, suppress(sqlite3.OperationalError):
        connection.execute("SELECT count(*) FROM sqlite_master")  # works while somebody else has it open
        return address
    if _log(path).exists() and _log(path).stat().st_size:
        raise LibraryError(
            f"{path} was not closed by who wrote to it last, and this user may not write there, which reading it takes "
            f"once; let somebody who may run: pagesight list --library {path.parent}"
        )
    return address + _FIXED


def may_write(path: Path) -> bool:
    """Whether this user may write to a file, or make it, and write beside it; a disk that is read-only says no."""
    folder = path.parent
    return os.access(folder, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
