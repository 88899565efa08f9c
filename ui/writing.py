"""An answer that is being written beside the page: in a thread, so that opening a page does not begin it again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Event, Thread

from ..retrieval.errors import PagesightError
from ..retrieval.types import Answer

logger = logging.getLogger(__name__)

BROKEN = "Something went wrong here. The log of the server says what."


class Writing:
    """Follows a stream of pieces that ends with its `Answer`. Its fields may be read at any time."""

    def __init__(self, stream: Callable[[], Iterator[str | Answer]]) -> None:
        self.text = ""
        """What was written so far."""
        self.answer: Answer | None = None
        self.error: str | None = None
        """Why there is no answer, in a line for the reader."""
        self._stop = Event()
        self._done = Event()
        Thread(target=self._run, args=(stream,), name="answer", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    @property
    def stopped(self) -> bool:
        """Whether somebody ended it before its time."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it is there."""
        return self._done.wait(seconds)

    def stop(self) -> None:
        """End it, at the other end with the next piece; nobody waits for it any more."""
        self._stop.set()

    def _run(self, stream: Callable[[], Iterator[str | Answer]]) -> None:
        try:
            for piece in stream():
                if self._stop.is_set():
                    return
                if isinstance(piece, Answer):
                    self.answer = piece
                else:
                    self.text += piece
        except PagesightError as error:
            self.error = str(error)
        except Exception:
            logger.exception("Writing an answer failed")
            self.error = BROKEN
        finally:
            self._done.set()
