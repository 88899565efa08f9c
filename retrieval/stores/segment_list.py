"""The manifest of a multi-vector store: which segments there are, how much of each counts, and which pages have gone.

It is the commit point: written whole, under another name, and renamed into its place. Whoever has read it sees what
was there then, whatever a writer does meanwhile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile
from ..files import write_whole
from ..maxsim.arrays import MAX_DIM

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
    dead: tuple[tuple[int, int], ...] = ()
    """Tombstones: ranges of page numbers, ascending and apart, `(first, last + 1)`."""
    lists: str = ""
    """The file of its inverted lists (`lists.py`); `""`: it has none."""
    lists_sum: str = ""

    @property
    def left(self) -> int:
        """How many pages are there."""
        return self.counts.pages - sum(end - first for first, end in self.dead)

    def alive(self) -> NDArray[np.bool_]:
        """`(pages,)`."""
        mask = np.ones(self.counts.pages, bool)
        for first, end in self.dead:
            mask[first:end] = False
        return mask

    def without(self, numbers: Iterable[int]) -> Entry:
        """This segment with these pages gone, too."""
        mask = self.alive()
        mask[list(numbers)] = False
        edges = np.flatnonzero(np.diff(np.r_[False, ~mask, False].astype(np.int8)))
        return replace(self, dead=tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2)))


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
        entries = {"format": _FORMAT, **asdict(self)}
        write_whole(folder / FILE, json.dumps(entries | {"sum": _sum(entries)}).encode())


def read_segment_list(folder: Path) -> SegmentList:
    """An empty one in a store that nothing was written to. Raises `CorruptFile` for a damaged or lost one."""
    file = folder / FILE
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        if any(re.fullmatch(r"\d{6}", part.name) for part in folder.glob("*")):
            raise CorruptFile(f"{file} is missing; restore it, or add the documents to a new library.") from error
        return SegmentList()
    try:
        entries: dict[str, Any] = json.loads(data)
        written = entries.pop("sum")
        if entries["format"] != _FORMAT or written != _sum(entries):
            raise ValueError("its checksum is another")
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
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); restore it, or add the documents to a new library.") from error


def _entry(values: Mapping[str, Any]) -> Entry:
    counts = Counts(**{name: int(number) for name, number in values["counts"].items()})
    dead = tuple((int(first), int(end)) for first, end in values["dead"])
    # The checksum vouches for what we wrote; a manifest that somebody else wrote must not lead out of the folder.
    if min(asdict(counts).values()) < 0:
        raise ValueError("a segment of less than nothing")
    if any(not 0 <= first < end <= counts.pages for first, end in dead):
        raise ValueError("a tombstone for no page")
    return Entry(_name(values["name"]), counts, dead, _name(values["lists"]), str(values["lists_sum"]))


def _name(value: object) -> str:
    name = str(value)
    if not re.fullmatch(r"[\w-]*(\.\w+)?", name):
        raise ValueError("a name that leads out of the folder")
    return name


def _sum(entries: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(entries, sort_keys=True).encode(), digest_size=16).hexdigest()
