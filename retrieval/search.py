"""Finding pages: every channel's candidates, every channel's scores for their union, fused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .channels import Asked, Scope
from .fusion import fuse, ranks
from .stores.segment import document_of
from .types import ChannelScore


@dataclass(frozen=True, slots=True)
class Ranked:
    """A page id with its scores, before anything is looked up about it."""

    page: str
    score: float
    channels: Mapping[str, ChannelScore]


def search(asked: Mapping[str, Asked], scope: Scope, weights: Mapping[str, float]) -> list[Ranked]:
    """All candidate pages of a question put to channels (by name), best first.

    A channel's weight is scaled by how far it understands the question's language: an encoder that never saw an
    alphabet ranks its pages at random, with confidence.
    """
    # One after the other: a thread beside costs more than it brings, as most of them wait for the same memory.
    found = {name: one.candidates(scope) for name, one in asked.items()}
    union = {page for pages in found.values() for page in pages}
    scores = {name: one.score(union) for name, one in asked.items()}
    effective = {name: weights.get(name, 0.0) * one.coverage for name, one in asked.items()}
    if not any(effective.values()):
        effective = dict.fromkeys(asked, 1.0)  # nobody understands it: better every opinion than none
    neutral = [name for name, one in asked.items() if one.neutral]
    fused = fuse(scores, effective, neutral, [name for name, one in asked.items() if one.scaled])
    places = {name: _shared_ranks(found) if asked[name].scaled else ranks(found) for name, found in scores.items()}
    return [
        Ranked(
            page,
            fused[page],
            {name: ChannelScore(scores[name][page], places[name][page]) for name in asked if page in scores[name]},
        )
        for page in ranks(fused)
    ]


def _shared_ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Places where equals have one: the pages of a document that is named."""
    place = {score: number for number, score in enumerate(sorted(set(scores.values()), reverse=True), start=1)}
    return {page: place[score] for page, score in scores.items()}


def rerank(ranked: Sequence[Ranked], scores: Sequence[float]) -> list[Ranked]:
    """The first `len(scores)` pages in the order of a reranker's scores, then the others as they were.

    The fused scores of the pages that moved are dealt out anew in the same order, so that a hit's score still falls
    with its rank; what the reranker thought stands beside the channels' scores as `reranker`.
    """
    read, rest = ranked[: len(scores)], ranked[len(scores) :]
    order = sorted(range(len(read)), key=lambda i: (-scores[i], i))
    return [
        Ranked(read[i].page, read[place].score, {**read[i].channels, "reranker": ChannelScore(scores[i], place + 1)})
        for place, i in enumerate(order)
    ] + list(rest)


def at_most(ranked: Sequence[Ranked], per_document: int) -> list[Ranked]:
    """The first so many pages of each document, in order."""
    seen: Counter[str] = Counter()
    kept = []
    for one in ranked:
        document = document_of(one.page)
        seen[document] += 1
        if seen[document] <= per_document:
            kept.append(one)
    return kept
