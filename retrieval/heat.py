"""Heat: how like each word of a question every patch of a page's picture is, for people to look at.

The same similarities rank pages and make evidence; here they are scaled to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import QueryVectors, Vectors

LEAST = 0.01
"""Cosines that differ by less are the same: those of int8 rows are exact to 0.005."""


@dataclass(frozen=True, slots=True)
class PatchHeat:
    """How like a question's words the patches of a page's picture are."""

    boxes: NDArray[np.float32]
    """`(patches, 4)`, points. They may overlap: some models look at a page whole and in tiles."""
    words: tuple[str, ...]
    """Those of the question, each put together from the pieces that the model reads."""
    strengths: NDArray[np.float32]
    """`(patches, words)`: 0 up to the page's mean, 1 at the word's best patch."""
    means: NDArray[np.float32]
    """`(words,)`: the cosine that is strength 0. A best one that is hardly higher says that the word is nowhere."""
    peaks: NDArray[np.float32]
    """`(words,)`: the cosine that is strength 1."""
    together: NDArray[np.float32]
    """`(patches,)`, 0 to 1: all words by their weight; the heat that evidence is cut out of."""


def patch_heat(
    question: str, query: QueryVectors, similarities: Vectors, boxes: NDArray[np.float32]
) -> PatchHeat | None:
    """Scale similarities, `(rows, tokens)`, of rows in `boxes`, `(rows, 4)`, points; see `find_regions`.

    `None` when no row stands for a place, or no token for a word.
    """
    places = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    named = _words(question, query.tokens)
    if not places.any() or not named:
        return None
    found = similarities[places]
    tokens = np.array([bool(token.strip()) for token in query.tokens], bool)
    together = above_mean(found[:, tokens]) @ query.weights[tokens]
    # a patch is as like a word as it is on average like its pieces
    of_words = np.stack([found[:, pieces].mean(1) for _, pieces in named], axis=1)
    return PatchHeat(
        boxes[places],
        tuple(word for word, _ in named),
        above_mean(of_words),
        of_words.mean(0),
        of_words.max(0),
        together / max(float(together.max()), LEAST / len(query.tokens)),
    )


def above_mean(similarities: Vectors) -> Vectors:
    """`(rows, tokens)` to 0 to 1: nothing up to the page's mean, 1 at the best row.

    Some tokens are like every patch; what tells a place is how far above the page's mean it stands.
    """
    above = np.maximum(similarities - similarities.mean(0), 0)
    return above / np.maximum(above.max(0), LEAST)


def _words(question: str, tokens: Sequence[str]) -> list[tuple[str, list[int]]]:
    """The words that pieces make up, each with the places of those of its pieces that have a letter or number.

    >>> _words("Was PS-400 new?", ["", "Was", "PS", "-", "4", "00", "n", "ew", "?", ""])
    [('Was', [1]), ('PS-400', [2, 4, 5]), ('new', [6, 7])]
    """
    found: list[tuple[str, list[int]]] = []
    end = 0
    for i, token in enumerate(tokens):
        if not token.strip():
            continue
        at = question.find(token, end)
        if found and at == end:  # it goes on where the piece before it ended
            word, pieces = found[-1]
            found[-1] = word + token, [*pieces, i]
        else:
            found.append((token, [i]))
        end = max(at, end) + len(token)
    lettered = [(_bare(word), [i for i in pieces if _bare(tokens[i])]) for word, pieces in found]
    return [(word, pieces) for word, pieces in lettered if word]


def _bare(word: str) -> str:
    """A word without the marks around it."""
    letters = [i for i, letter in enumerate(word) if letter.isalnum()]
    return word[letters[0] : letters[-1] + 1] if letters else ""
