"""How well pages are found, per channel and fused, on sets of documents with questions.

    python benchmarks/retrieval_quality.py --eval DIR --cache DIR [--sets NAME …] [--json FILE]

`--eval` holds `qa.jsonl`, as `pagesight eval` reads it, and the documents by set; `--cache` keeps one library a set
between runs. Scores are over the whole set, or inside the known document where the set says so. A question without a
page to find, or whose page is disputed, is left out. `--json` writes a report a set, for `pagesight eval --compare`:
`FILE` with the set's name before its suffix.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library
from pagesight.retrieval.evaluation import Answered, LeftOut, Question, Report, evaluate, read_questions
from pagesight.retrieval.fusion import default_weights

SETS = ("mmlongbench", "financebench", "erc", "unlp2026", "visr")
SHOWN = ("ndcg@5", "recall@5", "success@5", "mrr", "document@1", "box_hit")


def questions_of(folder: Path, name: str) -> list[Question]:
    """The questions of a set."""
    return [one for one in read_questions(folder / "qa.jsonl") if name in one.groups.get("set", ())]


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


def measure(library: Library, name: str, questions: list[Question], dump: list[dict[str, Any]]) -> Report:
    """The report of a set; what each channel said of each candidate goes to `dump`."""

    def keep(one: Answered | LeftOut) -> None:
        if isinstance(one, LeftOut):
            return
        dump.append(
            {
                "set": name,
                "id": one.question.id,
                "documents": sorted({target.document for target in one.question.targets}),
                "gold": sorted(one.aim.wanted.grades),
                "every": one.aim.wanted.every,
                "coverage": one.coverage,
                "channels": one.scores,
            }
        )

    return evaluate(library, questions, on_answer=keep)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scores", type=Path, help="write every channel's scores here, for fusion_weights.py")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_version()}; weights {default_weights()}")
    dump: list[dict[str, Any]] = []
    for name in arguments.sets:
        with open_set(arguments.eval, arguments.cache, name) as library:
            report = measure(library, name, questions_of(arguments.eval, name), dump)
        left_out = "; ".join(f"{len(ids)} left out: {reason}" for reason, ids in report.reasons().items())
        print(f"\n{name}: {len(report.scored)} questions" + (f" ({left_out})" if left_out else ""))
        for system in report.systems():
            means, taken = report.means(system), report.milliseconds(system)
            cells = [f"{m} {means[m].mean:.3f} ({means[m].low:.2f}-{means[m].high:.2f})" for m in SHOWN if m in means]
            times = f"  {taken[0]:.0f} ms, p95 {taken[1]:.0f}" if taken else ""
            print(f"  {system:8}  " + "  ".join(cells) + times, flush=True)
        if arguments.json:
            target = arguments.json.with_name(f"{arguments.json.stem}-{name}{arguments.json.suffix}")
            target.write_text(json.dumps(report.to_dict(), indent=1))
    if arguments.scores:
        arguments.scores.write_text(json.dumps(dump))


if __name__ == "__main__":
    main()
