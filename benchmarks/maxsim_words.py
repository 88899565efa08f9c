"""What int8 and two stages cost in quality on real word vectors, and how fast the store of the `words` channel is.

    python benchmarks/maxsim_words.py --eval DIR --cache DIR [--sets NAME …] [--json FILE]

The pages of a set of documents are encoded once more, so that their float32 rows are at hand; questions over the whole
set are then ranked by exact float32, by the store exactly, and by the store in two stages, whatever the number of
pages. `--eval` and `--cache` as for `retrieval_quality.py`. Times are medians over the questions, each method right
after the other, and float32 (numpy, in chunks, over rows that lie in memory) is 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from retrieval_quality import open_set, questions_of

from pagesight.retrieval import Library
from pagesight.retrieval.evaluation import Names, measure
from pagesight.retrieval.scoring import grouped_maxsim
from pagesight.retrieval.stores import multivectors
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.types import PageVectors, QueryVectors

CANDIDATES = (100, 200, 400)
CHUNK = 32
"""Pages scored together in float32: some 16,000 rows, 25 MB."""


def encoded(library: Library) -> list[PageVectors]:
    """All pages that have words."""
    vectors = []
    for document in library.documents():
        pages = library.catalog.pages_of(document.id)
        for begin in range(0, len(pages), 8):
            contents = library.contents([page.id for page in pages[begin : begin + 8]])
            vectors += [page for page in library.page_encoder.encode_pages(contents) if len(page.rows)]
        print(f"{len(vectors)} pages encoded", end="\r", file=sys.stderr)
    return vectors


def float32(vectors: Sequence[PageVectors], query: QueryVectors) -> dict[str, float]:
    found = {}
    for begin in range(0, len(vectors), CHUNK):
        pages = vectors[begin : begin + CHUNK]
        numbers = np.repeat(np.arange(len(pages), dtype=np.int32), [len(page.rows) for page in pages])
        groups = np.concatenate([page.groups for page in pages])
        similar = np.concatenate([page.rows @ query.rows.T for page in pages])
        scores = grouped_maxsim(similar, groups, numbers, query.weights, query.floor)
        found |= dict(zip([page.id for page in pages], scores.tolist(), strict=True))
    return found


def best(scores: Mapping[str, float], count: int) -> list[str]:
    return sorted(scores, key=lambda page: (-scores[page], page))[:count]


def measure_set(library: Library, folder: Path, cache: Path, name: str) -> dict[str, dict[str, float]]:
    vectors, names = encoded(library), Names(library.documents())
    store = MultiVectorSegments(cache)
    started = time.perf_counter()
    by_document: dict[str, list[PageVectors]] = defaultdict(list)
    for page in vectors:
        by_document[page.id.rpartition("/")[0]].append(page)
    for document, pages in by_document.items():
        store.add(document, pages)
    rows = sum(len(page.rows) for page in vectors)
    print(f"{name}: {len(vectors)} pages, {rows} rows, stored in {time.perf_counter() - started:.0f} s")
    questions = [one for one in questions_of(folder, name) if one.left_out is None and one.inside is None]

    def two_stages(candidates: int) -> Callable[[QueryVectors], dict[str, float]]:
        def search(query: QueryVectors) -> dict[str, float]:
            multivectors.EXACT_UP_TO, multivectors.CANDIDATES = 0, candidates
            return store.search(query, 10)

        return search

    methods: dict[str, Callable[[QueryVectors], dict[str, float]]] = {
        "float32": lambda query: float32(vectors, query),
        "int8, exact": lambda query: store.search(query, 10, exact=True),
        **{f"two stages, best {count}": two_stages(count) for count in CANDIDATES},
    }
    values: dict[str, dict[str, list[float]]] = {method: defaultdict(list) for method in methods}
    for question in questions:
        query = library.page_encoder.encode_query(question.text)
        truth: list[str] = []
        for method, search in methods.items():
            search(query)
            started = time.perf_counter()
            order = best(search(query), 10)
            values[method]["seconds"].append(time.perf_counter() - started)
            truth = truth or order
            values[method]["recall@10"].append(len(set(order) & set(truth)) / len(truth))
            values[method]["ndcg@5"].append(measure(order, names.aim(question).wanted)["ndcg@5"])
    reference = statistics.median(values["float32"]["seconds"])
    return {
        method: {
            "ndcg@5": statistics.mean(found["ndcg@5"]),
            "recall@10": statistics.mean(found["recall@10"]),
            "times as fast": reference / statistics.median(found["seconds"]),
            "ms": 1000 * statistics.median(found["seconds"]),
        }
        for method, found in values.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["financebench", "erc"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_version()}")
    report = {}
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as folder:
            library = open_set(arguments.eval, arguments.cache, name)
            report[name] = measure_set(library, arguments.eval, Path(folder), name)
        for method, found in report[name].items():
            print(f"  {method:22}" + "".join(f"  {label} {value:.3f}" for label, value in found.items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
