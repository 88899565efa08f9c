"""Choose the confidence below which the extractive answerer abstains, and say what it costs.

    python benchmarks/abstention.py [--eval DIR --cache DIR] [--write]

Asks the questions of `data/questions.jsonl` of a library of `data/samples`, and with `--eval` those of the sets that
have unanswerable ones. It abstains where a name or year of the question stands on none of the pages found, or
where its confidence is below the threshold. The threshold is the one at which both together refuse an eighth of
the answerable questions. Shares are measured leaving each document's questions out in turn. The unanswerable
questions are near misses, about things that the documents speak of; far-off ones, on other subjects, are asked too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from asking import ROOT, Asked, library_of, sample_questions, set_questions
from numpy.typing import NDArray

from pagesight.generation.candidates import rank_candidates
from pagesight.generation.extractive import TABLE_PAGES, confidence, pages_that_name, what_is_lacking
from pagesight.generation.protocols import ShownPage
from pagesight.generation.tables import tables_of
from pagesight.retrieval import Library

COST = 1 / 8
"""The share of answerable questions that abstaining may cost."""

SETS = ("mmlongbench", "erc")

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


def how_sure(library: Library, question: str, document: str | None = None) -> float:
    """The answerer's confidence; below every threshold where something that was asked about is not there at all."""
    hits = library.retrieve(question, k=5, where={"document": document} if document else None)
    pages = [ShownPage(number, hit, library.match(question, hit.page.id)) for number, hit in enumerate(hits, start=1)]
    named = pages_that_name(question, pages)
    tables = {page.marker: tables_of(library, page.hit.page) for page in named[:TABLE_PAGES]}
    candidates = rank_candidates(question, named, tables)
    if what_is_lacking(question, pages, named, candidates):
        return -1.0
    return confidence(candidates) if candidates else 0.0


def choose(sure: NDArray[np.float64], answerable: NDArray[np.bool_]) -> float:
    """The confidence below which `COST` of the answerable questions lie; nobody is more cautious than to say 0."""
    return max(float(np.quantile(sure[answerable], COST)), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, help="folder of sets of documents with questions")
    parser.add_argument("--cache", type=Path, help="where libraries of these sets are kept")
    parser.add_argument("--write", action="store_true", help="put the threshold into generation/abstention.json")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    questions: list[Asked] = sample_questions()
    if arguments.eval:
        questions += set_questions(arguments.eval, SETS)
    sure, far_off = np.zeros(len(questions)), np.zeros(0)
    for name in dict.fromkeys(one.set for one in questions):
        with library_of(name, arguments.eval, arguments.cache) as library:
            for i, one in enumerate(questions):
                if one.set == name:
                    sure[i] = how_sure(library, one.text, one.document)
            if name == "samples":
                far_off = np.array([how_sure(library, question) for question in FAR_OFF])
    answerable = np.array([one.answerable for one in questions])
    groups = np.array([one.group for one in questions])
    sets = np.array([one.set for one in questions])

    kept = np.zeros(len(questions), bool)
    for group in np.unique(groups):
        out = groups == group
        kept[out] = sure[out] >= choose(sure[~out], answerable[~out])
    threshold = choose(sure, answerable)
    print(f"threshold {threshold:.3f}; refused, left out in turn:")
    held_out: dict[str, dict[str, float]] = {}
    for name in [*np.unique(sets), "all"]:
        here = (sets == name) | (name == "all")
        refused, lost = 1 - kept[here & ~answerable].mean(), 1 - kept[here & answerable].mean()
        held_out[str(name)] = {"unanswerable_refused": round(refused, 2), "answerable_refused": round(lost, 2)}
        print(
            f"{name:12} {refused:4.0%} of {(here & ~answerable).sum():3} unanswerable, "
            f"{lost:4.0%} of {(here & answerable).sum():3} answerable"
        )
    named = sure < 0
    print(f"by what is lacking alone: {named[~answerable].mean():.0%} and {named[answerable].mean():.0%}")
    print(f"far off: {(far_off < threshold).mean():.0%} of {len(far_off)}")
    entry = {
        "threshold": round(threshold, 3),
        "chosen_by": "benchmarks/abstention.py",
        "held_out": held_out | {"far_off": {"unanswerable_refused": round(float((far_off < threshold).mean()), 2)}},
    }
    for file in (arguments.json, ROOT / "generation" / "abstention.json" if arguments.write else None):
        if file is not None:
            file.write_text(json.dumps(entry, indent=2) + "\n")


if __name__ == "__main__":
    main()
