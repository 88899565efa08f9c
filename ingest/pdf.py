"""PDF pages through PDFium: their size, text layer and picture, all in the display frame.

PDFium is not thread-safe: one thread of a process uses it, which the caller sees to. It is imported on first use.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..retrieval.errors import DocumentEncrypted, DocumentUnreadable
from .ocr import OCR_DPI, OCR_LONG_SIDE, OcrEngine, read_picture
from .parsed import ParsedDocument, ParsedPage, ParseOptions
from .passages import HEADING_RATIO, headings, passages
from .pictures import OCR_HEADING_RATIO, is_blank, webp
from .text_layer import may_be_scan, unreadable
from .words import EMPTY, PageText, page_text

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_POINTS = 20_000
"""The format's limit is 14,400 (200 inches); some CAD exports exceed it a little. Beyond this the size is a mistake."""
MIN_PIXELS = 16
"""Of a page image's shorter side: a sliver of a page is drawn larger rather than not at all."""

_PASSWORD, _SECURITY = 4, 5  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
_NO_TITLE = re.compile(
    r"(untitled|document|presentation|slide|book|microsoft \w+|powerpoint presentation)[\s\d-]*", re.I
)
_PROGRAM = re.compile(r"^microsoft (word|powerpoint|excel)\s*-\s*", re.I)


class PdfDocument:
    """A PDF file. A context manager; use it in one thread.

    Raises `DocumentEncrypted` or `DocumentUnreadable` with the reason alone ("it is encrypted; …");
    `open_document` names the file.
    """

    def __init__(self, path: Path, password: str | None, options: ParseOptions, ocr: OcrEngine | None) -> None:
        import pypdfium2

        self._options, self._ocr = options, ocr
        self._file = None
        source: Any = path
        try:
            str(path).encode()
        except UnicodeEncodeError:  # pypdfium2 5 passes names as UTF-8, and this one is not
            source = self._file = path.open("rb")
        try:
            self._pdf = pypdfium2.PdfDocument(source, password=password)
        except pypdfium2.PdfiumError as error:
            self._close_file()
            raise _open_error(error.err_code, password) from error
        except OSError:
            self._close_file()
            raise
        pages = len(self._pdf)
        if pages < 1:
            self.close()
            raise DocumentUnreadable("it has no pages; there is nothing to add")
        with suppress(pypdfium2.PdfiumError):  # a broken form is no reason not to read the pages
            self._pdf.init_forms()
        self.info = ParsedDocument(
            title=_title(self._pdf.get_metadata_value("Title"), path), pages=pages, media_type="application/pdf"
        )

    def __enter__(self) -> PdfDocument:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._pdf.close()
        self._close_file()

    def read_page(self, number: int) -> ParsedPage:
        """Page `number`, from 1. Raises `DocumentUnreadable` for a page that cannot be read; others may be."""
        if not 1 <= number <= self.info.pages:
            raise IndexError(f"page {number} of {self.info.pages}")
        with self._page(number) as page:
            size, rotation = _size(page, number)
            image = _draw(page, number, self._scale(size))
            text, origin = self._text(page, number, size, image)
            return ParsedPage(
                number=number,
                width=size[0],
                height=size[1],
                rotation=rotation,
                text=text.text,
                text_origin=origin,
                words=text.words,
                passages=passages(text),
                headings=headings(text, OCR_HEADING_RATIO if origin == "ocr" else HEADING_RATIO),
                image=webp(image, self._options.webp_quality),
                image_size=image.size,
            )

    def _text(self, page: Any, number: int, size: tuple[float, float], image: Image) -> tuple[PageText, Any]:
        """The page's text and where it came from: the text layer, or OCR where that does not say what is shown."""
        text, usable = EMPTY, False
        if self._options.ocr != "force":
            codes, boxes = _characters(page, size)
            text = page_text(codes, boxes, size)
            usable = unreadable(codes, boxes, text, size) is None
        if self._ocr is not None and not (usable and not may_be_scan(text, _picture_share(page, size, text))):
            scale = min(OCR_DPI / 72, OCR_LONG_SIDE / max(size))
            if not is_blank(image):
                seen = read_picture(self._ocr, _draw(page, number, max(scale, MIN_PIXELS / min(size))), size)
                if not usable or seen.letters > text.letters:
                    return seen, "ocr" if seen.words else "none"
        return (text, "layer") if usable else (EMPTY, "none")

    def _scale(self, size: tuple[float, float]) -> float:
        """Pixels a point, for the page image."""
        scale = min(self._options.dpi / 72, math.sqrt(self._options.max_pixels / (size[0] * size[1])))
        return max(scale, min(MIN_PIXELS / min(size), self._options.max_pixels / max(size) / MIN_PIXELS))

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        import pypdfium2

        try:
            page = self._pdf[number - 1]
        except pypdfium2.PdfiumError as error:
            raise DocumentUnreadable(f"page {number} is broken or missing in the file") from error
        try:
            yield page
        finally:
            page.close()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()


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


def _size(page: Any, number: int) -> tuple[tuple[float, float], int]:
    """The page as displayed: width and height in points, and the rotation that was applied."""
    width, height = page.get_size()
    if not (math.isfinite(width) and math.isfinite(height) and 0 < width <= MAX_POINTS and 0 < height <= MAX_POINTS):
        raise DocumentUnreadable(
            f"page {number} is {width:.6g} x {height:.6g} points, and a page has at most {MAX_POINTS}; "
            "its size in the file is a mistake"
        )
    return (width, height), page.get_rotation()


def _characters(page: Any, size: tuple[float, float]) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The text layer: `(characters,)` Unicode, and `(characters, 4)` boxes in the display frame.

    Loose boxes: as high as the font's line and as wide as the advance, so that a word's box holds its accents.
    About 1 µs a character, the rest of the way to words is done on arrays.
    """
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        layer = page.get_textpage()
    except pypdfium2.PdfiumError:  # no text that PDFium can make sense of
        return np.empty(0, np.uint32), np.empty((0, 4), np.float32)
    count = max(layer.count_chars(), 0)
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
    matrix = display_map(_bounds(page, size), page.get_rotation())
    corners = np.stack((raw[:, [0, 3]] @ matrix[:, :2].T, raw[:, [2, 1]] @ matrix[:, :2].T)) + matrix[:, 2]
    boxes = np.hstack((corners.min(0), corners.max(0))).astype(np.float32)
    # beyond the basic plane PDFium gives two UTF-16 halves, each with the character's box
    high = np.append((codes[:-1] & 0xFC00 == 0xD800) & (codes[1:] & 0xFC00 == 0xDC00), False) if count else codes > 0
    if high.any():
        low = np.flatnonzero(high) + 1
        codes[high] = 0x10000 + ((codes[high] & 0x3FF) << 10) + (codes[low] & 0x3FF)
        codes, boxes = np.delete(codes, low), np.delete(boxes, low, 0)
    return codes, boxes


def _bounds(page: Any, size: tuple[float, float]) -> tuple[float, float, float, float]:
    """The part of the page that is shown, in its own frame: left, bottom, right, top."""
    import pypdfium2.raw as pdfium

    box = pdfium.FS_RECTF()
    if pdfium.FPDF_GetPageBoundingBox(page, ctypes.byref(box)) and box.right > box.left and box.top > box.bottom:
        return box.left, box.bottom, box.right, box.top
    width, height = size if page.get_rotation() % 180 == 0 else size[::-1]
    return 0.0, 0.0, width, height


def _picture_share(page: Any, size: tuple[float, float], text: PageText) -> float:
    """How much of the page pictures cover, 0 to 1; counted only where the text leaves a doubt."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    if not may_be_scan(text, 1.0):
        return 0.0
    left, bottom, right, top = _bounds(page, size)
    covered = 0.0
    with suppress(pypdfium2.PdfiumError):
        for shape in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            x0, y0, x1, y1 = shape.get_bounds()
            covered += max(min(x1, right) - max(x0, left), 0) * max(min(y1, top) - max(y0, bottom), 0)
    return min(covered / (size[0] * size[1]), 1.0)


def _draw(page: Any, number: int, scale: float) -> Image:
    """The page as a picture, at `scale` pixels a point, with annotations and filled-in forms."""
    import pypdfium2

    try:
        # four bytes a pixel: twice as fast as three, in PDFium and in the conversion
        bitmap = page.render(scale=scale, prefer_bgrx=True)
    except (pypdfium2.PdfiumError, MemoryError) as error:
        raise DocumentUnreadable(f"page {number} cannot be drawn; it is broken or too large") from error
    image = bitmap.to_pil().convert("RGB")
    bitmap.close()
    return image


def _open_error(code: int | None, password: str | None) -> DocumentEncrypted | DocumentUnreadable:
    if code == _PASSWORD and not password:
        return DocumentEncrypted("it is encrypted; pass --password")
    if code == _PASSWORD:
        return DocumentEncrypted("it is encrypted with another password; check --password")
    if code == _SECURITY:
        return DocumentEncrypted("it is encrypted in a way that PDFium does not know; save it without encryption")
    return DocumentUnreadable("it is broken or cut short; get another copy, or save it again with a PDF program")


def _title(stated: str, path: Path) -> str | None:
    """The file's own title, unless it is what programs write when nobody gave one, or the file's name."""
    title = " ".join("".join(character if character.isprintable() else " " for character in stated).split())
    title = _PROGRAM.sub("", title)
    if len(title) < 3 or "\ufffd" in title or _NO_TITLE.fullmatch(title) or not any(map(str.isalpha, title)):
        return None
    if re.search(r"\.(pdf|docx?|pptx?|xlsx?|indd|qxd|tex|dvi|ps)$", title, re.I) or title == path.stem:
        return None
    return title[:300]
