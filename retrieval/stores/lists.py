"""Inverted lists over the pooled rows of sealed segments: which pages have rows near which of some thousand centres.

They are the stage before the scan of all pooled rows, for stores so large that this scan takes too long: only pages in
the lists nearest to a token of the query are compared further. Centres come from faiss, which trains them and tells
which is nearest, on a GPU where it has one. (IVF: Sivic & Zisserman 2003; for MaxSim: Santhanam et al. 2022.)

A segment's lists are one file in its folder, mapped: where each list ends, `(centres,)` int64, then the pages' numbers,
int32, list after list. It can always be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from ..maxsim import Pages, PreparedQuery, top
from ..types import Vectors
from .segment_list import SegmentList

LISTS_FROM = 200_000
"""Pages from which lists are made and used: fewer are scanned (`benchmarks/maxsim_scale.py`)."""
CENTRES = 4096
"""At most; fewer while there are fewer than `_A_CENTRE` rows for each."""
PROBED = 16
"""Lists that each token looks into."""
SHORTLIST = 20_000
"""Pages whose pooled rows are compared after that."""
_A_CENTRE = 64
"""Rows to train a centre with."""
_ROUNDS = 8
_TOGETHER = 65_536
"""Rows whose centres are looked for at a time: 34 MB at 128 dimensions."""


def train(pools: Sequence[Pages], *, gpu: bool = False) -> Vectors:
    """`(centres, dim)` float32 unit rows, by k-means over a sample of these rows; the same for the same pages.

    `gpu`: on one, where faiss has one.
    """
    faiss = _faiss()
    rows = sum(len(pool.rows) for pool in pools)
    count = max(1, min(CENTRES, rows // _A_CENTRE))
    share = min(1.0, count * _A_CENTRE / rows)
    random, sample = np.random.default_rng(0), []
    for pool in pools:
        chosen = random.choice(len(pool.rows), int(share * len(pool.rows)), replace=False)
        sample.append(_floats(pool, np.sort(chosen)))
    kmeans = faiss.Kmeans(
        pools[0].dim,
        count,
        niter=_ROUNDS,
        seed=1,
        spherical=True,
        gpu=gpu and _has_gpu(),
        min_points_per_centroid=1,
        max_points_per_centroid=2 * _A_CENTRE,
    )
    kmeans.train(np.concatenate(sample))
    return np.ascontiguousarray(kmeans.centroids, np.float32)


def make(pool: Pages, centres: Vectors, *, gpu: bool = False) -> bytes:
    """The file of a segment's lists: a page is once in the list of every centre that one of its rows is nearest to.

    `gpu`: on one, where faiss has one.
    """
    faiss = _faiss()
    index = faiss.IndexFlatIP(centres.shape[1])
    index.add(centres)
    if gpu and _has_gpu():
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    pages = np.repeat(np.arange(len(pool), dtype=np.int64), np.diff(pool.offsets))
    first = int(pool.offsets[0])
    pairs = []
    for begin in range(0, len(pages), _TOGETHER):
        rows = np.arange(first + begin, first + min(begin + _TOGETHER, len(pages)))
        nearest = index.search(_floats(pool, rows), 1)[1][:, 0]
        pairs.append(np.unique(nearest * len(pool) + pages[begin : begin + _TOGETHER]))
    found = np.unique(np.concatenate(pairs))
    owners, members = found // len(pool), found % len(pool)
    ends = np.cumsum(np.bincount(owners, minlength=len(centres)), dtype="<i8")
    return ends.tobytes() + members.astype("<i4").tobytes()


def checksum(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def read_centres(file: Path, listed: SegmentList) -> Vectors:
    """`(centres, dim)`. Raises `CorruptFile` when they are not those that were written."""
    data = file.read_bytes()
    if checksum(data) != listed.centres_sum:
        raise CorruptFile(f"{file} is damaged; {MEND}")
    return np.frombuffer(data, "<f4").reshape(-1, listed.dim)


class Lists:
    """The lists of one segment, mapped."""

    def __init__(self, file: Path, centres: int, pages: int) -> None:
        """Raises `CorruptFile` where it does not fit, and `FileNotFoundError` where it has gone."""
        self.file, self._pages = file, pages
        size = file.stat().st_size - 8 * centres
        if size < 0 or size % 4:
            raise self._damaged()
        self._ends = np.append(np.int64(0), np.fromfile(file, "<i8", centres))
        if (np.diff(self._ends) < 0).any() or self._ends[-1] != size // 4:
            raise self._damaged()
        shape = (size // 4,)
        self._members = np.asarray(np.memmap(file, "<i4", "r", 8 * centres, shape)) if size else np.zeros(0, "<i4")

    def rough(self, nearest: NDArray[np.int64], similar: Vectors, weights: Vectors) -> NDArray[np.float32]:
        """`(pages,)`: how near a page's rows come to the query, judged by their centres alone.

        `nearest`: `(tokens, probed)` numbers of centres, the nearest last; `similar`: `(tokens, probed)`, what they are
        worth more than any that was not looked at; `weights`: `(tokens,)`.
        """
        scores, best = np.zeros(self._pages, np.float32), np.zeros(self._pages, np.float32)
        for lists, values, weight in zip(nearest.tolist(), similar, weights.tolist(), strict=True):
            parts = [self._members[self._ends[one] : self._ends[one + 1]] for one in lists]
            pages = np.concatenate(parts)
            if len(pages) and not 0 <= int(pages.min()) <= int(pages.max()) < self._pages:
                raise self._damaged()
            # Of a page in several lists the last value stays, that of its nearest centre.
            best[pages] = np.repeat(values, [len(part) for part in parts])
            scores[pages] += np.float32(weight) * best[pages]  # a page that comes twice is written twice, not added
        return scores

    def _damaged(self) -> CorruptFile:
        return CorruptFile(f"{self.file} is damaged; {MEND}")


def probe(query: PreparedQuery, centres: Vectors) -> tuple[NDArray[np.int64], Vectors]:
    """For `Lists.rough`: each token's nearest centres, and their similarities above that of the next one."""
    similar = query.rows @ centres.T
    count = min(PROBED, len(centres) - 1) or 1
    order = np.argsort(similar, axis=1)[:, -count - 1 :]
    values = np.take_along_axis(similar, order, axis=1)
    return order[:, -count:].astype(np.int64), (values[:, -count:] - values[:, :1]).astype(np.float32)


def shortlist(scores: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]]) -> NDArray[np.int64]:
    """The `SHORTLIST` pages that score best, ascending; from `(pages, scores)` of several segments."""
    pages, values = (np.concatenate(parts) for parts in zip(*scores, strict=True))
    return np.sort(pages[top(values, SHORTLIST)])


def _floats(pool: Pages, rows: NDArray[np.int64]) -> Vectors:
    """`(rows, dim)` float32 unit rows."""
    found = pool.rows[rows].astype(np.float32) - np.float32(128)  # a page's scale is lost in its length
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def _has_gpu() -> bool:
    return _faiss().get_num_gpus() > 0


def _faiss() -> Any:
    import faiss

    return faiss
