"""Many pages of many vectors as three arrays, and how float32 rows become bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Vectors
from .arrays import LARGEST, MAX_DIM, expect, finite, matrix

MAX_ROWS = 2**31 - 1
"""Rows in one page: a row is numbered by an int32."""

_CENTRE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """Pages of any number of rows each. The arrays are used where they lie: memory-mapped ones are not copied.

    `rows`: `(rows, dim)`, either uint8, where a value u of page i stands for `(u - 128) * scales[i]`, or float32.
    `offsets`: `(pages + 1,)` int64; the rows of page i are `offsets[i]:offsets[i + 1]`, none for an empty page.
    `scales`: `(pages,)` float32, positive; `None` with float32 rows.

    Any range of rows can be a page: with the offsets of passages, scores are those of passages.

    Raises `ValueError` when the arrays do not fit each other, have other types or are not C-contiguous, and when
    offsets are out of order or a scale is not positive and finite. float32 rows are read once, to refuse NaN and
    infinity.

    >>> pages = Pages(np.full((3, 2), 255, np.uint8), np.array([0, 1, 1, 3]), np.array([0.01, 1, 0.02], np.float32))
    >>> len(pages), pages.dim, [len(pages.page(i)) for i in range(3)]
    (3, 2, [1, 0, 2])
    """

    rows: NDArray[np.uint8] | Vectors
    offsets: NDArray[np.int64]
    scales: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        expect("rows", self.rows, np.float32 if self.scales is None else np.uint8, 2)
        expect("offsets", self.offsets, np.int64, 1)
        if not 1 <= self.dim <= MAX_DIM:
            raise ValueError(f"rows have {self.dim} dimensions, not 1 to {MAX_DIM}.")
        if not len(self.offsets) or self.offsets[0] < 0 or self.offsets[-1] > len(self.rows):
            raise ValueError(f"offsets do not lie inside the {len(self.rows)} rows.")
        lengths = np.diff(self.offsets)
        if len(lengths) and (lengths.min() < 0 or lengths.max() > MAX_ROWS):
            raise ValueError("offsets are not in ascending order.")
        if self.scales is None:
            finite("rows", self.rows)
            return
        expect("scales", self.scales, np.float32, 1)
        if len(self.scales) != len(self):
            raise ValueError(f"There are {len(self.scales)} scales for {len(self)} pages.")
        if len(self.scales) and not (self.scales.min() > 0 and self.scales.max() <= LARGEST):
            raise ValueError("A scale is not positive and finite.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    def page(self, i: int) -> Vectors:
        """`(rows, dim)` float32 of one page; of uint8 rows, what they stand for. `IndexError` when there is none."""
        if not 0 <= i < len(self):
            raise IndexError(f"There are {len(self)} pages, and none with the number {i}.")
        rows = self.rows[int(self.offsets[i]) : int(self.offsets[i + 1])].astype(np.float32)
        return rows if self.scales is None else (rows - np.float32(_CENTRE)) * self.scales[i]


def quantise_page(rows: ArrayLike) -> tuple[NDArray[np.uint8], float]:
    """One page as bytes: `(rows, dim)` uint8 and the scale of all its values, for `Pages`.

    The largest absolute value becomes ±127, so a value is off by at most half a scale: unit rows of 128 dimensions by
    0.002 if one value is as large as 0.5. Raises `ValueError` for NaN, infinity and other shapes.

    >>> bytes_, scale = quantise_page([[0.5, -1.0], [0.0, 0.25]])
    >>> bytes_.tolist(), round(scale * 127, 6)
    ([[192, 1], [128, 160]], 1.0)
    """
    values = matrix("rows", rows)
    # rounded up to the smallest normal number, so that a page of zeros has a scale too
    scale = np.float32(max(_peak(values) / 127, float(np.finfo(np.float32).tiny)))
    scaled = values / scale
    np.rint(scaled, out=scaled)
    scaled += _CENTRE
    return scaled.astype(np.uint8), float(scale)


def quantise(pages: Iterable[ArrayLike]) -> Pages:
    """Pages of `(rows, dim)` float rows, as bytes (`quantise_page`), in one array.

    Raises `ValueError` as `quantise_page` does, and for no pages or pages of different dimensions.
    """
    done = [quantise_page(page) for page in pages]
    rows, offsets = _joined([rows for rows, _ in done])
    return Pages(rows, offsets, np.array([scale for _, scale in done], np.float32))


def collect(pages: Iterable[ArrayLike]) -> Pages:
    """Pages of `(rows, dim)` float rows, in one float32 array; errors as of `quantise`."""
    return Pages(*_joined([matrix("rows", page) for page in pages]))


def _peak(values: Vectors) -> float:
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def _joined(pages: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if not pages:
        raise ValueError("There are no pages.")
    if len({page.shape[1] for page in pages}) > 1:
        raise ValueError(f"Pages have different dimensions: {sorted({page.shape[1] for page in pages})}.")
    return np.concatenate(pages), np.cumsum([0, *(len(page) for page in pages)], dtype=np.int64)
