"""The answerer that needs no model of its own: the sentences and table rows that answer, quoted, or an abstention."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ..retrieval.analysis import terms
from .asked import asked_kind, has_form, names_asked
from .protocols import Abstention, ShownPage
from .units import quotable_units

QUOTES = 3
"""Quotes in an answer, at most."""

NEARLY = 0.85
"""A further quote must be this strong beside the first, and say something else."""

OTHER_KIND = 0.7
"""What is left of a unit's strength when nothing in it is of the kind that was asked for, such as a date. 1, 0.9, 0.8
and 0.7 put a unit with the answer first for 18.2, 18.4, 19.3 and 19.6 of 100 development questions."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a page that may answer."""

    page: ShownPage
    first: int
    last: int
    text: str
    strength: float
    """0 to 1: the share of the question, by weight, that it accounts for, together with where it stands."""


class ExtractiveGenerator:
    """A `Generator` that quotes."""

    name = "extractive"

    def generate(self, question: str, pages: Sequence[ShownPage]) -> Iterator[str | Abstention]:
        absent = absent_names(question, pages)
        if absent:
            yield Abstention(f"Not mentioned on {_looked(pages)}: {', '.join(absent)}.")
            return
        candidates = rank_candidates(question, pages)
        if not candidates or confidence(candidates, pages) < threshold():
            yield Abstention(_reason(pages))
            return
        for number, candidate in enumerate(_choose(candidates)):
            # Quotation marks inside would end the quote early for whoever reads the markers.
            text = candidate.text.replace("“", "‘").replace("”", "’")
            yield ("\n\n" if number else "") + f"“{text}” [{candidate.page.marker}]"


def rank_candidates(question: str, pages: Sequence[ShownPage]) -> list[Candidate]:
    """Every unit of the pages that matches something, best first."""
    kind = asked_kind(question)
    asked = frozenset(terms(question))
    candidates = []
    for page in pages:
        match = page.match
        context = page_support(page)
        for first, last in quotable_units(match.words):
            text = " ".join(word.text for word in match.words[first:last])
            own = match.best(first, last)
            if not own.any() or not _adds(text, asked):
                continue
            # What the sentence leaves to its page ("Boeing", "2018") counts for a part.
            strength = float(np.maximum(own, 0.3 * context) @ match.weights)
            if kind not in ("text", "yes or no", "name") and not has_form(kind, text, asked):
                strength *= OTHER_KIND
            strength *= 1 - 0.04 * (page.marker - 1)
            candidates.append(Candidate(page, first, last, text, strength))
    return sorted(candidates, key=lambda one: (-one.strength, one.page.marker, one.first))


def page_support(page: ShownPage) -> np.ndarray:
    """`(tokens,)`: how far the whole page, with its document's title and name, supports each word of the question."""
    match = page.match
    best = match.best(0, len(match.words)) if match.words else np.zeros(len(match.tokens), np.float32)
    identity = set(terms(f"{page.hit.page.title} {page.hit.page.source}"))
    named = np.array([bool(identity & set(terms(token))) for token in match.tokens])
    return np.where(named, 1.0, best)


def confidence(candidates: Sequence[Candidate], pages: Sequence[ShownPage]) -> float:
    """0 to 1: how sure it is that the best candidate answers: its own strength and its page's, in equal parts."""
    best = candidates[0]
    return (best.strength + float(page_support(best.page) @ best.page.match.weights)) / 2


@cache
def threshold() -> float:
    """Below this confidence there is no answer; from `abstention.json`, which names the run that chose it."""
    return float(json.loads(files("pagesight.generation").joinpath("abstention.json").read_text())["threshold"])


def absent_names(question: str, pages: Sequence[ShownPage]) -> list[str]:
    """Names, years and part numbers of the question that stand on none of the pages, nor in their documents' names.

    Words that match everywhere else do not make up for it: "lines through Toronto" is not answered by lines through
    San Francisco, however much is said of them.
    """
    names = names_asked(question)
    if not names or not pages:
        return []
    there: set[str] = set()
    for page in pages:
        words = " ".join(word.text for word in page.match.words)
        there.update(terms(f"{page.hit.page.title} {page.hit.page.source} {words}"))
    return [name for name in names if terms(name) and there.isdisjoint(terms(name))]


def _adds(text: str, asked: frozenset[str]) -> bool:
    """A unit that only repeats words of the question, like a heading, answers nothing."""
    return any(term not in asked for term in terms(text))


def _choose(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    chosen: list[Candidate] = []
    for candidate in candidates:
        if len(chosen) == QUOTES or candidate.strength < NEARLY * candidates[0].strength:
            return
        if all(set(terms(candidate.text)) != set(terms(other.text)) for other in chosen):
            chosen.append(candidate)
            yield candidate


def _reason(pages: Sequence[ShownPage]) -> str:
    """What was looked at, and what was looked for in vain."""
    if not pages:
        return "No page matches the question."
    missing = []
    match = pages[0].match
    if match.tokens:
        support = np.max([page_support(page) for page in pages], axis=0)
        order = np.argsort(-match.weights)
        missing = [match.tokens[i] for i in order if support[i] < 0.5 and match.weights[i] > 0.05][:4]
    looked = _looked(pages)
    if missing:
        return f"Not found on {looked}: {', '.join(missing)}."
    return f"No sentence or table row on {looked} says enough of what was asked."


def _looked(pages: Sequence[ShownPage]) -> str:
    return "the best page" if len(pages) == 1 else f"the best {len(pages)} pages"
