"""A reader process in which some files are deadly. What a file does, and on which page, stands in its name.

`stirbt 2.pdf` kills its process on page 2 (0: when it is opened), `hängt 2.pdf` never finishes page 2, and
`stirbt immer.pdf` kills it on every page. `kürzt 2.pdf`, `löscht 2.pdf`, `schreibt 2.pdf` and `wächst 2.pdf`
change while page 2 is read.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from pagesight.ingest import worker
from pagesight.ingest.parsed import ParsedDocument, ParseOptions, Patience

parse = worker._parse


def serve(connection: Connection, options: ParseOptions, memory_bytes: int) -> None:
    """Stands in for `worker._serve`. The reader's process imports it from here."""
    worker._parse = poisoned
    worker._limit_memory(memory_bytes)
    real_serve(connection, options, memory_bytes)


real_serve = worker._serve


def poisoned(
    path: Path,
    password: str | None,
    first: int,
    only: Sequence[int],
    options: ParseOptions,
    send: Callable[[Patience], None],
) -> Iterator[worker.Parsed]:
    for message in parse(path, password, first, only, options, send):
        page = 0 if isinstance(message, ParsedDocument) else message.number
        if path.stem == f"stirbt {page}" or (page and path.stem == "stirbt immer"):
            os.kill(os.getpid(), signal.SIGKILL)
        if path.stem == f"hängt {page}":
            time.sleep(600)
        if path.stem == f"kürzt {page}":
            os.truncate(path, 100)
        if path.stem == f"löscht {page}":
            path.unlink()
        if path.stem == f"schreibt {page}":
            path.write_bytes(path.read_bytes().replace(b"Helvetica", b"Courier  "))
        if path.stem == f"wächst {page}":
            with path.open("ab") as file:
                file.write(b"%")
        yield message
