"""How fast pages of many vectors are searched on a CPU, and what is lost: pagesight's MaxSim beside others'.

    python benchmarks/maxsim.py [--pages N] [--threads N] [--rounds N] [--unrelated] [--without PEER …] [--json FILE]

Pages and queries are made as `maxsim_data.py` says. Columns: milliseconds a query (the median of `--rounds` queries;
the machine may be busy, so methods take turns, query by query); the factor against float32 products in torch, taken
round by round; recall@10 against exact float32, over all queries for pagesight, over the timed ones for others; bytes a
page. Then how many pages a second are quantised and pooled. `--threads` is the number of cores that anything may use.
Peers that are not installed are named with the reason:

    pip install maxsim-cpu lancedb qdrant-edge-py

A float32 page is half a megabyte, so that 5,000 pages take 4 GB of memory. Engines that keep a copy of their own
(lancedb, qdrant-edge-py) take part up to 2,000 pages; with 5,000, the process came to 9.6 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from maxsim_data import DIM, ROWS, Floats, make_pages, make_queries
from maxsim_peers import KEEP_A_COPY, PEERS, Scorer, Unavailable, torch_float32
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pagesight.retrieval.maxsim import Pages, chosen_path, paths, pool, quantise, score, search, top
from pagesight.retrieval.maxsim.dispatch import fault

K, QUERIES, CLUSTERS = 10, 60, (16, 32)

MOST_TO_COPY = 2_000
"""Pages that an engine may keep a copy of: the benchmark stays under 6 GB."""

BASE = "torch float32, 64 pages at a time"


@dataclass(slots=True)
class Row:
    """One method."""

    name: str
    ms: float
    factor: float
    recall: float
    kb_per_page: float | None


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    run: Scorer
    ours: bool
    kb_per_page: float | None


def our_methods(pages: Pages, pooled: dict[int, Pages], threads: int) -> Iterable[Method]:
    kb = pages.rows.nbytes / len(pages) / 1000
    for path in paths():
        if (wrong := fault(path)) is not None:
            print(f"  path {path} left out: {wrong}")
            continue
        yield Method(f"exact, {path}", _exact(pages, threads, path), True, kb)
    for clusters, small in pooled.items():
        both = kb + small.rows.nbytes / len(small) / 1000
        for candidates in (100, 200, 400):
            run = _staged(pages, small, threads, candidates)
            yield Method(f"two stages, {clusters} rows, best {candidates}", run, True, both)


def _exact(pages: Pages, threads: int, path: str) -> Scorer:
    return lambda query: score(query, pages, threads=threads, path=path)


def _staged(pages: Pages, small: Pages, threads: int, candidates: int) -> Scorer:
    def run(query: Floats) -> NDArray[Any]:
        return search(query, pages, K, pooled=small, candidates=candidates, exact_up_to=0, threads=threads).pages

    return run


def best(found: NDArray[Any]) -> set[int]:
    return set((found if found.dtype.kind == "i" else top(found, K)).tolist())


def timed(run: Scorer, query: Floats) -> tuple[float, NDArray[Any]]:
    start = time.perf_counter()
    found = run(query)
    return (time.perf_counter() - start) * 1000, found


def compare(base: Method, others: list[Method], queries: Floats, gold: list[set[int]], rounds: int) -> list[Row]:
    """Methods in turns, query by query."""
    methods = [base, *others]
    for method in methods:
        method.run(queries[-1])  # what the first call sets up is not counted
    taken: dict[str, list[float]] = {method.name: [] for method in methods}
    found: dict[str, list[float]] = {method.name: [] for method in methods}
    for query, expected in zip(queries[:rounds], gold, strict=False):
        for method in methods:
            ms, result = timed(method.run, query)
            taken[method.name].append(ms)
            found[method.name].append(len(best(result) & expected) / K)
    for method in others:
        if method.ours:
            rest = zip(queries[rounds:], gold[rounds:], strict=True)
            found[method.name] += [len(best(method.run(query)) & expected) / K for query, expected in rest]
    rows = []
    for method in methods:
        factor = median(one / other for one, other in zip(taken[base.name], taken[method.name], strict=True))
        recall = float(np.mean(found[method.name]))
        rows.append(Row(method.name, median(taken[method.name]), factor, recall, method.kb_per_page))
    return rows


def gold_pages(pages: Floats, queries: Floats) -> list[set[int]]:
    """The best pages of all queries by float32, in one pass over the pages."""
    tokens = torch.from_numpy(queries.reshape(-1, DIM)).T
    scores = [
        (part @ tokens).amax(dim=1).reshape(len(part), len(queries), -1).sum(dim=2)
        for part in torch.from_numpy(pages).split(8)
    ]
    return [best(column) for column in torch.cat(scores).numpy().T]


def pages_per_second(work: Callable[[Iterable[Floats]], Any], pages: Floats) -> float:
    start = time.perf_counter()
    work(pages)
    return len(pages) / (time.perf_counter() - start)


def show(rows: Iterable[Row]) -> None:
    for row in rows:
        kb = "" if row.kb_per_page is None else f"{row.kb_per_page:.0f}"
        print(f"{row.name:40} {row.ms:>10.2f} {row.factor:>8.2f} {row.recall:>7.3f} {kb:>8}", flush=True)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{name}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"


def versions() -> dict[str, str]:
    found = {}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def measure_peers(pages: Floats, base: Method, queries: Floats, gold: list[set[int]], rounds: int) -> list[Row]:
    """One peer beside torch at a time, so that only one keeps its copy of the pages."""
    rows = []
    for name, open_peer in PEERS.items():
        if name in KEEP_A_COPY and len(pages) > MOST_TO_COPY:
            print(f"  {name} left out: it copies the pages, and there are more than {MOST_TO_COPY:,}")
            continue
        with ExitStack() as stack:
            try:
                run = stack.enter_context(open_peer(pages))
            except Unavailable as missing:
                print(f"  {name} left out: {missing}")
                continue
            kb = None if name in KEEP_A_COPY else ROWS * DIM * 4 / 1000
            peer = Method(f"{name} {versions().get(name, '')}".strip(), run, False, kb)
            rows.append(compare(base, [peer], queries, gold, rounds)[1])
        show(rows[-1:])
    return rows


def keep_to(threads: int) -> None:
    """Some peers have no argument for the number of cores; they count those of the process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    threadpool_limits(threads)
    torch.set_num_threads(threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--unrelated", action="store_true", help="pages that share nothing: the hardest ranking")
    parser.add_argument("--without", nargs="*", default=[], choices=[*PEERS, "all"], metavar="PEER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    for name in [*PEERS] if "all" in arguments.without else arguments.without:
        del PEERS[name]
    keep_to(arguments.threads)
    print(f"{machine()}; {arguments.threads} thread(s); the path chosen here: {chosen_path().path}")

    floats, blank = make_pages(arguments.pages, related=not arguments.unrelated)
    queries = make_queries(floats, blank, QUERIES)
    gold = gold_pages(floats, queries)
    print(f"{len(floats)} pages of {ROWS} × {DIM}, {len(queries)} queries of {queries.shape[1]} tokens", flush=True)

    some = floats[:200]
    built = {"quantise": pages_per_second(quantise, some)}
    for clusters in CLUSTERS:
        built[f"pool to {clusters}"] = pages_per_second(lambda rows, n=clusters: [pool(page, n) for page in rows], some)
    pages = quantise(floats)
    pooled = {clusters: quantise(pool(page, clusters) for page in floats) for clusters in CLUSTERS}

    print(f"{'method':40} {'ms/query':>10} {'× torch':>8} {'recall':>7} {'KB/page':>8}")
    with torch_float32(floats) as run:
        base = Method(BASE, run, False, ROWS * DIM * 4 / 1000)
        others = list(our_methods(pages, pooled, arguments.threads))
        rows = compare(base, others, queries, gold, arguments.rounds)
        show(rows)
        del pages, pooled, others
        rows += measure_peers(floats, base, queries, gold, min(arguments.rounds, 5))
    print("pages a second: " + ", ".join(f"{name} {speed:,.0f}" for name, speed in built.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"largest memory of the process: {peak:.1f} GB")
    if arguments.json:
        head = {"machine": machine(), "threads": arguments.threads, "pages": arguments.pages}
        head |= {"related": not arguments.unrelated, "path": chosen_path().path, "pages_per_second": built}
        body = {**head, "methods": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
