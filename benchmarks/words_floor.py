"""The floor of word similarities, and the best passage's part of a page's score: a grid, cross-validated.

    python benchmarks/words_floor.py --eval DIR --cache DIR [--sets NAME …] [--json FILE]

`--eval` and `--cache` are those of `retrieval_quality.py`. Each question's candidates are scored anew by `words` for
every point of the grid and fused with what the other channels said; measure, folds over documents and the weight of a
set as in `fusion_weights.py`. Held out, each fold is measured at the point that is best on the others; the interval is
of its difference to no floor and equal parts, bootstrapped over questions.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from fusion_weights import FOLDS, fold_of, macro, quality
from numpy.typing import NDArray
from retrieval_quality import SETS, measure, open_set, questions_of

from pagesight.retrieval import Library
from pagesight.retrieval.fusion import default_weights
from pagesight.retrieval.maxsim import best_values, prepare
from pagesight.retrieval.scoring import mixed
from pagesight.retrieval.stores.multivectors import MultiVectorSegments

FLOORS = (None, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5)
GROUPS = (0.5, 0.6, 0.7, 0.8)
POINTS = [*itertools.product(FLOORS, GROUPS)]


def passages_of(library: Library, question: str, pages: list[str]) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The weights of a question's words, and for each page the best similarity of each passage to each of them."""
    query, store = library._words._query(question), library.words
    assert isinstance(store, MultiVectorSegments)
    if not len(query.tokens):
        return query.weights, {}
    snapshot, found = store._now(), {}
    prepared = prepare(query.rows, snapshot.list.dim)
    for number in snapshot.find(pages).tolist():
        segment, i = snapshot.place(number)
        passages = np.arange(segment.group_ends[i], segment.group_ends[i + 1])
        found[snapshot.id(number)] = best_values(prepared, segment.groups, passages)
    return query.weights, found


def rescored(entry: dict[str, Any], weights: NDArray[np.float32], passages: dict[str, Any]) -> list[float]:
    """nDCG@5 of the fusion at each point."""
    values, start = [], np.zeros(1, np.int64)
    for floor, group in POINTS:
        words = {page: float(mixed(best, start, weights, floor, group)[0]) for page, best in passages.items()}
        changed = entry | {"channels": entry["channels"] | {"words": words}}
        values.append(quality(changed if words else entry, dict(default_weights())))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows, sets, folds = [], [], []
    for name in arguments.sets:
        with open_set(arguments.eval, arguments.cache, name) as library:
            questions, dump = questions_of(arguments.eval, name), list[dict[str, Any]]()
            measure(library, name, questions, dump)
            texts = {one.id: one.text for one in questions}
            for entry in dump:
                pages = sorted({page for scores in entry["channels"].values() for page in scores})
                rows.append(rescored(entry, *passages_of(library, texts[entry["id"]], pages)))
                sets.append(name)
                folds.append(fold_of(entry))
    values, names, fold = np.array(rows), np.array(sets), np.array(folds)
    overall, before = macro(values, names), POINTS.index((None, 0.5))
    for point, value, *by_set in zip(
        POINTS, overall, *(values[names == name].mean(axis=0) for name in arguments.sets), strict=True
    ):
        cells = "  ".join(f"{name} {one:.3f}" for name, one in zip(arguments.sets, by_set, strict=True))
        print(f"floor {point[0]!s:5} passage {point[1]:.1f}  all {value:.3f}  {cells}")
    held = np.zeros(len(values))
    for number in range(FOLDS):
        best = int(macro(values[fold != number], names[fold != number]).argmax())
        print(f"fold {number}: {POINTS[best]}")
        held[fold == number] = values[fold == number, best]
    change = (held - values[:, before])[:, None]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        again = np.concatenate([rng.choice(np.flatnonzero(names == name), (names == name).sum()) for name in set(sets)])
        drawn.append(float(macro(change[again], names[again])[0]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    gained = float(macro(change, names)[0])
    print(f"held out: {gained:+.3f} ({low:+.3f} to {high:+.3f}) over no floor and equal parts")
    if arguments.json:
        report = {"points": POINTS, "all": overall.tolist(), "held_out": gained, "low": low, "high": high}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
