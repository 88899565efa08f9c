"""What chance alone explains: intervals by the bootstrap, differences by a paired randomisation test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAMPLES = 2_000
"""Bootstrap samples: the ends of an interval then move by some thousandths from seed to seed."""
SHUFFLES = 10_000
"""Of the randomisation test: a p of 0.05 is known to 0.004."""
_AT_ONCE = 2_000_000
"""Numbers drawn at a time: bounds memory to some megabytes however many questions there are."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over questions, with the 95% interval of a percentile bootstrap over them."""

    mean: float
    low: float
    high: float
    questions: int

    def to_dict(self) -> dict[str, float | int]:
        return {
            "mean": round(self.mean, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "questions": self.questions,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the second of two runs is on the same questions."""

    first: float
    """Its mean."""
    second: float
    change: Mean
    """Second less first."""
    p: float
    """How often chance alone gives a difference as large, either way: 0 to 1."""


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of one value a question, at least one. The same values give the same interval each time."""
    given = np.asarray(values, float)
    random, means = np.random.default_rng(20), []
    for count in _batches(SAMPLES, len(given)):
        means.append(given[random.integers(0, len(given), (count, len(given)))].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Mean(float(given.mean()), float(low), float(high), len(given))


def difference_of(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Two runs on the same questions, at least one, in the same order.

    The test is Fisher's randomisation test on pairs (Smucker, Allan & Carterette 2007): were the runs alike, each
    question's difference might as well have the other sign.
    """
    one, other = np.asarray(first, float), np.asarray(second, float)
    gaps = other - one
    seen = abs(float(gaps.sum())) - 1e-9  # sums of the same numbers in another order differ by rounding
    random, as_large = np.random.default_rng(21), 0
    for count in _batches(SHUFFLES, len(gaps)):
        signs = random.integers(0, 2, (count, len(gaps)), np.int8) * 2 - 1
        as_large += int((np.abs(signs @ gaps) >= seen).sum())
    p = (as_large + 1) / (SHUFFLES + 1)  # the order that was seen is one of them
    return Difference(float(one.mean()), float(other.mean()), mean_of(gaps.tolist()), p)


def _batches(total: int, width: int) -> list[int]:
    """`total` rows of some width in batches that fit.

    >>> _batches(5, 1_000_000)
    [2, 2, 1]
    """
    size = max(1, min(total, _AT_ONCE // max(width, 1)))
    return [min(size, total - begin) for begin in range(0, total, size)]
