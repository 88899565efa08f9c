"""Choose the confidence below which the extractive answerer abstains, and say what it costs.

    python benchmarks/abstention.py [--write]

Asks every question of `data/questions.jsonl` of a library of `data/samples` (made in a temporary folder). The threshold
is the confidence that nine in ten answerable questions reach: what is weaker is rather not an answer. Both shares
are measured leaving each document's questions out in turn. The unanswerable questions are near misses, about things
that the documents speak of; far-off ones, on other subjects, are asked too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagesight.generation.extractive import confidence, rank_candidates
from pagesight.generation.protocols import ShownPage
from pagesight.ingest import add
from pagesight.retrieval import Library, create_library

COST = 0.1
"""The share of answerable questions that the threshold may cost."""

FAR_OFF = (
    "What is the capital of Mongolia?",
    "Who composed the opera Tosca?",
    "How many moons does Saturn have?",
    "What does the contract with Halvorsen Shipping say about demurrage?",
    "Which vaccine was given to the calves in Brunnfeld?",
    "What is the boiling point of acetone?",
    "Who won the chess tournament in Reykjavik in 1972?",
    "What rent does the tenant of flat 14 owe?",
)

ROOT = Path(__file__).parents[1]


@contextmanager
def sample_library() -> Iterator[Library]:
    with tempfile.TemporaryDirectory() as folder:
        library = create_library(Path(folder) / "library")
        for outcome in add(library, [ROOT / "data" / "samples"]):
            assert outcome.state == "indexed", outcome
        yield library


def how_sure(library: Library, question: str) -> float:
    hits = library.retrieve(question, k=5)
    pages = [ShownPage(number, hit, library.match(question, hit.page.id)) for number, hit in enumerate(hits, start=1)]
    candidates = rank_candidates(question, pages)
    return confidence(candidates, pages) if candidates else 0.0


def lowest_tenth(sure: NDArray[np.float64], answerable: NDArray[np.bool_]) -> float:
    """The confidence that nine in ten answerable questions reach."""
    return float(np.quantile(sure[answerable], COST))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the threshold into generation/abstention.json")
    arguments = parser.parse_args()
    questions = [json.loads(line) for line in (ROOT / "data" / "questions.jsonl").read_text().splitlines()]
    with sample_library() as library:
        sure = np.array([how_sure(library, entry["question"]) for entry in questions])
        far_off = np.array([how_sure(library, question) for question in FAR_OFF])
    answerable = np.array([entry["answerable"] for entry in questions])
    # The unanswerable ones have no document; each is a group of its own.
    groups = np.array([entry["document"] or entry["id"] for entry in questions])

    kept = np.zeros(len(questions), bool)
    for group in np.unique(groups):
        out = groups == group
        kept[out] = sure[out] >= lowest_tenth(sure[~out], answerable[~out])
    threshold = lowest_tenth(sure, answerable)
    refused, lost = 1 - kept[~answerable].mean(), 1 - kept[answerable].mean()
    print(f"threshold {threshold:.3f}; refused, left out in turn: {refused:.0%} of {(~answerable).sum()} near misses,")
    print(f"{(far_off < threshold).mean():.0%} of {len(far_off)} far-off questions, and")
    print(f"{lost:.0%} of {answerable.sum()} answerable ones")
    if arguments.write:
        entry = {
            "threshold": round(threshold, 3),
            "chosen_by": "benchmarks/abstention.py",
            "held_out": {
                "near_misses_refused": round(refused, 2),
                "far_off_refused": round(float((far_off < threshold).mean()), 2),
                "answerable_refused": round(lost, 2),
            },
            "questions": {
                "near_misses": int((~answerable).sum()),
                "far_off": len(far_off),
                "answerable": int(answerable.sum()),
            },
        }
        (ROOT / "generation" / "abstention.json").write_text(json.dumps(entry, indent=2) + "\n")


if __name__ == "__main__":
    main()
