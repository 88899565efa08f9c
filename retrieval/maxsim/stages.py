"""The best pages for a query: exactly, or in two stages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import page_numbers
from .pages import Pages
from .query import PreparedQuery, prepare
from .scoring import score

CANDIDATES = 200
"""Pages that the second stage scores: a recall@10 of .997 among 5,000 pages (benchmarks/maxsim.py)."""

EXACT_UP_TO = 2_000
"""So many allowed pages are scored exactly: some 35 ms on one core with AVX-512 VNNI, and nothing is missed."""


class Found(NamedTuple):
    """Pages, best first; of equal scores the lower number first."""

    pages: NDArray[np.int64]
    scores: NDArray[np.float32]


def search(
    query: ArrayLike | PreparedQuery,
    pages: Pages,
    k: int = 10,
    *,
    pooled: Pages | None = None,
    candidates: int = CANDIDATES,
    exact_up_to: int = EXACT_UP_TO,
    which: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    threads: int | None = None,
    path: str | None = None,
) -> Found:
    """The best `k` pages of those allowed, with their exact scores; fewer when there are fewer with rows.

    With `pooled`, the same pages as a few rows each (`pool`), and more than `exact_up_to` allowed pages, only the best
    `candidates` by their pooled rows are scored by all their rows. Without, every allowed page is.

    `which` allows and `exclude` forbids pages, by number or by mask; a page named twice is one page. The fewer are
    allowed, the faster it is. Other arguments and errors as of `score`; `ValueError` also for `k` or `candidates` below
    1, and for `pooled` of another number of pages or dimension.

    >>> from pagesight.retrieval.maxsim import quantise
    >>> pages = quantise([[[1.0, 0.0]], [[0.6, 0.8]], [[0.0, 1.0], [0.8, 0.6]]])
    >>> search([[0.0, 1.0]], pages, k=2).pages.tolist(), search([[0.0, 1.0]], pages, k=2, exclude=[2]).pages.tolist()
    ([2, 1], [1, 0])
    """
    if k < 1 or candidates < 1:
        raise ValueError(f"The best {k} of {candidates} candidates cannot be found; give 1 or more of each.")
    if pooled is not None and (len(pooled) != len(pages) or pooled.dim != pages.dim):
        raise ValueError(
            f"pooled has {len(pooled)} pages of {pooled.dim} dimensions, pages {len(pages)} of {pages.dim}."
        )
    prepared = prepare(query, pages.dim, weights)
    allowed = allowed_pages(len(pages), which, exclude)
    left = len(pages) if allowed is None else len(allowed)
    if pooled is not None and left > max(exact_up_to, candidates):
        rough = score(prepared, pooled, allowed, threads=threads, path=path)
        places = np.sort(top(rough, max(k, candidates)))  # in the order in which they lie on disk
        allowed = places if allowed is None else allowed[places]
    scores = score(prepared, pages, allowed, threads=threads, path=path)
    places = top(scores, k)
    return Found(places if allowed is None else allowed[places], scores[places])


def top(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Places of the best `k` scores, best first, of equals the first; never of -inf, the score of an empty page.

    >>> top(np.array([0.5, -np.inf, 0.9, 0.5], np.float32), 2).tolist()
    [2, 0]
    """
    places = np.flatnonzero(scores > -np.inf)
    if len(places) > k:
        # Only what can be among the best is sorted: a million scores take 10 ms instead of 100.
        last = np.partition(scores[places], len(places) - k)[len(places) - k]
        places = places[scores[places] >= last]
    return places[np.argsort(-scores[places], kind="stable")][:k]


def allowed_pages(pages: int, which: ArrayLike | None, exclude: ArrayLike | None) -> NDArray[np.int64] | None:
    """What is in `which` (`None`: all) and not in `exclude`, each once, ascending; `None` for all."""
    allowed, forbidden = page_numbers(which, pages), page_numbers(exclude, pages)
    if allowed is None and forbidden is None:
        return None
    mask = np.full(pages, allowed is None)
    if allowed is not None:
        mask[allowed] = True
    if forbidden is not None:
        mask[forbidden] = False
    return np.flatnonzero(mask)
