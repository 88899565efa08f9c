"""What arrays must be to be scored; everything else is a `ValueError` that says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Vectors

MAX_DIM = 65_536
"""255 · 127 · 65,536 is the largest sum of products that an int32 holds. The same number stands in csrc/kernel.h."""

LARGEST = 1e10
"""Of vectors, scales and weights: three such numbers multiplied and summed over a page stay within float32."""


def matrix(name: str, values: ArrayLike) -> Vectors:
    """`(rows, dim)` float32, C-contiguous, not copied when it is so already."""
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        rows = np.ascontiguousarray(values, np.float32)
    if rows.ndim != 2 or not 1 <= rows.shape[1] <= MAX_DIM:
        raise ValueError(f"{name}: the shape is {rows.shape}, not (rows, dim) with 1 to {MAX_DIM} dimensions.")
    finite(name, rows)
    return rows


def finite(name: str, values: NDArray[Any]) -> None:
    # min and max are NaN where a value is, and need no array of their own
    if values.size and not (values.min() >= -LARGEST and values.max() <= LARGEST):
        raise ValueError(f"{name}: NaN, infinity and values beyond {LARGEST:.0e} have no place in a ranking.")


def expect(name: str, array: NDArray[Any], kind: Any, ndim: int) -> None:
    if array.ndim != ndim or array.dtype != kind or not array.flags.c_contiguous:
        wanted = f"{np.dtype(kind).name} of {ndim} dimension(s), C-contiguous"
        raise ValueError(f"{name}: {array.dtype} of shape {array.shape}, not {wanted}.")


def page_numbers(which: ArrayLike | None, pages: int) -> NDArray[np.int64] | None:
    """Numbers or a boolean mask as `(n,)` int64 numbers of pages that are there; `None` stays `None`."""
    if which is None:
        return None
    numbers = np.asarray(which)
    if numbers.dtype == np.bool_:
        if numbers.shape != (pages,):
            raise ValueError(f"A mask of the shape {numbers.shape} does not fit {pages} pages.")
        return np.flatnonzero(numbers)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise ValueError(f"Pages are named by whole numbers or a mask, not {numbers.dtype} of shape {numbers.shape}.")
    if numbers.size and (numbers.min() < 0 or numbers.max() >= pages):
        raise ValueError(f"There are {pages} pages, and not all of the numbers {numbers.min()} to {numbers.max()}.")
    return np.ascontiguousarray(numbers, np.int64)
