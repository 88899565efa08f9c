"""Two evaluations of the same questions, compared pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import QueryError
from .asking import FUSED
from .chance import Difference, difference_of
from .measures import ALL_MEASURES
from .report import Values


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two systems differ."""

    systems: tuple[str, str]
    differences: Mapping[str, Difference]
    """By measure."""
    questions: int
    """Those that both runs have."""
    only: tuple[int, int]
    """Questions that only the first, only the second has; they are not compared."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "systems": list(self.systems),
            "questions": self.questions,
            "only_in": list(self.only),
            "measures": {
                name: {
                    "first": round(one.first, 6),
                    "second": round(one.second, 6),
                    "difference": one.change.to_dict(),
                    "p": round(one.p, 5),
                }
                for name, one in self.differences.items()
            },
        }


def compare_reports(
    first: Mapping[str, Values], second: Mapping[str, Values], systems: tuple[str, str] | None = None
) -> Comparison:
    """Compare a system of one report with one of another, or of the same; see `read_report`.

    Without `systems`, the fusion that both have, or the one system that they share. Raises `QueryError` when there is
    nothing to compare.
    """
    here, there = _systems(first), _systems(second)
    if systems is None:
        shared = [name for name in here if name in there]
        if FUSED in shared:
            systems = FUSED, FUSED
        elif len(shared) == 1:
            systems = shared[0], shared[0]
        elif len(here) == len(there) == 1:
            systems = here[0], there[0]
        else:
            listed = f"{', '.join(here) or 'nothing'} and {', '.join(there) or 'nothing'}"
            raise QueryError(f"The reports are of {listed}; say which to compare with --channel.")
    for name, known in zip(systems, (here, there), strict=True):
        if name not in known:
            raise QueryError(f"There is no {name!r} in a report; there are {', '.join(known) or 'none'}.")
    one = {id_: values[systems[0]] for id_, values in first.items() if systems[0] in values}
    other = {id_: values[systems[1]] for id_, values in second.items() if systems[1] in values}
    both = [id_ for id_ in one if id_ in other]
    if not both:
        raise QueryError("The two reports have no question in common; compare runs of the same questions.")
    differences = {}
    for name in ALL_MEASURES:
        pairs = [(one[id_][name], other[id_][name]) for id_ in both if name in one[id_] and name in other[id_]]
        if pairs:
            differences[name] = difference_of([a for a, _ in pairs], [b for _, b in pairs])
    return Comparison(systems, differences, len(both), (len(one) - len(both), len(other) - len(both)))


def _systems(report: Mapping[str, Values]) -> list[str]:
    return list(dict.fromkeys(name for values in report.values() for name in values))
