"""What a multi-vector store holds at one moment: pages of all segments, numbered through, found by id and scored."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..maxsim import PreparedQuery, best_values, score
from .segment import Segment, key
from .segment_list import Entry, SegmentList


class Snapshot:
    """The pages of a manifest, numbered through all its segments."""

    def __init__(self, stamp: object, listed: SegmentList, segments: list[Segment]) -> None:
        self.stamp, self.list, self.segments = stamp, listed, segments
        self._starts = np.cumsum([0, *(len(segment) for segment in segments)])

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

    def rough(self, query: PreparedQuery, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores by the pooled rows alone."""
        return self._each(numbers, lambda segment, of: score(query, segment.pooled, of))

    def exact(self, query: PreparedQuery, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The mean of MaxSim over the page and over its best group (`scoring.grouped_maxsim`)."""
        return self._each(numbers, lambda segment, of: _grouped(query, segment, of))

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


def _grouped(query: PreparedQuery, segment: Segment, which: NDArray[np.int64] | None) -> NDArray[np.float32]:
    if len(segment.groups) == len(segment.pages):
        return score(query, segment.pages, which)  # one group a page: both halves are the same
    begins, ends = segment.group_ends[:-1], segment.group_ends[1:]
    groups, starts = None, begins
    if which is not None:
        lengths = ends[which] - begins[which]
        starts = np.cumsum(lengths) - lengths
        groups = np.repeat(begins[which] - starts, lengths) + np.arange(lengths.sum())
    best, weights = best_values(query, segment.groups, groups), query.weights.astype(np.float32)
    over_all = np.maximum.reduceat(best, starts, axis=0) @ weights
    best_group = np.maximum.reduceat(best @ weights, starts)
    return ((over_all + best_group) / 2).astype(np.float32)
