"""A page's words become passages to embed, and its large lines become headings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..retrieval.types import Passage, Word
from .words import PageText, unspaced

MAX_WORDS = 120
"""A passage's length: MiniLM reads 256 tokens, and 120 English words come to about 160."""
MIN_WORDS = 20
"""A shorter passage says too little to be found by; only a page that is shorter itself has one."""
HEADING_RATIO = 1.2
"""A heading is set at least this much larger than the running text, which varies by less than a tenth."""
HEADING_MAX_WORDS = 25
"""A longer line is large print, not a heading."""

_INSIDE_WORD, _AFTER_HEADING = -2.0, -1.0
_LINE, _SENTENCE, _SENTENCE_LINE, _PARAGRAPH, _HEADING = 1.0, 2.0, 2.5, 4.0, 5.0
_SENTENCE_ENDS = frozenset(".!?…。！？؟۔।")
_CLOSERS = "\"'”’»)]）」』"


def passages(page: PageText) -> tuple[Passage, ...]:
    """Cut a page into passages of at most `MAX_WORDS` words; together they hold every word once, in order.

    A cut goes where the text pauses best (a heading, a paragraph, a sentence, a line) in the second half of what
    a passage may hold, and never so that fewer than `MIN_WORDS` words would be left over.
    """
    words = page.words
    pauses = _pauses(page)
    spans: list[tuple[int, int]] = []
    first = 0
    while len(words) - first > MAX_WORDS:
        low, high = first + MAX_WORDS // 2, min(first + MAX_WORDS, len(words) - MIN_WORDS)
        # of two pauses as good as each other the later one wins: fewer passages
        reach = pauses[low : high + 1] + np.linspace(0, 0.9, high - low + 1)
        last = low + int(np.argmax(reach))
        spans.append((first, last))
        first = last
    if first < len(words):
        spans.append((first, len(words)))
    return tuple(Passage(passage_text(page, a, b), a, b) for a, b in spans)


def passage_text(page: PageText, first: int, last: int) -> str:
    """Words `first <= i < last` as running text: line ends become spaces, or nothing between ideographs."""
    pieces: list[str] = []
    for i in range(first, last):
        word = page.words[i]
        if i > first:
            before = page.words[i - 1]
            between = page.text[before.start + len(before.text) : word.start]
            if between == "\n" and not (unspaced(before.text[-1]) and unspaced(word.text[0])):
                between = " "
            pieces.append(between.strip("\n"))
        pieces.append(word.text)
    return "".join(pieces)


def headings(page: PageText, ratio: float = HEADING_RATIO) -> str:
    """Lines set at least `ratio` times as large as the page's running text, one a line.

    The running text's size is the median over characters, so a page that is large all over has no headings.
    """
    if not page.words:
        return ""
    return "\n".join(
        passage_text(page, first, last) for (first, last), large in zip(*_lines(page, ratio), strict=True) if large
    )


def _lines(page: PageText, ratio: float) -> tuple[list[tuple[int, int]], list[bool]]:
    """Each line's words, and whether it is a heading."""
    numbers = np.array(page.lines)
    starts = np.flatnonzero(np.append(True, np.diff(numbers) > 0))
    ends = np.append(starts[1:], len(numbers))
    heights = np.array([_glyph_height(word) for word in page.words])
    weights = np.array([len(word.text) for word in page.words], np.float64)
    body = weighted_median(heights, weights)
    large: list[bool] = []
    for a, b in zip(starts, ends, strict=True):
        letters = sum(character.isalpha() for word in page.words[a:b] for character in word.text)
        size = weighted_median(heights[a:b], weights[a:b])
        large.append(bool(size >= ratio * body and letters >= 2 and b - a <= HEADING_MAX_WORDS))
    return list(zip(starts.tolist(), ends.tolist(), strict=True)), large


def weighted_median(values: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """The value that half of the weight does not exceed.

    >>> weighted_median(np.array([9.0, 10.0, 24.0]), np.array([1.0, 5.0, 2.0]))
    10.0
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _glyph_height(word: Word) -> float:
    """The line height of a word's print, in points; of a word that runs up or down the page, across it."""
    across, down = word.box.width, word.box.height
    return across if len(word.text) >= 3 and down > 1.5 * across else down


def _pauses(page: PageText) -> NDArray[np.float64]:
    """`(words + 1,)`: how good a place it is to cut before word `i`; 0 inside a phrase, less where it does harm."""
    words, lines = page.words, page.lines
    pauses = np.zeros(len(words) + 1)
    if not words:
        return pauses
    spans, large = _lines(page, HEADING_RATIO)
    for i in range(1, len(words)):
        if page.text[words[i - 1].start + len(words[i - 1].text) : words[i].start] == "" and not unspaced(
            words[i].text[0]
        ):
            pauses[i] = _INSIDE_WORD  # it was hyphenated
            continue
        ends = words[i - 1].text.rstrip(_CLOSERS)[-1:] in _SENTENCE_ENDS
        if lines[i] != lines[i - 1]:
            pauses[i] = _SENTENCE_LINE if ends else _LINE
        elif ends:
            pauses[i] = _SENTENCE
    pitch = _line_pitch(words, spans)
    for n in range(1, len(spans)):
        here, before = words[spans[n][0]].box, words[spans[n - 1][0]].box
        step = here.y1 - before.y1
        if pauses[spans[n][0]] == _INSIDE_WORD:
            continue
        if large[n] and not large[n - 1]:
            pauses[spans[n][0]] = _HEADING
        elif large[n - 1]:
            pauses[spans[n][0]] = _AFTER_HEADING  # it stays with what it heads
        elif step < -pitch or step > 1.5 * pitch:  # another column, or a blank line
            pauses[spans[n][0]] = _PARAGRAPH
    return pauses


def _line_pitch(words: Sequence[Word], spans: Sequence[tuple[int, int]]) -> float:
    """The usual distance from one line down to the next, in points."""
    feet = np.array([words[first].box.y1 for first, _ in spans])
    steps = np.diff(feet)
    steps = steps[steps > 1]
    return float(np.median(steps)) if len(steps) else 12.0
