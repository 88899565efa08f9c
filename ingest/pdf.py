"""PDF pages through PDFium: their size, text layer and picture, all in the display frame.

PDFium is not thread-safe: one thread of a process uses it, which the caller sees to. It is imported on first use.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..retrieval.errors import DocumentEncrypted, DocumentUnreadable
from ..retrieval.types import Box
from .figures import find_figures
from .ocr import OCR_DPI, OCR_LONG_SIDE, OcrEngine, read_picture
from .parsed import ParsedDocument, ParsedPage, ParseOptions, TextOrigin
from .passages import HEADING_RATIO, headings, passages
from .pdf_metadata import own_metadata, stated_title
from .pdf_text import characters, picture_share
from .pictures import MAX_WEBP_SIDE, OCR_HEADING_RATIO, as_figures, is_blank, webp
from .text_layer import FEW_WORDS, PICTURE_SHARE, unreadable
from .words import EMPTY, PageText, page_text

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_POINTS = 20_000
"""The format's limit is 14,400 (200 inches); some CAD exports exceed it a little. Beyond this the size is a mistake."""
MIN_PIXELS = 16
"""Of a page image's shorter side: a sliver of a page is drawn larger rather than not at all."""

_FILE, _PASSWORD, _SECURITY = 2, 4, 5  # FPDF_ERR_FILE, FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY


class PdfDocument:
    """A PDF file. A context manager; use it in one thread.

    Raises `DocumentEncrypted` or `DocumentUnreadable` with the reason alone ("it is encrypted; …");
    `open_document` names the file.
    """

    def __init__(self, path: Path, password: str | None, options: ParseOptions, ocr: OcrEngine | None) -> None:
        import pypdfium2
        import pypdfium2.raw as pdfium

        self._options, self._ocr = options, ocr
        self._file = None
        source: Any = path
        try:
            str(path).encode()
        except UnicodeEncodeError:  # pypdfium2 5 passes names as UTF-8, and this one is not
            source = self._file = path.open("rb")
        logging.getLogger("pypdfium2").setLevel(logging.ERROR)  # it tells people to build a PDFium that knows XFA
        # PDFium 8149 leaves the last error as it was when a document has no pages: without this, such a file was
        # "encrypted" if the one before it had been. A document without a name leaves FPDF_ERR_FILE.
        pdfium.FPDF_LoadDocument(b"\0", None)
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
            raise _open_error(_FILE, password)
        with suppress(pypdfium2.PdfiumError):  # a broken form is no reason not to read the pages
            self._pdf.init_forms()
        self.info = ParsedDocument(
            title=stated_title(self._stated("Title"), path),
            pages=pages,
            media_type="application/pdf",
            metadata=own_metadata(self._stated),
        )

    def __enter__(self) -> PdfDocument:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._pdf.close()
        self._close_file()

    def stated(self, names: Iterable[str]) -> dict[str, str]:
        """What the file says of itself, by the names of its entries; `""` where it says nothing."""
        return {name: self._stated(name) for name in names}

    def is_bare(self) -> bool:
        """Whether nothing is drawn on any page; a page that is broken counts as such."""
        import pypdfium2
        import pypdfium2.raw as pdfium

        for page_index in range(self.info.pages):
            with suppress(pypdfium2.PdfiumError):
                page = self._pdf[page_index]
                objects = pdfium.FPDFPage_CountObjects(page)
                page.close()
                if objects > 0:
                    return False
        return True

    def read_page(self, number: int) -> ParsedPage:
        """Page `number`, from 1. Raises `DocumentUnreadable` for a page that cannot be read; others may be."""
        if not 1 <= number <= self.info.pages:
            raise IndexError(f"page {number} of {self.info.pages}")
        with self._page(number) as page:
            size, rotation = _size(page, number)
            image = _draw(page, number, self._scale(size))
            text, origin = self._text(page, number, size, image)
            found = find_figures(page, size, text.words)
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
                figures=as_figures(image, size, [*found, (Box(0, 0, *size), "page")]),
            )

    def _text(self, page: Any, number: int, size: tuple[float, float], image: Image) -> tuple[PageText, TextOrigin]:
        """The page's text and where it came from: the text layer, or OCR where that does not say what is shown."""
        text, usable = EMPTY, False
        if self._options.ocr != "force":
            try:
                codes, boxes = characters(page, size)
            except DocumentUnreadable as error:
                raise DocumentUnreadable(f"page {number} cannot be read: {error}") from error
            text = page_text(codes, boxes, size)
            usable = unreadable(codes, boxes, text, size) is None
        doubtful = not usable or (len(text.words) < FEW_WORDS and picture_share(page, size) >= PICTURE_SHARE)
        if self._ocr is not None and doubtful and not is_blank(image):
            scale = min(max(OCR_DPI / 72, MIN_PIXELS / min(size)), OCR_LONG_SIDE / max(size))
            seen = read_picture(self._ocr, _draw(page, number, scale), size)
            if not usable or seen.letters > text.letters:
                return seen, "ocr" if seen.words else "none"
        return (text, "layer") if usable else (EMPTY, "none")

    def _scale(self, size: tuple[float, float]) -> float:
        """Pixels a point, for the page image."""
        scale = min(self._options.dpi / 72, math.sqrt(self._options.max_pixels / (size[0] * size[1])))
        return min(max(scale, MIN_PIXELS / min(size)), MAX_WEBP_SIDE / max(size))

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        import pypdfium2

        try:
            page = self._pdf[number - 1]
            if _fix_annotations(page):
                page.close()
                page = self._pdf[number - 1]
        except pypdfium2.PdfiumError as error:
            raise DocumentUnreadable(f"page {number} is broken or missing in the file; get another copy") from error
        try:
            yield page
        finally:
            page.close()

    def _stated(self, entry: str) -> str:
        """What the file says of itself; empty where that is no text."""
        try:
            return self._pdf.get_metadata_value(entry)
        except UnicodeDecodeError:  # half of a surrogate pair
            return ""

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()


def _size(page: Any, number: int) -> tuple[tuple[float, float], int]:
    """The page as displayed: width and height in points, and the rotation that was applied."""
    width, height = page.get_size()
    if not (math.isfinite(width) and math.isfinite(height) and 0 < width <= MAX_POINTS and 0 < height <= MAX_POINTS):
        raise DocumentUnreadable(
            f"page {number} is {width:.6g} x {height:.6g} points, and a page has at most {MAX_POINTS}; "
            "its size in the file is a mistake"
        )
    return (width, height), page.get_rotation()


def _fix_annotations(page: Any) -> bool:
    """Make what is filled into a form, or typed over the page, part of the page, in memory only.

    PDFium's text layer has nothing of annotations: a form would be found by its questions and not by its answers.
    Returns whether the page has to be loaded again to see them.
    """
    import pypdfium2.raw as pdfium

    for i in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, i)
        subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if subtype in (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT):
            return pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS
    return False


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
        return DocumentEncrypted("it is encrypted; give its password (--password)")
    if code == _PASSWORD:
        return DocumentEncrypted("it is encrypted with another password; check --password")
    if code == _SECURITY:
        return DocumentEncrypted("it is encrypted in a way that PDFium does not know; save it without encryption")
    if code == _FILE:
        return DocumentUnreadable("it has no pages, or none that PDFium can find; open it in a PDF reader to see")
    return DocumentUnreadable("it is broken or cut short; get another copy, or save it again with a PDF program")
