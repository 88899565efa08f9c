"""What PDFium knows of a page's text and pictures, as arrays in the display frame.

As in `pdf.py`: one thread of a process uses PDFium, and it is imported on first use.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..retrieval.errors import DocumentUnreadable

MOST_CHARACTERS = 500_000
"""Of a page. A book has that many; a table exported as one sheet of 5 metres has fewer. Words of more fill memories."""


def display_map(bounds: tuple[float, float, float, float], rotation: int) -> NDArray[np.float64]:
    """`(2, 3)`: takes `(x, y, 1)` of a page's own frame to the display frame.

    `bounds` is the shown part of the page (left, bottom, right, top; y up), `rotation` clockwise degrees.
    """
    left, bottom, right, top = bounds
    return np.array(
        {
            0: [[1, 0, -left], [0, -1, top]],
            90: [[0, 1, -bottom], [1, 0, -left]],
            180: [[-1, 0, right], [0, 1, -bottom]],
            270: [[0, -1, top], [-1, 0, right]],
        }[rotation],
        np.float64,
    )


def characters(page: Any, size: tuple[float, float]) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The text layer: `(characters,)` Unicode, and `(characters, 4)` boxes in the display frame.

    Loose boxes: as high as the font's line and as wide as the advance, so that a word's box holds its accents.
    About 1 µs a character, the rest of the way to words is done on arrays. Raises `DocumentUnreadable` with the reason
    alone when there are too many.
    """
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        layer = page.get_textpage()
    except pypdfium2.PdfiumError:  # no text that PDFium can make sense of
        return np.empty(0, np.uint32), np.empty((0, 4), np.float32)
    count = max(layer.count_chars(), 0)
    if count > MOST_CHARACTERS:
        layer.close()
        raise DocumentUnreadable(
            f"it has {count:,} characters, and a page may have {MOST_CHARACTERS:,}; print it on more pages"
        )
    handle, unicode_of, box_of, by_reference = (
        layer.raw,
        pdfium.FPDFText_GetUnicode,
        pdfium.FPDFText_GetLooseCharBox,
        ctypes.byref,
    )
    codes = np.array([unicode_of(handle, i) for i in range(count)], np.uint32)
    rectangles = (pdfium.FS_RECTF * count)()
    for i in range(count):
        box_of(handle, i, by_reference(rectangles[i]))
    layer.close()
    raw = np.frombuffer(rectangles, np.float32).reshape(count, 4)  # left, top, right, bottom
    matrix = display_map(bounds(page, size), page.get_rotation())
    corners = np.stack((raw[:, [0, 3]] @ matrix[:, :2].T, raw[:, [2, 1]] @ matrix[:, :2].T)) + matrix[:, 2]
    boxes = np.hstack((corners.min(0), corners.max(0))).astype(np.float32)
    # beyond the basic plane PDFium gives two UTF-16 halves, each with the character's box
    high = np.append((codes[:-1] & 0xFC00 == 0xD800) & (codes[1:] & 0xFC00 == 0xDC00), False) if count else codes > 0
    if high.any():
        low = np.flatnonzero(high) + 1
        codes[high] = 0x10000 + ((codes[high] & 0x3FF) << 10) + (codes[low] & 0x3FF)
        codes, boxes = np.delete(codes, low), np.delete(boxes, low, 0)
    return codes, boxes


def bounds(page: Any, size: tuple[float, float]) -> tuple[float, float, float, float]:
    """The part of the page that is shown, in its own frame: left, bottom, right, top."""
    import pypdfium2.raw as pdfium

    box = pdfium.FS_RECTF()
    if pdfium.FPDF_GetPageBoundingBox(page, ctypes.byref(box)) and box.right > box.left and box.top > box.bottom:
        return box.left, box.bottom, box.right, box.top
    width, height = size if page.get_rotation() % 180 == 0 else size[::-1]
    return 0.0, 0.0, width, height


def picture_share(page: Any, size: tuple[float, float]) -> float:
    """How much of the page pictures cover, 0 to 1."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    left, bottom, right, top = bounds(page, size)
    covered = 0.0
    with suppress(pypdfium2.PdfiumError):
        for shape in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            x0, y0, x1, y1 = shape.get_bounds()
            covered += max(min(x1, right) - max(x0, left), 0) * max(min(y1, top) - max(y0, bottom), 0)
    return min(covered / (size[0] * size[1]), 1.0)
