"""How good a ranking is, given the pages that should have been found.

`order` is best first and holds each page once. Where each gold page alone answers (`every=False`), finding one is
finding all: the measures then look at the first of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from math import log2


def ndcg(order: Sequence[Hashable], gold: Collection[Hashable], depth: int, *, every: bool = True) -> float:
    """Normalised discounted cumulative gain at `depth`, binary gains (Järvelin & Kekäläinen 2002). 0 to 1.

    >>> ndcg(["b", "a"], {"a"}, 5)
    0.6309297535714575
    """
    gains = [1 / log2(place + 2) for place, page in enumerate(order[:depth]) if page in gold]
    if not every:
        return gains[0] if gains else 0.0
    ideal = sum(1 / log2(place + 2) for place in range(min(depth, len(gold))))
    return sum(gains) / ideal if ideal else 0.0


def recall(order: Sequence[Hashable], gold: Collection[Hashable], depth: int, *, every: bool = True) -> float:
    """The share of the gold pages among the first `depth`. 0 to 1.

    >>> recall(["b", "a"], {"a", "c"}, 5), recall(["b", "a"], {"a", "c"}, 5, every=False)
    (0.5, 1.0)
    """
    if not every:
        return success(order, gold, depth)
    return len(set(order[:depth]) & set(gold)) / len(gold) if gold else 0.0


def success(order: Sequence[Hashable], gold: Collection[Hashable], depth: int) -> float:
    """1 when any gold page is among the first `depth`, else 0.

    >>> success(["b", "a"], {"a", "c"}, 1)
    0.0
    """
    return float(not set(order[:depth]).isdisjoint(gold))
