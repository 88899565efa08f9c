"""Evidence from patches: where on a page's picture late interaction found the words of a question.

MaxSim itself says it: each token of the question took one patch as its best. Patches that several tokens took, or that
are nearly as good, make regions; a model is not asked for coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .heat import above_mean
from .types import Box, Evidence, QueryVectors, Vectors, Word

REGIONS = 2
"""Regions shown on a page."""

NEAR_BEST = 0.6
"""A patch belongs to a region from this share of the strongest patch's heat on."""


def find_regions(
    query: QueryVectors, similarities: Vectors, boxes: NDArray[np.float32], words: Sequence[Word]
) -> tuple[Evidence, ...]:
    """The strongest regions of a page's picture, strongest first, at most `REGIONS`.

    `similarities`: `(rows, tokens)`, `boxes`: `(rows, 4)`, points; rows with an empty box stand for no place. A
    region's strength is the share of the question's tokens that found their best patch in it.
    """
    tokens = np.array([bool(token.strip()) for token in query.tokens], bool)
    places = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if not tokens.any() or not places.any():
        return ()
    weights = query.weights[tokens] / max(float(query.weights[tokens].sum()), 1e-9)
    shown = boxes[places]
    found = similarities[places][:, tokens]
    heat = above_mean(found) @ weights
    hot = heat >= NEAR_BEST * heat.max()
    owner = found.argmax(0)
    names = [token for token in query.tokens if token.strip()]
    regions = []
    for members in _connected(shown, np.flatnonzero(hot)):
        inside = np.isin(owner, members)
        box = Box(*shown[members, :2].min(0).tolist(), *shown[members, 2:].max(0).tolist())
        # the hottest patch of a region speaks for it even where no token likes it best of all
        strength = max(float(weights[inside].sum()), float(heat[members].max()) / max(len(names), 1))
        matched = tuple(name for name, there in zip(names, inside, strict=True) if there)
        regions.append((float(heat[members].sum()), Evidence(box, _text(words, box), matched, strength, "visual")))
    regions.sort(key=lambda one: (-one[1].strength, -one[0]))
    return tuple(evidence for _, evidence in regions[:REGIONS])


def _connected(boxes: NDArray[np.float32], members: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Groups of boxes that touch."""
    left = list(members)
    groups = []
    while left:
        group, front = [], [left.pop(0)]
        while front:
            one = front.pop()
            group.append(one)
            touching = [other for other in left if _touch(boxes[one], boxes[other])]
            left = [other for other in left if other not in touching]
            front += touching
        groups.append(np.array(group, np.intp))
    return groups


def _touch(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    slack = 1.0  # points: neighbours' edges differ by rounding
    return bool(
        min(one[2], other[2]) - max(one[0], other[0]) >= -slack
        and min(one[3], other[3]) - max(one[1], other[1]) >= -slack
    )


def _text(words: Sequence[Word], box: Box) -> str:
    return " ".join(word.text for word in words if box.holds(word.box))
