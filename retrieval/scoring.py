"""The arithmetic of late interaction, as functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .types import Vectors


def maxsim(query: Vectors, page: Vectors, weights: NDArray[np.float32] | None = None) -> float:
    """Late interaction: each query token takes its best page row; the (weighted) sum is the score.

    `query` is `(tokens, dim)`, `page` is `(rows, dim)`; sums are float32 (bfloat16 sums merge pages: 20.01 and 20.04
    both become 20.0). Khattab & Zaharia 2020, equation 3.

    Pages are scored unpadded. A zero row used as padding has similarity 0, which beats any negative similarity, so a
    page's score would depend on its neighbours in the batch.

    >>> maxsim(np.array([[1, 0]], np.float32), np.array([[-1, 0]], np.float32))  # no floor at zero
    -1.0
    """
    best = (page @ query.T).max(axis=0)
    return float(best.sum() if weights is None else best @ weights)


GROUP = 0.6
"""How much of a page's score is that of its best group. Scored over all its rows, a long page collects a match here and
a match there; scored by its best passage alone, it loses what stands in another (benchmarks/RESULTS.md)."""


def counted(best: NDArray[np.float32], floor: float | None) -> NDArray[np.float32]:
    """What similarities count for a query with this floor (`QueryVectors.floor`).

    Any word has something a little like it on any page. Without a floor, many such words outweigh one that is there.

    >>> counted(np.array([0.75, 0.25], np.float32), 0.5).tolist(), counted(np.array([-0.5], np.float32), None).tolist()
    ([0.25, 0.0], [-0.5])
    """
    return best if floor is None else np.maximum(best - np.float32(floor), 0)


def grouped_maxsim(
    similarities: NDArray[np.float32],
    groups: NDArray[np.int32],
    pages: NDArray[np.int32],
    weights: NDArray[np.float32],
    floor: float | None = None,
) -> NDArray[np.float32]:
    """MaxSim of many pages at once: of a page's score over its best group alone `GROUP`, the rest over all its rows.

    `similarities`: `(rows, tokens)`; `groups`: `(rows,)`, numbers that change where a group ends; `pages`: `(rows,)`,
    likewise, never inside a group; `weights`: `(tokens,)`. Returns `(pages,)`, in order of appearance.

    >>> rows = np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32)
    >>> found = grouped_maxsim(rows, np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([0.5, 0.5], np.float32))
    >>> [round(score, 2) for score in found.tolist()]  # 0.4 of 1, and 0.6 of 0.5
    [0.7, 0.5]
    """
    if not len(similarities):
        return np.zeros(0, np.float32)
    starts = _starts(groups) | _starts(pages)
    best = np.maximum.reduceat(similarities, np.flatnonzero(starts), axis=0)  # (groups, tokens)
    page_starts = np.flatnonzero(_starts(pages[starts]))
    return mixed(best, page_starts, weights, floor)


def mixed(
    best: NDArray[np.float32],
    starts: NDArray[np.int64],
    weights: NDArray[np.float32],
    floor: float | None,
    group: float = GROUP,
) -> NDArray[np.float32]:
    """As `grouped_maxsim`, of what is best in each group, `(groups, tokens)`; a page begins at each of `starts`."""
    found = counted(best, floor)
    over_all = np.maximum.reduceat(found, starts, axis=0) @ weights
    best_group = np.maximum.reduceat(found @ weights, starts)
    return ((1 - group) * over_all + group * best_group).astype(np.float32)


def _starts(numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.r_[True, numbers[1:] != numbers[:-1]]
