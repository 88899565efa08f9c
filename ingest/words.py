"""Characters with boxes become words with boxes, and the text they stand in.

Functions of arrays and strings: they know nothing of files, of PDFium or of OCR. Boxes are in points, top-left
origin, display frame, as everywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..retrieval.types import Box, Word

LINE_END_HYPHEN = "\x02"
"""What PDFium puts in the place of a hyphen that ends a line; it swallows the line break after it."""
SOFT_HYPHEN = "\xad"
LONGEST_WORD = 1_000
"""Characters. What is longer is no word, and is cut: to put a word's accents into order takes the square of them, two
minutes for a word of a million."""

Break = Literal["", " ", "\n"]
"""What stands between a word and the one before it."""

_BREAKS: tuple[Break, ...] = ("", " ", "\n")
_DROP, _SPACE, _NEWLINE, _HYPHEN, _OPENING, _IDEOGRAPH, _CLOSING, _LETTER = range(8)
_OPENING_MARKS = frozenset("「『（〈《【〔〖［｛")
_CLOSING_MARKS = frozenset("、。，．：；！？・」』）〉》】〕〗］｝\u3099\u309a")
# Han, kana and bopomofo are written without spaces. Hangul has spaces and is left whole.
_IDEOGRAPHS = ((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3040, 0x30FF), (0x3105, 0x312F))
_IDEOGRAPHS += ((0x31A0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F))
_IDEOGRAPHS += ((0x1B000, 0x1B16F), (0x20000, 0x323AF))
# Code points that say how letters were drawn, not what was written: Latin, Armenian, Hebrew and Arabic presentation
# forms, and the radicals that some producers write in place of ideographs. Only these go through NFKC, which
# would also turn m² into m2 and ½ into 1⁄2: other texts.
_FORMS = ((0x2E80, 0x2FDF), (0xFB00, 0xFDF1), (0xFE70, 0xFEFC))
_JOINERS = frozenset((0x200C, 0x200D))  # format characters that Persian and the Indic scripts spell with


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text, its words, and which line each word stands on."""

    text: str
    words: tuple[Word, ...]
    lines: tuple[int, ...]
    """For each word the number of its line; numbers do not decrease."""

    @property
    def letters(self) -> int:
        """Letters and digits: what the text is worth, whatever its marks and spaces."""
        return sum(character.isalnum() for character in self.text)


EMPTY = PageText("", (), ())


def normalise(token: str) -> str:
    """A word as it would be typed: composed (NFC), ligatures and other drawn forms as plain letters.

    >>> normalise("o\ufb03ce"), normalise("e\u0301te\u0301"), normalise("m\u00b2")
    ('office', '\u00e9t\u00e9', 'm\u00b2')
    """
    if token.isascii():
        return token
    if any(_within(ord(character), _FORMS) for character in token):
        token = "".join(
            # an isolated Arabic vowel sign maps to a space and the sign
            unicodedata.normalize("NFKC", character).strip() if _within(ord(character), _FORMS) else character
            for character in token
        )
    return unicodedata.normalize("NFC", token)


def split_token(token: str) -> list[str]:
    """The words of a token without spaces: each ideograph is one, with the marks that cling to it.

    >>> split_token("PDF文書、（新）です")
    ['PDF', '文', '書、', '（新）', 'で', 'す']
    """
    if token.isascii():
        return [token]
    kinds = [_kind(ord(character)) for character in token]
    starts = [i for i in range(len(token)) if i == 0 or _BEGINS[kinds[i - 1], kinds[i]]]
    return [token[a:b] for a, b in zip(starts, [*starts[1:], len(token)], strict=True)]


def unspaced(character: str) -> bool:
    """Whether the character belongs to a script without spaces, where a line end between two means nothing.

    >>> unspaced("文"), unspaced("。"), unspaced("a")
    (True, True, False)
    """
    return _kind(ord(character)) in (_OPENING, _IDEOGRAPH, _CLOSING)


def page_text(codes: NDArray[np.uint32], boxes: NDArray[np.float32], size: tuple[float, float]) -> PageText:
    """Words from a page's characters, which come in reading order.

    `codes` is `(characters,)`, Unicode; `boxes` is `(characters, 4)`; `size` is the page's width and height.
    """
    unique, inverse = np.unique(codes, return_inverse=True)
    kinds = np.array([_kind(int(code)) for code in unique], np.uint8)[inverse] if len(codes) else np.empty(0, np.uint8)
    visible = kinds > _NEWLINE
    if not visible.any():
        return EMPTY
    place = np.flatnonzero(visible)
    newlines, spaces = np.cumsum(kinds == _NEWLINE)[place], np.cumsum((kinds == _NEWLINE) | (kinds == _SPACE))[place]
    codes, boxes, kinds = codes[place], boxes[place], kinds[place]

    jumps, falls = _jumps(boxes)
    line_break = (np.diff(newlines) > 0) | (kinds[:-1] == _HYPHEN) | falls
    space = (np.diff(spaces) > 0) | jumps
    starts = np.append(0, np.flatnonzero(line_break | space | _BEGINS[kinds[:-1], kinds[1:]]) + 1)
    starts, cuts = _shortened(starts, len(codes))
    space[cuts - 1] = True
    ends = np.append(starts[1:], len(codes))
    corners = np.hstack((np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)))
    between = np.where(line_break, 2, np.where(space, 1, 0))[starts[1:] - 1]
    string = "".join(map(chr, codes.tolist()))
    tokens = [string[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return compose(tokens, corners, ["", *(_BREAKS[kind] for kind in between.tolist())], size)


def _shortened(starts: NDArray[np.intp], end: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where words start when those that are too long are cut, and the places where they were.

    >>> [places.tolist() for places in _shortened(np.array([0, 3]), 2005)]
    [[0, 3, 1003, 2003], [1003, 2003]]
    """
    lengths = np.diff(np.append(starts, end))
    long = np.flatnonzero(lengths > LONGEST_WORD)
    if not len(long):
        return starts, starts[:0]
    cuts = np.concatenate([np.arange(starts[i] + LONGEST_WORD, starts[i] + lengths[i], LONGEST_WORD) for i in long])
    return np.sort(np.append(starts, cuts)), cuts


def compose(
    tokens: Sequence[str], boxes: NDArray[np.floating], breaks: Sequence[Break], size: tuple[float, float]
) -> PageText:
    """Lay words out as text. `boxes` is `(words, 4)`; `breaks[i]` stands before word `i`.

    Words whose middle lies off the page are dropped: no reader sees what the crop box cuts away. A word that was
    hyphenated at the end of its line is whole in the text, so that a search finds it; its halves stay two words,
    because one box around both would cover two lines.
    """
    width, height = size
    boxes = np.nan_to_num(np.asarray(boxes, np.float64), nan=-1e6, posinf=1e6, neginf=-1e6).reshape(-1, 4)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = np.all((middle >= 0) & (middle <= [width, height]), axis=1).tolist()
    # 0.01 point is a 7,200th of an inch: more digits would only fill the catalogue
    corners = np.clip(boxes, 0, [width, height, width, height]).round(2).tolist()

    kept: list[str] = []
    places: list[Box] = []
    separators: list[Break] = []
    owed = 0
    for token, corner, seen, separator in zip(tokens, corners, inside, breaks, strict=True):
        owed = max(owed, _BREAKS.index(separator))
        whole = normalise(token) if seen else ""
        if whole.strip(SOFT_HYPHEN):
            kept.append(whole)
            places.append(Box(*corner))
            separators.append(_BREAKS[owed])
            owed = 0
    new_line = [separator == "\n" for separator in separators]
    _join_hyphenated(kept, separators)

    words: list[Word] = []
    lines: list[int] = []
    pieces: list[str] = []
    offset = line = 0
    for i, (token, box) in enumerate(zip(kept, places, strict=True)):
        token = token.replace(SOFT_HYPHEN, "").replace(LINE_END_HYPHEN, "-")
        if i:
            pieces.append(separators[i])
            offset += len(separators[i])
            line += new_line[i]
        words.append(Word(token, box, offset))
        lines.append(line)
        pieces.append(token)
        offset += len(token)
    return PageText("".join(pieces), tuple(words), tuple(lines))


def recompose(text: str, words: Sequence[Word]) -> PageText:
    """A page's text and words with the lines they stand on, as `compose` laid them out; boxes may be float32.

    A line ends at a line break, and inside a word that was hyphenated there; then the break that follows may be the one
    that moved behind that word, which ends no line.
    """
    words = [Word(word.text, Box(*(round(edge, 2) for edge in word.box)), word.start) for word in words]
    lines: list[int] = []
    line, moved = 0, False
    for before, word in zip([None, *words], words, strict=False):
        if before is not None:
            between = text[before.start + len(before.text) : word.start]
            hyphenated = not between and not unspaced(before.text[-1]) and not unspaced(word.text[0])
            line += hyphenated or (between == "\n" and not (moved and _side_by_side(before.box, word.box)))
            moved = hyphenated
        lines.append(line)
    return PageText(text, tuple(words), tuple(lines))


def _side_by_side(one: Box, other: Box) -> bool:
    return abs(one.center[1] - other.center[1]) < max(one.height, other.height) / 2 and other.x0 >= one.x0


def _join_hyphenated(tokens: list[str], separators: list[Break]) -> None:
    """Close the gap inside words that were broken at the end of a line, in place.

    The hyphen goes unless it belongs to the word: `infor-|mation` becomes `information`, while `2018-|2019`, and
    `long-|term` on a page that has `long-term` elsewhere, keep theirs. The line break moves behind the word.
    """
    breaks = [i for i in range(1, len(tokens)) if separators[i] == "\n" and tokens[i - 1][-1] in _HYPHENS]
    if not breaks:
        return
    vocabulary = {token.lower().strip(".,;:()") for token in tokens}
    for i in breaks:
        stem, mark, rest = tokens[i - 1][:-1], tokens[i - 1][-1], tokens[i]
        if not (stem[-1:].isalnum() and rest[0].isalnum()):
            continue
        if mark in "-\u2010" and not rest[0].islower():  # a list, a range or a dash: PDFium calls it no hyphen
            continue
        compound = f"{stem}-{rest}".lower().strip(".,;:()") in vocabulary or "-" in stem
        if mark == SOFT_HYPHEN or (stem[-1].isalpha() and rest[0].islower() and not compound):
            tokens[i - 1] = stem
        separators[i] = ""
        if i + 1 < len(tokens) and separators[i + 1] == " ":
            separators[i + 1] = "\n"


def _jumps(boxes: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which neighbouring characters stand too far apart to be one word, and of those, which on another line.

    `boxes` is `(characters, 4)`; both answers are `(characters - 1,)`. PDFium marks most such places itself, but
    not, for example, between table cells that were drawn one straight after the other.
    """
    gap = np.maximum(boxes[1:, :2] - boxes[:-1, 2:], boxes[:-1, :2] - boxes[1:, 2:])
    size = (boxes[:, 2:] - boxes[:, :2]).max(1)
    # 4 points: fonts that state no size for their glyphs (Type 3) have boxes of no extent
    reach = np.maximum(np.maximum(size[1:], size[:-1]), 4)
    return (gap > reach[:, None]).any(1), gap[:, 1] > reach


def _within(code: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@lru_cache(maxsize=8192)
def _kind(code: int) -> int:
    """What a character does to the words around it."""
    character = chr(code) if code <= 0x10FFFF else "\ufffd"
    if character == LINE_END_HYPHEN:
        return _HYPHEN
    if character in "\r\n\x0b\x0c\x85\u2028\u2029":
        return _NEWLINE
    if character.isspace() or code == 0x200B:  # a zero-width space marks where a Thai or Khmer line may break
        return _SPACE
    category = unicodedata.category(character)
    if category == "Co":  # private use: bullets of Symbol and Wingdings, which stand apart from the word
        return _SPACE
    if character == "\ufffd" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return _DROP
    if category in ("Cc", "Cf", "Cn", "Cs") and character != SOFT_HYPHEN and code not in _JOINERS:
        return _DROP  # U+0000 is PDFium's sign for a glyph that has no Unicode
    if character in _OPENING_MARKS:
        return _OPENING
    if character in _CLOSING_MARKS:
        return _CLOSING
    return _IDEOGRAPH if code > 0x2E00 and _within(code, _IDEOGRAPHS) else _LETTER


def _begins() -> NDArray[np.bool_]:
    """`(kinds, kinds)`: whether a word begins between a character of one kind and the next of another."""
    table = np.zeros((8, 8), np.bool_)
    table[[_HYPHEN, _IDEOGRAPH, _CLOSING, _LETTER], _IDEOGRAPH] = True
    table[[_HYPHEN, _IDEOGRAPH, _CLOSING, _LETTER], _OPENING] = True
    table[[_IDEOGRAPH, _CLOSING], _LETTER] = True
    table[[_IDEOGRAPH, _CLOSING], _HYPHEN] = True
    return table


_HYPHENS = frozenset((LINE_END_HYPHEN, SOFT_HYPHEN, "-", "\u2010"))
_BEGINS = _begins()
