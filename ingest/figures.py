"""Figures: where a PDF page shows something that is not text, as boxes in the display frame.

Embedded pictures come one by one or in strips; charts are hundreds of lines and shapes. Both are drawn on a coarse
grid, and what hangs together there is one figure.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..retrieval.types import Box, Word
from .pdf_text import bounds, display_map

MOST_OBJECTS = 20_000
"""Looked at on a page: maps have a hundred thousand lines, and these many say where they are. About 0.1 s."""
MOST_FIGURES = 50
SMALLEST = 24.0
"""Points: less high or wide is a bullet, an icon or a rule."""
LEAST_SHARE = 0.004
"""Of the page's area: less is an icon or a logo in a corner of a letterhead."""
WHOLE_PAGE = 0.9
"""Of the page's area: a picture this large is the page, scanned, or its background."""
LEAST_SHAPES = 8
"""Of a drawing; a box around a paragraph has one, an underlined table row three."""
TEXT_SHARE = 0.5
"""Of a drawing's area: more is a text with lines around it."""
_GAP = 10.0
"""Points between parts of one figure."""

Kind = Literal["picture", "drawing"]


def find_figures(page: Any, size: tuple[float, float], words: Sequence[Word]) -> list[tuple[Box, Kind]]:
    """The figures of a PDFium page of `size` points, in reading order; at most `MOST_FIGURES`."""
    pictures, shapes = _objects(page, size)
    area = size[0] * size[1]
    pictures = pictures[_areas(pictures) < WHOLE_PAGE * area]
    found: list[tuple[Box, Kind]] = []
    for box, _ in _clusters(pictures, size, 3.0):
        if _is_large(box, area):
            found.append((box, "picture"))
    text = np.array([word.box for word in words], np.float64).reshape(-1, 4)
    rules, drawn = _rules(shapes, size)
    for part, count in _clusters(drawn, size, _GAP):
        box = _with_rules(part, rules)
        inside = _inside(text, box)
        covered = float(_areas(text[inside]).sum()) / max(box.width * box.height, 1e-9)
        if count >= LEAST_SHAPES and covered <= TEXT_SHARE and _is_large(box, area):
            found.append((_with_labels(box, text), "drawing"))
    return _apart(found)[:MOST_FIGURES]


def _objects(page: Any, size: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes of pictures and of shapes, each `(objects, 4)`, cut to the page."""
    import pypdfium2.raw as pdfium

    kinds: list[bool] = []
    boxes: list[tuple[float, ...]] = []
    for kind, corners in islice(_walk(page.raw, np.eye(3), 0), MOST_OBJECTS):
        kinds.append(kind == pdfium.FPDF_PAGEOBJ_IMAGE)
        boxes.append((*corners.min(0), *corners.max(0)))
    raw = np.array(boxes, np.float64).reshape(-1, 4)
    matrix = display_map(bounds(page, size), page.get_rotation())
    one, other = raw[:, :2] @ matrix[:, :2].T + matrix[:, 2], raw[:, 2:] @ matrix[:, :2].T + matrix[:, 2]
    shown = np.hstack((np.minimum(one, other), np.maximum(one, other)))
    shown = np.clip(np.nan_to_num(shown), 0, [*size, *size])
    there = (shown[:, 2] > shown[:, 0]) | (shown[:, 3] > shown[:, 1])
    picture = np.array(kinds, bool)
    return shown[there & picture], shown[there & ~picture]


def _walk(container: Any, matrix: NDArray[np.float64], depth: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Type and corners `(4, 2)` of each picture and shape, in the page's own frame; forms are walked into.

    PDFium gives what lies in a form in the form's frame.
    """
    import pypdfium2.raw as pdfium

    count, get = (
        (pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject)
        if depth
        else (pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject)
    )
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for i in range(max(count(container), 0)):
        shape = get(container, i)
        kind = pdfium.FPDFPageObj_GetType(shape)
        if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < 5:
            own = pdfium.FS_MATRIX()
            if pdfium.FPDFPageObj_GetMatrix(shape, ctypes.byref(own)):
                inner = np.array([[own.a, own.c, own.e], [own.b, own.d, own.f], [0, 0, 1]])
                yield from _walk(shape, matrix @ inner, depth + 1)
        elif kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING):
            edges = (ctypes.byref(edge) for edge in (left, bottom, right, top))
            if pdfium.FPDFPageObj_GetBounds(shape, *edges):
                x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
                corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]])
                yield kind, (corners @ matrix.T)[:, :2]


def _rules(shapes: NDArray[np.float64], size: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lines that run across the page, which hang nothing together; and all else but backgrounds."""
    width, height = shapes[:, 2] - shapes[:, 0], shapes[:, 3] - shapes[:, 1]
    background = (width > 0.6 * size[0]) & (height > 0.6 * size[1])
    rule = ((width > 0.6 * size[0]) & (height < 3)) | ((height > 0.6 * size[1]) & (width < 3))
    return shapes[rule], shapes[~background & ~rule]


def _with_rules(box: Box, rules: NDArray[np.float64]) -> Box:
    """A drawing with the grid lines above and below it: those of a wide chart run across the page."""
    for _ in range(len(rules)):
        across = np.minimum(rules[:, 2], box.x1) - np.maximum(rules[:, 0], box.x0)
        down = np.maximum(rules[:, 1] - box.y1, box.y0 - rules[:, 3])
        near = (across > 0.8 * box.width) & (down < 2.5 * _GAP) & (rules[:, 2] - rules[:, 0] < 1.5 * box.width)
        grown = box
        for x0, y0, x1, y1 in rules[near].tolist():
            grown = grown.union(Box(x0, y0, x1, y1))
        if grown == box:
            break
        box = grown
    return box


def _clusters(boxes: NDArray[np.float64], size: tuple[float, float], gap: float) -> Iterator[tuple[Box, int]]:
    """Groups of boxes with at most about `gap` points between neighbours: the box around each, and its members."""
    if not len(boxes):
        return
    from scipy.ndimage import label

    cell = max(4.0, max(size) / 500)
    grid = np.zeros((int(size[1] / cell) + 2, int(size[0] / cell) + 2), bool)
    reach = gap / 2
    low = np.floor(np.maximum(boxes[:, :2] - reach, 0) / cell).astype(int)
    high = np.ceil((boxes[:, 2:] + reach) / cell).astype(int)
    for (x0, y0), (x1, y1) in zip(low, high, strict=True):
        grid[y0 : y1 + 1, x0 : x1 + 1] = True
    names, _ = label(grid)  # type: ignore[misc]
    owners = names[low[:, 1], low[:, 0]]
    for owner in np.unique(owners):
        members = boxes[owners == owner]
        yield Box(*members[:, :2].min(0).tolist(), *members[:, 2:].max(0).tolist()), len(members)


def _with_labels(box: Box, text: NDArray[np.float64]) -> Box:
    """A drawing with the words at its edges: the names of a chart's axes are outside its lines."""
    wide = Box(box.x0 - 2 * _GAP, box.y0 - _GAP, box.x1 + 2 * _GAP, box.y1 + 2 * _GAP)
    labels = text[_inside(text, wide)]
    if not len(labels):
        return box
    around = Box(*labels[:, :2].min(0).tolist(), *labels[:, 2:].max(0).tolist())
    # a long line of running text that only begins here is no label
    return box.union(around) if around.width <= wide.width * 1.2 else box


def _apart(found: list[tuple[Box, Kind]]) -> list[tuple[Box, Kind]]:
    """Figures that mostly cover one another are one; top to bottom."""
    kept: list[tuple[Box, Kind]] = []
    for box, kind in sorted(found, key=lambda one: -one[0].width * one[0].height):
        if not any(_overlap(box, other) > 0.6 * box.width * box.height for other, _ in kept):
            kept.append((box, kind))
    return sorted(kept, key=lambda one: (one[0].y0, one[0].x0))


def _overlap(one: Box, other: Box) -> float:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(across, 0) * max(down, 0)


def _inside(boxes: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    return (box.x0 <= x) & (x <= box.x1) & (box.y0 <= y) & (y <= box.y1)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _is_large(box: Box, area: float) -> bool:
    return min(box.width, box.height) >= SMALLEST and box.width * box.height >= LEAST_SHARE * area
