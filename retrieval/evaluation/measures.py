"""How good a ranking is, given what should have been found. The measures are trec_eval's, by its own code.

A ranking is best first and holds each page once. Where each wanted page alone answers (`every=False`), finding one is
finding all: the measures then look at the first of them that was found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from ..errors import PagesightError
from ..types import Box

MEASURES = {
    "ndcg@1": "ndcg_cut_1",
    "ndcg@5": "ndcg_cut_5",
    "ndcg@10": "ndcg_cut_10",
    "recall@1": "recall_1",
    "recall@5": "recall_5",
    "recall@10": "recall_10",
    "recall@20": "recall_20",
    "mrr": "recip_rank",
    "success@5": "success_5",
}
"""Our name of a measure to trec_eval's; all lie between 0 and 1, and more is better."""
DOCUMENT_MEASURES = {"document@1": "success_1", "document@5": "success_5"}
"""Whether a page of a right document is among the first: of questions that search in more than one."""
BOX_MEASURES = ("box_hit", "box_iou")
"""Evidence against the boxes that people drew."""
ALL_MEASURES = (*MEASURES, *DOCUMENT_MEASURES, *BOX_MEASURES)
"""In the order in which they are shown."""
_NOT_FOUND = "\0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be found for a question."""

    grades: Mapping[str, int]
    """Id to how relevant it is: 1 or more; what is not here, or 0, is not."""
    every: bool = True
    """All of them are needed; otherwise each one alone answers."""


def measure(order: Sequence[str], wanted: Wanted) -> dict[str, float]:
    """The measures of `MEASURES` for one ranking: nDCG with the grades as gains, recall, reciprocal rank, success.

    >>> found = measure(["b", "a"], Wanted({"a": 1, "c": 1}))
    >>> found["recall@5"], found["mrr"], found["success@5"], round(found["ndcg@5"], 4)
    (0.5, 0.5, 1.0, 0.3869)
    >>> measure(["b", "a"], Wanted({"a": 1, "c": 1}, every=False))["recall@5"]
    1.0
    """
    grades = dict(wanted.grades)
    if not wanted.every:
        first = next((page for page in order if grades.get(page, 0) > 0), None)
        grades = {first or _NOT_FOUND: 1}
    return _judged(order, grades, MEASURES)


def measure_documents(order: Sequence[str], right: Collection[str]) -> dict[str, float]:
    """The measures of `DOCUMENT_MEASURES`. `order`: the document of each page of a ranking, `right`: those wanted.

    >>> measure_documents(["b", "a", "a"], {"a"})
    {'document@1': 0.0, 'document@5': 1.0}
    """
    grades = {str(place): 1 for place, document in enumerate(order) if document in right}
    return _judged([str(place) for place in range(len(order))], grades or {_NOT_FOUND: 1}, DOCUMENT_MEASURES)


def measure_boxes(found: Sequence[Box], gold: Sequence[Box]) -> dict[str, float]:
    """The measures of `BOX_MEASURES` on one page; `found` strongest first, `gold` at least one box.

    `box_hit`: the middle of the first box lies in a gold box. `box_iou`: the best intersection over union, 0 to 1, of
    one of the first three with one of the gold boxes.

    >>> measure_boxes([Box(0, 0, 2, 2)], [Box(0, 0, 4, 2)])
    {'box_hit': 1.0, 'box_iou': 0.5}
    """
    hit = bool(found) and any(box.holds(found[0]) for box in gold)
    best = max((_overlap(one, box) for one in found[:3] for box in gold), default=0.0)
    return {"box_hit": float(hit), "box_iou": best}


def _overlap(one: Box, other: Box) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    total = one.width * one.height + other.width * other.height - shared
    return shared / total if total > 0 else 0.0


def _judged(order: Sequence[str], grades: dict[str, int], measures: Mapping[str, str]) -> dict[str, float]:
    if not order or max(grades.values(), default=0) < 1:
        return dict.fromkeys(measures, 0.0)
    judge = _trec_eval().RelevanceEvaluator({"q": grades}, set(measures.values()))
    # Places, not scores: trec_eval keeps scores as float32, in which near ones are equal, and breaks ties by name.
    values = judge.evaluate({"q": {page: float(len(order) - place) for place, page in enumerate(order)}})["q"]
    return {name: values[theirs] for name, theirs in measures.items()}


@cache
def _trec_eval() -> ModuleType:
    try:
        import pytrec_eval
    except ImportError as error:  # pyproject.toml leaves it out where it has no wheel
        raise PagesightError(
            "Measuring needs pytrec-eval-terrier, which has no wheel for this machine; "
            "`pip install pytrec-eval-terrier` builds it, with a C compiler and a network."
        ) from error
    return pytrec_eval
