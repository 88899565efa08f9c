"""What parsing makes of a file: plain values that cross from the worker process to the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..retrieval.settings import OcrName
from ..retrieval.types import Figure, MetadataValue, Passage, Word

TextOrigin = Literal["layer", "ocr", "none"]
"""`layer`: the file's own text; `ocr`: read off the picture; `none`: nothing was found, or OCR is off."""


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How documents are read. Plain values, so that they cross to a worker process."""

    dpi: int = 144
    """Of the page images; 144 is two pixels a point, 1224 x 1584 for US Letter."""
    max_pixels: int = 16_000_000
    """A page image never has more; a huge page is drawn smaller."""
    webp_quality: int = 80
    ocr: Literal["auto", "off", "force"] = "auto"
    """`auto`: pages without a usable text layer; `force`: every page; `off`: none."""
    ocr_engine: OcrName = "rapidocr"
    ocr_languages: str = "eng"
    """Of Tesseract; RapidOCR reads all it knows."""
    ocr_threads: int | None = None
    """Threads of one OCR engine; `None`: one for each core. With several workers, share the cores out: threads of
    several engines on the same cores made OCR 4 times slower."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What comes next may take so long, because the document is made into a PDF first."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What is known of a file once it is open, before its pages are read."""

    title: str | None
    """From the file's own metadata, when that says something; `None` otherwise."""
    pages: int
    media_type: str
    """For example `application/pdf`."""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    """What the file says of itself."""


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """One page, read. Units and frame as in `retrieval/types.py`: points, top-left origin, as displayed."""

    number: int
    """1-based."""
    width: float
    height: float
    rotation: int
    text: str
    """In reading order, lines separated by newlines; `""` when there is none."""
    text_origin: TextOrigin
    words: tuple[Word, ...]
    """In reading order; each one's `start` is its offset in `text`."""
    passages: tuple[Passage, ...]
    headings: str
    """Lines set larger than the page's running text, one a line; `""` when there are none."""
    image: bytes
    """WebP."""
    image_size: tuple[int, int]
    """Pixels, width and height."""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedPage:
    """One page that could not be read. The rest of its document goes on."""

    number: int
    reason: str
