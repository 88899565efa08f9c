"""Trying out a ranking: channels and fusions side by side, and how well they find what the test questions want."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..retrieval.evaluation import Wanted, measure
from ..retrieval.fusion import ranks, reciprocal_ranks
from ..retrieval.journal import Case
from ..retrieval.library import Library
from ..retrieval.search import Ranked

DEPTH = 5
"""Pages that a test question's answer has to be among."""

Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One question, ranked in several ways. Ranks are 1-based, by page id."""

    usual: dict[str, int]
    """By the library's own weights."""
    tried: dict[str, int]
    """By the weights that are being tried."""
    reciprocal: dict[str, int]
    """By reciprocal rank fusion of the channels."""
    channels: dict[str, dict[str, int]]

    def shown(self, most: int) -> list[str]:
        """The first pages by the weights that are tried, then those that the usual ones have among theirs."""
        chosen = [page for page, rank in self.tried.items() if rank <= most]
        return chosen + [page for page, rank in self.usual.items() if rank <= most and page not in chosen]


@dataclass(frozen=True, slots=True)
class Result:
    """How a test question fares."""

    case: Case
    first: int | None
    """The rank of the first page that was wanted; `None` when no channel found one."""
    ndcg: float
    recall: float


def try_out(library: Library, question: str, weights: Weights) -> Trial:
    """Rank a question in all ways. Raises `QueryError` for an empty one."""
    usual = library.rank(question)
    tried = _places(library.rank(question, weights=weights))
    names = {name: None for one in usual for name in one.channels}
    channels = {name: {one.page: one.channels[name].rank for one in usual if name in one.channels} for name in names}
    return Trial(_places(usual), tried, ranks(reciprocal_ranks(list(channels.values()))), channels)


def evaluate(library: Library, cases: Sequence[Case], weights: Weights | None = None) -> list[Result]:
    """Rank every test question; each page that it was kept with answers it alone."""
    results = []
    for case in cases:
        order = [one.page for one in library.rank(case.question, weights=weights)]
        found = measure(order, Wanted(dict.fromkeys(case.pages, 1), every=False))
        first = round(1 / found["mrr"]) if found["mrr"] else None
        results.append(Result(case, first, found[f"ndcg@{DEPTH}"], found[f"recall@{DEPTH}"]))
    return results


def moved(usual: int | None, tried: int | None) -> str:
    """How a rank changed, for people.

    >>> moved(5, 2), moved(2, 2), moved(1, 3), moved(None, 1)
    ('↑ 3', '', '↓ 2', 'new')
    """
    if usual is None or tried is None:
        return "" if usual == tried else "new" if usual is None else "gone"
    return "" if usual == tried else f"↑ {usual - tried}" if tried < usual else f"↓ {tried - usual}"


def _places(ranked: Sequence[Ranked]) -> dict[str, int]:
    return {one.page: place for place, one in enumerate(ranked, start=1)}
