"""A disk that takes nothing more, said in one line, whichever library noticed it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DiskFull

_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Python 3.11 names them; SQLite says "full" of ENOSPC alone, and "I/O error" of a quota or a limit of the user's.
_SQLITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
_SIGNS = ("no space left on device", "disk is full", "disk quota exceeded", "file too large", "os error 28")
"""In messages of Chroma and faiss, which have no errors of their own for it."""


@contextmanager
def saying_when_full(library: Path) -> Iterator[None]:
    """Raises `DiskFull` for whatever says that the disk of a library is full; other errors pass."""
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        said = " ".join(str(getattr(error, "strerror", None) or error).split())[:120]
        raise DiskFull(
            f"The disk of the library at {library} takes nothing more ({said}); make room there and give the same "
            "command again: what was added is kept, and it goes on where it stopped."
        ) from error


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, a quota used up, or a file as large as it may be."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _SYSTEM
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE
    return any(sign in str(error).lower() for sign in _SIGNS)
