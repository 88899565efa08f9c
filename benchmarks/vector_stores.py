"""Single vectors in Chroma and in faiss, side by side: how long each thing takes, and what a search misses.

    python benchmarks/vector_stores.py [--vectors N] [--rounds N] [--json FILE]

Vectors are made: 384 numbers, unit, around random subjects of 50 vectors each; three a page, 240 a document. The stores
take turns, question by question, so that what else the machine does troubles both. A search is for the best 100, as the
dense channel asks; with a filter, of 20 documents. Recall is against all inner products. `open` is a new store up to
its first result, in a process that has loaded the libraries. A document is added at a time, as a library's writer does;
then documents of 30 are added to the full store, and documents removed from it. From `INVERTED` vectors on, faiss also
searches all of them as one segment of inverted lists, as merging makes of 131,072.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagesight.retrieval.protocols import VectorStore
from pagesight.retrieval.stores.chroma_store import ChromaStore
from pagesight.retrieval.stores.faiss_segment import INVERTED
from pagesight.retrieval.stores.faiss_store import FaissStore

DIM, SUBJECT, PAGE, DOCUMENT, SMALL, LIMIT, FILTER = 384, 50, 3, 240, 30, 100, 20

Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description="Chroma and faiss side by side.")
    parser.add_argument("--vectors", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=100, help="questions; each is put to both stores")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    print(f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {asked.vectors} vectors")
    with tempfile.TemporaryDirectory() as folder:
        report = compare(Path(folder), asked.vectors, asked.rounds)
    print(f"{'':32} {'chroma':>12} {'faiss':>12} {'faiss is':>12}")
    for name, found in report.items():
        chroma, faiss = found["chroma"], found["faiss"]
        told = ""
        if "recall" not in name:
            better = faiss / chroma if "/s" in name else chroma / faiss
            told = f"{better:.1f} x better" if better >= 1 else f"{1 / better:.1f} x worse"
        print(f"{name:32} {chroma:12.3f} {faiss:12.3f} {told:>12}")
    if asked.json:
        found = {"processor": _processor(), "vectors": asked.vectors, "dim": DIM, "results": report}
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


def compare(folder: Path, count: int, rounds: int) -> dict[str, dict[str, float]]:
    """What was measured, by name, then by store."""
    open_store: dict[str, Callable[[], VectorStore]] = {
        "chroma": lambda: ChromaStore(folder / "chroma", "passages"),
        "faiss": lambda: FaissStore(folder / "faiss"),
    }
    random = np.random.default_rng(7)
    subjects = _unit(random.standard_normal((max(count // SUBJECT, 1), DIM)))
    vectors = _around(random, subjects, count)
    pages = [f"{i // DOCUMENT:064x}/{i % DOCUMENT // PAGE + 1}" for i in range(count)]
    keys = [f"{page}#{i % PAGE}" for i, page in enumerate(pages)]
    questions = _around(random, subjects, rounds)
    report: dict[str, dict[str, float]] = {}

    def note(name: str, store: str, value: float) -> None:
        report.setdefault(name, {})[store] = value

    stores = {name: make() for name, make in open_store.items()}
    for name, store in stores.items():
        spent = 0.0
        for begin in range(0, count, DOCUMENT):
            own = slice(begin, min(begin + DOCUMENT, count))
            spent += _timed(lambda: store.add(pages[own.start][:64], pages[own], keys[own], vectors[own]))  # noqa: B023
        note("vectors added, /s", name, count / spent)
        size = sum(file.stat().st_size for file in (folder / name).rglob("*") if file.is_file())
        note("kB on disk a vector", name, size / count / 1024)

    opening: dict[str, list[float]] = {name: [] for name in stores}
    for question in questions[:10]:
        for name, make in open_store.items():
            opening[name].append(1000 * _timed(lambda make=make, question=question: make().search(question, LIMIT)))
    for name, taken in opening.items():
        note("open, first result, ms", name, float(np.median(taken)))

    some = [sorted({page[:64] for page in random.choice(pages, FILTER * 4)})[:FILTER] for _ in questions]
    hundred = [random.choice(pages, 100).tolist() for _ in questions]
    acts: dict[str, Callable[[VectorStore, int], object]] = {
        "search": lambda store, i: store.search(questions[i], LIMIT),
        "search, filtered": lambda store, i: store.search(questions[i], LIMIT, some[i]),
        "score of 100 pages": lambda store, i: store.score(questions[i], hundred[i]),
    }
    for what, act in acts.items():
        times: dict[str, list[float]] = {name: [] for name in stores}
        for i in range(-3, rounds):  # the first ones warm up
            for name, store in stores.items():
                spent = _timed(lambda i=i, act=act, store=store: act(store, max(i, 0)))
                times[name] += [1000 * spent] if i >= 0 else []
        for name, found in times.items():
            note(f"{what}, p50 ms", name, float(np.median(found)))
            note(f"{what}, p95 ms", name, float(np.quantile(found, 0.95)))
    owner = np.array([page[:64] for page in pages])
    for name, store in stores.items():
        every = [_recall(store.search(q, LIMIT), vectors @ q) for q in questions]
        inside = [
            _recall(store.search(q, LIMIT, wanted), (vectors @ q)[np.isin(owner, wanted)])
            for q, wanted in zip(questions[:20], some, strict=False)
        ]
        note("recall at 10", name, float(np.mean([at[0] for at in every])))
        note("recall at 100", name, float(np.mean([at[1] for at in every])))
        note("recall at 100, filtered", name, float(np.mean([at[1] for at in inside])))

    if count >= INVERTED:
        whole = FaissStore(folder / "lists")
        spent = _timed(lambda: whole.add(pages[0][:64], pages, keys, vectors))
        times_taken = [_timed(lambda: whole.search(q, LIMIT)) for q in questions]  # noqa: B023
        at_10, at_100 = np.mean([_recall(whole.search(q, LIMIT), vectors @ q) for q in questions], axis=0)
        print(
            f"faiss, all in one segment of inverted lists: added in {spent:.1f} s, "
            f"search p50 {1000 * np.median(times_taken):.3f} ms, recall {at_10:.3f} at 10, {at_100:.3f} at 100"
        )

    small = [[f"neu{n}/{i}" for i in range(SMALL)] for n in range(10)]
    for name, store in stores.items():
        adding = [_timed(lambda: store.add(own[0], own, own, vectors[:SMALL])) for own in small]  # noqa: B023
        removing = [_timed(lambda: store.remove(pages[n * DOCUMENT][:64])) for n in range(10)]  # noqa: B023
        note(f"add {SMALL} to the full store, ms", name, 1000 * float(np.median(adding)))
        note("remove a document, ms", name, 1000 * float(np.median(removing)))
    return report


def _recall(found: list[tuple[str, float]], scores: Floats) -> tuple[float, float]:
    """At 10 and at 100, by scores: a result as good as the one that is missing is as good."""
    best = np.sort(scores)[::-1]
    got = np.array([score for _, score in found], np.float32)
    shares = [(got[:k] >= best[: min(k, len(best))][-1] - 1e-5).sum() / min(k, len(best)) for k in (10, 100)]
    return float(shares[0]), float(shares[1])


def _timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def _unit(rows: NDArray[np.floating]) -> Floats:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _around(random: np.random.Generator, subjects: Floats, count: int) -> Floats:
    noise = random.standard_normal((count, DIM)) / np.sqrt(DIM)
    return _unit(subjects[random.integers(0, len(subjects), count)] + 0.7 * noise)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
