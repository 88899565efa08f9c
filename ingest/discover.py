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


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    root = path.resolve()
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            if name.startswith(".") or file.suffix.lower() not in SUPPORTED_SUFFIXES:
                continue
            # realpath, because resolve() raises on links that go round in a circle
            if file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(root):
                continue
            yield file
