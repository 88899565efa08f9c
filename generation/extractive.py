"""The answerer that needs no model of its own: the sentences, cells and rows that answer, quoted, or an abstention."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from ..retrieval.analysis import terms
from .asked import Kind, asked_kind, has_form, names_asked
from .candidates import Candidate, page_support, rank_candidates
from .protocols import Abstention, ShownPage
from .table_answers import cell_answer
from .table_types import Table

QUOTES = 4
"""Quotes in an answer, at most."""

NEARLY = 0.75
"""A further quote must be this strong beside the first, and say something else."""

TABLE_PAGES = 3
"""Pages, of the best, whose tables are looked at: a tenth of a second each."""

NEAR = 0.9
"""A telephone number must stand in what matches so well beside the best, or there is none."""

_UNMISTAKABLE: Mapping[Kind, str] = {"phone": "no telephone number", "address": "no address"}
"""Kinds whose form nothing else has."""

SURE = 0.75
"""A statement of this strength is taken for a yes, or for a no where it denies."""

_ASKING = (
    r"(?:by |at |in |on |for |to |from |with |of |during )?(?:what|which|who|whom|when|where|why|how|"
    r"який|яка|яке|які|якого|хто|коли|де|скільки|як|чому)\b"
)
_PARTS = re.compile(rf"(?<=\?)\s+(?={_ASKING})|,?\s+\b(?:and|та|і|й)\b\s+(?={_ASKING})", re.IGNORECASE)
_SHORT_YEAR = re.compile(r"\b(?:[1-4][QH]|9M|Q[1-4]|H[12]|FY|CY)[’']?\s?[’']?(\d\d)\b")
"""The year of a quarter: `2Q09`, `FY’22`."""
_DENIAL = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot)\b|n[’']t\b|\b(?:не|ні|немає|без)\b", re.IGNORECASE
)


def _no_tables(page: ShownPage) -> Sequence[Table]:
    return ()


class ExtractiveGenerator:
    """A `Generator` that quotes. `tables` gives those of a page; without it, rows are quoted whole."""

    name = "extractive"

    def __init__(self, tables: Callable[[ShownPage], Sequence[Table]] = _no_tables) -> None:
        self._tables = tables

    def generate(self, question: str, pages: Sequence[ShownPage]) -> Iterator[str | Abstention]:
        named = pages_that_name(question, pages)
        tables = {page.marker: self._tables(page) for page in named[:TABLE_PAGES]}
        candidates = rank_candidates(question, named, tables)
        lacking = what_is_lacking(question, pages, named, candidates)
        if lacking or not candidates or confidence(candidates) < threshold():
            yield Abstention(lacking or _reason(pages))
            return
        leading = leading_candidates(question, named, tables)
        for number, candidate in enumerate(_choose(leading, candidates)):
            said = _quoted(candidate.text)
            cells = None if number else cell_answer(question, candidate)
            if cells is not None:
                said = f"{_quoted(cells.value.text)} ({', '.join(_quoted(cell.text) for cell in cells.beside)})"
            elif not number and asked_kind(question) == "yes or no" and candidate.strength >= SURE:
                said = f"{'No' if _denies(candidate.text) != _denies(question) else 'Yes'}: {said}"
            yield ("\n\n" if number else "") + f"{said} [{candidate.page.marker}]"


def leading_candidates(
    question: str, pages: Sequence[ShownPage], tables: Mapping[int, Sequence[Table]]
) -> list[Candidate]:
    """The best candidate for each of the things that a question asks; none where it asks one."""
    best = []
    for part in question_parts(question):
        best += rank_candidates(question, pages, tables, part)[:1]
    return best


def question_parts(question: str) -> list[str]:
    """The things that a question asks, where these are several.

    >>> question_parts("Where and when do the members meet?"), question_parts("Who are the chair and the treasurer?")
    (['Where', 'when do the members meet?'], [])
    """
    parts = [part for part in _PARTS.split(question) if terms(part)]
    return parts if len(parts) > 1 else []


def confidence(candidates: Sequence[Candidate]) -> float:
    """0 to 1: how sure it is that the best candidate answers: its own strength and its page's, in equal parts."""
    best = candidates[0]
    return (best.strength + float(page_support(best.page) @ best.page.match.weights)) / 2


@cache
def threshold() -> float:
    """Below this confidence there is no answer; from `abstention.json`, which names the run that chose it."""
    return float(json.loads(files("pagesight.generation").joinpath("abstention.json").read_text())["threshold"])


def pages_that_name(question: str, pages: Sequence[ShownPage]) -> list[ShownPage]:
    """The pages on which each name and year of the question stands; all where it has none.

    What stands on another page is another matter's: the revenue of 2022 is not read off the page of 2021.
    """
    return [page for page in pages if not absent_names(question, [page])]


def what_is_lacking(
    question: str, pages: Sequence[ShownPage], named: Sequence[ShownPage], candidates: Sequence[Candidate]
) -> str | None:
    """Why there is no answer however well words match: names, or the kind of thing asked for, are not there.

    `named` are the pages that name what the question names, and `candidates` theirs.
    """
    if pages and not named and (absent := absent_names(question, pages)):
        return f"Not mentioned on {_looked(pages)}: {', '.join(absent)}."
    if pages and not named:
        return f"Not mentioned together on any of {_looked(pages)}: {', '.join(names_asked(question))}."
    kind = asked_kind(question)
    near = (one for one in candidates if one.strength >= NEAR * candidates[0].strength)
    if candidates and kind in _UNMISTAKABLE and not any(has_form(kind, one.text) for one in near):
        return f"There is {_UNMISTAKABLE[kind]} near what matches on {_looked(pages)}."
    return None


def absent_names(question: str, pages: Sequence[ShownPage]) -> list[str]:
    """Names, years and part numbers of the question that stand on none of the pages, nor in their documents' names.

    Words that match everywhere else do not make up for it: "lines through Toronto" is not answered by lines through
    San Francisco, however much is said of them.
    """
    names = names_asked(question)
    if not names or not pages:
        return []
    texts = [
        f"{page.hit.page.title} {page.hit.page.source} {' '.join(word.text for word in page.match.words)}"
        for page in pages
    ]
    there = {term for text in texts for term in terms(text)}
    there |= {f"20{year}" for text in texts for year in _SHORT_YEAR.findall(text)}
    return [name for name in names if terms(name) and there.isdisjoint(terms(name))]


def _choose(leading: Sequence[Candidate], candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """What to quote: what leads, then what is nearly as strong as the best and says something else."""
    chosen: list[Candidate] = []
    for candidate in (*leading, *candidates):
        if len(chosen) == QUOTES:
            return
        if candidate not in leading and candidate.strength < NEARLY * candidates[0].strength:
            return
        if not any(_same(candidate, other) for other in chosen):
            chosen.append(candidate)
            yield candidate


def _same(one: Candidate, other: Candidate) -> bool:
    if one.page.marker == other.page.marker and one.first < other.last and other.first < one.last:
        return True
    return set(terms(one.text)) == set(terms(other.text))


def _quoted(text: str) -> str:
    """Quotation marks inside would end the quote early for whoever reads the markers."""
    return "“" + text.replace("“", "‘").replace("”", "’") + "”"


def _denies(text: str) -> bool:
    return _DENIAL.search(text) is not None


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
