"""A query, ready to be scored against bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Vectors
from .arrays import finite, matrix


@dataclass(frozen=True, slots=True, eq=False)
class PreparedQuery:
    """A query, checked and quantised once, to be scored against several `Pages` of its dimension."""

    rows: Vectors
    """`(tokens, dim)` float32."""
    weights: NDArray[np.float64]
    """`(tokens,)`."""
    bytes_: NDArray[np.int8]
    """`(tokens, dim)`: rows as whole numbers of their scales. A scale a token costs nothing: tokens are summed last."""
    scales: NDArray[np.float64]
    """`(tokens,)`."""


def prepare(query: ArrayLike | PreparedQuery, dim: int, weights: ArrayLike | None = None) -> PreparedQuery:
    """`query`: `(tokens, dim)` floats, one token or more; `weights`: `(tokens,)`, `None` for 1 each.

    Every function of this package that takes a query takes a prepared one too; its weights are then those it was
    prepared with, and giving others is a `ValueError`, as are other shapes, NaN and infinity.
    """
    if isinstance(query, PreparedQuery):
        if weights is not None:
            raise ValueError("The query was prepared with its weights; prepare it again to give others.")
        _check_dim(query.rows, dim)
        return query
    rows = matrix("query", query)
    _check_dim(rows, dim)
    if not len(rows):
        raise ValueError("The query has no tokens.")
    scales = np.maximum(np.abs(rows).max(axis=1).astype(np.float64) / 127, np.finfo(np.float32).tiny)
    bytes_ = np.rint(rows / scales[:, None]).astype(np.int8)
    return PreparedQuery(rows, _token_weights(weights, len(rows)), bytes_, scales)


def _check_dim(rows: Vectors, dim: int) -> None:
    if rows.shape[1] != dim:
        raise ValueError(f"The query has {rows.shape[1]} dimensions, the pages have {dim}.")


def _token_weights(weights: ArrayLike | None, tokens: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(tokens)
    found = np.asarray(weights, np.float64)
    if found.shape != (tokens,):
        raise ValueError(f"weights have the shape {found.shape}, not ({tokens},), one a token.")
    finite("weights", found)
    return found
