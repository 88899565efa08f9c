"""Running ahead: an iterator in a thread of its own, so that what makes its items and what uses them overlap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Full, Queue
from typing import Generic, TypeVar

AHEAD = 32
"""Items. Of pages about 10 MB: memory stays flat however long a document is."""

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Runs an iterator in a thread of its own, a bounded number of items ahead; leaving stops it.

    `interrupt` ends what the iterator may be waiting for.
    """

    def __init__(self, make: Callable[[], Iterator[Item]], interrupt: Callable[[], None]) -> None:
        self._make, self._interrupt = make, interrupt
        self._queue: Queue[Item | BaseException | None] = Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pagesight-read-ahead", daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._items()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(0.5)
        while self._thread.is_alive():
            self._interrupt()
            self._thread.join(0.5)

    def _items(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self) -> None:
        iterator = self._make()
        try:
            for item in iterator:
                if not self._put(item):
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the items are used
            self._put(error)
        finally:
            close: Callable[[], None] = getattr(iterator, "close", lambda: None)
            close()

    def _put(self, item: Item | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return True
            except Full:
                continue
        return False
