"""Blocks of a page: lines that belong together by where they stand, such as a paragraph or a table.

Told from the words' boxes alone, so that scans and drawings have blocks, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .types import Box, Word

Edges = NDArray[np.float64]
"""`(boxes, 4)`: x0, y0, x1, y1."""

APART = 3.0
"""Of the smaller line's height: so far beside each other two pieces of a line are still together."""
BELOW = 1.0
"""Of the larger line's height: so far below each other two lines are still together."""
SHARED = 0.3
"""Of the narrower line's width: so much of it stands over or under the other."""
LARGER = 1.6
"""Times as high: such lines are a heading and its text."""
CELL = 7
"""Words of a line that may be a cell of a table; where lines have more, text runs on."""
ROWS = 3
"""Rows of cells that are a table."""
BETWEEN = 2
"""Lines on their own between two rows of cells: further lines of a cell, or the title of a group of rows."""
ROW_GAP = 3.0
"""Of a line's height: rows of a table are no further apart."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together."""

    box: Box
    lines: tuple[tuple[int, int], ...]
    """The first word and the last + 1 of each line, in reading order."""


def edges_of(words: Sequence[Word]) -> Edges:
    """The boxes of words, `(words, 4)`."""
    return np.array([word.box for word in words], np.float64).reshape(-1, 4)


def find_lines(edges: Edges) -> list[tuple[int, int]]:
    """Words in reading order to lines, by their boxes: `(first, last + 1)` of each.

    A line ends where the next word is lower or higher by half its height, or further away than four heights: that is
    another column, or another cell of a table.
    """
    if not len(edges):
        return []
    before, after = edges[:-1], edges[1:]
    height = np.maximum(np.minimum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1]), 1.0)
    overlap = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    # either way: some scripts run right to left
    gap = np.maximum(after[:, 0] - before[:, 2], before[:, 0] - after[:, 2])
    ends = [*(np.flatnonzero((overlap <= height / 2) | (gap >= 4 * height)) + 1).tolist(), len(edges)]
    return list(zip([0, *ends], ends, strict=False))


def line_edges(edges: Edges, lines: Sequence[tuple[int, int]]) -> Edges:
    """The boxes of lines that `find_lines` found, `(lines, 4)`."""
    starts = [first for first, _ in lines]
    return np.hstack([np.minimum.reduceat(edges[:, :2], starts), np.maximum.reduceat(edges[:, 2:], starts)])


def find_blocks(edges: Edges, lines: Sequence[tuple[int, int]]) -> list[Block]:
    """The blocks of a page with words in these boxes, in the order of their first words; each line is in one.

    The numbers at the top of this file were chosen by how well blocks fit regions that people drew
    (`benchmarks/RESULTS.md`).
    """
    if not lines:
        return []
    around = line_edges(edges, lines)
    low, high = around[:, :2], around[:, 2:]
    height = _medians(edges[:, 3] - edges[:, 1], lines)
    size = np.array([last - first for first, last in lines])
    smaller, larger = np.minimum.outer(height, height), np.maximum.outer(height, height)
    overlap = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)  # (lines, lines, 2); below 0: a gap
    across, down = overlap[..., 0], overlap[..., 1]
    width = high[:, 0] - low[:, 0]
    # Two long lines side by side are columns of text.
    beside = (down > smaller / 2) & (-across < APART * smaller) & (np.minimum.outer(size, size) <= CELL)
    under = (down <= smaller / 2) & (-down < BELOW * larger) & (across > SHARED * np.minimum.outer(width, width))
    together = (beside | under) & (larger <= LARGER * smaller)
    # The cells of a table may stand apart, and text near it is none of it.
    table = np.full(len(lines), -1)
    places, sizes = around.tolist(), size.tolist()
    for number, rows in enumerate(_find_tables(places, sizes)):
        table[[i for row in rows for i in row]] = number
    together = np.equal.outer(table, table) & (together | (table >= 0))
    blocks = []
    for members in _connected(together):
        prose = table[members[0]] < 0 and sum(sizes[i] > CELL for i in members) > len(members) / 2
        for part in _paragraphs(edges, lines, places, members) if prose else [members]:
            x0, y0, x1, y1 = zip(*(places[i] for i in part), strict=True)
            blocks.append(Block(Box(min(x0), min(y0), max(x1), max(y1)), tuple(lines[i] for i in part)))
    return sorted(blocks, key=lambda block: block.lines[0])


def _find_tables(places: Sequence[Sequence[float]], sizes: Sequence[int]) -> list[list[list[int]]]:
    """The rows of each table: runs of rows with several cells, and of single short lines between these."""
    tables, rows, waiting = list[list[list[int]]](), list[list[int]](), list[list[int]]()
    bottom = 0.0
    for row in _find_rows(places):
        prose = max(sizes[i] for i in row) > CELL
        height = max(places[i][3] - places[i][1] for i in row)
        apart = min(places[i][1] for i in row) - bottom > ROW_GAP * height
        if rows and (prose or apart or (len(row) == 1 and len(waiting) == BETWEEN)):
            tables.append(rows)
            rows, waiting = [], []
        if prose or not (rows or len(row) > 1):
            continue
        waiting.append(row)
        if len(row) > 1:
            rows, waiting = rows + waiting, []
        bottom = max(places[i][3] for i in row)
    return [rows for rows in [*tables, rows] if sum(len(row) > 1 for row in rows) >= ROWS]


def _find_rows(places: Sequence[Sequence[float]]) -> list[list[int]]:
    """Lines that share more than half of their height, from top to bottom."""
    rows, top, bottom = list[list[int]](), 0.0, 0.0
    for i in sorted(range(len(places)), key=lambda i: places[i][1] + places[i][3]):
        _, low, _, high = places[i]
        if rows and min(bottom, high) - max(top, low) > min(bottom - top, high - low) / 2:
            rows[-1].append(i)
            top, bottom = min(top, low), max(bottom, high)
        else:
            rows.append([i])
            top, bottom = low, high
    return rows


def _paragraphs(
    edges: Edges, lines: Sequence[tuple[int, int]], places: Sequence[Sequence[float]], members: Sequence[int]
) -> list[list[int]]:
    """Running text to paragraphs: one ends with a line at whose end the next line's first word would have fitted."""
    parts = list[list[int]]()
    for column in _columns(places, members):
        left, right = min(places[i][0] for i in column), max(places[i][2] for i in column)
        firsts = edges[[lines[i][0] for i in column]].tolist()
        lasts = edges[[lines[i][1] - 1 for i in column], 0].tolist()
        parts.append(column[:1])
        for at, (before, line) in enumerate(pairwise(column)):
            leftward = lasts[at] < firsts[at][0]  # some scripts run right to left
            room = places[before][0] - left if leftward else right - places[before][2]
            x0, _, x1, _ = firsts[at + 1]
            if room > x1 - x0 + places[line][3] - places[line][1]:
                parts.append([])
            parts[-1].append(line)
    return parts


def _columns(places: Sequence[Sequence[float]], members: Sequence[int]) -> list[list[int]]:
    """Lines in reading order to columns: one begins where a line stands above the one before."""
    parts = [[members[0]]]
    for before, line in pairwise(members):
        if places[line][3] <= places[before][1]:
            parts.append([])
        parts[-1].append(line)
    return parts


def _medians(values: NDArray[np.float64], lines: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Of the values of each line."""
    first, last = np.array(lines).T
    line = np.repeat(np.arange(len(lines)), last - first)
    ordered = values[np.lexsort((values, line))]
    return (ordered[(first + last - 1) // 2] + ordered[(first + last) // 2]) / 2


def _connected(together: NDArray[np.bool_]) -> list[list[int]]:
    """The connected parts of a graph, `(nodes, nodes)` of truths both ways; each ascending, by their first nodes."""
    count = len(together)
    joined = together | np.eye(count, dtype=bool)
    first = np.arange(count)  # the smallest node that each is known to be connected with
    while True:
        nearer = np.where(joined, first, count).min(axis=1)
        nearer = nearer[nearer]
        if (nearer == first).all():
            return [np.flatnonzero(first == node).tolist() for node in np.unique(first)]
        first = nearer
