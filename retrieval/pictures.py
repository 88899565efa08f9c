"""Pictures as arithmetic sees them: decoding, cutting out, and the hash that tells copies of a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import QueryError
from .types import Box

if TYPE_CHECKING:
    from PIL.Image import Image

COPY_BITS = 16
"""Hashes of unrelated pictures differ in 32 bits on average; from this many on, two pictures have nothing in common."""
_MARGIN = 12
"""Grey levels, of 255, by which a border's pixels may differ from its corner's."""


def decode(data: bytes) -> Image:
    """An encoded picture of this library as RGB."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def open_picture(picture: bytes | str | Path | Image) -> Image:
    """A person's picture, from bytes, a file or Pillow, as RGB. Raises `QueryError` when it is none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    try:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        name = "The picture" if isinstance(picture, bytes) else f"{picture}"
        raise QueryError(f"{name} cannot be opened as a picture ({error}); give a PNG, JPEG, TIFF or WebP.") from error


def cut(page: Image, box: Box, size: tuple[float, float]) -> Image:
    """The part of a page's picture inside a box. `size`: the page's width and height in points."""
    across, down = page.width / size[0], page.height / size[1]
    left, top = max(int(box.x0 * across), 0), max(int(box.y0 * down), 0)
    right, bottom = min(round(box.x1 * across), page.width), min(round(box.y1 * down), page.height)
    return page.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def perceptual_hash(image: Image) -> int | None:
    """64 bits that survive scaling, recompression and a margin around it; `None` for a picture of one colour.

    The signs of the low frequencies (pHash; Zauner 2010), of what is left when a border of one colour is cut off.
    """
    import imagehash

    trimmed = _trim(image.convert("L"))
    if trimmed is None:
        return None
    bits = imagehash.phash(trimmed).hash.ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hash_similarities(one: int, others: NDArray[np.uint64]) -> NDArray[np.float32]:
    """1 for the same hash, 0 from `COPY_BITS` different bits on. `others`: `(hashes,)`; returns `(hashes,)`.

    >>> hash_similarities(0b1111, np.array([0b1111, 0b1100, 2**64 - 1], np.uint64)).tolist()
    [1.0, 0.875, 0.0]
    """
    different = np.bitwise_count(others ^ np.uint64(one)).astype(np.float32)
    return np.clip(1 - different / np.float32(COPY_BITS), 0, 1).astype(np.float32)


def _trim(grey: Image) -> Image | None:
    low, high = grey.getextrema()
    if high - low <= _MARGIN:  # type: ignore[operator]  # before its pixels become numbers: an empty page is quick
        return None
    pixels = np.asarray(grey, np.int16)
    inside = np.abs(pixels - pixels[0, 0]) > _MARGIN
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return None
    return grey.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
