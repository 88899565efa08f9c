"""One writer at a time: a lock of the operating system's, so that it ends with its holder, however it ended."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .catalog import now
from .errors import LibraryError, LibraryLocked
from .files import write_whole

HOLDER = ".lock-holder"
"""Who has the lock; it stays behind a writer that was killed."""


@contextmanager
def writing(library: Path) -> Iterator[None]:
    """Hold the lock of a library.

    Raises `LibraryLocked` when another process, or another thread, has it, and `LibraryError` where nobody may write.
    """
    lock = FileLock(library / ".lock", timeout=0, thread_local=False)
    holder = library / HOLDER
    try:
        lock.acquire()
    except Timeout:
        raise LibraryLocked(f"{library} is being written by {_name(holder)}; wait for it or stop it.") from None
    except OSError as error:
        raise LibraryError(
            f"Cannot write to the library at {library}: {(error.strerror or str(error)).lower()}. It can be "
            "searched; to add to it, make it writable for this user, or name another one."
        ) from error
    try:
        write_whole(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now()}).encode())
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _name(holder: Path) -> str:
    try:
        entry = json.loads(holder.read_bytes())
        return f"process {entry['pid']} on {entry['host']} since {entry['since'][:19]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
