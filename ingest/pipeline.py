"""Adding documents: reading runs ahead in a process of its own while this one encodes, writes and commits."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..retrieval.catalog import DocumentRow, PageRow, Source
from ..retrieval.drafts import draft_of
from ..retrieval.errors import DocumentError, DocumentUnreadable
from ..retrieval.facts import key_types
from ..retrieval.language import language_of
from ..retrieval.library import Library
from ..retrieval.metadata import read_all
from ..retrieval.optional import require
from ..retrieval.types import PageContent, State
from ..retrieval.writer import DocumentDraft, LibraryWriter
from .ahead import Ahead
from .discover import discover
from .documents import display_path
from .parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions
from .sidecars import read_sidecars
from .worker import Reader

BATCH = 8
"""Pages encoded together: some 40 passages, enough to sort by length; and the most that wait in memory twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: str
    state: State
    pages: int
    reason: str | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight add --json` prints, one object a document."""
        return {
            "path": self.path,
            "state": self.state,
            "pages": self.pages,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """One page was written."""

    path: str
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when its bytes were hashed. `sha256` is `None` when that was not needed or not possible."""

    path: Path
    name: str
    sha256: str | None = None
    bytes: int = 0
    modified: int = 0

    def source(self, document: str | None, reason: str | None = None) -> Source:
        return Source(self.name, document, self.bytes, self.modified, reason)


@dataclass(frozen=True, slots=True)
class _Unchanged:
    file: _File


@dataclass(frozen=True, slots=True)
class _Begun:
    file: _File
    document: ParsedDocument


@dataclass(frozen=True, slots=True)
class _Ended:
    file: _File


@dataclass(frozen=True, slots=True)
class _Failed:
    file: _File
    reason: str


_Event = _Unchanged | _Begun | ParsedPage | FailedPage | _Ended | _Failed


def parse_options(library: Library) -> ParseOptions:
    """How this library's settings want files to be read."""
    return ParseOptions(dpi=library.settings.dpi, ocr=library.settings.ocr)


def how_made(library: Library) -> str:
    """What the rows of a page depend on beside its file: a draft is gone on with only where this is the same."""
    encoders = {name: str(encoder) for name, encoder in library.manifest.encoders.items()}
    on = [part.encoder is not None for part in (library.visual_part, library.image_part)]
    options = asdict(parse_options(library))
    return json.dumps([version("pagesight"), options, encoders, on, library.settings.figure_labels])


def add(
    library: Library,
    paths: Iterable[Path],
    *,
    password: str | None = None,
    metadata: Mapping[str, object] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Add files, and the files in folders, to a library; yields what became of each, as it happens.

    A file that cannot be read is an outcome like another and is kept in the catalog with its reason; the others go on.
    A file that is there already, unchanged, costs one look at its size and time. Stopped at any point, what was yielded
    as indexed is there, and nothing of the rest is found; the next run goes on with the page where this one stood.

    `metadata` is kept of each of these documents. What metadata files in the folders say (`sidecars.py`) is taken up at
    the end, also of files that have not changed; one with rows that make no sense is an outcome, too.

    Raises `LibraryLocked` when another process is writing, `ModelUnavailable` when the settings name a model that the
    library cannot use, and `MetadataError` for metadata that cannot be kept.
    """
    settings, paths = library.settings, list(paths)
    read_all(metadata or {}, key_types(library.catalog))  # what makes no sense is said before anything is read
    require(settings, "visual", library.visual_part)
    require(settings, "image", library.image_part)
    with library.writer() as writer, ExitStack() as stack:
        reader = stack.enter_context(
            Reader(
                parse_options(library),
                page_seconds=settings.page_seconds,
                memory_bytes=int(settings.parse_memory_gb * 1e9),
            )
        )
        consumer = _Consumer(library, writer, metadata or {}, on_progress)
        left = paths
        while left:
            events = Ahead(lambda left=left: _events(library, reader, left, password), reader.interrupt)
            with events as ahead:
                yield from consumer.run(ahead)
            left, consumer.again = consumer.again, []
        said = read_sidecars(library.catalog, paths)
        writer.replace_sidecar_metadata(said.values)
        for report in said.reports:
            if report.problems:
                state = "partial" if report.applied else "failed"
                yield Outcome(report.path, state, 0, report.reason, 0.0)


def _events(library: Library, reader: Reader, paths: Iterable[Path], password: str | None) -> Iterator[_Event]:
    """Read files one after the other. Runs in the thread that reads ahead."""
    on_the_way: set[str] = set()
    made = how_made(library)
    for path in discover(paths):
        name = display_path(path)
        file = _File(path, name)
        try:
            file = _fingerprint(file, library)
            if file.sha256 is None or file.sha256 in on_the_way or library.catalog.has_document(file.sha256):
                yield _Unchanged(file)
                continue
            draft = draft_of(library.catalog, file.sha256, made)
            for message in reader.read(path, password, 1 if draft is None else draft.pages + 1):
                yield _Begun(file, message) if isinstance(message, ParsedDocument) else message
            if not _is_still(file):
                raise DocumentUnreadable(f"Cannot read {name}: it changed while it was read; add it again.")
        except DocumentError as error:
            yield _Failed(file, str(error))
        else:
            on_the_way.add(file.sha256)
            yield _Ended(file)


def _fingerprint(file: _File, library: Library) -> _File:
    """Hash a file, unless its size and time are those of the last time: then its `sha256` stays `None`."""
    try:
        size, modified = _stat(file)
        known = library.catalog.source(file.name)
        if known is not None and known.document is not None and (known.bytes, known.modified) == (size, modified):
            return file
        with file.path.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        # Opening says in words what is wrong with it, in one place for all reasons.
        from .documents import open_document

        open_document(file.path).close()
        raise DocumentUnreadable(f"Cannot read {file.name}: {error.strerror}; try again.") from error
    return _File(file.path, file.name, sha256, size, modified)


def _stat(file: _File) -> tuple[int, int]:
    found = file.path.stat()
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for whoever writes to it, for ever
        raise OSError(errno.EINVAL, "not a regular file")
    return found.st_size, found.st_mtime_ns


def _is_still(file: _File) -> bool:
    """Whether the file is as it was when it was hashed."""
    try:
        return _stat(file) == (file.bytes, file.modified)
    except OSError:
        return False


class _Consumer:
    """Turns events into rows of the library and outcomes."""

    def __init__(
        self,
        library: Library,
        writer: LibraryWriter,
        given: Mapping[str, object],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._library, self._writer, self._given, self._on_progress = library, writer, given, on_progress
        self._made = how_made(library)
        self.again: list[Path] = []
        """Files to read once more: the document that made them `unchanged` has gone meanwhile, or failed."""

    def run(self, events: Iterator[_Event]) -> Iterator[Outcome]:
        for event in events:
            if isinstance(event, _Begun):
                yield self._document(event, events)
            elif isinstance(event, _Unchanged):
                if event.file.sha256 is None or self._library.catalog.has_document(event.file.sha256):
                    yield self._unchanged(event.file)
                else:
                    self.again.append(event.file.path)
            elif isinstance(event, _Failed):
                yield self._failed(event.file, event.reason, 0.0)
            else:
                raise AssertionError(f"{event} outside a document")

    def _document(self, begun: _Begun, events: Iterator[_Event]) -> Outcome:
        file, started = begun.file, time.monotonic()
        assert file.sha256 is not None
        title = begun.document.title or display_path(Path(file.path.stem))
        batch: list[ParsedPage] = []
        with self._writer.document(file.sha256, self._made) as draft:
            failures = [FailedPage(number, reason) for number, reason in draft.failures()]
            for event in events:
                if isinstance(event, ParsedPage):
                    batch.append(event)
                    if len(batch) == BATCH:
                        self._write(draft, begun, title, batch)
                        batch = []
                elif isinstance(event, FailedPage):
                    if batch:  # what is kept for a run that goes on has no gaps
                        self._write(draft, begun, title, batch)
                        batch = []
                    failures.append(event)
                    draft.add_failed_page(_failed_row(event))
                else:
                    break
            else:
                raise AssertionError(f"{file.name} has no end")
            seconds = time.monotonic() - started
            if isinstance(event, _Failed):
                return self._failed(file, event.reason, seconds)
            if len(failures) == begun.document.pages:
                return self._failed(file, f"Cannot read {file.name}: {_summary(failures)}.", seconds)
            if batch:
                self._write(draft, begun, title, batch)
            state, reason = ("partial", _summary(failures)) if failures else ("indexed", None)
            pages = begun.document.pages
            row = DocumentRow(
                file.sha256,
                title,
                begun.document.media_type,
                file.bytes,
                pages,
                state,
                reason,
                seconds,
                begun.document.metadata,
                self._given,
            )
            draft.commit(row, file.source(file.sha256))
        return Outcome(file.name, state, pages - len(failures), reason, time.monotonic() - started)

    def _write(self, draft: DocumentDraft, begun: _Begun, title: str, pages: list[ParsedPage]) -> None:
        rows = [
            PageRow(
                page.number,
                page.width,
                page.height,
                page.rotation,
                page.text,
                page.text_origin,
                page.words,
                page.passages,
                figures=page.figures,
                language=language_of(page.text),
            )
            for page in pages
        ]
        contents = [
            PageContent("", title, page.words, page.passages, page.image, page.width, page.height) for page in pages
        ]
        name = begun.file.path.stem.replace("_", " ").replace("-", " ")
        draft.add_pages(rows, contents, [{"title": title, "headings": page.headings, "name": name} for page in pages])
        for page in pages:
            self._on_progress(Progress(begun.file.name, page.number, begun.document.pages))

    def _unchanged(self, file: _File) -> Outcome:
        if file.sha256 is None:
            known = self._library.catalog.source(file.name)
            assert known is not None
            assert known.document is not None
            return self._there(file, known.document)
        self._writer.put_source(file.source(file.sha256))
        return self._there(file, file.sha256)

    def _there(self, file: _File, document: str) -> Outcome:
        if self._given:
            self._writer.set_metadata([document], self._given)
        return Outcome(file.name, "unchanged", self._pages(document), None, 0.0)

    def _pages(self, document: str) -> int:
        return len(self._library.catalog.pages_of(document)) - len(self._library.catalog.failures(document))

    def _failed(self, file: _File, reason: str, seconds: float) -> Outcome:
        self._writer.put_source(file.source(None, reason))
        return Outcome(file.name, "failed", 0, reason, seconds)


def _failed_row(page: FailedPage) -> PageRow:
    return PageRow(page.number, 0.0, 0.0, 0, None, "none", failure=page.reason)


def _summary(failures: list[FailedPage]) -> str:
    """One line for the pages that failed: the first reason, and which other pages.

    >>> _summary([FailedPage(3, "page 3: too large"), FailedPage(5, "page 5: too large")])
    'page 3: too large; also failed: page 5'
    """
    others = [str(page.number) for page in failures[1:]]
    shown = ", ".join(others[:10]) + (f" and {len(others) - 10} more" if len(others) > 10 else "")
    return failures[0].reason + (f"; also failed: page{'s' if len(others) > 1 else ''} {shown}" if others else "")
