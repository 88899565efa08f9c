"""From words to what stands beside each other: chunks, lines, running text, columns and rows of a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from ..retrieval.evidence import around
from ..retrieval.types import Box, Word

_NUMBER = re.compile(
    r"[(\[<>≤≥±~≈+\-–−]{0,3} ?[$€£¥₩₪₴]? ?[+\-–−]?\d[\d.,\u00a0\u202f' /:–-]*"
    r"[^\W\d_]{0,4}(?:[%‰°×)\]*†/²³ ][^\W\d_]{0,4}){0,3}"
)
_MARK = re.compile(r"^(?:[•·▪◦‣*\-–—]|\(?\d{1,3}[.)]|\(?[a-zа-яא-ת][.)])$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Words that follow each other on a line without a gap: a cell, or a line of one, or a line of text."""

    words: tuple[Word, ...]
    box: Box
    order: int
    """Of its first word on the page."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def numeric(self) -> bool:
        return is_numeric(self.text)


def is_numeric(text: str) -> bool:
    """Whether a cell is a figure, with or without its unit; a dash stands for one that there is not.

    >>> [is_numeric(text) for text in ("4,512", "−7.1%", "€63.00", "86 g", "–", "G 1/4", "Größe")]
    [True, True, True, True, True, False, False]
    """
    return text.strip() in ("–", "—", "-", "−", "n/a") or _NUMBER.fullmatch(text.strip()) is not None


def is_mark(text: str) -> bool:
    """Whether a text is only the bullet or number of a list's item.

    >>> is_mark("•"), is_mark("2."), is_mark("2.4")
    (True, True, False)
    """
    return _MARK.match(text) is not None


def right_to_left(words: Sequence[Word]) -> bool:
    """Whether most words run right to left.

    >>> right_to_left([Word("גידול", Box(0, 0, 1, 1), 0), Word("85", Box(0, 0, 1, 1), 6)])
    True
    """
    kinds = [unicodedata.bidirectional(letter) for word in words for letter in word.text[:4] if letter.isalpha()]
    turned = sum(kind in ("R", "AL") for kind in kinds)
    return turned * 2 > len(kinds)


def chunks_of(words: Sequence[Word], cuts: Sequence[tuple[float, float, float]] = ()) -> list[Chunk]:
    """Words joined to chunks: on one line, and no further apart than a line's height.

    `cuts`: standing rules as `(x, y0, y1)`; no chunk crosses one.
    """
    order = sorted(range(len(words)), key=lambda i: (words[i].box.center[1], words[i].box.x0))
    open_chunks: list[list[int]] = []
    done: list[list[int]] = []
    for i in order:
        box = words[i].box
        still: list[list[int]] = []
        for chunk in open_chunks:
            reached = words[chunk[-1]].box.y1 > box.y0 - 2 * max(box.height, 1)
            (still if reached else done).append(chunk)
        open_chunks = still
        beside = [chunk for chunk in open_chunks if any(_joined(words[j].box, box, cuts) for j in chunk)]
        merged = [i]
        for chunk in beside:
            merged += chunk
            open_chunks.remove(chunk)
        open_chunks.append(merged)
    chunks = []
    for found in done + open_chunks:
        members = tuple(words[i] for i in sorted(found))  # reading order, so that text stays logical
        chunks.append(Chunk(members, around(members), min(found)))
    return sorted(chunks, key=lambda chunk: (chunk.box.center[1], chunk.box.x0))


def _joined(one: Box, other: Box, cuts: Sequence[tuple[float, float, float]]) -> bool:
    height = max(min(one.height, other.height), 1.0)
    gap = max(other.x0 - one.x1, one.x0 - other.x1)
    # Words of justified text stand up to 0.9 heights apart; columns of dense tables from 1.1 on.
    if min(one.y1, other.y1) - max(one.y0, other.y0) < 0.6 * height or gap > height:
        return False
    middle = one.center[1]
    return not any(
        min(one.x1, other.x1) - 1 <= x <= max(one.x0, other.x0) + 1 and y0 <= middle <= y1 for x, y0, y1 in cuts
    )


def lines_of(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """Chunks whose middles stand at one height, top to bottom; each line left to right."""
    lines: list[list[Chunk]] = []
    for chunk in sorted(chunks, key=lambda chunk: chunk.box.center[1]):
        if lines:
            middle = sum(one.box.center[1] for one in lines[-1]) / len(lines[-1])
            if chunk.box.center[1] - middle < 0.45 * min(chunk.box.height, median(c.box.height for c in lines[-1])):
                lines[-1].append(chunk)
                continue
        lines.append([chunk])
    return [sorted(line, key=lambda chunk: chunk.box.x0) for line in lines]


def running_text(chunks: Sequence[Chunk], walls: Sequence[tuple[float, float, float]] = ()) -> set[int]:
    """Which chunks, by index, are lines of paragraphs: four or more close lines of one width with words enough.

    A cell of a table rarely has four lines; the columns of a paper always have. `walls`: lying rules as
    `(y, x0, x1)`; no paragraph crosses one.
    """
    below: dict[int, int] = {}
    headed: set[int] = set()
    for i, chunk in enumerate(chunks):
        for j in range(i + 1, len(chunks)):
            other = chunks[j]
            if other.box.y0 - chunk.box.y1 > chunk.box.height:
                break
            if j not in headed and _follows(chunk.box, other.box, walls):
                below[i] = j
                headed.add(j)
                break
    found: set[int] = set()
    for start in range(len(chunks)):
        if start in headed:
            continue
        group = [start]
        while group[-1] in below:
            group.append(below[group[-1]])
        widest = max(chunks[i].box.width for i in group)
        words = sum(len(chunks[i].text) for i in group) / len(group)
        full = sum(chunks[i].box.width > 0.75 * widest for i in group) / len(group)
        if len(group) >= 4 and words >= 18 and full >= 0.55:
            found |= set(group)
    return found


def _follows(above: Box, below: Box, walls: Sequence[tuple[float, float, float]]) -> bool:
    height = max(above.height, 1.0)
    shared = min(above.x1, below.x1) - max(above.x0, below.x0)
    return (
        -0.5 * height < below.y0 - above.y1 < 0.9 * height
        and shared > 0.7 * min(above.width, below.width)
        and (abs(above.x0 - below.x0) < 2 * height or abs(above.x1 - below.x1) < 2 * height)
        and 0.75 < below.height / height < 1.33
        and not any(
            above.center[1] < y < below.center[1] and min(x1, above.x1) - max(x0, above.x0) > 0.5 * above.width
            for y, x0, x1 in walls
        )
    )


def columns_of(lines: Sequence[Sequence[Chunk]]) -> list[float]:
    """Where columns part: x of each separator, left to right.

    A separator is a strip that nearly no line covers, between two places where chunks stand. One line in eight may
    run across: a head over several columns, or the title of a section.
    """
    several = [line for line in lines if len(line) > 1]
    if not several:
        return []
    left = min(chunk.box.x0 for line in several for chunk in line)
    right = max(chunk.box.x1 for line in several for chunk in line)
    covered = np.zeros(int((right - left) * 2) + 2, np.int32)  # half points
    for line in several:
        for chunk in line:
            covered[int((chunk.box.x0 - left) * 2) : int((chunk.box.x1 - left) * 2) + 1] += 1
    free = covered <= len(several) // 8
    edges = np.flatnonzero(np.diff(np.concatenate(([False], free, [False])).astype(np.int8)))
    height = median(chunk.box.height for line in several for chunk in line)
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if start == 0 or end == len(free) or (end - start) / 2 < 0.5 * height:
            continue
        emptiest = np.flatnonzero(covered[start:end] == covered[start:end].min()) + start
        found.append(left + float(emptiest[len(emptiest) // 2]) / 2)
    return _used(found, several)


def _used(separators: list[float], lines: Sequence[Sequence[Chunk]]) -> list[float]:
    """Without those that part off a column with fewer than two chunks: that is a stray word."""
    kept = list(separators)
    while kept:
        bounds = [float("-inf"), *kept, float("inf")]
        counts = [
            sum(any(low < chunk.box.center[0] < high for chunk in line) for line in lines)
            for low, high in pairwise(bounds)
        ]
        poorest = min(range(len(counts)), key=counts.__getitem__)
        if counts[poorest] >= 2:
            break
        kept.pop(min(poorest, len(kept) - 1))
    return kept


def rows_of(
    chunks: Sequence[Chunk], separators: Sequence[float], walls: Sequence[float], *, turned: bool = False
) -> list[list[Chunk]]:
    """The rows of a table, top to bottom. `walls`: y of rules and borders of stripes; no row crosses one.

    Chunks that overlap in height are in one row: a cell of one line beside one of two stands between its lines. Further
    lines belong to the row above when they stand closer than rows do. `turned`: the first column is the right one.
    """
    rows: list[list[Chunk]] = []
    for chunk in sorted(chunks, key=lambda chunk: chunk.box.center[1]):
        inset = 0.15 * chunk.box.height  # boxes of tight lines overlap by their descenders
        bottom = max((one.box.y1 - 0.15 * one.box.height for one in rows[-1]), default=0.0) if rows else 0.0
        walled = rows and any(rows[-1][0].box.center[1] < wall < chunk.box.center[1] for wall in walls)
        if rows and chunk.box.y0 + inset < bottom and not walled:
            rows[-1].append(chunk)
        else:
            rows.append([chunk])
    gaps = [_top(below) - _bottom(above) for above, below in pairwise(rows)]
    parted = [any(_bottom(above) - 2 < wall < _top(below) + 2 for wall in walls) for above, below in pairwise(rows)]
    row_gap = min((gap for gap, wall in zip(gaps, parted, strict=True) if wall), default=None)
    if row_gap is not None and sum(parted) < 2:
        row_gap = None  # one rule under the head says nothing about how rows stand
    joined: list[list[Chunk]] = rows[:1]
    for i, row in enumerate(rows[1:]):
        if not parted[i] and _continued(joined[-1], row, gaps, gaps[i], row_gap, separators, turned):
            joined[-1] = joined[-1] + row
        else:
            joined.append(row)
    return joined


def _continued(
    above: list[Chunk],
    row: list[Chunk],
    gaps: Sequence[float],
    gap: float,
    row_gap: float | None,
    separators: Sequence[float],
    turned: bool,
) -> bool:
    if row_gap is not None:  # rules or stripes tell how far apart rows stand
        return gap < 0.6 * row_gap
    usual = median(gaps)
    before, here = _filled(above, separators), _filled(row, separators)
    first = max(before) if turned else min(before)
    if not here < before or first in here or any(chunk.numeric for chunk in row):
        return False
    # A line that leaves the first column empty, closer to the row above than rows are on average.
    return gap < 0.75 * usual


def _filled(row: Sequence[Chunk], separators: Sequence[float]) -> set[int]:
    return {int(np.searchsorted(separators, chunk.box.center[0])) for chunk in row}


def _top(row: Sequence[Chunk]) -> float:
    return min(chunk.box.y0 for chunk in row)


def _bottom(row: Sequence[Chunk]) -> float:
    return max(chunk.box.y1 for chunk in row)
