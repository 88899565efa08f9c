"""Reading words off a picture.

`OcrEngine` is the seam: one method, words with boxes in pixels. `read_picture` turns what an engine saw into a
page's text in points.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..retrieval.errors import DocumentUnreadable, ModelUnavailable
from ..retrieval.ocr import LONG_SIDE, MIN_SCORE
from ..retrieval.ocr import rapidocr_engine as _engine
from ..retrieval.tesseract import read_by_line
from ..retrieval.types import Box
from .ocr_lines import HEIGHT, LEAST, LineReader, LineText
from .reading_order import reading_order
from .words import EMPTY, Break, PageText, compose, split_token

if TYPE_CHECKING:
    from PIL.Image import Image

OCR_DPI = 150
"""What pages are drawn at for OCR. Print of 6 to 9 points read as well at 144 as at 180, sharp or scanned, and memory
grows with the pixels: 0.7 GB at 150, 1.0 GB at 180."""
OCR_LONG_SIDE = LONG_SIDE
"""Pixels; A4 and Letter at 150 dpi stay below."""
SURE_SCORE = 0.85
"""Upright print reads at 0.95 and more, even small; upside down it reads at 0.7 and less."""


@dataclass(frozen=True, slots=True)
class OcrWord:
    """A word as an engine saw it."""

    text: str
    box: Box
    """Pixels of the picture, top-left origin: the one place where a `Box` is not in points."""
    line: int
    """Words of one line have the same number; numbers do not decrease in reading order."""
    score: float = 1.0
    """0 to 1: how sure the engine is of it."""


class OcrEngine(Protocol):
    """Reads pictures. Engines need not be thread-safe."""

    name: str

    def read(self, image: Image) -> list[OcrWord]:
        """The words of an upright RGB picture, in reading order; `[]` when it shows none."""
        ...


def read_picture(engine: OcrEngine, image: Image, size: tuple[float, float]) -> PageText:
    """The text of a page of `size` points, of which `image` is the picture in the display frame."""
    tokens: list[str] = []
    boxes: list[Box] = []
    breaks: list[Break] = []
    line = None
    for word in engine.read(image):
        first = True
        for token, box in _pieces(word):
            breaks.append("" if line is None or not first else " " if word.line == line else "\n")
            tokens.append(token)
            boxes.append(box)
            first, line = False, word.line
    if not tokens:
        return EMPTY
    scale = np.array([size[0] / image.width, size[1] / image.height] * 2)
    return compose(tokens, np.array(boxes) * scale, breaks, size)


def _pieces(word: OcrWord) -> list[tuple[str, Box]]:
    """An engine's word, with its ideographs taken apart, each with its share of the box's longer side."""
    parts = split_token(word.text)
    if len(parts) <= 1:
        return [(word.text, word.box)]
    x0, y0, x1, y1 = word.box
    ends = np.cumsum([0, *(len(part) for part in parts)]) / len(word.text)
    if word.box.width >= word.box.height:
        edges = x0 + ends * (x1 - x0)
        return [(part, Box(edges[i], y0, edges[i + 1], y1)) for i, part in enumerate(parts)]
    edges = y0 + ends * (y1 - y0)
    return [(part, Box(x0, edges[i], x1, edges[i + 1])) for i, part in enumerate(parts)]


class RapidOcr:
    """RapidOCR with the PP-OCR models in its wheel: Latin, Chinese, Japanese; nothing is downloaded.

    It finds the lines; `LineReader` reads them. The models are loaded by the first `read` (about 1 s).
    """

    name = "rapidocr"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or os.cpu_count() or 1

    def read(self, image: Image) -> list[OcrWord]:
        """The words of a picture; one that was scanned sideways or upside down is read as if turned upright."""
        # RapidOCR takes arrays as OpenCV does: blue first
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        turned, lines = pixels, self._lines(pixels)
        turns = _quarter_turns(_engine(self.threads), pixels, lines)
        if turns:
            turned = np.ascontiguousarray(np.rot90(pixels, turns))
            as_scanned, lines = lines, self._lines(turned)
            if turns == 2 and _certainty(lines) <= _certainty(as_scanned):  # it was only hard to read
                turned, turns, lines = pixels, 0, as_scanned
        lines = [line for line in self._upwards(turned, lines) if line.score >= MIN_SCORE]
        height, width = pixels.shape[:2]
        return [
            OcrWord(text, _unturn(box, turns, width, height), number, lines[i].score)
            for number, row in enumerate(reading_order([line.box for line in lines]))
            for i in row
            for text, box in lines[i].words
        ]

    def _lines(self, pixels: NDArray[np.uint8]) -> list[_Line]:
        # The engine's own classifier of upside-down lines stays off: it squeezes lines to 4:1, and turned 3 of 49 long
        # upright lines of a page over, which then read as rubbish. The switches are named because the engine keeps
        # what it was told last.
        found = _engine(self.threads)(pixels, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return []
        corners = np.asarray(found.boxes, np.float32)
        texts = _line_reader(self.threads).read([_cut(pixels, quad) for quad in corners])
        return [
            _Line(read.text, Box(*quad.min(0).tolist(), *quad.max(0).tolist()), read.score, _line_words(read, quad))
            for quad, read in zip(corners, texts, strict=True)
            if read.text
        ]

    def _upwards(self, pixels: NDArray[np.uint8], lines: Sequence[_Line]) -> list[_Line]:
        """Lines that run along the page's side, such as the name of a chart's axis, read upwards where that is better.

        At first they are read downwards.
        """
        sideways = [i for i, line in enumerate(lines) if _is_upright_strip(line.box)]
        strips = []
        for i in sideways:
            x0, y0, x1, y1 = (max(round(edge), 0) for edge in lines[i].box)
            strips.append(np.ascontiguousarray(np.rot90(pixels[y0:y1, x0:x1], -1)))
        lines = list(lines)
        for i, read in zip(sideways, _line_reader(self.threads).read(strips), strict=True):
            if read.score > lines[i].score:
                x0, y0, x1, y1 = lines[i].box
                upwards = np.array([(x0, y1), (x0, y0), (x1, y0), (x1, y1)], np.float32)
                lines[i] = _Line(read.text, lines[i].box, read.score, _line_words(read, upwards))
        return lines


class Tesseract:
    """Tesseract, where it is installed, for the scripts that RapidOCR's packaged models do not know."""

    name = "tesseract"

    def __init__(self, languages: str = "eng", threads: int | None = None) -> None:
        """`languages`: by Tesseract's names, joined by `+`."""
        self.languages, self.threads = languages, threads or 1

    def read(self, image: Image) -> list[OcrWord]:
        """The words of a picture, whichever way up it was scanned. Raises `DocumentUnreadable` when Tesseract fails."""
        try:
            lines = read_by_line(image, self.languages, dpi=OCR_DPI, threads=self.threads)
        except ModelUnavailable as error:
            raise DocumentUnreadable(str(error)) from error
        return [OcrWord(word.text, word.box, number, word.score) for number, line in enumerate(lines) for word in line]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    box: Box
    score: float
    words: list[tuple[str, Box]]


@lru_cache(maxsize=2)
def _line_reader(threads: int) -> LineReader:
    engine = _engine(1)  # each of our threads computes on one core: see LineReader
    engine(np.zeros((HEIGHT, LEAST, 3), np.uint8), use_det=False, use_cls=False, use_rec=True)  # loads the recogniser
    return LineReader(engine.text_rec, threads)


def _cut(pixels: NDArray[np.uint8], quad: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture of a line; one that runs down the page is turned, so that it begins at the left."""
    from rapidocr.utils.process_img import get_rotate_crop_image

    return get_rotate_crop_image(pixels, quad)


def _line_words(read: LineText, quad: NDArray[np.float32]) -> list[tuple[str, Box]]:
    """A line's words with their boxes, its ideographs one by one.

    `quad`: the line's corners, clockwise, from the one at the top left; of one that runs down the page, see `_cut`.
    """
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    if np.linalg.norm(down) >= 1.5 * np.linalg.norm(along):
        quad = quad[[1, 2, 3, 0]]
    words, at = [], 0
    for token in read.text.split():
        at = read.text.index(token, at)
        for part in split_token(token):
            shares = np.array([read.edges[at, 0], read.edges[at + len(part) - 1, 1]])[:, None]
            corners = np.concatenate(
                [quad[0] + shares * (quad[1] - quad[0]), quad[3] + shares * (quad[2] - quad[3])], dtype=np.float64
            )
            words.append((part, Box(*corners.min(0).tolist(), *corners.max(0).tolist())))
            at += len(part)
    return words


def _quarter_turns(engine: Any, pixels: np.ndarray, lines: Sequence[_Line]) -> int:
    """How many quarter turns against the clock put the picture upright: 0 to 3.

    Lines that run down the page say that it lies on its side. Whether it then stands on its head, the engine's
    classifier says of pieces of a few lines, 3 ms each. A page that reads well is not asked about.
    """
    votes = [line for line in lines if len(line.text) >= 3]
    if not votes:
        return 0
    side = int(2 * sum(_is_upright_strip(line.box) for line in votes) > len(votes))
    if not side and _certainty(votes) >= SURE_SCORE:
        return 0
    upside_down = 0
    votes = sorted(votes, key=lambda line: -max(line.box.width, line.box.height))[:9]
    for line in votes:
        x0, y0, x1, y1 = (max(round(edge), 0) for edge in line.box)
        strip = np.rot90(pixels[y0:y1, x0:x1], side)
        piece = np.ascontiguousarray(strip[:, : 4 * strip.shape[0]])  # 4:1, as the classifier was trained
        verdict = engine(piece, use_det=False, use_cls=True, use_rec=False).cls_res
        upside_down += verdict is not None and verdict[0][0] == "180"
    return side + 2 * (2 * upside_down > len(votes))


def _certainty(lines: Sequence[_Line]) -> float:
    return float(np.median([line.score for line in lines])) if lines else 0.0


def _is_upright_strip(box: Box) -> bool:
    return box.height >= 1.5 * box.width  # the engine's own bound for reading a line downwards


def _unturn(box: Box, turns: int, width: int, height: int) -> Box:
    """A box of the picture after quarter turns against the clock, in the picture of `width` x `height` pixels."""
    x0, y0, x1, y1 = box
    return (
        box,
        Box(width - y1, x0, width - y0, x1),
        Box(width - x1, height - y1, width - x0, height - y0),
        Box(y0, height - x1, y1, height - x0),
    )[turns]
