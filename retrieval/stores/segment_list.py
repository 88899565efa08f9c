"""The manifest of a multi-vector store: the segments there are, how much of each counts, and which pages have gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from ..maxsim.arrays import MAX_DIM
from .listing import Dead, alive, bury, left, read_dead, read_summed, write_summed

FILE = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a segment's arrays counts."""

    pages: int = 0
    rows: int = 0
    pooled: int = 0
    groups: int = 0
    ids: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment as the manifest has it."""

    name: str
    counts: Counts
    dead: Dead = ()
    lists: str = ""
    """The file of its inverted lists (`lists.py`); `""`: it has none."""
    lists_sum: str = ""

    @property
    def left(self) -> int:
        """How many pages are there."""
        return left(self.counts.pages, self.dead)

    def alive(self) -> NDArray[np.bool_]:
        """`(pages,)`."""
        return alive(self.counts.pages, self.dead)

    def without(self, numbers: Iterable[int]) -> Entry:
        """This segment with these pages gone, too."""
        return replace(self, dead=bury(self.counts.pages, self.dead, numbers))


@dataclass(frozen=True, slots=True)
class SegmentList:
    """What counts of a store."""

    dim: int = 0
    """0: nothing was stored yet."""
    encoder: str = ""
    """Whose vectors these are; `""` where nobody said."""
    following: int = 1
    """The number that the next new segment or file gets: none is used twice, so that none is mistaken for another."""
    centres: str = ""
    """The file of the centres that the inverted lists belong to; `""`: there are none."""
    centres_sum: str = ""
    trained: int = 0
    """How many pages there were when they were made."""
    segments: tuple[Entry, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether no page is left."""
        return not any(entry.left for entry in self.segments)

    def write(self, folder: Path) -> None:
        write_summed(folder / FILE, {"format": _FORMAT, **asdict(self)})


def read_segment_list(folder: Path) -> SegmentList:
    """An empty one in a store that nothing was written to. Raises `CorruptFile` for a damaged or lost one."""
    file = folder / FILE
    try:
        entries = read_summed(file)
        if entries["format"] != _FORMAT:
            raise ValueError(f"its format is {entries['format']}")
        segments = tuple(_entry(one) for one in entries["segments"])
        if segments and not 1 <= int(entries["dim"]) <= MAX_DIM:
            raise ValueError(f"vectors of {entries['dim']} dimensions")
        return SegmentList(
            int(entries["dim"]),
            str(entries["encoder"]),
            int(entries["following"]),
            _name(entries["centres"]),
            str(entries["centres_sum"]),
            int(entries["trained"]),
            segments,
        )
    except FileNotFoundError:
        # A writer writes an empty list before its first segment.
        if any(re.fullmatch(r"\d{6}", part.name) for part in folder.glob("*")):
            raise CorruptFile(f"{file} is missing; {MEND}") from None
        return SegmentList()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); {MEND}") from error


def _entry(values: Mapping[str, Any]) -> Entry:
    counts = Counts(**{name: int(number) for name, number in values["counts"].items()})
    # The checksum vouches for what we wrote; a manifest that somebody else wrote must not lead out of the folder.
    if min(asdict(counts).values()) < 0:
        raise ValueError("a segment of less than nothing")
    dead = read_dead(values["dead"], counts.pages)
    return Entry(_name(values["name"]), counts, dead, _name(values["lists"]), str(values["lists_sum"]))


def _name(value: object) -> str:
    name = str(value)
    if not re.fullmatch(r"[\w-]*(\.\w+)?", name):
        raise ValueError("a name that leads out of the folder")
    return name
