"""Putting test questions to a library: every channel's ranking of its pages, every fusion's, and how long they took."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ..channels import Asked, Scope
from ..errors import QueryError
from ..fusion import default_weights, fuse, ranks, reciprocal_ranks
from ..search import search
from .measures import measure, measure_boxes, measure_documents
from .naming import Aim, Names, document_of, units
from .questions import Question

if TYPE_CHECKING:
    from ..library import Library

FUSED, RECIPROCAL, EQUAL = "fused", "rrf", "equal"
"""Fusions: by the weights of `fusion.json`, as `retrieve` ranks before a reranker; by reciprocal ranks; with all
weights 1."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How one question was answered."""

    question: Question
    aim: Aim
    orders: Mapping[str, tuple[str, ...]]
    """Channel or fusion to the ids of its candidate pages, best first."""
    milliseconds: Mapping[str, float]
    """What ranking took, evidence not included. What two channels share counts for the one that needs it first."""
    scores: Mapping[str, Mapping[str, float]]
    """Channel to page id to its score."""
    coverage: Mapping[str, float]
    """Channel to how much of the question it understands, 0 to 1: its weight is scaled by that."""
    values: Mapping[str, Mapping[str, float]]
    """Channel or fusion to its measures. Those of boxes are of the evidence on the page that holds the gold boxes,
    found or not: they stand with the first fusion, or with the only channel."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A question that was not put to the library, and why."""

    question: Question
    reason: str


def choose_channels(library: Library, channels: Collection[str] | None = None) -> dict[str, Callable[[str], Asked]]:
    """The channels to ask; all for `None`. Raises `QueryError` for one that is unknown or off."""
    there = library.askers()
    for name in channels or ():
        if name not in there:
            raise QueryError(f"There is no channel {name!r} here; there are {', '.join(there)}.")
    return {name: ask for name, ask in there.items() if not channels or name in channels}


def ask_all(
    library: Library,
    questions: Iterable[Question],
    names: Names,
    channels: Collection[str] | None = None,
    *,
    boxes: bool = True,
) -> Iterator[Answered | LeftOut]:
    """Put questions to a library, one by one, in order.

    `names` are of the same library. `boxes`: also look where the evidence is, of questions that say where it should be.
    """
    askers = choose_channels(library, channels)
    for ask in askers.values():
        ask("warm up")  # an encoder that is loaded with the first question is no question's time
    for question in questions:
        if question.left_out is not None:
            yield LeftOut(question, question.left_out)
            continue
        try:
            aim = names.aim(question)
        except QueryError as error:
            yield LeftOut(question, str(error))
            continue
        yield _answer(library, question, aim, askers, boxes=boxes)


def score_order(order: Sequence[str], aim: Aim) -> dict[str, float]:
    """The measures of a ranking of page ids for a question."""
    values = measure(units(order, aim.wanted.grades), aim.wanted)
    if aim.inside is None:
        values |= measure_documents([document_of(page) for page in order], aim.documents)
    return values


def score_boxes(library: Library, question: str, aim: Aim) -> dict[str, float]:
    """The measures of evidence, a mean over the pages that have gold boxes; empty where there are none."""
    gold: dict[str, list] = {}
    pages = library.catalog.pages(page for page, _, _ in aim.boxes)
    for id_, box, size in aim.boxes:
        page = pages.get(id_)
        if page is None:
            continue
        across, down = (page.width / size[0], page.height / size[1]) if size and min(size) > 0 else (1.0, 1.0)
        gold.setdefault(id_, []).append(type(box)(box.x0 * across, box.y0 * down, box.x1 * across, box.y1 * down))
    found = [
        measure_boxes([place.box for place in library.evidence(question, page)], boxes) for page, boxes in gold.items()
    ]
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]} if found else {}


def _answer(
    library: Library, question: Question, aim: Aim, askers: Mapping[str, Callable[[str], Asked]], *, boxes: bool
) -> Answered:
    scope = library.scope(None if aim.inside is None else {"document": aim.inside})
    started = perf_counter()
    asked = {name: _Timed(ask, question.text) for name, ask in askers.items()}
    ranked = search(asked, scope, default_weights())
    whole = perf_counter() - started
    scores = {name: {one.page: one.channels[name].score for one in ranked if name in one.channels} for name in asked}
    orders = {name: list(ranks(found)) for name, found in scores.items()}
    seconds = {name: one.alone for name, one in asked.items()}
    if len(asked) > 1:
        orders[FUSED], seconds[FUSED] = [one.page for one in ranked], whole
        asking = sum(one.alone + one.rest for one in asked.values())
        for name, how in ((RECIPROCAL, _reciprocal), (EQUAL, _equal)):
            began = perf_counter()
            orders[name] = list(ranks(how(scores, asked)))
            seconds[name] = asking + perf_counter() - began
    values = {name: score_order(order, aim) for name, order in orders.items()}
    if boxes and aim.boxes:
        values[FUSED if FUSED in values else next(iter(values))] |= score_boxes(library, question.text, aim)
    return Answered(
        question,
        aim,
        {name: tuple(order) for name, order in orders.items()},
        {name: 1000 * value for name, value in seconds.items()},
        scores,
        {name: one.coverage for name, one in asked.items()},
        values,
    )


def _reciprocal(scores: Mapping[str, Mapping[str, float]], asked: Mapping[str, Asked]) -> dict[str, float]:
    # Pages of a document that is named have one score and no ranks.
    return reciprocal_ranks([ranks(found) for name, found in scores.items() if not asked[name].scaled])


def _equal(scores: Mapping[str, Mapping[str, float]], asked: Mapping[str, Asked]) -> dict[str, float]:
    # Scaled by coverage as the usual weights are: what is compared is the weights, not that.
    weights = {name: one.coverage for name, one in asked.items()}
    neutral = [name for name, one in asked.items() if one.neutral]
    scaled = [name for name, one in asked.items() if one.scaled]
    return fuse(scores, weights if any(weights.values()) else dict.fromkeys(asked, 1.0), neutral, scaled)


class _Timed:
    """A question put to a channel, with a stop watch: no two at once, so that each has its own time."""

    def __init__(self, ask: Callable[[str], Asked], question: str) -> None:
        self.alone = self.rest = 0.0
        """Seconds for its own candidates, and for scoring those of others."""
        began = perf_counter()
        self._asked = ask(question)
        self.alone += perf_counter() - began

    @property
    def coverage(self) -> float:
        return self._asked.coverage

    @property
    def neutral(self) -> bool:
        return self._asked.neutral

    @property
    def scaled(self) -> bool:
        return self._asked.scaled

    def candidates(self, scope: Scope) -> dict[str, float]:
        began = perf_counter()
        found = self._asked.candidates(scope)
        self.alone += perf_counter() - began
        return found

    def score(self, pages: Collection[str]) -> dict[str, float]:
        began = perf_counter()
        found = self._asked.score(pages)
        self.rest += perf_counter() - began
        return found
