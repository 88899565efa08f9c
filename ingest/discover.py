"""Which files are meant by the paths that somebody gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .documents import SUPPORTED_SUFFIXES


def discover(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as they are named, and what can be read in folders and their folders, by name; each file once.

    A file named by itself is always meant, whatever its name; in a folder the suffix decides, and hidden files and
    links that lead out of it are left alone. Paths come out absolute.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _files(Path(os.path.abspath(path))):  # noqa: PTH100 - resolve() would follow links
            if file not in seen:
                seen.add(file)
                yield file


def visited_folders(path: Path) -> Iterator[Path]:
    """The folders that `discover` looks into for a path, the outer before the inner; none for a file. Absolute."""
    for folder, _ in _walk(Path(os.path.abspath(path))):  # noqa: PTH100 - resolve() would follow links
        yield folder


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    root = path.resolve()
    for folder, files in _walk(path):
        for name in files:
            file = folder / name
            if name.startswith(".") or file.suffix.lower() not in SUPPORTED_SUFFIXES:
                continue
            if not leads_out(file, root):
                yield file


def leads_out(file: Path, root: Path) -> bool:
    """Whether a file is a link to something outside of a folder."""
    # realpath, because resolve() raises on links that go round in a circle
    return file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(root)


def _walk(path: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(folder), sorted(files)
