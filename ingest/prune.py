"""Files that left the folders they were added from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..retrieval.catalog import Catalog
from .discover import absolute, discover
from .documents import display_path


def gone(catalog: Catalog, paths: Iterable[Path]) -> list[str]:
    """The library's paths in these folders, and these paths themselves, where nothing is any more.

    A folder in which no file is left that could be read names none: more often than not, its disk is not there.
    """
    found: list[str] = []
    for path in map(absolute, paths):
        if path.is_dir() and not any(True for _ in discover([path])):
            continue
        inside = display_path(path).rstrip(os.sep) + os.sep
        found += [
            source.path
            for source in catalog.sources()
            if (source.path.startswith(inside) if path.is_dir() else source.path == display_path(path))
            and _is_gone(source.path)
            and _is_gone(_path(source.path))
        ]
    return list(dict.fromkeys(found))


def _is_gone(path: str | bytes) -> bool:
    """Whether there is nothing at a path: one in a folder that may not be looked into is not known to be gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _path(name: str) -> bytes:
    """The path that `display_path` made a name of; bytes that are no UTF-8 stand there in hexadecimal."""
    return re.sub(rb"\\x([89a-f][0-9a-f])", lambda found: bytes([int(found[1], 16)]), name.encode())
