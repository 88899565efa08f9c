"""Late interaction over a page's words, with the token vectors of a sentence encoder.

Nothing here is trained for it, and it still ranks better inside a document than the same encoder's single vectors:
each word keeps its own vector, in the context of its passage, and its place on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..analysis import STOP_WORDS
from ..types import EncoderId, PageContent, PageVectors, QueryVectors, Vectors
from .sentence import SentenceEncoder, TokenVectors, unit_rows

LONGEST_WORD = 40
"""Letters of a word that are encoded. Longer ones are rules, addresses or hashes; whole, they would fill the window."""

_PIECE = re.compile(r"(?P<word>[\w$€£¥%№#]+(?:[-.,/'’&:][\w%]+)*)|[^\w\s]")
"""A word of a query, or a mark between two."""

STOP_WEIGHT = 0.1
"""How much a word counts that says how a question is asked, not what it is about; others count 1."""


FLOOR = 0.45
"""Similarity of two words from which on they say something of each other: unrelated ones have 0.2 to 0.4. All folds
over documents chose it, with `scoring.GROUP`; held out, the two bring 0.024 nDCG@5 (benchmarks/RESULTS.md)."""


class WordsEncoder:
    """A `PageEncoder` that sees words only; one row a word."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    @property
    def id(self) -> EncoderId:
        return replace(self._encoder.id, pooling="words")

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        windows = [(number, *window) for number, page in enumerate(pages) for window in self._windows(page)]
        encoded = self._encoder.encode_words([words for _, _, _, words in windows])
        found: list[list[tuple[int, int, TokenVectors]]] = [[] for _ in pages]
        for (number, passage, first, _), vectors in zip(windows, encoded, strict=True):
            found[number].append((passage, first, vectors))
        return [self._page_vectors(page, parts) for page, parts in zip(pages, found, strict=True)]

    def encode_query(self, text: str) -> QueryVectors:
        # With the marks between them: it is the text then that the dense channel asks for, too, and is computed once.
        pieces = list(_PIECE.finditer(text))
        vectors = self._encoder.encode_query_words([piece.group()[:LONGEST_WORD] for piece in pieces])
        rows = [row for row, i in enumerate(vectors.words) if pieces[i]["word"]]
        kept = [pieces[vectors.words[row]].group()[:LONGEST_WORD] for row in rows]
        weights = np.array([word_weight(word) for word in kept], np.float32)
        return QueryVectors(tuple(kept), vectors.rows[rows], weights / max(float(weights.sum()), 1e-12), FLOOR)

    def coverage(self, text: str) -> float:
        """The share of the words that the tokenizer knows: cut into pieces of at least two letters on average.

        A word of an alphabet that the encoder has not learnt falls into single letters, or into `[UNK]`.
        """
        words = [word for word in split_words(text) if any(letter.isalpha() for letter in word)]
        if not words:
            return 1.0
        pieces = self._encoder.pieces(words)
        known = [0 < count <= max(1, len(word) / 2) for word, count in zip(words, pieces, strict=True)]
        return sum(known) / len(known)

    def _windows(self, page: PageContent) -> Iterator[tuple[int, int, list[str]]]:
        """Cut each passage into runs that fit the encoder: passage number, first word, words."""
        room = self._encoder.max_tokens - 2  # the two special tokens around a sequence
        pieces = np.abs(self._encoder.pieces([word.text[:LONGEST_WORD] for word in page.words]))
        for number, passage in enumerate(page.passages):
            first, used = passage.first, 0
            for i in range(passage.first, passage.last):
                if used + pieces[i] > room and i > first:
                    yield number, first, [word.text[:LONGEST_WORD] for word in page.words[first:i]]
                    first, used = i, 0
                used += pieces[i]
            if passage.last > first:
                yield number, first, [word.text[:LONGEST_WORD] for word in page.words[first : passage.last]]

    def _page_vectors(self, page: PageContent, parts: list[tuple[int, int, TokenVectors]]) -> PageVectors:
        dim = self._encoder.id.dim
        passages: Vectors = np.zeros((len(page.passages), dim), np.float32)
        rows, boxes, groups = [], [], []
        for passage, first, vectors in parts:
            passages[passage] += vectors.pooled * len(vectors.words)
            rows.append(vectors.rows)
            boxes.extend(page.words[first + i].box for i in vectors.words)
            groups.append(np.full(len(vectors.words), passage, np.int32))
        if not boxes:
            empty = np.zeros((0, dim), np.float32)
            return PageVectors(page.id, empty, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), unit_rows(passages))
        return PageVectors(
            page.id, np.concatenate(rows), np.array(boxes, np.float32), np.concatenate(groups), unit_rows(passages)
        )


def split_words(text: str) -> list[str]:
    """The words of a query, with the marks around them taken off.

    >>> split_words("What's the “net income” in 2021?")
    ["What's", 'the', 'net', 'income', 'in', '2021']
    """
    return [piece.group()[:LONGEST_WORD] for piece in _PIECE.finditer(text) if piece["word"]]


def word_weight(word: str) -> float:
    """How much a word of a query counts.

    >>> word_weight("the"), word_weight("revenue")
    (0.1, 1.0)
    """
    return STOP_WEIGHT if word.casefold() in STOP_WORDS else 1.0
