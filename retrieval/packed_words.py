"""Words of a page as the catalog keeps them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from .types import Box, Word


def pack_words(words: Sequence[Word]) -> bytes:
    """Boxes, starts and lengths of a page's words, compressed: `(words, 6)` float32, row by row.

    The text itself is the page's; a float32 holds an offset exactly up to 16,777,216.
    """
    rows = np.array([[*word.box, word.start, len(word.text)] for word in words], np.float32).reshape(-1, 6)
    return zlib.compress(rows.tobytes(), 1)


def unpack_words(packed: bytes, text: str) -> tuple[Word, ...]:
    """Reads what `pack_words` wrote.

    >>> words = (Word("Київ", Box(0.0, 0.0, 10.0, 10.0), 3),)
    >>> unpack_words(pack_words(words), "у. Київ") == words
    True
    """
    rows = np.frombuffer(zlib.decompress(packed), np.float32).reshape(-1, 6)
    return tuple(
        Word(text[int(start) : int(start) + int(length)], Box(x0, y0, x1, y1), int(start))
        for x0, y0, x1, y1, start, length in rows.tolist()
    )
