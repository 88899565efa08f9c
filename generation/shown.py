"""What of a page a model is shown: its picture, whole or in parts, and its text, made harmless.

A part of a picture is never enlarged, and never shrunk below what can be read: what would be is cut into tiles that
overlap, or left out.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from ..retrieval.pictures import cut, decode
from ..retrieval.types import Box, Hit, Page
from .chat import Picture
from .protocols import ShownPage

LEGIBLE_DPI = 100.0
"""Print of 8 points is 11 pixels high at this resolution; below it, letters run into each other."""
MOST_TILES = 6
"""Pictures that a page, or a place on it, is cut into at most."""
OVERLAP = 0.1
"""Of a tile's side, so that no line of text is only there in halves."""
MARGIN = 36.0
"""Points around evidence: half an inch, some lines of text before and after."""
SMALLEST = (240.0, 120.0)
"""Points: a narrower or lower cut-out shows words without what they belong to, such as a table's head."""
PLACES = 2
"""Cut-outs of a page, at most."""
MOST_OF_PAGE = 0.6
"""Evidence over more of the page than this is no place: the whole page is shown instead."""
LONGEST_LINE = 400
"""Characters; text that lost its line ends is wrapped, so that a part of it can be shown."""
PNG_BYTES = 1_000_000
"""A larger PNG is sent as JPEG: a photograph is ten times smaller there."""

How = Literal["whole picture", "crop", "text only", "left out"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a prompt shows of a page."""

    page: ShownPage
    whole: bool = False
    """The whole page's picture, in one piece or in tiles."""
    crops: tuple[Box, ...] = ()
    """Places that are shown as pictures of their own. Points, top-left origin, display frame."""
    text: Literal["all", "part", "none"] = "none"
    """How much of the page's text stands beside the pictures; `all` of none is `all` too."""

    @property
    def how(self) -> How:
        if self.whole:
            return "whole picture"
        return "crop" if self.crops else "left out" if self.text == "none" else "text only"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page's picture as it is sent."""

    box: Box
    width: int
    """Pixels."""
    height: int


class PagePicture:
    """A page's stored picture. Decoded when a piece is first cut from it."""

    def __init__(self, page: Page, data: bytes) -> None:
        from PIL import Image

        self._page, self._data = page, data
        with Image.open(io.BytesIO(data)) as opened:  # reads the header only
            self.dpi = min(opened.width / max(page.width, 1.0), opened.height / max(page.height, 1.0)) * 72
        self._image: Image.Image | None = None

    @property
    def box(self) -> Box:
        return Box(0.0, 0.0, self._page.width, self._page.height)

    def pieces(self, box: Box, side: int, dpi: float | None = None) -> tuple[Piece, ...]:
        """A place as one picture, or as overlapping tiles, none longer than `side` pixels; empty for too many tiles.

        `dpi`: to shrink to, though not below `LEGIBLE_DPI`; `None` shrinks as little as `side` allows.
        """
        legible = min(LEGIBLE_DPI, self.dpi)
        longest = max(box.width, box.height, 1.0)
        fits = min(self.dpi, side * 72 / longest, dpi or math.inf)
        if fits >= legible - 1e-6 or dpi is not None:
            return (_piece(box, max(fits, legible)),) if longest * legible / 72 <= side + 1e-6 else ()
        tile = side * 72 / legible
        spans = [_spans(box.x0, box.x1, tile), _spans(box.y0, box.y1, tile)]
        if len(spans[0]) * len(spans[1]) > MOST_TILES:
            return ()
        return tuple(_piece(Box(x[0], y[0], x[1], y[1]), legible) for y, x in product(spans[1], spans[0]))

    def cut(self, piece: Piece) -> Picture:
        """The piece as a file: PNG, or JPEG where that is much smaller."""
        from PIL import Image

        if self._image is None:
            self._image = decode(self._data)
        image = cut(self._image, piece.box, (max(self._page.width, 1.0), max(self._page.height, 1.0)))
        size = min(image.width, piece.width), min(image.height, piece.height)
        if max(image.width - size[0], image.height - size[1]) <= 2:
            image = image.crop((0, 0, *size))  # rounding only: resampling would blur every letter for it
        else:
            image = image.resize(size, Image.Resampling.LANCZOS)
        saved = io.BytesIO()
        image.save(saved, "PNG")
        if saved.tell() <= PNG_BYTES:
            return Picture(saved.getvalue(), "image/png", *image.size)
        saved = io.BytesIO()
        image.save(saved, "JPEG", quality=90, subsampling=0)  # without it, red letters on white are smeared
        return Picture(saved.getvalue(), "image/jpeg", *image.size)


def places_of(hit: Hit) -> tuple[Box, ...]:
    """The places on a page that speak for it, with what is around them, strongest first, at most `PLACES`."""
    page = hit.page
    found: list[Box] = []
    for evidence in hit.evidence:
        box = _with_margin(evidence.box, page)
        if box.width * box.height > MOST_OF_PAGE * page.width * page.height or box.width <= 0 or box.height <= 0:
            continue
        for number, other in enumerate(found):
            joined = other.union(box)
            if _meet(other, box) and joined.width * joined.height <= MOST_OF_PAGE * page.width * page.height:
                found[number] = joined
                break
        else:
            found.append(box)
    return tuple(found[:PLACES])


def quoted_lines(page: ShownPage) -> tuple[list[str], int]:
    """A page's text as harmless lines in reading order, and the number of the line that its best evidence begins in."""
    text = page.hit.page.text
    if text is None:
        text, anchor = " ".join(word.text for word in page.match.words), 0
    else:
        anchor = _anchor(page)
    lines: list[str] = []
    start = at = 0
    for line in text.splitlines(keepends=True):
        parts = textwrap.wrap(tidy, LONGEST_LINE) if len(tidy := harmless(line)) > LONGEST_LINE else [tidy]
        if start <= anchor:
            at = len(lines) + min((anchor - start) * len(parts) // len(line), len(parts) - 1)
        start += len(line)
        lines += filter(None, parts)
    return lines, max(min(at, len(lines) - 1), 0)


def described(page: Page) -> list[str]:
    """Which document and page it is, as harmless lines."""
    lines = [f"file: {harmless(Path(page.source).name)[:200]}, page {page.number}"]
    title = harmless(page.title)[:200]
    return [*lines, f"title: {title}"] if title else lines


_TAG = re.compile(r"<([|/!｜]?[\w|｜▁:./-]{1,64}|\|[^<>\n]{1,64}\|)>")
_CONTROL = re.compile(r"\[(/?[A-Z][A-Z_]{2,})\]")
_MARKER = re.compile(r"[\[【［](\s*\d{1,3}(?:\s*[,;:–-]\s*\d{1,3})*\s*)[\]】］]")


def harmless(text: str) -> str:
    """One line of a document's text that no model can take for its prompt's own structure.

    Tokens of chat templates, tags and markers change their brackets, so that they still read as they look. What cannot
    be seen is dropped: control characters, marks that turn the direction of reading, invisible copies of ASCII.

    >>> harmless("<|im_start|>system [INST] see [1] and <b>Größe</b>, 3 < 4")
    '‹|im_start|›system (INST) see (1) and ‹b›Größe‹/b›, 3 < 4'
    """
    text = text.strip().encode("utf-8", "replace").decode()  # lone surrogates, which tokenizers and SDKs refuse
    if not text.isprintable():
        text = "".join(
            " " if letter.isspace() else letter for letter in text if letter.isspace() or not _hidden(letter)
        )
    text = _TAG.sub(r"‹\1›", text)
    text = _CONTROL.sub(r"(\1)", text)
    text = _MARKER.sub(r"(\1)", text)
    return re.sub(" {3,}", "  ", text).strip()


def _hidden(letter: str) -> bool:
    kind = unicodedata.category(letter)
    # joiners are spelling in Persian and Hindi, soft hyphens and the marks of Hebrew and Arabic harm nothing
    return kind in ("Cc", "Cs", "Co") or (kind == "Cf" and letter not in "\u200c\u200d\u200e\u200f\u061c\u00ad")


def _piece(box: Box, dpi: float) -> Piece:
    return Piece(box, max(int(box.width * dpi / 72 + 1e-6), 1), max(int(box.height * dpi / 72 + 1e-6), 1))


def _spans(start: float, end: float, tile: float) -> list[tuple[float, float]]:
    """`start` to `end` in spans of at most `tile` that overlap."""
    length = end - start
    if length <= tile + 1e-6:
        return [(start, end)]
    count = math.ceil((length - OVERLAP * tile) / (tile * (1 - OVERLAP)) - 1e-9)
    step = (length - tile) / (count - 1)
    return [(start + i * step, start + i * step + tile) for i in range(count)]


def _with_margin(box: Box, page: Page) -> Box:
    across = max(MARGIN, (SMALLEST[0] - box.width) / 2)
    down = max(MARGIN, (SMALLEST[1] - box.height) / 2)
    return Box(
        max(box.x0 - across, 0.0),
        max(box.y0 - down, 0.0),
        min(box.x1 + across, page.width),
        min(box.y1 + down, page.height),
    )


def _meet(one: Box, other: Box) -> bool:
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.y1, other.y1) > max(one.y0, other.y0)


def _anchor(page: ShownPage) -> int:
    """Offset in the page's text of the first word of its best evidence."""
    for evidence in page.hit.evidence:
        inside = list(_inside(page, evidence.box))
        if inside:
            return min(inside)
    return 0


def _inside(page: ShownPage, box: Box) -> Iterator[int]:
    for word in page.match.words:
        if box.holds(word.box):
            yield word.start
