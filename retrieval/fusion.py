"""Fusing channels: scores on one scale, then a weighted sum."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np

Scores = Mapping[str, float]
"""Page id to score."""


@cache
def default_weights(*, picture: bool = False) -> Mapping[str, float]:
    """Channel to weight, from `fusion.json`, which names the run that chose them, and those that no run could choose.

    `picture`: the question is, or has, a picture.
    """
    entries = json.loads(files("pagesight.retrieval").joinpath("fusion.json").read_text())
    weights = entries["weights"] | entries["not_measured"] | (entries["picture_questions"] if picture else {})
    return MappingProxyType(weights)  # every caller gets the same one


def fuse(
    scores: Mapping[str, Scores],
    weights: Mapping[str, float],
    neutral: Collection[str] = (),
    scaled: Collection[str] = (),
) -> dict[str, float]:
    """One score a page: the weighted mean of its standardised channel scores. Higher is better.

    All pages that any channel found take part. A channel's scores are brought to mean 0 and deviation 1 over them; a
    page that a channel did not score takes that channel's worst, or its mean where the channel is `neutral`: has not
    seen it yet. A channel that tells no two pages apart is 0 for all. Scores of `scaled` channels count as they are,
    and are 0 where there is none: as few of many pages have any, deviations would make them outweigh all else.

    >>> fuse({"lexical": {"a": 3.0, "b": 1.0}, "dense": {"b": 0.5, "a": 0.5}}, {"lexical": 1.0, "dense": 1.0})
    {'a': 0.5, 'b': -0.5}
    """
    pages = sorted({page for found in scores.values() for page in found})
    total = np.zeros(len(pages))
    weight_sum = sum(weights.get(channel, 0.0) for channel, found in scores.items() if found)
    for channel, found in scores.items():
        weight = weights.get(channel, 0.0)
        if not found or weight <= 0:
            continue
        unscored = float(np.mean(list(found.values()))) if channel in neutral else min(found.values())
        if channel in scaled:
            unscored = 0.0
        values = np.array([found.get(page, unscored) for page in pages])
        spread = 1.0 if channel in scaled else float(values.std())
        if spread > 1e-9:
            total += weight * (values - values.mean()) / spread
    return dict(zip(pages, (total / max(weight_sum, 1e-9)).tolist(), strict=True))


def reciprocal_ranks(channels: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009, k = 60), to compare with: page to score.

    `channels`: for each, page id to its 1-based rank.

    >>> fused = reciprocal_ranks([{"a": 1, "b": 2}, {"b": 1}])
    >>> fused["b"] > fused["a"]
    True
    """
    fused: dict[str, float] = {}
    for places in channels:
        for page, place in places.items():
            fused[page] = fused.get(page, 0.0) + 1 / (60 + place)
    return fused


def ranks(scores: Scores) -> dict[str, int]:
    """1-based places, best first; equal scores keep the order of their ids.

    >>> ranks({"a": 0.1, "b": 0.9})
    {'b': 1, 'a': 2}
    """
    order = sorted(scores, key=lambda page: (-scores[page], page))
    return {page: place for place, page in enumerate(order, start=1)}
