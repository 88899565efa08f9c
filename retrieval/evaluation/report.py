"""What an evaluation found: measures of every channel and fusion, with intervals, over all questions and by group.

The report of a run as JSON is what runs are compared by: it has each question's own measures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import QueryError
from .asking import FUSED, Answered, LeftOut
from .chance import Mean, mean_of
from .measures import ALL_MEASURES

FORMAT = 1

Values = Mapping[str, Mapping[str, float]]
"""Channel, fusion or run to its measures of one question."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The measures of one question."""

    id: str
    groups: Mapping[str, tuple[str, ...]]
    values: Values
    milliseconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation."""

    scored: tuple[Scored, ...]
    left_out: tuple[tuple[str, str], ...]
    """Id and reason of questions that were not scored."""
    missing: tuple[str, ...] = ()
    """Documents that questions name and the library does not hold."""

    def systems(self) -> list[str]:
        """The channels, fusions or runs that were measured."""
        return list(dict.fromkeys(name for one in self.scored for name in one.values))

    def main(self) -> str:
        """The one that stands for the rest: the fusion that `retrieve` ranks by, or else the first."""
        return FUSED if FUSED in self.systems() else next(iter(self.systems()), FUSED)

    def means(self, system: str, group: str | None = None, value: str | None = None) -> dict[str, Mean]:
        """Measure to its mean, over all questions, or those that have a value of a group; only what was measured."""
        some = [
            one.values.get(system, {}) for one in self.scored if group is None or value in one.groups.get(group, ())
        ]
        return {name: mean_of(given) for name in ALL_MEASURES if (given := [one[name] for one in some if name in one])}

    def groups(self) -> dict[str, list[str]]:
        """The groups, with their values, most questions first."""
        counts: dict[str, dict[str, int]] = {}
        for one in self.scored:
            for group, values in one.groups.items():
                for value in values:
                    counts.setdefault(group, {})[value] = counts.setdefault(group, {}).get(value, 0) + 1
        return {group: sorted(found, key=lambda value: (-found[value], value)) for group, found in counts.items()}

    def milliseconds(self, system: str) -> tuple[float, float] | None:
        """Median and 95th percentile of the time for a question; `None` where nothing was timed."""
        taken = [one.milliseconds[system] for one in self.scored if system in one.milliseconds]
        return (float(np.percentile(taken, 50)), float(np.percentile(taken, 95))) if taken else None

    def reasons(self) -> dict[str, list[str]]:
        """Why questions were left out, to their ids, in the order in which they were met."""
        found: dict[str, list[str]] = {}
        for id_, reason in self.left_out:
            found.setdefault(reason, []).append(id_)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; `read_report` reads them again."""
        systems: dict[str, Any] = {}
        for system in self.systems():
            systems[system] = {
                "measures": _plain(self.means(system)),
                "groups": {
                    group: {value: _plain(self.means(system, group, value)) for value in values}
                    for group, values in self.groups().items()
                },
            }
            if (taken := self.milliseconds(system)) is not None:
                systems[system]["milliseconds"] = {"p50": round(taken[0], 2), "p95": round(taken[1], 2)}
        return {
            "format": FORMAT,
            "scored": len(self.scored),
            "left_out": self.reasons(),
            "missing_documents": list(self.missing),
            "systems": systems,
            "questions": [
                {
                    "id": one.id,
                    **{group: list(values) for group, values in one.groups.items()},
                    "values": {system: dict(values) for system, values in one.values.items()},
                    "milliseconds": {name: round(taken, 3) for name, taken in one.milliseconds.items()},
                }
                for one in self.scored
            ],
        }


def make_report(answers: Iterable[Answered | LeftOut], missing: Sequence[str] = ()) -> Report:
    """Put answers together; they are used up one by one, and only their measures are kept."""
    scored: list[Scored] = []
    left_out: list[tuple[str, str]] = []
    for one in answers:
        if isinstance(one, LeftOut):
            left_out.append((one.question.id, one.reason))
        else:
            scored.append(Scored(one.question.id, one.question.groups, one.values, one.milliseconds))
    return Report(tuple(scored), tuple(left_out), tuple(missing))


def read_report(path: Path) -> dict[str, Values]:
    """Question id to its measures, by system, of what `to_dict` made. Raises `QueryError` for another file."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        found: dict[str, Values] = {
            str(one["id"]): {
                str(system): {str(name): float(value) for name, value in values.items()}
                for system, values in one["values"].items()
            }
            for one in entry["questions"]
        }
    except OSError as error:
        raise QueryError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise QueryError(f"{path} is no report of `pagesight eval --json`.") from error
    if entry.get("format") != FORMAT:
        raise QueryError(f"{path} is a report of another version of pagesight; make it anew.")
    return found


def _plain(means: Mapping[str, Mean]) -> dict[str, Any]:
    return {name: mean.to_dict() for name, mean in means.items()}
