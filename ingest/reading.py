"""What has to be read of the files that are meant, and reading it: the half of adding that runs ahead of writing."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from ..retrieval.catalog import Source
from ..retrieval.drafts import draft_of
from ..retrieval.errors import DocumentError, DocumentUnreadable
from ..retrieval.library import Library
from .discover import absolute, discover
from .documents import display_path
from .parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions
from .worker import Reader


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
    """A file as it was when its bytes were hashed. `sha256` is `None` when that was not needed or not possible."""

    path: Path
    name: str
    sha256: str | None = None
    bytes: int = 0
    modified: int = 0

    def source(self, document: str | None, reason: str | None = None) -> Source:
        return Source(self.name, document, self.bytes, self.modified, reason)


@dataclass(frozen=True, slots=True)
class Unchanged:
    file: File


@dataclass(frozen=True, slots=True)
class StillFailed:
    """A file that could not be read, is as it was, and is not tried again."""

    file: File
    reason: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Pages of a document follow: all, or, where there is a draft of it, those after the draft's."""

    file: File
    document: ParsedDocument


@dataclass(frozen=True, slots=True)
class Mending:
    """Pages follow that could not be read before, of a document that is in the library."""

    file: File
    id: str
    document: ParsedDocument


@dataclass(frozen=True, slots=True)
class Ended:
    file: File


@dataclass(frozen=True, slots=True)
class Failed:
    file: File
    reason: str


Event = Unchanged | StillFailed | Begun | Mending | ParsedPage | FailedPage | Ended | Failed


def parse_options(library: Library) -> ParseOptions:
    """How this library's settings want files to be read."""
    return ParseOptions(dpi=library.settings.dpi, ocr=library.settings.ocr)


def how_made(library: Library) -> str:
    """What the rows of a page depend on beside its file: a draft is gone on with only where this is the same."""
    encoders = {name: str(encoder) for name, encoder in library.manifest.encoders.items()}
    on = [part.encoder is not None for part in (library.visual_part, library.image_part)]
    options = asdict(parse_options(library))
    return json.dumps([version("pagesight"), options, encoders, on, library.settings.figure_labels])


def read_ahead(library: Library, reader: Reader, wanted: Wanted) -> Iterator[Event]:
    """Read files one after the other. Runs in the thread that reads ahead."""
    on_the_way: set[str] = set()
    named = {absolute(path) for path in wanted.paths}
    made, password = how_made(library), wanted.password
    for path in wanted.files():
        name = display_path(path)
        file = File(path, name)
        try:
            size, modified = _look(file)
            known = library.catalog.source(name)
            again = wanted.retry_failed or path in named or password is not None
            if known is not None and (known.bytes, known.modified) == (size, modified):
                if known.document is None and not again:
                    yield StillFailed(file, known.reason or "")
                    continue
                failed = library.catalog.failures(known.document) if known.document and wanted.retry_failed else ()
                if known.document is not None and failed:
                    file = File(path, name, known.document, size, modified)
                    for message in reader.read(path, password, only=sorted(failed)):
                        yield Mending(file, known.document, message) if isinstance(message, ParsedDocument) else message
                    _check_still(file)
                    yield Ended(file)
                    continue
                if known.document is not None:
                    yield Unchanged(file)
                    continue
            file = File(path, name, _hash(file), size, modified)
            assert file.sha256 is not None
            if file.sha256 in on_the_way or library.catalog.has_document(file.sha256):
                yield Unchanged(file)
                continue
            draft = draft_of(library.catalog, file.sha256, made)
            for message in reader.read(path, password, 1 if draft is None else draft.pages + 1):
                yield Begun(file, message) if isinstance(message, ParsedDocument) else message
            _check_still(file)
        except DocumentError as error:
            yield Failed(file, str(error))
        else:
            on_the_way.add(file.sha256)
            yield Ended(file)


def _look(file: File) -> tuple[int, int]:
    """Size and time. Raises `DocumentError`."""
    try:
        return _stat(file)
    except OSError as error:
        raise _unreadable(file, error) from error


def _hash(file: File) -> str:
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: File, error: OSError) -> DocumentError:
    # Opening says in words what is wrong with it, in one place for all reasons.
    from .documents import open_document

    try:
        open_document(file.path).close()
    except DocumentError as said:
        return said
    return DocumentUnreadable(f"Cannot read {file.name}: {error.strerror}; try again.")


def _stat(file: File) -> tuple[int, int]:
    found = file.path.stat()
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for whoever writes to it, for ever
        raise OSError(errno.EINVAL, "not a regular file")
    return found.st_size, found.st_mtime_ns


def _check_still(file: File) -> None:
    """Raises `DocumentUnreadable` where the file is not as it was when it was looked at."""
    with suppress(OSError):
        if _stat(file) == (file.bytes, file.modified):
            return
    raise DocumentUnreadable(f"Cannot read {file.name}: it changed while it was read; add it again.")
