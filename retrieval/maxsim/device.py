"""Pages in the memory of a GPU, as float16, scored by torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import page_numbers
from .pages import Pages
from .query import PreparedQuery, prepare

_CHUNK = 1 << 20
"""Rows compared at a time: their similarities to 32 tokens take 128 MB."""


class DevicePages:
    """Pages on a torch device, put there once and scored as often as wanted.

    They take 2 bytes a dimension and row: 264 KB for a page of 1,030 rows of 128 dimensions. Scores differ from those
    of the same pages in float32 by less than 0.002 a token for unit rows: float16 holds 11 bits, and sums are float32
    (bfloat16 would merge neighbouring scores).

    Raises `RuntimeError` (torch's) where the device has no room for them, `ValueError` for pages without rows in all.
    """

    def __init__(self, pages: Pages, device: str = "cuda") -> None:
        import torch

        if not len(pages.rows):
            raise ValueError("There are no rows to put on a device.")
        self._pages, self._device = pages, torch.device(device)
        self._rows = torch.empty(pages.rows.shape, dtype=torch.float16, device=self._device)
        for begin in range(0, len(pages.rows), _CHUNK):
            rows = pages.rows[begin : begin + _CHUNK].astype(np.float32)
            if pages.scales is not None:
                owners = np.searchsorted(pages.offsets, np.arange(begin, begin + len(rows)), "right") - 1
                rows = (rows - np.float32(128)) * pages.scales[np.clip(owners, 0, len(pages) - 1), None]
            self._rows[begin : begin + len(rows)] = torch.from_numpy(rows).to(self._device, torch.float16)

    def __len__(self) -> int:
        return len(self._pages)

    def score(
        self, query: ArrayLike | PreparedQuery, which: ArrayLike | None = None, *, weights: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """MaxSim of each page; arguments, result and errors as of `maxsim.score`."""
        import torch

        prepared = prepare(query, self._pages.dim, weights)
        chosen = page_numbers(which, len(self._pages))
        numbers = np.arange(len(self._pages)) if chosen is None else chosen
        begins, ends = self._pages.offsets[:-1][numbers], self._pages.offsets[1:][numbers]
        scores = np.full(len(numbers), -np.inf, np.float32)
        filled = np.flatnonzero(ends > begins)
        if not len(filled):
            return scores
        tokens = torch.from_numpy(prepared.rows).to(self._device, torch.float16)
        token_weights = torch.from_numpy(prepared.weights.astype(np.float32)).to(self._device)
        for part in _parts(filled, ends - begins):
            lengths = ends[part] - begins[part]
            rows = self._gather(begins[part], lengths)
            similar = (rows @ tokens.T).float()
            best = torch.segment_reduce(similar, "max", lengths=torch.from_numpy(lengths).to(self._device), axis=0)
            scores[part] = (best @ token_weights).cpu().numpy()
        return scores

    def _gather(self, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Any:
        """The rows of pages, one after the other; neighbours in memory are not copied."""
        import torch

        if (begins[1:] == begins[:-1] + lengths[:-1]).all():
            return self._rows[int(begins[0]) : int(begins[-1] + lengths[-1])]
        starts = np.cumsum(lengths) - lengths
        places = np.repeat(begins - starts, lengths) + np.arange(int(lengths.sum()))
        return self._rows[torch.from_numpy(places).to(self._device)]


def _parts(filled: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Pages in runs of about `_CHUNK` rows, one page at least."""
    runs = np.cumsum(lengths[filled]) // _CHUNK
    return np.split(filled, np.flatnonzero(np.diff(runs)) + 1)
