"""Evidence: which places on a page speak for it, from the similarities that ranked it.

Late interaction says how well each row of a page matches each word of the question. Rows are joined to the words they
cover, words to lines, lines to blocks (`blocks.py`), and blocks and figures are ranked by how much of the question they
account for. A model is never asked for coordinates: those that were tried place boxes at F1 0.09, people at 0.60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .analysis import terms
from .blocks import Block, edges_of, find_blocks, find_lines, line_edges
from .types import Box, Evidence, QueryVectors, Vectors, Word

PLACES = 3
"""Places shown on a page."""

SHOWN = 0.3
"""How much of the question a figure gets for being one (`benchmarks/RESULTS.md`)."""

ALONE = 0.2
"""How much of it a line on its own loses."""

LABEL = 5
"""Words of a line that may be a label or a cell of a table: such a label is quoted with its row."""

MATCH = 0.5
"""From this support on, a word of the question counts as found; between unrelated words it is 0.2 to 0.4."""

FLOOR = 0.3
"""Support below this is noise and adds nothing."""


INFLECTED = 0.8
"""Support of a word that begins like a word of the question, in a language whose words are not stemmed."""


@dataclass(frozen=True, slots=True)
class PageMatch:
    """How a page's words match a question's."""

    words: tuple[Word, ...]
    tokens: tuple[str, ...]
    support: NDArray[np.float32]
    """`(words, tokens)`, 0 to 1: cosine of the best row that covers the word, and 1 where the term is the same."""
    weights: NDArray[np.float32]
    """`(tokens,)`, sum 1."""

    def strength(self, first: int, last: int) -> float:
        """How much of the question the words `first <= i < last` account for, 0 to 1."""
        return float(self.best(first, last) @ self.weights) if last > first else 0.0

    def best(self, first: int, last: int) -> NDArray[np.float32]:
        """`(tokens,)`: the best support that these words give each token; what is noise counts as 0."""
        best = self.support[first:last].max(axis=0)
        return np.where(best < FLOOR, 0.0, best).astype(np.float32)


def match_page(
    words: tuple[Word, ...], query: QueryVectors, similarities: Vectors | None, boxes: NDArray[np.float32] | None
) -> PageMatch:
    """Join late interaction's rows to the page's words.

    `similarities` is `(rows, tokens)`, `boxes` is `(rows, 4)`; `None` for a page that no late-interaction channel
    knows: then words match by their terms alone.
    """
    support = np.zeros((len(words), len(query.tokens)), np.float32)
    if words and similarities is not None and boxes is not None and len(boxes):
        places = np.array([word.box for word in words], np.float32)
        centers = (places[:, :2] + places[:, 2:]) / 2
        for begin in range(0, len(words), 512):  # bounds the (words, rows) table to some megabytes
            part = slice(begin, begin + 512)
            x, y = centers[part, :1], centers[part, 1:]
            covers = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
            # Few rows cover a word, mostly its own: the best of these, word by word.
            covered, rows = np.nonzero(covers)
            if len(covered):
                starts = np.flatnonzero(np.r_[True, covered[1:] != covered[:-1]])
                found = np.maximum.reduceat(similarities[rows], starts, axis=0)
                support[begin + covered[starts]] = np.maximum(found, 0)
    query_terms = tuple(_terms_of(token) for token in query.tokens)
    if words:
        number = {text: i for i, text in enumerate({word.text: None for word in words})}
        alike = np.array([_alike(query_terms, _terms_of(text)) for text in number], np.float32)
        alike = alike.reshape(len(number), len(query.tokens))[[number[word.text] for word in words]]
        np.maximum(support, alike, out=support)
    return PageMatch(words, query.tokens, np.clip(support, 0, 1), query.weights)


@lru_cache(maxsize=20_000)
def _alike(wanted: tuple[frozenset[str], ...], found: frozenset[str]) -> tuple[float, ...]:
    """What a word's terms alone give each token of the question."""
    return tuple(
        1.0 if one & found else INFLECTED if any(_inflected(a, b) for a in one for b in found) else 0.0
        for one in wanted
    )


@lru_cache(maxsize=20_000)
def _terms_of(word: str) -> frozenset[str]:
    return frozenset(terms(word))


def _inflected(one: str, other: str) -> bool:
    """Whether two terms outside ASCII are likely forms of one word: alike but for an ending of three letters.

    >>> _inflected("бюджету", "бюджетом"), _inflected("місто", "місяць")
    (True, False)
    """
    if one.isascii() or other.isascii() or len(one) < 4 or len(other) < 4:
        return False
    stem = max(4, max(len(one), len(other)) - 3)
    return one[:stem] == other[:stem]


def find_evidence(match: PageMatch, figures: Sequence[Box] = (), places: int = PLACES) -> tuple[Evidence, ...]:
    """The places of a page that account for most of the question, best first, at most `places`; they share no line.

    A place is a block of lines, or one of the `figures` with the words in it. A figure is more likely than a text to be
    what is asked about, and a line on its own, such as a heading, less.
    """
    edges = edges_of(match.words)
    lines = find_lines(edges)
    if not lines or not len(match.tokens):
        return ()
    best = np.maximum.reduceat(match.support, [first for first, _ in lines], axis=0)
    best[best < FLOOR] = 0.0  # (lines, tokens)
    blocks = find_blocks(edges, lines)
    regions = [(block, -ALONE if len(block.lines) == 1 else 0.0) for block in blocks]
    line_places = [Box(*edge) for edge in line_edges(edges, lines).tolist()]
    for box in figures:
        inside = tuple(line for line, place in zip(lines, line_places, strict=True) if box.holds(place))
        regions.append((Block(box, inside), SHOWN))
    number = {line: i for i, line in enumerate(lines)}
    members = [[number[line] for line in block.lines] for block, _ in regions]
    covered = [best[rows].max(axis=0, initial=0) for rows in members]
    strengths = [float(row @ match.weights) for row in covered]
    # Squared: among many words there is always one that is a little like a word of the question.
    ranks = [float(row**2 @ match.weights) + more for row, (_, more) in zip(covered, regions, strict=True)]
    order = sorted(range(len(regions)), key=lambda i: -ranks[i])
    taken, found = np.zeros(len(lines), bool), list[Evidence]()
    for i in order:
        if strengths[i] <= 0 or taken[members[i]].any() or (found and strengths[i] < 0.5 * found[0].strength):
            continue
        taken[members[i]] = True
        tokens = tuple(token for token, value in zip(match.tokens, covered[i], strict=True) if value >= MATCH)
        text = _quoted(match, lines, line_places, best, members[i])
        found.append(Evidence(regions[i][0].box, text, tokens, strengths[i]))
        if len(found) == places:
            break
    return tuple(found)


def _quoted(
    match: PageMatch, lines: Sequence[tuple[int, int]], places: Sequence[Box], best: Vectors, members: Sequence[int]
) -> str:
    """What a place says: the lines that match best, and those around them while they add to it."""
    free = np.zeros(len(lines), bool)
    free[members] = True
    strengths = np.where(free, best @ match.weights, -1)
    top = int(strengths.argmax())
    first, last, _ = _grow(best, match.weights, free, top, float(strengths[top]))
    chosen = _row(lines, places, top) if last - first == 1 else range(first, last)
    return " ".join(word.text for i in chosen for word in match.words[slice(*lines[i])])


def _row(lines: Sequence[tuple[int, int]], places: Sequence[Box], label: int) -> list[int]:
    """A line that may be a table's label with the cells beside it, from left to right; any other alone."""
    cells = [i for i, (first, last) in enumerate(lines) if last - first <= LABEL]
    if label not in cells:
        return [label]
    own = places[label]
    beside = [i for i in cells if min(places[i].y1, own.y1) - max(places[i].y0, own.y0) > own.height / 2]
    return sorted({label, *beside}, key=lambda i: places[i].x0)


def _grow(
    best: NDArray[np.float32], weights: NDArray[np.float32], free: NDArray[np.bool_], line: int, strength: float
) -> tuple[int, int, NDArray[np.float32]]:
    """Take in the line before or after while it adds a twentieth of the question, up to four lines."""
    first, last, covered = line, line + 1, best[line]
    while last - first < 4:
        options = [(i, np.maximum(covered, best[i])) for i in (first - 1, last) if 0 <= i < len(best) and free[i]]
        if not options:
            break
        i, joined = max(options, key=lambda option: float(option[1] @ weights))
        gained = float(joined @ weights)
        if gained < strength + 0.05:
            break
        first, last, covered, strength = min(first, i), max(last, i + 1), joined, gained
    return first, last, covered


def split_lines(words: Sequence[Word]) -> list[tuple[int, int]]:
    """Words in reading order to lines: `(first, last + 1)` of each. See `blocks.find_lines`."""
    return find_lines(edges_of(words))


def around(words: Sequence[Word]) -> Box:
    """The box around some words (at least one)."""
    box = words[0].box
    for word in words[1:]:
        box = box.union(word.box)
    return box


def line_boxes(words: Sequence[Word]) -> tuple[Box, ...]:
    """One box a line: what to draw to mark these words."""
    return tuple(around(words[first:last]) for first, last in split_lines(words))
