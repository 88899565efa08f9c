"""Finding pages: every channel's candidates, every channel's scores for their union, fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .channels import Channel, Scope
from .fusion import fuse, ranks
from .types import ChannelScore


@dataclass(frozen=True, slots=True)
class Ranked:
    """A page id with its scores, before anything is looked up about it."""

    page: str
    score: float
    channels: Mapping[str, ChannelScore]


def search(channels: Sequence[Channel], question: str, scope: Scope, weights: Mapping[str, float]) -> list[Ranked]:
    """All candidate pages, best first.

    A channel's weight is scaled by how far it understands the question's language: an encoder that never saw an
    alphabet ranks its pages at random, with confidence.
    """
    asked = {channel.name: channel.ask(question) for channel in channels}
    found = {name: one.candidates(scope) for name, one in asked.items()}
    union = {page for pages in found.values() for page in pages}
    scores = {name: one.score(union) for name, one in asked.items()}
    effective = {name: weights.get(name, 0.0) * one.coverage for name, one in asked.items()}
    if not any(effective.values()):
        effective = dict.fromkeys(asked, 1.0)  # nobody understands it: better every opinion than none
    fused = fuse(scores, effective)
    places = {name: ranks(found) for name, found in scores.items()}
    return [
        Ranked(
            page,
            fused[page],
            {name: ChannelScore(scores[name][page], places[name][page]) for name in asked if page in scores[name]},
        )
        for page in ranks(fused)
    ]
