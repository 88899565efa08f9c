"""Which files are meant by the paths that somebody gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from .documents import SUPPORTED_SUFFIXES

_NOBODYS = (".", "~$")
"""How names of hidden files begin, and of those that Office programs lay beside an open document."""


def discover(paths: Iterable[Path], include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Iterator[Path]:
    """Files as they are named, and what can be read in folders and their folders, by name; each file once.

    A file named by itself is always meant, whatever its name; in a folder the suffix decides, and hidden files and
    links that lead out of it are left alone; a folder in it that may not be looked into comes out itself. Of what is in
    folders, `include` keeps what fits one of its patterns, and `exclude` leaves out what fits one of its; see `fits`.
    Paths come out absolute.
    """
    seen: set[Path] = set()
    for path in map(absolute, paths):
        for file in _files(path, include, exclude):
            if file not in seen:
                seen.add(file)
                yield file


def absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def visited_folders(path: Path) -> Iterator[Path]:
    """The folders that `discover` looks into for a path, the outer before the inner; none for a file. Absolute."""
    for folder, _ in _walk(absolute(path)):
        yield folder


def fits(path: Path, patterns: Iterable[str]) -> bool:
    """Whether a path, or its last part, is like one of these patterns, in which `*` stands for anything.

    >>> fits(Path("2021/drafts/report.pdf"), ["*.pdf"]), fits(Path("2021/drafts/report.pdf"), ["2021/*"])
    (True, True)
    >>> fits(Path("2021/drafts"), ["drafts"]), fits(Path("2021/drafts"), ["*/draft"])
    (True, False)
    """
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (path.as_posix(), path.name))


def leads_out(file: Path, root: Path) -> bool:
    """Whether a file is a link to something outside of a folder."""
    # realpath, because resolve() raises on links that go round in a circle
    return file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(root)


def _files(path: Path, include: Sequence[str], exclude: Sequence[str]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    root = path.resolve()
    closed: list[OSError] = []
    for folder, files in _walk(path, exclude, closed.append):
        for name in files:
            file = folder / name
            if name.startswith(_NOBODYS) or file.suffix.lower() not in SUPPORTED_SUFFIXES:
                continue
            inside = file.relative_to(path)
            if (include and not fits(inside, include)) or fits(inside, exclude):
                continue
            if not leads_out(file, root):
                yield file
    yield from (Path(error.filename) for error in closed)


def _walk(
    path: Path, exclude: Sequence[str] = (), on_closed: Callable[[OSError], None] = lambda _: None
) -> Iterator[tuple[Path, list[str]]]:
    """Folders with the names of what else is in them; a folder that is left out is not looked into."""
    for folder, names, files in os.walk(path, onerror=on_closed):
        here = Path(folder)
        names[:] = sorted(
            name for name in names if not name.startswith(".") and not fits((here / name).relative_to(path), exclude)
        )
        yield here, sorted(files)
