"""Words of a question that no document has, and those of the library that were likely meant. Offered, never forced."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from .analysis import terms
from .protocols import LexicalIndex
from .types import Word

SHORTEST = 5
"""Letters of a word that is looked at; shorter ones are near too many others."""
LONG = 7
"""Letters from which on two may be wrong; in a shorter word, one."""
PAGES = 3
"""Pages that are looked through for how a term is written."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FILTER = re.compile(r"\w+:\S*")
"""A filter that is typed in the question: its value may be in no text."""


def corrected(question: str, index: LexicalIndex, words_of: Callable[[str], Sequence[Word]]) -> str:
    """The question with words of the library in place of those it does not have; `""` when there is nothing to offer.

    `words_of` gives the words of a page, by its id.
    """
    filters = [found.span() for found in _FILTER.finditer(question)]

    def mend(found: re.Match[str]) -> str:
        word = found.group()
        if len(word) < SHORTEST or any(begin <= found.start() < end for begin, end in filters):
            return word
        meant = _meant(word, index, words_of)
        return word if meant is None else meant.capitalize() if word[0].isupper() else meant

    said = _WORD.sub(mend, question)
    return said if said != question else ""


def _meant(word: str, index: LexicalIndex, words_of: Callable[[str], Sequence[Word]]) -> str | None:
    """`None` for a word that the library has, or has nothing like."""
    from rapidfuzz.distance import OSA

    typed = terms(word)
    if len(typed) != 1:
        return None  # several, or none: a compound, or a script without spaces
    (term,) = typed
    wrong = 2 if len(word) >= LONG else 1
    if index.terms(term[: max(SHORTEST - 1, len(term) - 2)]):
        return None  # it is there, or with another ending: not every language is stemmed
    known = index.terms(term[0])  # the first letter is rarely the one that is wrong
    far = {other: OSA.distance(term, other, score_cutoff=wrong) for other in known}
    near = [other for other, distance in far.items() if distance <= wrong]
    for other in sorted(near, key=lambda other: (far[other], -known[other], other))[:PAGES]:
        written = Counter(
            found.group().casefold()
            for page in index.search(other, PAGES)
            for one in words_of(page)
            for found in _WORD.finditer(one.text)
            if terms(found.group()) == [other]
        )
        if written:
            return min(written, key=lambda one: (OSA.distance(word.casefold(), one), -written[one], one))
    return None
