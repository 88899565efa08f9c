"""Adding documents beside the page: in a thread of this process, so that everybody goes on searching meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Literal

import streamlit as st

from ..ingest import Outcome, Progress, add
from ..ingest.discover import discover
from ..ingest.documents import display_path
from ..retrieval import Library
from ..retrieval.errors import LibraryLocked, PagesightError
from .session import library_path, warm_up
from .writing import BROKEN

logger = logging.getLogger(__name__)

Stage = Literal["queued", "reading", "encoding", "indexed", "unchanged", "partial", "failed", "removed", "cancelled"]
Run = Callable[[Callable[[Progress], None]], Iterator[Outcome]]
"""Adds the files, telling of each page; yields what became of each."""


class _Cancelled(Exception):
    """Somebody pressed Cancel: leaves the pipeline, which then keeps nothing of the document at hand."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How far a file is."""

    path: str
    stage: Stage = "queued"
    page: int = 0
    pages: int = 0
    """0: nobody knows yet."""
    reason: str | None = None

    @property
    def over(self) -> bool:
        """Whether it is known what became of it."""
        return self.stage not in ("queued", "reading", "encoding")


@dataclass
class Adding:
    """Files on their way into the library. Its fields may be read at any time."""

    entries: dict[str, Entry]
    error: str | None = None
    """What ended all of it before its time, in a line for the reader."""
    _stop: Event = field(default_factory=Event)
    _done: Event = field(default_factory=Event)

    @property
    def done(self) -> bool:
        return self._done.is_set()

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1, by files and their pages."""
        parts = [
            one.page / one.pages if one.stage == "encoding" and one.pages else float(one.over)
            for one in list(self.entries.values())
        ]
        return sum(parts) / len(parts) if parts else 1.0

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it is there."""
        return self._done.wait(seconds)

    def cancel(self) -> None:
        """Stop after the page at hand. Documents that are done stay; nothing of the others does."""
        self._stop.set()

    def run(self, library: Library, work: Run) -> None:
        """Do it, in this thread, until it is done, cancelled or broken."""
        try:
            self._begin_next()
            for outcome in work(self._on_progress):
                self._put(Entry(outcome.path, outcome.state, reason=outcome.reason, pages=outcome.pages))
                self._check()
                self._begin_next()
        except _Cancelled:
            for entry in list(self.entries.values()):
                if not entry.over:
                    self._put(replace(entry, stage="cancelled"))
        except PagesightError as error:
            self.error = str(error)
        except Exception:
            logger.exception("Adding documents failed")
            self.error = BROKEN
        finally:
            library.close()
            self._done.set()

    def _on_progress(self, progress: Progress) -> None:
        self._put(Entry(progress.path, "encoding", progress.page, progress.pages))
        self._check()

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Cancelled

    def _begin_next(self) -> None:
        waiting = next((one for one in self.entries.values() if one.stage == "queued"), None)
        if waiting is not None:
            self._put(replace(waiting, stage="reading"))

    def _put(self, entry: Entry) -> None:
        self.entries[entry.path] = entry


@dataclass
class _Slot:
    lock: Lock = field(default_factory=Lock)
    adding: Adding | None = None


def adding_now() -> Adding | None:
    """What is being added to this process's library, or was last; the same for all visitors."""
    return _slot(library_path()).adding


def forget() -> None:
    """Take what was added last off the page."""
    slot = _slot(library_path())
    if slot.adding is not None and slot.adding.done:
        slot.adding = None


def start(library: Library, paths: Sequence[Path], work: Run | None = None) -> Adding:
    """Begin to add files and folders. Raises `LibraryLocked` while others are being added."""
    slot = _slot(library.path.absolute())
    with slot.lock:
        if slot.adding is not None and not slot.adding.done:
            raise LibraryLocked("Documents are being added already; wait for them, or cancel that first.")
        adding = slot.adding = Adding({name: Entry(name) for name in map(display_path, discover(paths))})
    warm_up(library)
    run = work or (lambda on_progress: add(library, paths, on_progress=on_progress))
    Thread(target=adding.run, args=(library, run), name="adding", daemon=True).start()
    return adding


@st.cache_resource(show_spinner=False)
def _slot(path: Path) -> _Slot:
    return _Slot()
