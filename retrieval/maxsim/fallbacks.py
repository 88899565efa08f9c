"""What runs where the compiled kernel does not: the same integers from numpy, or from torch's int8 product.

Both take the arguments of the compiled `run` (csrc/module.c) and fill the same arrays with the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 21
"""Bytes of rows that are worked on at a time: 8 MB as float32."""

_NONE = np.iinfo(np.int32).min

Products = Callable[[NDArray[np.uint8], NDArray[np.int8]], NDArray[Any]]
"""`(rows, dim)` uint8 and `(tokens, dim)` int8 to `(rows, tokens)` products of u - 128, whole numbers."""


def numpy_products(rows: NDArray[np.uint8], query: NDArray[np.int8]) -> NDArray[Any]:
    # float32 counts to 2 ** 24 exactly, which 1,024 products of 128 * 127 do not pass; float64 is exact for the rest
    exact = np.float32 if rows.shape[1] <= 1024 else np.float64
    centred = rows.astype(exact)
    centred -= 128
    return centred @ query.T.astype(exact)


def torch_products(rows: NDArray[np.uint8], query: NDArray[np.int8]) -> NDArray[Any]:
    import torch

    centred = torch.from_numpy((rows ^ 0x80).view(np.int8))
    # A copy, not contiguous(): of one dimension, that keeps strides of 1, which torch 2.13 multiplies wrongly.
    tokens = torch.from_numpy(query.T.copy())
    return torch._int_mm(centred, tokens).numpy()  # pyright: ignore[reportPrivateImportUsage]


def run_with(
    products: Products,
    dim: int,
    threads: int,
    rows: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    scales: NDArray[np.float32],
    which: NDArray[np.int64] | None,
    query: NDArray[np.int8],
    factors: NDArray[np.float64],
    scores: NDArray[np.float32] | None,
    best: NDArray[np.int32] | None,
    best_rows: NDArray[np.int32] | None,
) -> None:
    """As the compiled `run`; `threads` is left to the library that multiplies."""
    chosen = np.arange(len(scales)) if which is None else which
    found = np.full((len(chosen), len(query)), _NONE, np.int32)
    if best_rows is not None:
        best_rows[:] = -1
    filled = np.flatnonzero(offsets[chosen + 1] > offsets[chosen])
    for places in _chunks(filled, chosen, offsets, max(1, _CHUNK // dim)):
        pages = chosen[places]
        spans = [slice(int(offsets[page]), int(offsets[page + 1])) for page in pages]
        values = products(_together(rows, spans), query)
        starts = np.cumsum([0, *(span.stop - span.start for span in spans[:-1])])
        found[places] = np.maximum.reduceat(values, starts, axis=0)
        if best_rows is not None:
            for place, page in zip(places, np.split(values, starts[1:]), strict=True):
                best_rows[place] = page.argmax(axis=0)
    if best is not None:
        best[:] = found
    if scores is not None:
        sums = np.zeros(len(chosen))
        for token, factor in enumerate(factors):  # in the order of the tokens, as the compiled sum
            sums += factor * found[:, token]
        scores[:] = -np.inf
        scores[filled] = sums[filled] * scales[chosen[filled]]


def _chunks(
    filled: NDArray[np.int64], chosen: NDArray[np.int64], offsets: NDArray[np.int64], most: int
) -> Iterator[NDArray[np.int64]]:
    """Cut places into runs of at most `most` rows together; a page that has more is alone."""
    ends = np.cumsum(offsets[chosen[filled] + 1] - offsets[chosen[filled]])
    start = 0
    while start < len(filled):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield filled[start:stop]
        start = stop


def _together(rows: NDArray[np.uint8], spans: list[slice]) -> NDArray[np.uint8]:
    """The rows of these pages below each other; a view when they are so already."""
    if all(one.stop == next_.start for one, next_ in pairwise(spans)):
        return rows[spans[0].start : spans[-1].stop]
    return np.concatenate([rows[span] for span in spans])
