"""`segments.json` of a `FaissStore`: which segments there are, and which of their rows count."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile
from ..files import write_whole
from .faiss_segment import REMEDY, Rows, Sums

FILE = "segments.json"

Stamp = tuple[int, int, int]
"""Changes when the file is replaced."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment of the list."""

    name: str
    rows: int
    dead: tuple[tuple[int, int], ...]
    """Ranges of rows, the end left out, in order."""
    sums: Sums

    def alive(self) -> NDArray[np.bool_] | None:
        """`(rows,)`; `None` when all are."""
        if not self.dead:
            return None
        alive = np.ones(self.rows, bool)
        for first, last in self.dead:
            alive[first:last] = False
        return alive

    def without(self, rows: Rows) -> Part:
        alive = self.alive()
        alive = np.ones(self.rows, bool) if alive is None else alive
        alive[rows] = False
        edges = np.flatnonzero(np.diff(np.r_[True, alive, True])).tolist()
        return replace(self, dead=tuple(zip(edges[::2], edges[1::2], strict=True)))

    def count(self) -> int:
        """Rows that are alive."""
        return self.rows - sum(last - first for first, last in self.dead)


@dataclass(frozen=True, slots=True)
class SegmentList:
    dim: int = 0
    """0 while there is no vector."""
    next: int = 0
    """The next segment's number; none is used twice."""
    parts: tuple[Part, ...] = ()

    def write(self, folder: Path) -> None:
        content = asdict(self)
        write_whole(folder / FILE, json.dumps({"sha256": _sum(content), "content": content}).encode())


def read_list(folder: Path) -> SegmentList:
    """An empty one before the first is written. Raises `CorruptFile`."""
    file = folder / FILE
    try:
        said: Any = json.loads(file.read_bytes())
        content = said["content"]
        if _sum(content) != said["sha256"]:
            raise ValueError("its checksum is another")
        parts = tuple(_part(one) for one in content["parts"])
        return SegmentList(int(content["dim"]), int(content["next"]), parts)
    except FileNotFoundError:
        # A writer writes an empty list before its first segment.
        if segments_on_disk(folder):
            raise CorruptFile(f"{file} is missing; {REMEDY}") from None
        return SegmentList()
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); {REMEDY}") from error


def look(folder: Path) -> Stamp | None:
    """`None` before there is a list."""
    try:
        stat = (folder / FILE).stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def segments_on_disk(folder: Path) -> list[Path]:
    return list(folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9]*"))


def _part(values: dict[str, Any]) -> Part:
    name, rows = str(values["name"]), int(values["rows"])
    dead = tuple((int(first), int(last)) for first, last in values["dead"])
    # The checksum vouches for what we wrote; a list that somebody else wrote must not lead out of the folder.
    if not re.fullmatch(r"[0-9]{6,}", name, re.ASCII):
        raise ValueError("a name that leads out of the folder")
    if rows < 1:
        raise ValueError("a segment of nothing")
    ends = [0, *(end for span in dead for end in span), rows]
    if ends != sorted(ends) or any(first == last for first, last in dead):
        raise ValueError("dead rows that are none of the segment's")
    return Part(name, rows, dead, Sums(**values["sums"]))


def _sum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
