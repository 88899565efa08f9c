"""What a file is to a library before it is read: new, changed, as it was, or to be tried again."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..retrieval.catalog import Catalog, Source
from ..retrieval.errors import DocumentError, DocumentUnreadable
from .discover import absolute, discover
from .documents import check_file, display_path

Change = Literal["new", "changed", "again", "unchanged", "partial", "failed"]
"""`again`: as it was, and what could not be read of it is tried once more. `partial`, `failed`: it was so before, is as
it was, and is not tried again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be added."""

    paths: Sequence[Path]
    include: Sequence[str] = ()
    """Patterns: of what is in folders only what fits one; see `discover.fits`."""
    exclude: Sequence[str] = ()
    """Patterns: of what is in folders nothing that fits one."""
    password: str | None = None
    retry_failed: bool = False
    """Whether files and pages that could not be read are tried again though their file is as it was."""

    def files(self) -> Iterator[Path]:
        return discover(self.paths, self.include, self.exclude)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it was looked at. `sha256` is `None` when that was not needed or not possible."""

    path: Path
    name: str
    sha256: str | None = None
    bytes: int = 0
    modified: int = 0

    def source(self, document: str | None, reason: str | None = None) -> Source:
        return Source(self.name, document, self.bytes, self.modified, reason)

    def is_still(self) -> bool:
        """Whether the file is as it was then."""
        try:
            return _stat(self.path) == (self.bytes, self.modified)
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Looked:
    """A file, and what has to be done about it."""

    file: File
    change: Change
    document: str | None = None
    """What the library has from it, while it is as it was."""
    missing: Sequence[int] = ()
    """The document's pages that could not be read."""
    reason: str = ""
    """Why it could not be read, of a `failed` one."""


def look(catalog: Catalog | None, wanted: Wanted, path: Path) -> Looked:
    """Look at size and time of a file, and at what the library, if there is one, knows of it.

    Raises `DocumentError`.
    """
    name = display_path(path)
    file = File(path, name)
    try:
        size, modified = _stat(path)
    except OSError as error:
        raise unreadable(file, error) from error
    file = File(path, name, None, size, modified)
    known = None if catalog is None else catalog.source(name)
    if catalog is None or known is None:
        return Looked(file, "new")
    if (known.bytes, known.modified) != (size, modified):
        return Looked(file, "changed")
    if known.document is None:
        # Who names a file, or gives a password, wants it to be tried.
        again = wanted.retry_failed or wanted.password is not None or path in map(absolute, wanted.paths)
        return Looked(file, "again" if again else "failed", reason=known.reason or "")
    ((state,),) = catalog.rows("SELECT state FROM documents WHERE id = ?", (known.document,))
    missing = sorted(catalog.failures(known.document)) if state == "partial" else ()
    change: Change = "unchanged" if not missing else "again" if wanted.retry_failed else "partial"
    return Looked(file, change, known.document, missing)


def unreadable(file: File, error: OSError) -> DocumentError:
    """What keeps a file from being read, in words."""
    # Opening says what is wrong with it, in one place for all reasons.
    try:
        check_file(file.path)
    except DocumentError as said:
        return said
    return DocumentUnreadable(f"Cannot read {file.name}: {error.strerror}; try again.")


def _stat(path: Path) -> tuple[int, int]:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for whoever writes to it, for ever
        raise OSError(errno.EINVAL, "not a regular file")
    return found.st_size, found.st_mtime_ns
