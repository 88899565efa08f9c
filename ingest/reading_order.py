"""The order in which a reader takes the lines of a page."""

from __future__ import annotations

from collections.abc import Sequence

from ..retrieval.types import Box

FULL_WIDTH = 0.55
"""A line this wide, as a share of all lines' span, crosses columns: a title, or the text of a page without any."""
COLUMN_LINES = 4
"""Fewer lines beside each other are a table's row or a caption, not columns."""
COLUMN_LINE_SHAPE = 6.0
"""Columns of running text have lines at least this many times as wide as high; a table's cells are shorter."""


def reading_order(boxes: Sequence[Box]) -> list[list[int]]:
    """Rows of indexes of `boxes`, top to bottom, each row left to right; columns of running text one by one.

    Lines that cross the columns part the page into bands; within a band, a gutter that no line touches parts
    columns, if both sides hold running text. A table's cells are shorter, so that it is read row by row.
    """
    if not boxes:
        return []
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    rows: list[list[int]] = []
    band: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: boxes[i].center[1]):
        if boxes[i].width > FULL_WIDTH * (right - left):
            rows += _columns(boxes, band)
            band = [i]
            rows += _columns(boxes, band)
            band = []
        else:
            band.append(i)
    return rows + _columns(boxes, band)


def _columns(boxes: Sequence[Box], band: Sequence[int]) -> list[list[int]]:
    for gutter in _gutters(boxes, band):
        sides = [i for i in band if boxes[i].center[0] < gutter], [i for i in band if boxes[i].center[0] >= gutter]
        if all(_is_running_text(boxes, side) for side in sides):
            return _columns(boxes, sides[0]) + _columns(boxes, sides[1])
    return _rows(boxes, band)


def _gutters(boxes: Sequence[Box], band: Sequence[int]) -> list[float]:
    """Middles of the vertical strips that no line of the band touches, widest first."""
    gaps: list[tuple[float, float]] = []
    edge = None
    for i in sorted(band, key=lambda i: boxes[i].x0):
        if edge is not None and boxes[i].x0 > edge:
            gaps.append((edge - boxes[i].x0, (edge + boxes[i].x0) / 2))
        edge = boxes[i].x1 if edge is None else max(edge, boxes[i].x1)
    return [middle for _, middle in sorted(gaps)]


def _is_running_text(boxes: Sequence[Box], side: Sequence[int]) -> bool:
    shapes = sorted(boxes[i].width / max(boxes[i].height, 1e-6) for i in side)
    return len(side) >= COLUMN_LINES and shapes[len(shapes) // 2] >= COLUMN_LINE_SHAPE


def _rows(boxes: Sequence[Box], band: Sequence[int]) -> list[list[int]]:
    """Lines whose middles lie on each other's height are one row."""
    rows: list[list[int]] = []
    for i in sorted(band, key=lambda i: boxes[i].center[1]):
        last = rows[-1][-1] if rows else None
        if last is not None and (
            boxes[last].y0 < boxes[i].center[1] < boxes[last].y1 and boxes[i].y0 < boxes[last].center[1] < boxes[i].y1
        ):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [sorted(row, key=lambda i: boxes[i].x0) for row in rows]
