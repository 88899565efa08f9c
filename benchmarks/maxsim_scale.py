"""What the multi-vector store costs as it grows: appending, opening, searching, removing, memory.

    python benchmarks/maxsim_scale.py [--pages 10000 100000 1000000] [--folder DIR] [--json FILE]

A page is 32 vectors of 128 dimensions around a few of 1,000 subjects, as pooling leaves of a page's picture; its rows
and its pooled rows are the same, so that a million pages fit on one machine: 9 KB each. Opening, searching and memory
are those of a process of its own, which has not seen the writing; the files may be in the system's cache. Times of a
search are medians of 20 queries of 20 tokens, each made from a page. From 200,000 pages on, `search` goes through
inverted lists, which `lists_s` seconds made; `scan` is the same search without them, comparing the pooled rows of every
page.
`--folder` needs 10 GB for a million pages.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagesight.retrieval.files import disk_use
from pagesight.retrieval.maxsim import quantise_page
from pagesight.retrieval.stores import lists
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.segment import PackedPage
from pagesight.retrieval.types import QueryVectors

DIM, ROWS, TOKENS, SUBJECTS = 128, 32, 20, 1_000
BATCH, A_DOCUMENT = 1_000, 10
QUERIES = 20


def rows_of(number: int, subjects: NDArray[np.float32]) -> NDArray[np.float32]:
    """The unit rows of a page, the same ones each time."""
    random = np.random.default_rng(number)
    about = subjects[random.integers(0, SUBJECTS, 4)][random.integers(0, 4, ROWS)]
    rows = about + random.standard_normal((ROWS, DIM), np.float32) * 0.08
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def subjects() -> NDArray[np.float32]:
    rows = np.random.default_rng(0).standard_normal((SUBJECTS, DIM), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def page_id(number: int) -> str:
    return f"{number // A_DOCUMENT:064x}/{number % A_DOCUMENT + 1}"


def packed(number: int, centres: NDArray[np.float32]) -> PackedPage:
    rows, scale = quantise_page(rows_of(number, centres))
    boxes = np.zeros((ROWS, 4), np.float32)
    return PackedPage(page_id(number), rows, scale, rows, scale, boxes, np.array([ROWS]))


def query(number: int, centres: NDArray[np.float32]) -> QueryVectors:
    """Tokens near rows of one page."""
    random = np.random.default_rng([1, number])
    rows = rows_of(number, centres)[random.integers(0, ROWS, TOKENS)]
    rows = rows + random.standard_normal(rows.shape, np.float32) * 0.04
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return QueryVectors(("",) * TOKENS, unit.astype(np.float32), np.full(TOKENS, 1 / TOKENS, np.float32))


def fill(store: MultiVectorSegments, begin: int, end: int) -> float:
    """Pages a second of `add_packed`, without the making of pages."""
    centres, seconds = subjects(), 0.0
    for first in range(begin, end, BATCH):
        pages = [packed(number, centres) for number in range(first, min(first + BATCH, end))]
        started = time.perf_counter()
        store.add_packed(pages)
        seconds += time.perf_counter() - started
        print(f"{first + len(pages)} pages", end="\r", file=sys.stderr)
    return (end - begin) / seconds


def look(folder: Path, pages: int) -> dict[str, float]:
    """What a process sees that only reads."""
    before = _memory()
    started = time.perf_counter()
    store = MultiVectorSegments(folder)
    assert store.stored([page_id(pages - 1)])
    opened = time.perf_counter() - started
    centres = subjects()
    numbers = np.random.default_rng(7).integers(0, pages, QUERIES).tolist()
    asked = [query(number, centres) for number in numbers]
    first, _ = _timed(store, asked[0])
    searches = [_timed(store, one) for one in [*asked, *asked]][QUERIES:]  # once more, with the files in memory
    after = _memory()
    lists.LISTS_FROM = sys.maxsize  # from here on all pooled rows are scanned
    scans = [_timed(store, one) for one in asked]
    return {
        "open_ms": 1000 * opened,
        "first_search_ms": 1000 * first,
        "search_ms": 1000 * statistics.median(seconds for seconds, _ in searches),
        "scan_ms": 1000 * statistics.median(seconds for seconds, _ in scans),
        "recall@10_of_scan": statistics.mean(
            len(found & scanned) / 10 for (_, found), (_, scanned) in zip(searches, scans, strict=True)
        ),
        "own_memory_mb": after["RssAnon"] - before["RssAnon"],
        "mapped_mb": after["RssFile"] - before["RssFile"],
    }


def _timed(store: MultiVectorSegments, asked: QueryVectors) -> tuple[float, set[str]]:
    started = time.perf_counter()
    found = store.search(asked, 10)
    return time.perf_counter() - started, set(found)


def _memory() -> dict[str, float]:
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {line[0][:-1]: int(line[1]) / 1024 for line in lines if line[0].startswith("Rss")}


def measure(folder: Path, begin: int, end: int) -> dict[str, float]:
    store = MultiVectorSegments(folder)
    found = {"pages": float(end), "append_pages_s": fill(store, begin, end)}
    started = time.perf_counter()
    store.tend()
    found["lists_s"] = time.perf_counter() - started
    found["disk_mb"] = sum(disk_use(folder).values()) / 1e6
    seen = subprocess.run(
        [sys.executable, __file__, "--look", str(folder), "--pages", str(end)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found |= json.loads(seen.stdout)
    gone = [f"{number:064x}" for number in range(0, end // A_DOCUMENT, max(1, end // A_DOCUMENT // 50))]
    started = time.perf_counter()
    for document in gone:
        store.remove(document)
    found["remove_documents_s"] = len(gone) / (time.perf_counter() - started)
    # Back in, so that the next size has them all.
    centres = subjects()
    for document in gone:
        first = int(document, 16) * A_DOCUMENT
        store.add_packed([packed(number, centres) for number in range(first, first + A_DOCUMENT)])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where to build it; a temporary folder without")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.look:
        print(json.dumps(look(options.look, options.pages[0])))
        return
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="maxsim-scale-"))
    report = []
    try:
        print(f"{platform.machine()}, {platform.python_version()}")
        for begin, end in zip([0, *options.pages], options.pages, strict=False):
            report.append(measure(folder, begin, end))
            print("  ".join(f"{name} {value:,.3g}" for name, value in report[-1].items()), flush=True)
    finally:
        shutil.rmtree(folder)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
