"""What a multi-vector store holds at one moment: pages of all segments, numbered through, found by id and scored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..maxsim import PreparedQuery, best_values, score
from ..scoring import mixed
from ..types import Vectors
from . import lists as inverted
from .lists import Lists
from .segment import Segment, key
from .segment_list import Entry, SegmentList


class Snapshot:
    """The pages of a manifest, numbered through all its segments."""

    def __init__(self, folder: Path, stamp: object, listed: SegmentList, before: Snapshot | None) -> None:
        """Map what `listed` names; what `before` has mapped already is taken over.

        Raises `CorruptFile` where files do not fit, and `FileNotFoundError` where one has gone since.
        """
        self.stamp, self.list = stamp, listed
        known = {} if before is None else {(one.folder.name, one.counts): one for one in before.segments}
        self.segments = [
            known.get((entry.name, entry.counts)) or Segment(folder / entry.name, entry.counts, listed.dim)
            for entry in listed.segments
        ]
        self.centres: Vectors | None = None
        """`(centres, dim)` of the inverted lists; `None` without."""
        if listed.centres:
            if before is not None and before.list.centres == listed.centres:
                self.centres = before.centres
            else:
                self.centres = inverted.read_centres(folder / listed.centres, listed)
        opened = zip(before.list.segments, before.lists, strict=True) if before is not None else ()
        lists = {(entry.name, entry.lists_sum): one for entry, one in opened if one is not None}
        self.lists = [self._open_lists(folder / entry.name / entry.lists, entry, lists) for entry in listed.segments]
        self._starts = np.cumsum([0, *(len(segment) for segment in self.segments)])

    def _open_lists(self, file: Path, entry: Entry, known: Mapping[tuple[str, str], Lists]) -> Lists | None:
        if self.centres is None or not entry.lists:
            return None
        return known.get((entry.name, entry.lists_sum)) or Lists(file, len(self.centres), entry.counts.pages)

    @cached_property
    def _mask(self) -> NDArray[np.bool_]:
        return np.concatenate([np.zeros(0, bool), *(entry.alive() for entry in self.list.segments)])

    @cached_property
    def alive(self) -> NDArray[np.int64]:
        """Numbers of the pages that are there, ascending."""
        return np.flatnonzero(self._mask)

    def place(self, number: int) -> tuple[Segment, int]:
        at = int(np.searchsorted(self._starts, number, "right")) - 1
        return self.segments[at], number - int(self._starts[at])

    def id(self, number: int) -> str:
        segment, i = self.place(number)
        return segment.id(i)

    def find(self, ids: Collection[str]) -> NDArray[np.int64]:
        """Numbers of the pages with these ids, those that are there, ascending, each once."""
        wanted = list(ids)
        keys = [key(id_) for id_ in wanted]
        found = [
            number + int(start)
            for segment, start in zip(self.segments, self._starts, strict=False)
            for number in segment.find(wanted, keys)
        ]
        numbers = np.unique(np.array(found, np.int64))
        return numbers[self._mask[numbers]] if len(numbers) else numbers

    def allowed(self, pages: Collection[str] | None, exclude: Collection[str]) -> NDArray[np.int64]:
        allowed = self.alive if pages is None else self.find(pages)
        return np.setdiff1d(allowed, self.find(exclude), assume_unique=True) if exclude else allowed

    def without(self, ids: Collection[str]) -> list[Entry]:
        """The manifest's segments with these pages gone."""
        numbers = self.find(ids)
        cuts = np.searchsorted(numbers, self._starts)
        return [
            entry.without((numbers[begin:end] - start).tolist()) if begin < end else entry
            for entry, start, begin, end in zip(self.list.segments, self._starts, cuts, cuts[1:], strict=False)
        ]

    def near(self, query: PreparedQuery, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of many pages those that the inverted lists put forward, and those of segments without lists; ascending."""
        if self.centres is None or len(numbers) <= inverted.LISTS_FROM:
            return numbers
        asked, weights = inverted.probe(query, self.centres), query.weights.astype(np.float32)
        found, others = [], [np.zeros(0, np.int64)]
        cuts = np.searchsorted(numbers, self._starts)
        for lists, start, begin, end in zip(self.lists, self._starts, cuts, cuts[1:], strict=False):
            of = numbers[begin:end]
            if lists is None:
                others.append(of)
            elif len(of):
                found.append((of, lists.rough(*asked, weights)[of - start]))
        return np.sort(np.concatenate([*others, inverted.shortlist(found)])) if found else numbers

    def rough(self, query: PreparedQuery, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores by the pooled rows alone."""
        return self._each(numbers, lambda segment, of: score(query, segment.pooled, of))

    def exact(
        self, query: PreparedQuery, numbers: NDArray[np.int64], floor: float | None = None
    ) -> NDArray[np.float32]:
        """MaxSim over the page and over its best group (`scoring.grouped_maxsim`)."""
        return self._each(numbers, lambda segment, of: _grouped(query, segment, of, floor))

    def _each(
        self,
        numbers: NDArray[np.int64],
        of_segment: Callable[[Segment, NDArray[np.int64] | None], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        cuts = np.searchsorted(numbers, self._starts)
        parts = [np.zeros(0, np.float32)]
        for segment, start, begin, end in zip(self.segments, self._starts, cuts, cuts[1:], strict=False):
            if begin < end:
                whole = end - begin == len(segment)
                parts.append(of_segment(segment, None if whole else numbers[begin:end] - start))
        return np.concatenate(parts)


def _grouped(
    query: PreparedQuery, segment: Segment, which: NDArray[np.int64] | None, floor: float | None
) -> NDArray[np.float32]:
    if floor is None and len(segment.groups) == len(segment.pages):
        return score(query, segment.pages, which)  # one group a page: both halves are the same
    begins, ends = segment.group_ends[:-1], segment.group_ends[1:]
    groups, starts = None, begins
    if which is not None:
        lengths = ends[which] - begins[which]
        starts = np.cumsum(lengths) - lengths
        groups = np.repeat(begins[which] - starts, lengths) + np.arange(lengths.sum())
    return mixed(best_values(query, segment.groups, groups), starts, query.weights.astype(np.float32), floor)
