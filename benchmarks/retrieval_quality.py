"""How well pages are found, per channel and fused, on sets of documents with questions.

    python benchmarks/retrieval_quality.py --eval DIR --cache DIR [--sets NAME …] [--json FILE]

`--eval` holds `qa.jsonl` and the documents by set, see `Question`; `--cache` keeps one library a set between runs.
Scores are over the whole set, or inside the known document where the set says so. A question without a page to find,
or whose page is disputed, is left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library
from pagesight.retrieval.evaluation import ndcg, recall, success
from pagesight.retrieval.fusion import default_weights, fuse, ranks
from pagesight.retrieval.search import search

DEPTH = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the pages that answer it, as `(file name, page number)`."""

    id: str
    set: str
    text: str
    gold: frozenset[tuple[str, int]]
    document: str | None
    """The file to search inside; `None` searches the whole set."""
    every: bool
    """All gold pages are needed; otherwise each one alone answers."""


@dataclass(slots=True)
class Scores:
    """What each channel said of each candidate page of one question."""

    question: Question
    channels: dict[str, dict[str, float]]
    pages: dict[str, tuple[str, int]]
    coverage: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def read_questions(folder: Path, sets: list[str]) -> list[Question]:
    questions = []
    for line in (folder / "qa.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["set"] not in sets or entry.get("page_truth") == "disputed" or entry.get("answerable") is False:
            continue
        gold = {(entry["doc"], page) for page in entry.get("pages") or ()}
        for reference in entry.get("refs") or ():
            gold |= {(reference["doc"], page) for page in reference.get("pages", [reference.get("page")]) if page}
        if gold:
            scope = entry["doc"] if entry["scope"] == "doc" else None
            questions.append(
                Question(
                    entry["id"], entry["set"], entry["question"], frozenset(gold), scope, entry.get("match") == "all"
                )
            )
    return questions


def open_set(folder: Path, cache: Path, name: str) -> Library:
    """The library of a set; documents that are not in it yet are added."""
    documents = next(path for path in (folder / "pdfs" / name, folder / "images" / name) if path.is_dir())
    library = create_library(cache / name)
    started, pages = time.monotonic(), 0
    for outcome in add(library, [documents]):
        if outcome.state != "unchanged":
            pages += outcome.pages
            print(f"{name}: {outcome.path} {outcome.state} {outcome.reason or ''}", flush=True)
    if pages:
        print(f"{name}: {pages} pages in {time.monotonic() - started:.0f} s", flush=True)
    return library


def collect(library: Library, questions: list[Question]) -> Iterator[Scores]:
    for question in questions:
        where = {"document": question.document} if question.document else None
        started = time.monotonic()
        asked = {channel.name: channel.ask(question.text) for channel in library.channels}
        ranked = search(asked, library.scope(where), default_weights())
        seconds = time.monotonic() - started
        pages = library.catalog.pages(one.page for one in ranked)
        channels: dict[str, dict[str, float]] = defaultdict(dict)
        for one in ranked:
            for channel, entry in one.channels.items():
                channels[channel][one.page] = entry.score
        coverage = {name: one.coverage for name, one in asked.items()}
        names = {id_: (Path(page.source).name, page.number) for id_, page in pages.items()}
        yield Scores(question, dict(channels), names, coverage, seconds)


def rankings(scores: Scores, weights: Mapping[str, float]) -> dict[str, list[tuple[str, int]]]:
    """Channel, `fused` and `rrf` to pages, best first."""
    found = {name: list(ranks(one)) for name, one in scores.channels.items()}
    effective = {name: weights.get(name, 0.0) * scores.coverage[name] for name in scores.channels}
    found["fused"] = list(ranks(fuse(scores.channels, effective)))
    places = [ranks(one) for one in scores.channels.values()]
    union = {page for one in places for page in one}
    found["rrf"] = list(ranks({page: sum(1 / (60 + one.get(page, 10_000)) for one in places) for page in union}))
    return {name: [scores.pages[page] for page in order if page in scores.pages] for name, order in found.items()}


def table(results: list[Scores], weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    columns: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for scores in results:
        question = scores.question
        for name, order in rankings(scores, weights).items():
            columns[name]["ndcg@5"].append(ndcg(order, question.gold, DEPTH, every=question.every))
            columns[name]["recall@5"].append(recall(order, question.gold, DEPTH, every=question.every))
            columns[name]["any@5"].append(success(order, question.gold, DEPTH))
    return {name: {metric: float(np.mean(values)) for metric, values in one.items()} for name, one in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["mmlongbench", "financebench", "erc", "unlp2026", "visr"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scores", type=Path, help="write every channel's scores here, for fusion_weights.py")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_version()}; weights {default_weights()}")
    report, dump = {}, []
    for name in arguments.sets:
        questions = read_questions(arguments.eval, [name])
        results = list(collect(open_set(arguments.eval, arguments.cache, name), questions))
        report[name] = table(results, default_weights())
        milliseconds = 1000 * float(np.median([scores.seconds for scores in results]))
        print(f"\n{name}: {len(questions)} questions, {milliseconds:.0f} ms a question (median)")
        for channel, metrics in report[name].items():
            print(
                f"  {channel:8}" + "".join(f"  {metric} {value:.3f}" for metric, value in metrics.items()), flush=True
            )
        dump += [
            {
                "set": name,
                "id": scores.question.id,
                "documents": sorted({document for document, _ in scores.question.gold}),
                "gold": [list(page) for page in sorted(scores.question.gold)],
                "every": scores.question.every,
                "coverage": scores.coverage,
                "pages": {id_: list(page) for id_, page in scores.pages.items()},
                "channels": scores.channels,
            }
            for scores in results
        ]
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2))
    if arguments.scores:
        arguments.scores.write_text(json.dumps(dump))


if __name__ == "__main__":
    main()
