"""Blocks of a page: lines that belong together by where they stand, such as a paragraph, or a column of a table.

Told from the words' boxes alone, so that scans and drawings have blocks, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    smaller, larger = np.minimum.outer(height, height), np.maximum.outer(height, height)
    overlap = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)  # (lines, lines, 2); below 0: a gap
    across, down = overlap[..., 0], overlap[..., 1]
    width = high[:, 0] - low[:, 0]
    beside = (down > smaller / 2) & (-across < APART * smaller)
    under = (down <= smaller / 2) & (-down < BELOW * larger) & (across > SHARED * np.minimum.outer(width, width))
    together = (beside | under) & (larger <= LARGER * smaller)
    blocks = []
    for members in _connected(together):
        x0, y0 = low[members].min(axis=0).tolist()
        x1, y1 = high[members].max(axis=0).tolist()
        blocks.append(Block(Box(x0, y0, x1, y1), tuple(lines[i] for i in members)))
    return blocks


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
