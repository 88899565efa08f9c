"""What has to be read of the files that are meant, and reading it: the half of adding that runs ahead of writing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

from ..retrieval.drafts import draft_of
from ..retrieval.errors import DocumentError, DocumentUnreadable
from ..retrieval.library import Library
from .changes import File, Wanted, look, unreadable
from .documents import display_path
from .parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions
from .worker import Reader


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
    settings = library.settings
    return ParseOptions(
        dpi=settings.dpi, ocr=settings.ocr, ocr_engine=settings.ocr_engine, ocr_languages=settings.ocr_languages
    )


def how_made(library: Library) -> str:
    """What the rows of a page depend on beside its file: a draft is gone on with only where this is the same."""
    encoders = {name: str(encoder) for name, encoder in library.manifest.encoders.items()}
    on = [part.encoder is not None for part in (library.visual_part, library.image_part)]
    options = asdict(parse_options(library))
    return json.dumps([version("pagesight"), options, encoders, on, library.settings.figure_labels])


def read_ahead(library: Library, reader: Reader, wanted: Wanted) -> Iterator[Event]:
    """Read files one after the other. Runs in the thread that reads ahead."""
    on_the_way: set[str] = set()
    made = how_made(library)
    for path in wanted.files():
        file = File(path, display_path(path))
        try:
            looked = look(library.catalog, wanted, path)
            file = looked.file
            if looked.change == "failed":
                yield StillFailed(file, looked.reason)
            elif looked.document is None:
                file = replace(file, sha256=_hash(file))
                yield from _read_new(library, reader, file, wanted, made, on_the_way)
            elif looked.change == "again":
                file = replace(file, sha256=looked.document)  # what is there stays, also when this fails
                yield from _read_missing(reader, file, looked.document, looked.missing, wanted.password)
            else:
                yield Unchanged(file)
        except DocumentError as error:
            yield Failed(file, str(error))


def _read_new(
    library: Library, reader: Reader, file: File, wanted: Wanted, made: str, on_the_way: set[str]
) -> Iterator[Event]:
    """All pages, or those after a draft's. Of bytes that are there, or on their way under another name, at most the
    pages that are missing.
    """
    assert file.sha256 is not None
    if file.sha256 in on_the_way or library.catalog.has_document(file.sha256):
        missing = sorted(library.catalog.failures(file.sha256)) if wanted.retry_failed else ()
        if missing:
            yield from _read_missing(reader, file, file.sha256, missing, wanted.password)
        else:
            yield Unchanged(file)
        return
    draft = draft_of(library.catalog, file.sha256, made)
    for message in reader.read(file.path, wanted.password, 1 if draft is None else draft.pages + 1):
        yield Begun(file, message) if isinstance(message, ParsedDocument) else message
    _must_be_still(file)
    on_the_way.add(file.sha256)
    yield Ended(file)


def _read_missing(
    reader: Reader, file: File, document: str, missing: Sequence[int], password: str | None
) -> Iterator[Event]:
    for message in reader.read(file.path, password, only=missing):
        yield Mending(file, document, message) if isinstance(message, ParsedDocument) else message
    _must_be_still(file)
    yield Ended(file)


def _must_be_still(file: File) -> None:
    if not file.is_still():
        raise DocumentUnreadable(f"Cannot read {file.name}: it changed while it was read; add it again.")


def _hash(file: File) -> str:
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(file, error) from error
