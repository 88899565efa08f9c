"""Adding a folder with kills: `python killed_runs.py LIBRARY FOLDER STORE KILLS` prints how many there were, and what a
reader saw.

A run is a fork of this process, which has imported everything and opened nothing. First it is killed once before and
once after each of `POINTS`; then at random moments; then before random changes of the disk, until that is enough, and
then it is let through. Another fork searches all the while.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chromadb  # noqa: F401 - imported once, before anything is forked
from drafts import empty_library
from killing import survives

from pagesight.ingest import add
from pagesight.retrieval import Settings, catalog, open_library, writer
from pagesight.retrieval.language import language_of
from pagesight.retrieval.stores.chroma_store import ChromaStore
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.tantivy_index import TantivyIndex

POINTS: tuple[tuple[Any, str], ...] = (
    (catalog.Catalog, "put_source"),  # of the file that cannot be read, which is met first and only once
    (catalog.Catalog, "begin_job"),
    (MultiVectorSegments, "add_packed"),
    (TantivyIndex, "add"),
    (ChromaStore, "add"),
    (FaissStore, "add"),
    (writer, "write_whole"),
    (writer, "put_draft_pages"),
    (TantivyIndex, "seal"),
    (catalog.Catalog, "put_document"),
    (catalog, "move_pages"),
)
MOMENTS = 6
STEPS = 150
"""Calls that change the disk, at most, until a run is killed; a document takes some."""
OPTIONS: dict[str, Any] = {"ocr": "off", "dpi": 36}


def stored_in(store: str) -> dict[str, Any]:
    """The settings of a library with that vector store."""
    return {**OPTIONS, "vector_store": store}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        os.fsync = lambda handle: None  # what a killed process has written stays, and flushing takes most of the time
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - said, and then told by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(place: Any, name: str, *, after: bool, calls: int) -> None:
    """Die at one of the next calls of a function."""
    function, left = getattr(place, name), [calls]

    def deadly(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and not after:
            die()
        result = function(*args, **kwargs)
        if left[0] == 0:
            die()
        return result

    setattr(place, name, deadly)


def search(library: Path, settings: Settings, said: int) -> None:
    """Search until told to stop; what is found must be whole."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    searches, parent = 0, os.getppid()
    with open_library(library, settings) as opened:
        while not stop.is_set() and os.getppid() == parent:
            for hit in opened.retrieve("Wärmepumpe 7", k=5):
                pages = opened.catalog.pages_of(hit.page.document)
                document = next((one for one in opened.documents() if one.id == hit.page.document), None)
                assert document is not None
                assert len(pages) == document.pages
                assert opened.page_image(hit.page)
            searches += 1
            stop.wait(1.5)  # the writer needs the processor, too
    os.write(said, str(searches).encode())


def main(path: Path, folder: Path, store: str, enough: int) -> None:
    rng, kills, options = random.Random(7), 0, stored_in(store)
    language_of("Loaded once, before anything is forked.")

    def run() -> None:
        with empty_library(path, **options) as library:
            list(add(library, [folder]))

    empty_library(path, **options).close()
    heard, said = os.pipe()
    reader = fork(lambda: search(path, Settings(**options), said))
    os.close(said)  # so that reading ends when the reader does
    for place, name in POINTS:
        if place is (ChromaStore if store == "faiss" else FaissStore):
            continue
        for after in (False, True):

            def dying(place: Any = place, name: str = name, after: bool = after) -> None:
                killed_at(place, name, after=after, calls=1)
                run()

            kills += ended(fork(dying)) == -signal.SIGKILL
    for _ in range(MOMENTS):
        child = fork(run)
        time.sleep(rng.uniform(0.2, 0.9))
        os.kill(child, signal.SIGKILL)
        kills += ended(child) == -signal.SIGKILL
    while kills < enough and not survives(rng.randint(20, STEPS), run):
        kills += 1
    assert ended(fork(run)) == 0
    os.kill(reader, signal.SIGTERM)
    status = ended(reader)
    print(json.dumps({"kills": kills, "reader": status, "searches": int(os.read(heard, 100) or 0)}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
