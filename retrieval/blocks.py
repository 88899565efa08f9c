"""Blocks of a page: lines that belong together by where they stand, such as a paragraph, or a column of a table.

Told from the words' boxes alone, so that scans and drawings have blocks, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .types import Box, Word

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


def find_blocks(words: Sequence[Word], lines: Sequence[tuple[int, int]]) -> list[Block]:
    """The blocks of a page, in the order of their first words; each of the lines (`split_lines`) is in one.

    The numbers at the top of this file were chosen by how well blocks fit regions that people drew
    (`benchmarks/RESULTS.md`).
    """
    if not lines:
        return []
    edges = np.array([word.box for word in words], np.float64)
    starts = [first for first, _ in lines]
    low, high = np.minimum.reduceat(edges[:, :2], starts), np.maximum.reduceat(edges[:, 2:], starts)
    heights = edges[:, 3] - edges[:, 1]
    height = np.array([np.median(heights[first:last]) for first, last in lines])
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


def _connected(together: np.ndarray) -> list[list[int]]:
    """The connected parts of a graph, `(nodes, nodes)` of truths; each ascending, by their first nodes."""
    left, parts = np.ones(len(together), bool), []
    while left.any():
        part = np.zeros(len(together), bool)
        new = np.flatnonzero(left)[:1]
        while len(new):
            part[new] = True
            left[new] = False
            new = np.flatnonzero(together[new].any(axis=0) & left)
        parts.append(np.flatnonzero(part).tolist())
    return parts
