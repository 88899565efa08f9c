"""Words that pages may have for what a question asks: `related.txt`, a thesaurus.

A question for a quick ratio is answered by a balance sheet that does not say so. An encoder that is small knows little
of this, and full text nothing.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from .analysis import terms

WEIGHT = 0.5
"""How much these words count beside those of the question, in every channel that asks for them."""


@lru_cache(maxsize=256)
def related(question: str) -> str:
    """What to search for beside the question, `""` when it names nothing that the thesaurus has.

    Names match as the full text does: case, plurals and marks do not matter. The longest comes first, and none counts
    inside another.

    >>> related("What was the Quick Ratio in 2021?")
    'cash and cash equivalents receivables inventories total current assets total current liabilities'
    >>> related("How fast is a cheetah?")
    ''
    """
    asked, found, at = terms(question), dict[str, None](), 0
    thesaurus, longest = _thesaurus()
    while at < len(asked):
        for length in range(min(longest, len(asked) - at), 0, -1):
            words = thesaurus.get(tuple(asked[at : at + length]))
            if words is not None:
                found.update(dict.fromkeys(words))
                at += length - 1
                break
        at += 1
    return " ".join(found)


@cache
def _thesaurus() -> tuple[dict[tuple[str, ...], list[str]], int]:
    """Terms of a name to the phrases that stand for it, and how many terms the longest name has."""
    known: dict[tuple[str, ...], list[str]] = {}
    for line in files("pagesight.retrieval").joinpath("related.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            names, _, words = line.partition(":")
            for name in names.split(","):
                known[tuple(terms(name))] = [word.strip() for word in words.split(",")]
    return known, max(map(len, known))
