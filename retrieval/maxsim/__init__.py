"""MaxSim on a CPU: pages of many vectors as bytes, scored exactly, as fast as the processor multiplies them.

    from pagesight.retrieval.maxsim import pool, quantise, search

    pages = quantise(page_rows)                      # each (rows, dim) float, any number of rows
    pooled = quantise(map(pool, page_rows))          # 32 rows a page, for the first stage
    found = search(query, pages, k=10, pooled=pooled)
    found.pages, found.scores

Everything is a function of arrays (`Pages`), which may be memory-mapped. The work is done by a compiled kernel where
one could be built (`csrc/`), with the same numbers by numpy where not (`paths()`, `chosen_path()`); `DevicePages` does
it in float16 on a GPU.
"""

from .device import DevicePages
from .dispatch import KernelChoice, chosen_path, paths
from .pages import Pages, collect, quantise, quantise_page
from .pooling import pool
from .query import PreparedQuery, prepare
from .scoring import Best, best_rows, best_values, score, similarities
from .stages import Found, search, top

__all__ = [
    "Best",
    "DevicePages",
    "Found",
    "KernelChoice",
    "Pages",
    "PreparedQuery",
    "best_rows",
    "best_values",
    "chosen_path",
    "collect",
    "paths",
    "pool",
    "prepare",
    "quantise",
    "quantise_page",
    "score",
    "search",
    "similarities",
    "top",
]
