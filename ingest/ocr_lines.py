"""Reading lines of text with PP-OCR's recogniser: narrow ones share a strip, and each core reads strips of its own.

The recogniser wants strips of 320 pixels and more at a height of 48, and computes what is padded like the rest. Most
lines in tables and charts are narrower: read one by one, they cost more in padding than in letters. Padded less they
read worse, side by side with gaps they read as well (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT = 48
LEAST = 320
"""Pixels of a strip, as the recogniser was trained."""
STRIP = 640
"""Pixels up to which lines share a strip; a longer line has one for itself."""
GAP = 16
"""Pixels between lines in a strip."""
SQUEEZE = 0.85
"""Lines are drawn this much narrower than they are, which costs less and reads no worse (benchmarks/RESULTS.md)."""


@dataclass(frozen=True, slots=True)
class LineText:
    """What a picture of a line says."""

    text: str
    score: float
    """0 to 1: how sure the recogniser is of its letters, on average."""
    edges: NDArray[np.float64]
    """`(letters, 2)`: where each begins and ends, as shares of the line's width."""


NOTHING = LineText("", 0.0, np.zeros((0, 2)))


class LineReader:
    """Reads pictures of lines. `recogniser` is RapidOCR's, of one thread; `threads` of ours use it at a time."""

    def __init__(self, recogniser: Any, threads: int) -> None:
        self._session = recogniser.session
        self._letters: list[str] = recogniser.postprocess_op.character  # the first one stands for no letter
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def read(self, lines: Sequence[NDArray[np.uint8]]) -> list[LineText]:
        """The text of each picture `(height, width, 3)`, blue first, of one upright line."""
        scaled = [_scaled(line) for line in lines]
        found = [NOTHING] * len(lines)

        def read_strip(chosen: Sequence[int]) -> None:
            for i, line in zip(chosen, self._read_strip([scaled[i] for i in chosen]), strict=True):
                found[i] = line

        strips = list(_strips([line.shape[2] for line in scaled]))
        if self._threads == 1 or len(strips) == 1:
            for strip in strips:
                read_strip(strip)
        else:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, "pagesight-ocr")
            # The longest first, so that no core is left with one when the others are done.
            list(self._pool.map(read_strip, reversed(strips)))
        return found

    def _read_strip(self, lines: Sequence[NDArray[np.float32]]) -> list[LineText]:
        widths = np.array([line.shape[2] for line in lines])
        starts = np.cumsum([0, *(widths[:-1] + GAP)])
        strip = np.zeros((1, 3, HEIGHT, max(LEAST, int(starts[-1] + widths[-1]))), np.float32)  # 0 is grey
        for start, line in zip(starts, lines, strict=True):
            strip[0, :, :, start : start + line.shape[2]] = line
        steps = self._session(strip)[0]
        best = steps.argmax(1)
        firsts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])  # of each run of steps with one letter
        lasts = np.r_[firsts[1:], len(best)]
        letters = best[firsts] != 0
        firsts, lasts = firsts[letters], lasts[letters]
        centres = (firsts + lasts) / 2 * strip.shape[3] / len(steps)
        owners = np.searchsorted(starts[1:] - GAP / 2, centres)
        found = []
        for number, (start, width) in enumerate(zip(starts, widths, strict=True)):
            own = np.flatnonzero(owners == number)
            text = "".join(self._letters[best[first]] for first in firsts[own])
            sure = float(steps[firsts[own], best[firsts[own]]].mean()) if len(own) else 0.0
            found.append(_line(text, sure, (centres[own] - start) / width))
        return found


def _line(text: str, score: float, centres: NDArray[np.float64]) -> LineText:
    """Letters reach half way to the next. The outer ones are as wide as most, and pictures of lines have a margin:
    they end half way between what the one says and the other.
    """
    if not text.strip():
        return NOTHING
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2 if len(centres) > 1 else 0.5
    ends = (centres[0] - half) / 2, (centres[-1] + half + 1) / 2
    edges = np.clip(np.r_[ends[0], (centres[1:] + centres[:-1]) / 2, ends[1]], 0.0, 1.0)
    return LineText(text, score, np.stack([edges[:-1], edges[1:]], 1))


def _strips(widths: Sequence[int]) -> Iterator[list[int]]:
    """Which lines share a strip: neighbours by width, the narrow ones first."""
    strip: list[int] = []
    used = 0
    for i in np.argsort(widths, kind="stable").tolist():
        if strip and used + GAP + widths[i] > STRIP:
            yield strip
            strip, used = [], 0
        used += widths[i] + (GAP if strip else 0)
        strip.append(i)
    if strip:
        yield strip


def _scaled(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(3, HEIGHT, width)`, -1 to 1."""
    import cv2

    height, width = line.shape[:2]
    small = cv2.resize(line, (max(1, round(SQUEEZE * HEIGHT * width / height)), HEIGHT))
    return small.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1.0
