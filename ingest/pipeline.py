"""Adding documents: reading runs ahead in a process of its own while this one encodes, writes and commits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..retrieval.catalog import DocumentRow
from ..retrieval.facts import key_types
from ..retrieval.library import Library
from ..retrieval.metadata import read_all
from ..retrieval.optional import require
from ..retrieval.tesseract import require as require_tesseract
from ..retrieval.types import State
from ..retrieval.writer import LibraryWriter, PageSink
from .ahead import Ahead
from .batches import BATCH, Batches, Progress, failed_row
from .changes import File, Wanted
from .documents import display_path
from .parsed import FailedPage, ParsedPage
from .prune import gone
from .reading import (
    Begun,
    Ended,
    Event,
    Failed,
    Mending,
    StillFailed,
    Unchanged,
    how_made,
    parse_options,
    read_ahead,
)
from .sidecars import read_sidecars
from .worker import Reader


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: str
    state: State | Literal["removed"]
    """`removed`: the file has gone, and `prune` was asked for."""
    pages: int
    """That are in the library now."""
    reason: str | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight add --json` prints of a document."""
        return {
            "path": self.path,
            "state": self.state,
            "pages": self.pages,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


def add(
    library: Library,
    paths: Iterable[Path],
    *,
    password: str | None = None,
    metadata: Mapping[str, object] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    retry_failed: bool = False,
    prune: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Add files, and the files in folders, to a library; yields what became of each, as it happens.

    A file that cannot be read is an outcome like another and is kept in the catalog with its reason; the others go on.
    A file that is there already, unchanged, costs one look at its size and time. Stopped at any point, what was yielded
    as indexed is there, and nothing of the rest is found; the next run goes on with the page where this one stood.

    Of what is in folders, `include` and `exclude` choose by patterns (`discover.fits`). Files in folders that could not
    be read before are tried again when they have changed, with a `password`, or with `retry_failed`, which also tries
    the pages that are missing from documents. With `prune`, what is no longer in these folders is removed.

    `metadata` is kept of each of these documents. What metadata files in the folders say (`sidecars.py`) is taken up at
    the end, also of files that have not changed; one with rows that make no sense is an outcome, too.

    Raises `LibraryLocked` when another process is writing, `ModelUnavailable` when the settings name a model that the
    library cannot use or an OCR engine that is not here, and `MetadataError` for metadata that cannot be kept.
    """
    settings = library.settings
    wanted = Wanted(list(paths), include, exclude, password, retry_failed)
    read_all(metadata or {}, key_types(library.catalog))  # what makes no sense is said before anything is read
    require(settings, "visual", library.visual_part)
    require(settings, "image", library.image_part)
    if settings.ocr != "off" and settings.ocr_engine == "tesseract":
        require_tesseract(settings.ocr_languages)
    with library.writer() as writer, ExitStack() as stack:
        reader = stack.enter_context(
            Reader(
                parse_options(library),
                page_seconds=settings.page_seconds,
                memory_bytes=int(settings.parse_memory_gb * 1e9),
            )
        )
        consumer = _Consumer(library, writer, metadata or {}, on_progress)
        left = wanted
        while left.paths:
            events = Ahead(lambda left=left: read_ahead(library, reader, left), reader.interrupt)
            with events as ahead:
                yield from consumer.run(ahead)
            left, consumer.again = replace(wanted, paths=consumer.again), []
        if prune:
            for path in gone(library.catalog, wanted.paths):  # after reading: a file that was moved keeps its document
                writer.remove_sources([path])
                yield Outcome(path, "removed", 0, None, 0.0)
        said = read_sidecars(library.catalog, wanted.paths)
        writer.replace_sidecar_metadata(said.values)
        for report in said.reports:
            if report.problems:
                state = "partial" if report.applied else "failed"
                yield Outcome(report.path, state, 0, report.reason, 0.0)


class _Consumer:
    """Turns events into rows of the library and outcomes."""

    def __init__(
        self,
        library: Library,
        writer: LibraryWriter,
        given: Mapping[str, object],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._library, self._writer, self._given = library, writer, given
        self._made = how_made(library)
        self._batches = Batches(on_progress)
        self.again: list[Path] = []
        """Files to read once more: the document that made them `unchanged` has gone meanwhile, or failed."""

    def run(self, events: Iterator[Event]) -> Iterator[Outcome]:
        for event in events:
            if isinstance(event, Begun):
                yield self._document(event, events)
            elif isinstance(event, Mending):
                yield self._mend(event, events)
            elif isinstance(event, Unchanged):
                if event.file.sha256 is None or self._library.catalog.has_document(event.file.sha256):
                    yield self._unchanged(event.file)
                else:
                    self.again.append(event.file.path)
            elif isinstance(event, StillFailed):
                reason = f"{event.reason} It is as it was and was not tried again; --retry-failed does."
                yield Outcome(event.file.name, "failed", 0, reason, 0.0)
            elif isinstance(event, Failed):
                yield self._failed(event.file, event.reason, 0.0)
            else:
                raise AssertionError(f"{event} outside a document")

    def _document(self, begun: Begun, events: Iterator[Event]) -> Outcome:
        file, started, pages = begun.file, time.monotonic(), begun.document.pages
        assert file.sha256 is not None
        with self._writer.document(file.sha256, self._made) as draft:
            failures = [FailedPage(number, reason) for number, reason in draft.failures()]
            title = begun.document.title or display_path(Path(file.path.stem))
            ended = self._pages(draft, begun, title, events, failures)
            seconds = time.monotonic() - started
            if isinstance(ended, Failed):
                return self._failed(file, ended.reason, seconds)
            if len(failures) == pages:
                return self._failed(file, f"Cannot read {file.name}: {_summary(failures)}.", seconds)
            state, reason = _state(failures)
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

    def _mend(self, mending: Mending, events: Iterator[Event]) -> Outcome:
        """Try the pages of a document again that could not be read; those that are there stay, whatever happens."""
        file, started = mending.file, time.monotonic()
        ((title,),) = self._library.catalog.rows("SELECT title FROM documents WHERE id = ?", (mending.id,))
        with self._writer.mending(mending.id) as draft:
            failures: list[FailedPage] = []
            ended = self._pages(draft, mending, title, events, failures)
            state, reason = _state(failures)
            if isinstance(ended, Failed):
                state, reason = "partial", ended.reason
            else:
                draft.commit(state, reason)
        if file.sha256 is not None:  # it has another time than it had
            self._writer.put_source(file.source(file.sha256))
        if self._given:
            self._writer.set_metadata([mending.id], self._given)
        return Outcome(file.name, state, self._count(mending.id), reason, time.monotonic() - started)

    def _pages(
        self, sink: PageSink, begun: Begun | Mending, title: str, events: Iterator[Event], failures: list[FailedPage]
    ) -> Ended | Failed:
        """Take the pages that follow; puts those that could not be read into `failures`. Returns how it ended."""
        batch: list[ParsedPage] = []
        for event in events:
            if isinstance(event, ParsedPage):
                batch.append(event)
                if len(batch) < BATCH:
                    continue
            if batch:  # also before a page that failed: what is kept for a run that goes on has no gaps
                failures += self._batches.write(sink, begun.file, begun.document.pages, title, batch)
                batch = []
            if isinstance(event, FailedPage):
                failures.append(event)
                sink.add_failed_page(failed_row(event))
            elif isinstance(event, Ended | Failed):
                return event
        raise AssertionError(f"{begun.file.name} has no end")

    def _unchanged(self, file: File) -> Outcome:
        if file.sha256 is None:
            known = self._library.catalog.source(file.name)
            assert known is not None
            assert known.document is not None
            return self._there(file, known.document)
        self._writer.put_source(file.source(file.sha256))
        return self._there(file, file.sha256)

    def _there(self, file: File, document: str) -> Outcome:
        if self._given:
            self._writer.set_metadata([document], self._given)
        return Outcome(file.name, "unchanged", self._count(document), None, 0.0)

    def _count(self, document: str) -> int:
        return len(self._library.catalog.pages_of(document)) - len(self._library.catalog.failures(document))

    def _failed(self, file: File, reason: str, seconds: float) -> Outcome:
        if file.sha256 is not None and self._library.catalog.has_document(file.sha256):
            # Only its missing pages were wanted: those that are there stay, also when the file cannot be opened now.
            return Outcome(file.name, "partial", self._count(file.sha256), reason, seconds)
        self._writer.put_source(file.source(None, reason))
        return Outcome(file.name, "failed", 0, reason, seconds)


def _state(failures: list[FailedPage]) -> tuple[Literal["indexed", "partial"], str | None]:
    return ("partial", _summary(failures)) if failures else ("indexed", None)


def _summary(failures: list[FailedPage]) -> str:
    """One line for the pages that failed: the first reason, and which other pages.

    >>> _summary([FailedPage(3, "page 3: too large"), FailedPage(5, "page 5: too large")])
    'page 3: too large; also failed: page 5'
    """
    others = [str(page.number) for page in failures[1:]]
    shown = ", ".join(others[:10]) + (f" and {len(others) - 10} more" if len(others) > 10 else "")
    return failures[0].reason + (f"; also failed: page{'s' if len(others) > 1 else ''} {shown}" if others else "")
