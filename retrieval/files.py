"""Writing files so that they are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside its place, flush it to disk, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


@contextmanager
def folder_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; on leaving, flush its files to disk and rename it to `path`.

    A folder that is there already is replaced. What is left of an interrupted one starts with `.new-`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=".new-"))
    try:
        yield temporary
        for part in [temporary, *temporary.rglob("*")]:
            if part.is_dir():
                sync_folder(part)
            else:
                with part.open("rb") as opened:
                    os.fsync(opened.fileno())
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to disk, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_use(folder: Path) -> dict[str, int]:
    """Bytes of each file and folder in a folder, by name; what goes away meanwhile counts as nothing.

    Nor does the memory that processes with a SQLite database open share, though it has a name there.
    """
    found: dict[str, int] = {}
    for part in sorted(folder.iterdir()):
        files = part.rglob("*") if part.is_dir() else [part]
        size = 0
        for file in files:
            with suppress(OSError):
                size += file.stat().st_size if file.is_file() and not file.name.endswith("-shm") else 0
        found[part.name] = size
    return found
