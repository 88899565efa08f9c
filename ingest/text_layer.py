"""Whether a page's text layer says what the page shows, or the page has to be read by OCR."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .words import LINE_END_HYPHEN, SOFT_HYPHEN, PageText

FEW_WORDS = 10
"""Fewer words on a page of pictures leave a doubt: a scan's stamp ("CONFIDENTIAL ABC-00123 Page 3 of 7") may be all."""
PICTURE_SHARE = 0.45
"""A page of which pictures cover so much may be a scan; those that leave out the margins covered 48 to 78 %."""
GARBAGE_SHARE = 0.4
"""Of 600 pages, none with a usable text layer had more than 7 % unreadable characters, none without below 85."""


def unreadable(
    codes: NDArray[np.uint32], boxes: NDArray[np.float32], page: PageText, size: tuple[float, float]
) -> str | None:
    """Why the text layer cannot stand for the page, or `None` when it can.

    `codes` is `(characters,)`, `boxes` is `(characters, 4)` in points, `page` the words made of them.
    """
    unique, counts = np.unique(codes, return_counts=True)
    kinds = [_readable(int(code)) for code in unique]
    readable = sum(int(n) for kind, n in zip(kinds, counts, strict=True) if kind is True)
    garbage = sum(int(n) for kind, n in zip(kinds, counts, strict=True) if kind is False)
    if not readable and not garbage:
        return "it has no text"
    if garbage > GARBAGE_SHARE * (readable + garbage):
        return "its fonts do not say which letters they draw"
    if not page.letters:
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        outside = ~((middle >= 0) & (middle <= size)).all(1)
        return "its text lies off the page" if outside.mean() > 0.5 else "its text has no letters"
    return None


@lru_cache(maxsize=8192)
def _readable(code: int) -> bool | None:
    """True for a character that says something, False for garbage, None for what does not count (white space)."""
    character = chr(code) if code <= 0x10FFFF else "\ufffd"
    if character.isspace() or character in (LINE_END_HYPHEN, SOFT_HYPHEN):
        return None
    # Cc includes U+0000, PDFium's sign for a glyph without Unicode; Co is private use, Cn is not assigned
    return character != "\ufffd" and unicodedata.category(character) not in ("Cc", "Co", "Cn", "Cs")
