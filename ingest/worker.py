"""Reading files in a process of their own, so that a hostile one takes down its reader and not the run.

The reader is one process with a limit on address space; the parent gives each page a time limit, kills a reader that
passes it, with the programs it has started, and goes on with the next page in a new one. It is a plain subprocess and
none of `multiprocessing`'s, whose children run the caller's script once more: a script that calls `add` outside of
`if __name__ == "__main__"` works.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from ..retrieval.errors import DocumentEncrypted, DocumentError, DocumentUnreadable
from .documents import display_path, open_document
from .parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions, Patience

START_SECONDS = 60.0
"""For starting a process, importing and opening a file, on a busy machine."""

MOST_CRASHES = 3
"""Readers that one document may take down; after that, the rest of its pages counts as failed."""

Parsed = ParsedDocument | ParsedPage | FailedPage

# What is to run is named by pickles, which may need the parent's path to be loaded.
_CHILD = """\
import sys
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
sys.path[:] = connection.recv()
serve, arguments = connection.recv()
serve(connection, *arguments)
"""


class Reader:
    """Reads documents in a worker process, which starts with the first and ends with `close`. Use it in one thread."""

    def __init__(self, options: ParseOptions, *, page_seconds: float, memory_bytes: int) -> None:
        self._options = options
        self._page_seconds = page_seconds
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: TemporaryDirectory[str] | None = None
        """Where the process and what it starts keep temporary files: they go when it is killed, too."""
        self._connection: Connection | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(
        self, path: Path, password: str | None = None, first: int = 1, *, only: Sequence[int] = ()
    ) -> Iterator[Parsed]:
        """What is known of the document, then its pages in order, each read or failed: all from the `first` on, or
        `only` some, by their numbers.

        Raises `DocumentError` when nothing of it can be read.
        """
        document: ParsedDocument | None = None
        left, crashes = deque(only), 0
        while document is None or left:
            try:
                for message in self._read_some(path, password, left[0] if left else first, only):
                    if isinstance(message, ParsedDocument):
                        if document is None:
                            document = message
                            left = left or deque(range(first, document.pages + 1))
                            yield message
                    else:
                        yield message
                        left.popleft()
                return
            except _ReaderLostError as lost:
                crashes += 1
                if document is None:
                    raise DocumentUnreadable(
                        f"Cannot read {display_path(path)}: {lost}; the file was skipped."
                    ) from lost
                if left:
                    number = left.popleft()
                    yield FailedPage(number, f"page {number}: {lost}")
                if crashes >= MOST_CRASHES:
                    reason = f"not tried, after {crashes} pages that took the reader down"
                    yield from (FailedPage(number, f"page {number}: {reason}") for number in left)
                    return

    def close(self) -> None:
        """End the worker process."""
        self._stop()

    def interrupt(self) -> None:
        """Kill the worker process, from another thread than the one that reads: its page counts as failed."""
        process = self._process
        if process is not None:
            _kill(process)

    def _read_some(self, path: Path, password: str | None, first: int, only: Sequence[int]) -> Iterator[Parsed]:
        connection = self._start()
        try:
            connection.send((os.fspath(path), password, first, tuple(only)))
        except OSError:
            raise self._lost() from None
        opening = max(START_SECONDS, self._page_seconds)
        seconds = opening
        finished = False
        try:
            while True:
                try:
                    if not connection.poll(seconds):
                        self._stop()
                        raise _ReaderLostError(f"reading took longer than {seconds:g} s")
                    message = connection.recv()
                except (EOFError, ConnectionError):
                    raise self._lost() from None
                if message is None or isinstance(message, DocumentError):
                    finished = True
                    if message is not None:
                        raise message
                    return
                if isinstance(message, Patience):
                    seconds = opening + message.seconds
                    continue
                yield message
                seconds = self._page_seconds
        finally:
            if not finished:
                self._stop()  # left in the middle: what the process still sends belongs to no one

    def _start(self) -> Connection:
        if self._process is not None and self._process.poll() is None and self._connection is not None:
            return self._connection
        self._stop()
        self._connection, theirs = Pipe()
        self._scratch = TemporaryDirectory(prefix="pagesight-", ignore_cleanup_errors=True)
        with theirs:
            self._process = subprocess.Popen(
                # -P: without it, a pickle.py in the current folder would be run before the parent's path is known
                [sys.executable, "-P", "-c", _CHILD, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"TMPDIR": self._scratch.name},
                # Ctrl-C in the terminal is for whoever reads, who ends this process in time; and what this process has
                # started ends with it, because all are one group
                start_new_session=True,
            )
        with suppress(OSError):  # it died at once: whoever reads next learns how
            self._connection.send(sys.path)
            self._connection.send((_serve, (self._options, self._memory_bytes)))
        return self._connection

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            _kill(self._process)
            self._process.wait()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _lost(self) -> _ReaderLostError:
        code = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(5)
        self._stop()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if code == -signal.SIGABRT:  # PDFium's way of saying that there is no memory left
            how += ", as when it needs more memory than PAGESIGHT_PARSE_MEMORY_GB"
        return _ReaderLostError(f"the process that read it died ({how})")


class _ReaderLostError(Exception):
    """The worker process died or was killed."""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started, also when it is dead and they are not."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says the latter of the dead
        os.killpg(process.pid, signal.SIGKILL)


def _serve(connection: Connection, options: ParseOptions, memory_bytes: int) -> None:
    """The worker process: take a file, send its document and pages, then `None`; or send the error."""
    _limit_memory(memory_bytes)
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        while True:
            path, password, first, only = connection.recv()
            try:
                for message in _parse(Path(path), password, first, only, options, connection.send):
                    connection.send(message)
                connection.send(None)
            except (DocumentEncrypted, DocumentUnreadable) as error:
                connection.send(type(error)(str(error)))
            except MemoryError:
                connection.send(
                    DocumentUnreadable(
                        f"Cannot read {display_path(Path(path))}: it needs more than {memory_bytes / 1e9:.1f} GB of "
                        "memory; raise PAGESIGHT_PARSE_MEMORY_GB."
                    )
                )


def _parse(
    path: Path,
    password: str | None,
    first: int,
    only: Sequence[int],
    options: ParseOptions,
    send: Callable[[Patience], None],
) -> Iterator[Parsed]:
    with open_document(
        path, password=password, options=options, on_wait=lambda seconds: send(Patience(seconds))
    ) as document:
        yield document.info
        for number in [n for n in only if n >= first] or range(first, document.info.pages + 1):
            try:
                yield document.read_page(number)
            except DocumentUnreadable as error:
                yield FailedPage(number, str(error))


def _limit_memory(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # no such limit on this system; the time limit stays
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
