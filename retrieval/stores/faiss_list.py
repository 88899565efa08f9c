"""`segments.json` of a `FaissStore`: which segments there are, and which of their rows count."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from .faiss_segment import Rows, Sums
from .listing import Dead, alive, bury, left, read_dead, read_summed, write_summed

FILE = "segments.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A segment of the list."""

    name: str
    rows: int
    dead: Dead
    sums: Sums

    def alive(self) -> NDArray[np.bool_] | None:
        """`(rows,)`; `None` when all are."""
        return alive(self.rows, self.dead) if self.dead else None

    def without(self, rows: Rows) -> Part:
        return replace(self, dead=bury(self.rows, self.dead, rows.tolist()))

    def count(self) -> int:
        """Rows that are alive."""
        return left(self.rows, self.dead)


@dataclass(frozen=True, slots=True)
class SegmentList:
    dim: int = 0
    """0 while there is no vector."""
    next: int = 0
    """The next segment's number; none is used twice."""
    parts: tuple[Part, ...] = ()

    def write(self, folder: Path) -> None:
        write_summed(folder / FILE, asdict(self))


def read_list(folder: Path) -> SegmentList:
    """An empty one before the first is written. Raises `CorruptFile`."""
    file = folder / FILE
    try:
        content = read_summed(file)
        parts = tuple(_part(one) for one in content["parts"])
        return SegmentList(int(content["dim"]), int(content["next"]), parts)
    except FileNotFoundError:
        # A writer writes an empty list before its first segment.
        if segments_on_disk(folder):
            raise CorruptFile(f"{file} is missing; {MEND}") from None
        return SegmentList()
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); {MEND}") from error


def segments_on_disk(folder: Path) -> list[Path]:
    return list(folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9]*"))


def _part(values: dict[str, Any]) -> Part:
    name, rows = str(values["name"]), int(values["rows"])
    # The checksum vouches for what we wrote; a list that somebody else wrote must not lead out of the folder.
    if not re.fullmatch(r"[0-9]{6,}", name, re.ASCII):
        raise ValueError("a name that leads out of the folder")
    if rows < 1:
        raise ValueError("a segment of nothing")
    dead = read_dead(values["dead"], rows)
    return Part(name, rows, dead, Sums(**values["sums"]))
