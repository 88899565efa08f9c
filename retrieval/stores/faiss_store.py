"""Single vectors in faiss: small segments that never change, and one file that says which of them count.

    faiss/passages/
        segments.json   the segments, the rows of each that are dead, their checksums, and its own
        000007/         a segment (`faiss_segment.py`)

What `segments.json` does not name does not exist: replacing that file is the one step in which something is added or
removed, so that a reader sees all of it or nothing, and a killed writer leaves folders that the next one clears away.
Adding writes what is added; eight segments of a size are merged into one, so that a vector is written once for each
power of eight. Removing marks rows as dead, at once for all readers; `compact` writes their segments without them.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from ..types import Vectors
from .faiss_list import FILE, Part, SegmentList, read_list, segments_on_disk
from .faiss_segment import FILES, Entries, Rows, Segment, checksum, hashes, write_segment
from .listing import Stamp, stamp

MERGED = 8
"""Segments of a size that become one."""

SEALED = 131_072
"""Rows from which a segment is not merged any more: 200 MB at 384 dimensions."""

_ATTEMPTS = 10
"""Of opening what the list names, while a writer replaces it."""


@dataclass(frozen=True, slots=True)
class _State:
    """The store at one moment."""

    stamp: Stamp | None
    list: SegmentList
    segments: dict[str, Segment]
    alive: dict[str, NDArray[np.bool_] | None]


class FaissStore:
    """A `VectorStore`. One writer at a time, as the library's lock sees to; any number of readers, which never wait."""

    def __init__(self, folder: Path, *, gpu: bool = True) -> None:
        """`gpu`: search large segments there, where faiss was built for it and finds one."""
        self._folder, self._gpu = folder, gpu
        self._opening, self._writing = Lock(), Lock()
        self._state: _State | None = None

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        if not keys:
            return
        with self._writing:
            now = self._begin(vectors.shape[1])
            last = {key: i for i, key in enumerate(keys)}  # of a key that comes twice, its last vector
            chosen, digests = sorted(last.values()), hashes(keys)
            parts = []
            for part in now.list.parts:
                replaced = now.segments[part.name].of_keys(last.keys(), digests)
                parts.append(part.without(replaced) if len(replaced) else part)
            entries = Entries(
                [document] * len(chosen), [pages[i] for i in chosen], [keys[i] for i in chosen], vectors[chosen]
            )
            new = self._write(now.list.next, entries)
            self._commit(SegmentList(vectors.shape[1], now.list.next + 1, (*parts, new)))
            while crowded := _crowded(self._now().list.parts):
                self._rewrite(crowded)

    def search(self, query: Vectors, limit: int, documents: Collection[str] | None = None) -> list[tuple[str, float]]:
        now, found = self._now(), list[tuple[str, float]]()
        for name, segment in now.segments.items():
            among = now.alive[name]
            if documents is not None:
                inside = segment.of_documents(documents)
                if not len(inside):
                    continue
                allowed = np.zeros(len(segment), bool)
                allowed[inside] = True
                among = allowed if among is None else allowed & among
            rows, scores = segment.search(query, limit, among, exact=documents is not None)
            names = (segment.page_names[i] for i in segment.page_numbers(rows).tolist())
            found += zip(names, scores.tolist(), strict=True)
        return sorted(found, key=lambda one: (-one[1], one[0]))[:limit]

    def score(self, query: Vectors, pages: Collection[str]) -> dict[str, float]:
        now, scores = self._now(), dict[str, float]()
        for name, segment in now.segments.items():
            rows = _living(segment.of_pages(pages), now.alive[name])
            if not len(rows):
                continue
            similarities = segment.vectors(rows) @ query
            for place, similarity in zip(segment.page_numbers(rows).tolist(), similarities.tolist(), strict=True):
                page = segment.page_names[place]
                scores[page] = max(similarity, scores.get(page, similarity))
        return scores

    def keys(self, document: str) -> set[str]:
        for _ in range(_ATTEMPTS):
            now, found = self._now(), set[str]()
            try:
                for name, segment in now.segments.items():
                    rows = _living(segment.of_documents([document]), now.alive[name]).tolist()
                    found |= {segment.keys[row] for row in rows}
            except FileNotFoundError:  # keys are read when they are asked for; a writer has merged their segment since
                continue
            return found
        raise CorruptFile(f"Segments in {self._folder} are missing; {MEND}")

    def documents(self) -> set[str]:
        now = self._now()
        return {one for name, segment in now.segments.items() for one in segment.living_documents(now.alive[name])}

    def remove(self, document: str) -> None:
        if not self._folder.is_dir():
            return
        with self._writing:
            now = self._begin()
            parts = []
            for part in now.list.parts:
                gone = _living(now.segments[part.name].of_documents([document]), now.alive[part.name])
                parts.append(part.without(gone) if len(gone) else part)
            if tuple(parts) != now.list.parts:
                self._commit(replace(now.list, parts=tuple(parts)))
                # Half of a segment dead: what is left is worth writing anew.
                for part in [part for part in parts if 0 < 2 * part.count() <= part.rows]:
                    self._rewrite([part])

    def compact(self) -> None:
        """Take what was removed off the disk. Raises `OSError` when it cannot."""
        if not self._folder.is_dir():
            return
        with self._writing:
            for part in self._begin().list.parts:
                if part.dead:
                    self._rewrite([part])

    def verify(self) -> Iterator[str]:
        """Read every byte; yield a line for each file that is not what was written."""
        try:
            parts = read_list(self._folder).parts
        except CorruptFile as error:
            yield str(error)
            return
        for part in parts:
            yield from self._wrong(part)

    def drop_damaged(self) -> None:
        with self._writing:
            try:
                said = read_list(self._folder)
            except CorruptFile:
                numbers = [int(part.name) for part in segments_on_disk(self._folder)]
                self._commit(SegmentList(0, max(numbers, default=-1) + 1))
                return
            sound = tuple(part for part in said.parts if not any(self._wrong(part)))
            if sound != said.parts:
                self._commit(replace(said, parts=sound))

    def _wrong(self, part: Part) -> Iterator[str]:
        for name in FILES:
            file = self._folder / part.name / name
            if not file.is_file() or checksum(file) != part.sums.files[name]:
                yield f"{file}: not what was written; {MEND}"

    def _begin(self, dim: int | None = None) -> _State:
        """The state that a writer starts from; what a killed one left is cleared away."""
        now = self._now()
        if dim is not None and now.list.dim != dim and now.list.parts:
            raise ValueError(f"The vectors have {dim} dimensions, those in {self._folder} {now.list.dim}.")
        if now.stamp is None:
            # Before the first segment: segments without a list are damage, never what a killed writer left.
            self._commit(SegmentList())
        self._sweep(now.list)
        return self._now()

    def _rewrite(self, parts: Sequence[Part]) -> None:
        """Put segments into one, without what is dead in them."""
        now = self._now()
        alive = [(now.segments[part.name], now.alive[part.name]) for part in parts]
        pieces = [segment.entries(_living(np.arange(len(segment)), living)) for segment, living in alive]
        entries = Entries(
            [one for piece in pieces for one in piece.documents],
            [one for piece in pieces for one in piece.pages],
            [one for piece in pieces for one in piece.keys],
            np.concatenate([piece.vectors for piece in pieces]),
        )
        kept = tuple(part for part in now.list.parts if part not in parts)
        new = (self._write(now.list.next, entries),)
        self._commit(SegmentList(now.list.dim, now.list.next + 1, kept + new))

    def _write(self, number: int, entries: Entries) -> Part:
        name = f"{number:06d}"
        return Part(name, len(entries), (), write_segment(self._folder / name, entries))

    def _commit(self, new: SegmentList) -> None:
        """Make this what the store holds, in one step."""
        parts = tuple(part for part in new.parts if part.count())
        new = replace(new, dim=new.dim if parts else 0, parts=parts)
        new.write(self._folder)
        self._sweep(new)

    def _sweep(self, kept: SegmentList) -> None:
        """Take off the disk what the list does not name."""
        named = {part.name for part in kept.parts}
        for left in (*self._folder.glob(".new-*"), *segments_on_disk(self._folder)):
            if left.is_file():
                left.unlink()
            elif left.name not in named:
                shutil.rmtree(left)

    def _now(self) -> _State:
        """What the store holds now, whoever wrote it."""
        before = self._state
        if before is not None and stamp(self._folder / FILE) == before.stamp:
            return before
        with self._opening:
            before, missing = self._state, None
            for _ in range(_ATTEMPTS):
                now, said = stamp(self._folder / FILE), read_list(self._folder)
                try:
                    segments = {part.name: self._open(before, part) for part in said.parts}
                except FileNotFoundError as error:  # replaced by the writer between the list and now
                    missing = error.filename
                    continue
                self._state = _State(now, said, segments, {part.name: part.alive() for part in said.parts})
                return self._state
        raise CorruptFile(f"{missing} is missing; {MEND}")

    def _open(self, before: _State | None, part: Part) -> Segment:
        there = before.segments.get(part.name) if before else None
        if there is not None and there.sums == part.sums:
            return there
        return Segment(self._folder / part.name, part.rows, part.sums, gpu=self._gpu)


def _crowded(parts: Sequence[Part]) -> list[Part]:
    """Segments of about a size that are to become one, smallest first; none when there are few of each."""
    sizes: dict[int, list[Part]] = {}
    for part in parts:
        if part.count() < SEALED:
            sizes.setdefault(max(len(f"{part.count():o}"), 2), []).append(part)  # powers of 8, from 64 on
    for _, alike in sorted(sizes.items()):
        if len(alike) >= MERGED or (len(alike) > 1 and sum(part.count() for part in alike) >= SEALED):
            return alike
    return []


def _living(rows: Rows, alive: NDArray[np.bool_] | None) -> Rows:
    return rows if alive is None else rows[alive[rows]]
