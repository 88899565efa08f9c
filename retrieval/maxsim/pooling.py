"""A page's rows as a few: centres of k-means, for the first of two stages."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Vectors
from .arrays import matrix

ROUNDS = 2
"""Centres that start far apart hardly move after that, and each round takes a quarter of a millisecond a page."""


def pool(rows: ArrayLike, clusters: int = 32, rounds: int = ROUNDS) -> Vectors:
    """`(rows, dim)` floats to `(at most clusters, dim)` float32: centres of rows that k-means puts together.

    A centre is the direction of its rows' mean, as long as the rows are on average: unit for unit rows. The same rows
    give the same centres. A page of no more rows than clusters is returned as it is. Distances are Euclidean, so rows
    need not be unit. A cluster that loses all its rows starts again as the row that fits its own centre least.

    Centres start far apart: the first row, then always the row that is farthest from all before it (Gonzalez 1985).
    Rows spread evenly over the page would give the blank half of a page half of the centres.

    Raises `ValueError` for NaN, infinity, other shapes, and fewer than one cluster or round. Lloyd 1982.

    >>> pool([[1.0, 0.0], [0.75, 0.0], [0.0, 0.5], [0.0, 1.0]], clusters=2).tolist()
    [[0.875, 0.0], [0.0, 0.75]]
    """
    if clusters < 1 or rounds < 1:
        raise ValueError(f"{clusters} clusters in {rounds} rounds cannot be made; give 1 or more of each.")
    values = matrix("rows", rows)
    if len(values) <= clusters:
        return values
    centres = values[_far_apart(values, clusters)]
    owners = _nearest(values, centres)
    for _ in range(rounds):
        centres = _means(values, owners, centres)
        owners = _nearest(values, centres)
    return _lengthened(_means(values, owners, centres), values, owners)


def _far_apart(values: Vectors, count: int) -> list[int]:
    halves = np.einsum("vd,vd->v", values, values) / 2
    chosen, nearest = [0], np.full(len(values), np.inf, np.float32)
    while len(chosen) < count:
        last = chosen[-1]
        nearest = np.minimum(nearest, halves + halves[last] - values @ values[last])
        chosen.append(int(nearest.argmax()))
    return chosen


def _nearest(values: Vectors, centres: Vectors) -> NDArray[np.int64]:
    # |v - c|² less |v|², halved: one matrix product
    return (values @ centres.T - np.einsum("cd,cd->c", centres, centres) / 2).argmax(axis=1)


def _means(values: Vectors, owners: NDArray[np.int64], centres: Vectors) -> Vectors:
    members = np.zeros((len(centres), len(values)), np.float32)
    members[owners, np.arange(len(values))] = 1
    counts = members.sum(axis=1)
    means = (members @ values) / np.maximum(counts, 1)[:, None]
    lost = np.flatnonzero(counts == 0)
    if len(lost):
        fit = np.square(values - centres[owners]).sum(axis=1)
        means[lost] = values[np.argsort(-fit, kind="stable")[: len(lost)]]
    return means


def _lengthened(means: Vectors, values: Vectors, owners: NDArray[np.int64]) -> Vectors:
    """Means as long as their rows are on average: the mean of rows that point apart is short, and would rank low."""
    lengths = np.linalg.norm(values, axis=1)
    wanted = np.bincount(owners, lengths, len(means)) / np.maximum(np.bincount(owners, minlength=len(means)), 1)
    now = np.linalg.norm(means, axis=1)
    # A cluster without rows is a row itself; rows that cancel out have no direction to be long in.
    factors = np.where((wanted > 0) & (now > 1e-6 * wanted), wanted / np.maximum(now, 1e-30), 1)
    return means * factors.astype(np.float32)[:, None]
