"""Exact MaxSim of a query against many pages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import page_numbers
from .dispatch import default_threads, find_run
from .pages import Pages
from .query import PreparedQuery, prepare

_MOST_THREADS = 64
"""As in csrc/job.c."""


class Best(NamedTuple):
    """For each page and query token the page row that matches best, and how well."""

    values: NDArray[np.float32]
    """`(pages, tokens)` similarities; -inf for a page without rows."""
    rows: NDArray[np.int32]
    """`(pages, tokens)` rows, counted from the page's first; the first one of equals; -1 for a page without rows."""


def score(
    query: ArrayLike | PreparedQuery,
    pages: Pages,
    which: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
    path: str | None = None,
) -> NDArray[np.float32]:
    """MaxSim of each page: the sum over query tokens of (the weight times) the best similarity of a page row.

    `query`: `(tokens, dim)` floats. `which`: numbers of the pages to score, in any order, also more than once, or a
    boolean mask `(pages,)`; `None`: all. `weights`: `(tokens,)`, for instance of the words' rarity. `threads`: how many
    cores may be used; `None`: all. `path`: a name of `paths()`; `None`: the best. Returns `(pages asked for,)`, -inf
    for a page without rows. A page's score does not depend on what is scored beside it, on threads or on the path.

    uint8 pages are scored in whole numbers, with the query as int8: within 0.02 of float32 where scores are near 10.
    float32 pages are scored in float32 by numpy, on its threads; `path` means nothing there.

    Raises `ValueError` for shapes that do not fit, no tokens, NaN, infinity, page numbers that are not there, fewer
    than one thread, and a path that this machine does not have. Khattab & Zaharia 2020, equation 3.

    >>> from pagesight.retrieval.maxsim import collect
    >>> pages = collect([[[1.0, 0.0], [0.5, 0.75]], [[-1.0, 0.0]]])
    >>> score([[1.0, 0.0], [0.0, 1.0]], pages).tolist()  # no floor at zero
    [1.75, -1.0]
    >>> score([[1.0, 0.0], [0.0, 1.0]], pages, [0], weights=[1.0, 0.5]).tolist()
    [1.375]
    """
    prepared = prepare(query, pages.dim, weights)
    chosen = page_numbers(which, len(pages))
    if pages.scales is None:
        values = _float_best(prepared, pages, chosen, rows=False).values
        scores = _weighted(values, prepared.weights)
    else:
        scores = np.empty(len(pages) if chosen is None else len(chosen), np.float32)
        _run(prepared, pages, chosen, threads, path, scores, None, None)
    return scores


def best_rows(
    query: ArrayLike | PreparedQuery,
    pages: Pages,
    which: ArrayLike | None = None,
    *,
    threads: int | None = None,
    path: str | None = None,
) -> Best:
    """The best row of each page for each query token, and its similarity, for evidence and heat maps.

    Arguments and errors as of `score`; similarities are without weights.

    >>> from pagesight.retrieval.maxsim import collect
    >>> found = best_rows([[1.0, 0.0], [0.0, 1.0]], collect([[[1.0, 0.0], [0.6, 0.8]]]))
    >>> found.rows.tolist(), [round(value, 2) for value in found.values[0].tolist()]
    ([[0, 1]], [1.0, 0.8])
    """
    prepared = prepare(query, pages.dim)
    chosen = page_numbers(which, len(pages))
    if pages.scales is None:
        return _float_best(prepared, pages, chosen, rows=True)
    shape = (len(pages) if chosen is None else len(chosen), len(prepared.rows))
    products, rows = np.empty(shape, np.int32), np.empty(shape, np.int32)
    _run(prepared, pages, chosen, threads, path, None, products, rows)
    return Best(_similarities(products, prepared, pages, chosen), rows)


def best_values(
    query: ArrayLike | PreparedQuery,
    pages: Pages,
    which: ArrayLike | None = None,
    *,
    threads: int | None = None,
    path: str | None = None,
) -> NDArray[np.float32]:
    """`(pages asked for, tokens)`: `best_rows(…).values`, in two thirds of the time.

    A score of several parts, such as over a page and over its best passage, is made of these: give the offsets of
    passages, weigh and sum tokens for the passages, take maxima over a page's passages for the page.
    """
    prepared = prepare(query, pages.dim)
    chosen = page_numbers(which, len(pages))
    if pages.scales is None:
        return _float_best(prepared, pages, chosen, rows=False).values
    shape = (len(pages) if chosen is None else len(chosen), len(prepared.rows))
    products = np.empty(shape, np.int32)
    _run(prepared, pages, chosen, threads, path, None, products, None)
    return _similarities(products, prepared, pages, chosen)


def similarities(query: ArrayLike | PreparedQuery, pages: Pages, page: int) -> NDArray[np.float32]:
    """`(rows, tokens)` similarities of one page, for a heat map; `IndexError` for no such page, else as `score`."""
    return pages.page(page) @ prepare(query, pages.dim).rows.T


def _run(
    query: PreparedQuery,
    pages: Pages,
    chosen: NDArray[np.int64] | None,
    threads: int | None,
    path: str | None,
    *results: NDArray[np.float32] | NDArray[np.int32] | None,
) -> None:
    if threads is not None and threads < 1:
        raise ValueError(f"{threads} threads cannot score anything; give 1 or more.")
    used = min(threads or default_threads(), _MOST_THREADS)
    arrays = (pages.rows, pages.offsets, pages.scales, chosen, query.bytes_, query.weights * query.scales)
    find_run(path)(pages.dim, used, *arrays, *results)


def _similarities(
    products: NDArray[np.int32], query: PreparedQuery, pages: Pages, chosen: NDArray[np.int64] | None
) -> NDArray[np.float32]:
    assert pages.scales is not None
    scales = pages.scales if chosen is None else pages.scales[chosen]
    values = (products * query.scales * scales[:, None]).astype(np.float32)
    values[products == np.iinfo(np.int32).min] = -np.inf
    return values


def _float_best(query: PreparedQuery, pages: Pages, chosen: NDArray[np.int64] | None, *, rows: bool) -> Best:
    numbers = np.arange(len(pages)) if chosen is None else chosen
    values = np.full((len(numbers), len(query.rows)), -np.inf, np.float32)
    where = np.full(values.shape if rows else (0, 0), -1, np.int32)
    for at, page in enumerate(numbers):
        of_page = pages.rows[pages.offsets[page] : pages.offsets[page + 1]]
        if not len(of_page):
            continue
        products = query.rows @ of_page.T  # (tokens, rows): maxima over neighbours in memory are quick
        products.max(axis=1, out=values[at])
        if rows:
            where[at] = products.argmax(axis=1)
    return Best(values, where)


def _weighted(values: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    empty = np.isneginf(values[:, 0])
    scores = (np.where(empty[:, None], np.float32(0), values) * weights).sum(axis=1).astype(np.float32)
    scores[empty] = -np.inf
    return scores
