"""Rules, frames and coloured bands of tables, found in a page's picture: libraries keep words, and no lines.

Everything that separates rows or columns is an edge: a long straight run of pixels that differ from those two rows (or
columns) further on. A rule is two edges close together, a coloured band or a stripe ends in one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..retrieval.types import Box

if TYPE_CHECKING:
    from PIL.Image import Image

LEVELS = 5
"""Of 255. Stripes in use are 7 to 20 levels from white; WebP at quality 80 wavers by 2 to 3 on flat colour."""
SHORTEST = 14.0
"""Points. Letters of running text make straight runs of 10 points at most."""
THICK = 3.0
"""Points: edges closer together than this are one rule."""
MOST_EDGES = 1500
"""Lying or standing ones of a page, that are kept."""
_STEP = 2
"""Pixels between those compared: an edge that falls between two pixels is smeared over both."""
_HOLE = 1
"""Pixels by which a run may be broken. From 2 on, the tops of a line's letters join to an edge."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight line or border, along one axis. Points, display frame."""

    at: float
    """Where on the other axis: y of a lying edge, x of a standing one."""
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Edges:
    """What a picture shows of separators."""

    lying: tuple[Edge, ...] = ()
    """Top to bottom."""
    standing: tuple[Edge, ...] = ()
    """Left to right."""

    def across(self, x0: float, x1: float, y0: float, y1: float) -> list[float]:
        """The y of lying edges, between y0 and y1, that run under at least nine tenths of x0 to x1."""
        found: dict[float, float] = {}
        for edge in self.lying:
            if y0 <= edge.at <= y1:
                # Pieces at one height are added up: cells with rules of their own leave gaps at their borders.
                near = next((at for at in found if abs(at - edge.at) < THICK / 2), edge.at)
                found[near] = found.get(near, 0.0) + max(0.0, min(edge.end, x1) - max(edge.start, x0))
        return sorted(at for at, covered in found.items() if covered >= 0.9 * (x1 - x0))


def find_edges(picture: Image, size: tuple[float, float]) -> Edges:
    """The edges of a page's picture. `size`: the page's width and height in points."""
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    across, down = size[0] / pixels.shape[1], size[1] / pixels.shape[0]
    return Edges(_runs(pixels, down, across), _runs(pixels.transpose(1, 0, 2), across, down))


def _runs(pixels: NDArray[np.int16], unit: float, along: float) -> tuple[Edge, ...]:
    """Lying edges of `(rows, columns, 3)`; `unit` and `along` are points a row and a column."""
    if pixels.shape[0] <= _STEP:
        return ()
    step = np.abs(pixels[_STEP:] - pixels[:-_STEP]) > LEVELS
    changed = step[..., 0] | step[..., 1] | step[..., 2]  # `any` over so short an axis takes ten times as long
    shortest = max(2, int(SHORTEST / along))
    rows = np.flatnonzero(changed.sum(axis=1) >= shortest)
    row, column = np.nonzero(np.diff(changed[rows].astype(np.int8), axis=1, prepend=0, append=0))
    if not len(row):
        return ()
    row, starts, ends = row[::2], column[::2], column[1::2]
    first = np.flatnonzero((np.diff(row, prepend=-1) > 0) | (np.append(_HOLE + 1, starts[1:] - ends[:-1]) > _HOLE))
    row, starts, ends = row[first], starts[first], ends[np.append(first[1:] - 1, len(ends) - 1)]
    found = [
        Edge((int(rows[row[i]]) + (_STEP + 1) / 2) * unit, float(starts[i]) * along, float(ends[i]) * along)
        for i in np.flatnonzero(ends - starts >= shortest)
    ]
    # A photograph has ten thousands of short edges, and a page of tables some hundred long ones.
    longest = sorted(found, key=lambda edge: -edge.length)[:MOST_EDGES]
    return _thin(sorted(longest, key=lambda edge: edge.at))


def _thin(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """One edge for neighbours that run beside each other: both sides of a rule, and the smear of one side."""
    groups: list[list[Edge]] = []
    open_groups: list[list[Edge]] = []
    for edge in edges:  # in order of `at`
        open_groups = [group for group in open_groups if edge.at - group[0].at <= THICK]
        beside = [
            group for group in open_groups if _overlap(group[-1], edge) > 0.5 * min(group[-1].length, edge.length)
        ]
        if beside:
            beside[0].append(edge)
        else:
            groups.append([edge])
            open_groups.append(groups[-1])
    thin = [
        Edge((group[0].at + group[-1].at) / 2, min(edge.start for edge in group), max(edge.end for edge in group))
        for group in groups
    ]
    return tuple(sorted(thin, key=lambda edge: (edge.at, edge.start)))


def _overlap(one: Edge, other: Edge) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


@dataclass(frozen=True, slots=True)
class Frame:
    """A grid of rules: at least two by two cells."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    spans: tuple[tuple[int, int, int, int], ...]
    """Cells as `(row, column, rows, columns)`, covering the grid; merged ones span."""

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])


def find_frames(edges: Edges) -> list[Frame]:
    """Grids of lying and standing rules that cross; a table that is ruled both ways is one."""
    lying, standing = list(edges.lying), list(edges.standing)
    parent = list(range(len(lying) + len(standing)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, flat in enumerate(lying):
        for j, tall in enumerate(standing, len(lying)):
            if flat.start - THICK <= tall.at <= flat.end + THICK and tall.start - THICK <= flat.at <= tall.end + THICK:
                parent[root(i)] = root(j)
    groups: dict[int, tuple[list[Edge], list[Edge]]] = defaultdict(lambda: ([], []))
    for i, edge in enumerate([*lying, *standing]):
        groups[root(i)][i >= len(lying)].append(edge)
    frames = []
    for flats, talls in groups.values():
        ys, xs = _positions(flats), _positions(talls)
        if len(ys) >= 3 and len(xs) >= 3 and len(ys) * len(xs) <= 10_000:
            frames.append(Frame(xs, ys, _spans(xs, ys, flats, talls)))
    return sorted(frames, key=lambda frame: frame.box.y0)


def _positions(edges: Sequence[Edge]) -> tuple[float, ...]:
    places: list[list[float]] = []
    for at in sorted(edge.at for edge in edges):
        if places and at - places[-1][-1] <= THICK:
            places[-1].append(at)
        else:
            places.append([at])
    return tuple(sum(place) / len(place) for place in places)


def _spans(
    xs: Sequence[float], ys: Sequence[float], lying: Sequence[Edge], standing: Sequence[Edge]
) -> tuple[tuple[int, int, int, int], ...]:
    """Cells joined where the rule between them is missing; what joins to no rectangle stays single cells."""
    rows, columns = len(ys) - 1, len(xs) - 1
    ruled = _ruled(lying), _ruled(standing)
    used = np.zeros((rows, columns), bool)
    spans = []
    for row in range(rows):
        for column in range(columns):
            if used[row, column]:
                continue
            wide, high = 1, 1
            while column + wide < columns and not (
                used[row, column + wide] or ruled[1](xs[column + wide], ys[row], ys[row + 1])
            ):
                wide += 1
            while (
                row + high < rows
                and not any(
                    used[row + high, at] or ruled[0](ys[row + high], xs[at], xs[at + 1])
                    for at in range(column, column + wide)
                )
                and not any(
                    ruled[1](xs[at], ys[row + high], ys[row + high + 1]) for at in range(column + 1, column + wide)
                )
            ):
                high += 1
            used[row : row + high, column : column + wide] = True
            spans.append((row, column, high, wide))
    return tuple(spans)


def _ruled(edges: Sequence[Edge]) -> Callable[[float, float, float], bool]:
    def between(at: float, start: float, end: float) -> bool:
        covered = sum(
            max(0.0, min(edge.end, end) - max(edge.start, start)) for edge in edges if abs(edge.at - at) <= THICK
        )
        return covered >= 0.6 * (end - start)

    return between
