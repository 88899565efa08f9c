"""Choose the channels' weights: grid search, cross-validated over documents.

    python benchmarks/fusion_weights.py SCORES.json [--write]

`SCORES.json` comes from `retrieval_quality.py --scores`. The measure is nDCG@5, averaged over the questions of a set,
then over the sets, so that a large set does not drown a small one; a set of fewer than 25 questions counts in
proportion. Questions about one document are in one fold.
`--write` puts the weights chosen on all questions into `retrieval/fusion.json`, with this run.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.retrieval.evaluation import Wanted, measure
from pagesight.retrieval.fusion import fuse, ranks

FOLDS = 5
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
DOCUMENT = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Of the channel `document`, whose scores lie between 0 and 1 where others' are deviations."""
FEW = 25
"""Questions of a set that counts in full; one with fewer counts for less."""


def grid() -> list[dict[str, float]]:
    """Weights with the largest 1, but for `document`: only their ratios matter."""
    names = ("lexical", "dense", "words")
    points = [point for point in itertools.product(GRID, repeat=len(names)) if max(point) == 1.0]
    return [dict(zip(names, point, strict=True)) | {"document": weight} for point in points for weight in DOCUMENT]


def fold_of(entry: dict[str, Any]) -> int:
    """Questions about one document are in one fold."""
    return int(hashlib.sha256(entry["documents"][0].encode()).hexdigest(), 16) % FOLDS


def quality(entry: dict[str, Any], weights: dict[str, float]) -> float:
    effective = {name: weights.get(name, 0.0) * entry["coverage"][name] for name in entry["channels"]}
    if not any(effective.values()):
        effective = dict.fromkeys(entry["channels"], 1.0)
    order = list(ranks(fuse(entry["channels"], effective, scaled=("document",))))
    return measure(order, Wanted(dict.fromkeys(entry["gold"], 1), entry["every"]))["ndcg@5"]


def macro(values: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """`(questions, points)` to `(points,)`: mean over questions of a set, then over sets, small ones in proportion."""
    names = np.unique(sets)
    shares = [min(1.0, (sets == name).sum() / FEW) for name in names]
    return np.average([values[sets == name].mean(axis=0) for name in names], axis=0, weights=shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    entries = json.loads(arguments.scores.read_text())
    points = grid()
    values = np.array([[quality(entry, weights) for weights in points] for entry in entries])
    sets = np.array([entry["set"] for entry in entries])
    folds = np.array([fold_of(entry) for entry in entries])

    held_out: dict[str, list[float]] = defaultdict(list)
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        best = int(macro(values[train], sets[train]).argmax())
        print(f"fold {fold}: {points[best]}")
        for name, value in zip(sets[test], values[test, best], strict=True):
            held_out[str(name)].append(float(value))
    overall = macro(values, sets)
    best = int(overall.argmax())
    means = {name: round(float(np.mean(one)), 3) for name, one in held_out.items()}
    print(f"held out: {means}, mean {np.mean(list(means.values())):.3f}")
    equal = points.index({"lexical": 1.0, "dense": 1.0, "words": 1.0, "document": 1.0})
    print(f"all questions: {points[best]} {overall[best]:.3f}; equal weights {overall[equal]:.3f}")
    chosen = {
        "weights": points[best],
        "chosen_by": "benchmarks/fusion_weights.py",
        "held_out_ndcg@5": means,
        "questions": {str(name): int((sets == name).sum()) for name in np.unique(sets)},
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(chosen, indent=2) + "\n")
    if arguments.write:
        target = Path(__file__).parents[1] / "retrieval" / "fusion.json"
        kept = json.loads(target.read_text())  # the weights that this run does not choose
        target.write_text(json.dumps(kept | chosen, indent=2) + "\n")


if __name__ == "__main__":
    main()
