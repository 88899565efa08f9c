"""A question that is a picture: what it says, by OCR, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .analysis import terms
from .encoders.words import split_words
from .ocr import read_lines
from .pictures import open_picture
from .protocols import LexicalIndex
from .settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_WORDS = 40
"""Of a picture, that are searched for: a page's screenshot has five hundred, and its rarest ones name it."""


@dataclass(frozen=True, slots=True)
class PictureQuery:
    """A picture, and the words that were read off it."""

    image: Image
    text: str
    """Lines as OCR found them, `""` when there are none."""

    def words(self, index: LexicalIndex) -> str:
        """The words to search for: the rarest of those that the library has, in the order they stand."""
        seen: dict[str, None] = dict.fromkeys(word for word in split_words(self.text) if terms(word))
        rarity: Mapping[str, float] = index.rarity(list(seen))
        known = index.search(" ".join(seen), 1) if seen else {}
        if not known:
            return ""
        kept = set(sorted(seen, key=lambda word: -rarity[word])[:MOST_WORDS])
        return " ".join(word for word in seen if word in kept)


def read_picture(picture: bytes | str | Path | Image, settings: Settings | None = None) -> PictureQuery:
    """Open a picture and read it. Raises `QueryError` when it is none, `ModelUnavailable` when nothing can read it."""
    image = open_picture(picture)
    return PictureQuery(image, "\n".join(read_lines(image, settings or Settings())))
