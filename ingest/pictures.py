"""Pictures: PNG, JPEG, TIFF and WebP files as documents with one page a frame, and page images as WebP.

Pillow is imported on first use.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..retrieval.errors import DocumentUnreadable
from ..retrieval.pictures import cut, perceptual_hash
from ..retrieval.types import Box, Figure
from .ocr import OCR_LONG_SIDE, OcrEngine, read_picture
from .parsed import ParsedDocument, ParsedPage, ParseOptions, TextOrigin
from .passages import headings, passages
from .words import EMPTY

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PICTURE_PIXELS = 178_956_970
"""Pillow's own bound for a decompression bomb: an A0 poster at 300 dpi has 139 million, 540 MB when decoded."""
MAX_WEBP_SIDE = 16_383
"""Pixels: a WebP file cannot state more."""
UNSTATED_DPI = 144
"""Assumed where the file states none: a screenshot's or camera picture's points are its pixels halved."""
BELIEVABLE_DPI = (100, 1200)
"""72 and 96 are what programs write when they know nothing; above 1200 is a mistake in the unit."""
OCR_HEADING_RATIO = 1.5
"""OCR boxes of one print size differ by a third, because they fit the letters, not the line."""
BLANK_CONTRAST = 16
"""Grey levels, of 255, between the darkest and the lightest spot of a page with nothing on it."""

_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "TIFF": "image/tiff"}
_MEDIA_TYPES |= {"WEBP": "image/webp"}


class PictureDocument:
    """A picture file, one page a frame. A context manager; use it in one thread.

    Raises `DocumentUnreadable` with the reason alone ("it is broken …"); `open_document` names the file.
    """

    def __init__(self, path: Path, options: ParseOptions, ocr: OcrEngine | None) -> None:
        from PIL import Image, UnidentifiedImageError

        self._options, self._ocr = options, ocr
        try:
            with warnings.catch_warnings():
                # Pillow warns at half its bound, and raises at it
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                self._image = Image.open(path, formats=("PNG", "JPEG", "TIFF", "WEBP"))
        except Image.DecompressionBombError as error:
            raise DocumentUnreadable(_too_large_reason()) from error
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise DocumentUnreadable(_broken_reason()) from error
        try:
            frames = self._frames()
        except DocumentUnreadable:
            self.close()
            raise
        self.info = ParsedDocument(
            title=None, pages=frames, media_type=_MEDIA_TYPES.get(self._image.format or "", "image/png")
        )

    def __enter__(self) -> PictureDocument:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._image.close()

    def read_page(self, number: int) -> ParsedPage:
        """Frame `number`, from 1, turned as its EXIF orientation asks, with its text by OCR."""
        if not 1 <= number <= self.info.pages:
            raise IndexError(f"page {number} of {self.info.pages}")
        picture = self._frame(number)
        dpi = _dpi(self._image.info.get("dpi"))
        size = round(picture.width * 72 / dpi, 2), round(picture.height * 72 / dpi, 2)
        page = EMPTY
        origin: TextOrigin = "none"
        if self._ocr is not None and not is_blank(picture):
            page = read_picture(self._ocr, shrink(picture, OCR_LONG_SIDE / max(picture.size)), size)
            origin = "ocr" if page.words else "none"
        most = math.sqrt(self._options.max_pixels / _pixels(picture)), MAX_WEBP_SIDE / max(picture.size)
        shown = shrink(picture, min(self._options.dpi / dpi, *most))
        return ParsedPage(
            number=number,
            width=size[0],
            height=size[1],
            rotation=0,
            text=page.text,
            text_origin=origin,
            words=page.words,
            passages=passages(page),
            headings=headings(page, OCR_HEADING_RATIO),
            image=webp(shown, self._options.webp_quality),
            image_size=shown.size,
            figures=as_figures(shown, size, [(Box(0, 0, *size), "picture")]),
        )

    def _frames(self) -> int:
        """How many pages; only TIFF frames are pages (those of a WebP are an animation, of an MPO a camera's)."""
        try:
            return int(getattr(self._image, "n_frames", 1)) if self._image.format == "TIFF" else 1
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise DocumentUnreadable(_broken_reason()) from error

    def _frame(self, number: int) -> Image:
        from PIL import Image, ImageOps

        try:
            if self._image.format == "TIFF":
                self._image.seek(number - 1)
            if _pixels(self._image) > MAX_PICTURE_PIXELS:
                raise DocumentUnreadable(f"page {number} cannot be read: {_too_large_reason()}")
            picture = ImageOps.exif_transpose(self._image)
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
            raise DocumentUnreadable(f"page {number} cannot be read: {_broken_reason()}") from error
        return flatten(picture)


def flatten(picture: Image) -> Image:
    """As RGB: transparency over white, 16-bit greys scaled down rather than cut off."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        grey = np.asarray(picture, np.float32)
        brightest = float(np.nan_to_num(grey).max(initial=0))
        scale = 1 / 257 if brightest > 255 else 1 if brightest > 1 else 255  # 16 bits, 8 bits, or 0 to 1
        return Image.fromarray(np.nan_to_num(grey * scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Image.new("RGB", coloured.size, "white")
        white.paste(coloured, mask=coloured.getchannel("A"))
        return white
    return picture.convert("RGB")


def as_figures(
    image: Image, size: tuple[float, float], found: Sequence[tuple[Box, Literal["picture", "drawing", "page"]]]
) -> tuple[Figure, ...]:
    """Boxes on a page of `size` points as figures, each with the hash of what the page's picture shows there."""
    return tuple(Figure(box, kind, perceptual_hash(cut(image, box, size))) for box, kind in found)


def shrink(picture: Image, scale: float) -> Image:
    """The picture at `scale` times its size; never larger than it is."""
    from PIL import Image

    if scale >= 1:
        return picture
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def is_blank(picture: Image) -> bool:
    """Whether there is nothing on the page: OCR would look for words for half a second."""
    low, high = picture.convert("L").getextrema()
    return high - low < BLANK_CONTRAST  # type: ignore[operator]


def webp(picture: Image, quality: int) -> bytes:
    """The picture as a WebP file.

    Method 2 takes 50 ms for a dense Letter page at 144 dpi and makes 165 kB; method 1, 42 ms and 198 kB; methods 3
    and 4, 100 ms and 161 kB. Even an empty page takes 30 ms, so that pictures of one colour are encoded once.
    """
    edges = picture.getextrema()
    if picture.mode == "RGB" and all(low == high for low, high in edges):  # type: ignore[misc]
        return _webp_of_one_colour(picture.size, picture.getpixel((0, 0)), quality)
    return _webp(picture, quality)


@lru_cache(maxsize=4)
def _webp_of_one_colour(size: tuple[int, int], colour: Any, quality: int) -> bytes:
    from PIL import Image

    return _webp(Image.new("RGB", size, colour), quality)


def _webp(picture: Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=quality, method=2)
    return stream.getvalue()


def _dpi(stated: object) -> float:
    """Pixels an inch: what the file states when that is believable. Where x and y differ (fax), the page is square."""
    if isinstance(stated, tuple) and len(stated) == 2:
        across, down = (float(value) for value in stated)
        if across == down and BELIEVABLE_DPI[0] <= across <= BELIEVABLE_DPI[1]:
            return across
    return UNSTATED_DPI


def _pixels(picture: Image) -> int:
    return max(picture.width * picture.height, 1)


def _too_large_reason() -> str:
    return f"it has more than {MAX_PICTURE_PIXELS // 1_000_000} million pixels; make it smaller"


def _broken_reason() -> str:
    return "it is broken or cut short; get another copy"
