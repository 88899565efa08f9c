"""How long a question takes: in a process that has the library open, and on a command line that has nothing.

    python benchmarks/query_time.py [--pages 10000] [--questions 100] [--keep DIR] [--json FILE]

The library is that of `copies.py`: the samples' pages under many names. `retrieve` is `Library.retrieve()` with its 5
hits, evidence included, of the samples' questions, the first of which is not counted; `rank` is without evidence; then
the channels, one by one. Commands run three times in a process of their own and the middle one counts: `pagesight
search` and `pagesight --help`, beside `import torch` and a Python that does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from copies import DATA, build, machine

from pagesight.retrieval import open_library


def milliseconds(run: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    """Of each question, once; the first is left out."""
    taken = []
    for question in questions:
        started = time.perf_counter()
        run(question)
        taken.append(1000 * (time.perf_counter() - started))
    p95 = statistics.quantiles(taken[1:], n=20, method="inclusive")[18]
    return {
        "p50_ms": round(statistics.median(taken[1:]), 1),
        "p95_ms": round(p95, 1),
        "most_ms": round(max(taken[1:]), 1),
    }


def seconds(*command: str) -> float:
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a question takes.")
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="folder for the library, used again when it is there")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    questions = [json.loads(line)["question"] for line in (DATA / "questions.jsonl").read_text().splitlines()]
    questions = questions[: asked.questions + 1]
    report: dict[str, Any] = {"machine": machine(), "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        path = (asked.keep or Path(folder)) / "library"
        if not path.exists():
            build(path, asked.pages)
        with open_library(path) as library:
            report["pages"] = sum(document.pages for document in library.documents())
            report["questions"] = len(questions) - 1
            report["retrieve"] = milliseconds(library.retrieve, questions)
            report["rank"] = milliseconds(library.rank, questions)
            everywhere = library.scope()
            for name, ask in library.askers().items():
                report[name] = milliseconds(lambda text, ask=ask: ask(text).candidates(everywhere), questions)
        pagesight = str(Path(sys.executable).with_name("pagesight"))
        report["search_s"] = seconds(pagesight, "search", questions[0], "--library", str(path))
        report["help_s"] = seconds(pagesight, "--help")
        report["import_torch_s"] = seconds(sys.executable, "-c", "import torch")
        report["python_s"] = seconds(sys.executable, "-c", "pass")
    for name, value in report.items():
        print(f"{name:16} {value}")
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
