"""Where a piece of text stands on a page, found through the text layer after the file is written.

Boxes are (x0, y0, x1, y1) in points (1/72 inch), top-left origin, as a reader shows the page: rotated by /Rotate and
cut to the crop box.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

Box = tuple[float, float, float, float]


def squash(text: str) -> str:
    """The text without white space, as evidence is compared."""
    return "".join(text.split())


def as_displayed(page: pdfium.PdfPage, box: Box) -> Box:
    """A (left, bottom, right, top) box of the page's own space, as the page is shown.

    /Rotate 90 turns clockwise: the page's bottom-left corner becomes the top-left corner of the screen.
    """
    x0, y0, x1, y1 = page.get_cropbox()
    left, bottom, right, top = box
    match page.get_rotation():
        case 0:
            return left - x0, y1 - top, right - x0, y1 - bottom
        case 90:
            return bottom - y0, left - x0, top - y0, right - x0
        case 180:
            return x1 - right, bottom - y0, x1 - left, top - y0
        case _:
            return y1 - top, x1 - right, y1 - bottom, x1 - left


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of them."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def by_line(boxes: Iterable[Box]) -> list[Box]:
    """One box a line: a character starts a new line when its middle is outside the line so far."""
    lines: list[list[Box]] = []
    for box in boxes:
        middle = (box[1] + box[3]) / 2
        if lines and lines[-1][0][1] - 1 <= middle <= lines[-1][0][3] + 1:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [union(line) for line in lines]


def find(pdf: Path | bytes, number: int, evidence: str) -> list[Box]:
    """The lines that hold `evidence` on 1-based page `number`; white space is ignored, one match is demanded."""
    with pdfium.PdfDocument(pdf) as document:
        page = document[number - 1]
        text = page.get_textpage()
        found = [
            (chr(code), as_displayed(page, text.get_charbox(i, loose=True)))
            for i in range(text.count_chars())
            if not chr(code := pdfium_c.FPDFText_GetUnicode(text, i)).isspace() and code
        ]
    wanted, letters = squash(evidence), "".join(letter for letter, _ in found)
    if letters.count(wanted) != 1:
        where = pdf.name if isinstance(pdf, Path) else "a picture's page"
        raise SystemExit(
            f"{where} page {number} holds {evidence!r} {letters.count(wanted)} times, not once: mend the question."
        )
    start = letters.index(wanted)
    return by_line(box for _, box in found[start : start + len(wanted)])


def padded(box: Box, width: float, height: float, by: float = 1.0) -> list[float]:
    """The box with a little air, kept inside the page, to a tenth of a point."""
    x0, y0, x1, y1 = box
    edges = max(x0 - by, 0), max(y0 - by, 0), min(x1 + by, width), min(y1 + by, height)
    return [round(edge, 1) for edge in edges]
