"""Pages of many vectors on disk: int8 rows in memory-mapped segments, searched by MaxSim exactly or in two stages.

    multivectors/words/
        manifest.json     which segments there are, how much of each counts, which pages have gone (segment_list.py)
        000001/           a segment: a folder of arrays (segment.py)

The newest segment is appended to until it is full; the others are sealed. Removing a page sets a tombstone: it is not
found any more, and its bytes go when `compact` writes what is left of its segment anew. Whatever a writer does, it
ends with a new manifest in one step; killed before that, it has done nothing. Readers keep the segments that their
manifest names mapped, also when these have been removed since.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile, EncoderMismatch
from ..files import write_whole
from ..maxsim import PreparedQuery, prepare, top
from ..maxsim.stages import CANDIDATES, EXACT_UP_TO
from ..types import PageVectors, QueryVectors
from . import lists as inverted
from .listing import stamp
from .segment import PackedPage, append, document_of, pack, pages_of
from .segment_checkup import damages, without_damages
from .segment_list import FILE, Counts, Entry, SegmentList, read_segment_list
from .snapshot import Snapshot

SEALED_PAGES = 100_000
SEALED_BYTES = 2 << 30
"""Of rows. A segment that has reached either is not appended to: compaction writes a segment at a time."""

_LEAST = 0.11
"""Of the largest weight: tokens that count no more are left to the second stage. Almost half of a question's words say
how it is asked and count a tenth each; without them the first stage takes a third less, and finds the same."""

_OUTGROWN = 4
"""Times as many pages as the centres of inverted lists were made from: then they are made anew."""

_TOGETHER = 64
"""Pages that compaction copies between two flushes to disk."""


class MultiVectorSegments:
    """A `MultiVectorStore`. One process writes at a time; any number read, each a snapshot, and never wait."""

    def __init__(self, folder: Path, encoder: str | None = None, *, gpu: bool = False) -> None:
        """`encoder` names what the vectors come from, for the first that are stored; `None`: nobody checks.

        `gpu`: inverted lists are made on one, where there is one. Searching needs none.
        """
        self._folder = folder
        self.encoder = encoder
        self._gpu = gpu
        self._lock = Lock()
        self._snapshot: Snapshot | None = None

    def add(self, document: str, pages: Sequence[PageVectors]) -> None:
        for page in pages:
            if document_of(page.id) != document:
                raise ValueError(f"{page.id} is no page of {document}: its id begins with the document's and a slash.")
        self.add_packed([pack(page) for page in pages if len(page.rows)])

    def add_packed(self, pages: Sequence[PackedPage]) -> None:
        """Store pages that are bytes already; those with the same ids as stored ones replace them, in one step."""
        if not pages:
            return
        snapshot = self._now()
        dim = int(pages[0].rows.shape[1])
        old = self._for(snapshot.list, dim)
        if snapshot.stamp is None:
            old.write(self._folder)  # first of all: segments without a manifest are a store that has lost it
        entries = snapshot.without([page.id for page in pages]) if old.segments else []
        last = entries[-1] if entries else None
        if last is None or _sealed(last, dim):
            last, old = _begun(old)
            shutil.rmtree(self._folder / last.name, ignore_errors=True)  # a killed writer's, never committed
            entries.append(last)
        grown = append(self._folder / last.name, last.counts, dim, pages)
        entries[-1] = replace(last, counts=grown, lists="", lists_sum="")  # they would leave the new pages out
        replace(old, segments=tuple(entries)).write(self._folder)

    def search(
        self,
        query: QueryVectors,
        limit: int,
        pages: Collection[str] | None = None,
        *,
        exclude: Collection[str] = (),
        exact: bool = False,
    ) -> dict[str, float]:
        snapshot = self._now()
        allowed = snapshot.allowed(pages, exclude)
        prepared = _prepare(query, snapshot.list.dim) if len(allowed) else None
        if prepared is None:
            return {snapshot.id(n): 0.0 for n in allowed[:limit].tolist()}
        if not exact and len(allowed) > max(EXACT_UP_TO, limit):
            telling = _prepare(query, snapshot.list.dim, _LEAST * float(query.weights.max()))
            assert telling is not None
            allowed = snapshot.near(telling, allowed)
            allowed = np.sort(allowed[top(snapshot.rough(telling, allowed), max(limit, CANDIDATES))])
        scores = snapshot.exact(prepared, allowed, query.floor)
        best = top(scores, limit)
        return {snapshot.id(int(n)): float(s) for n, s in zip(allowed[best], scores[best], strict=True)}

    def score(self, query: QueryVectors, pages: Collection[str] | None = None) -> dict[str, float]:
        snapshot = self._now()
        allowed = snapshot.allowed(pages, ())
        prepared = _prepare(query, snapshot.list.dim) if len(allowed) else None
        scores = np.zeros(len(allowed)) if prepared is None else snapshot.exact(prepared, allowed, query.floor)
        return {snapshot.id(n): value for n, value in zip(allowed.tolist(), scores.tolist(), strict=True)}

    def similarities(self, query: QueryVectors, page: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        snapshot = self._now()
        found = snapshot.find([page])
        if not len(found):
            return None
        segment, i = snapshot.place(int(found[0]))
        segment.packed(i)  # refuses to show what is damaged
        return segment.pages.page(i) @ query.rows.T, segment.boxes(i)

    def stored(self, pages: Collection[str]) -> set[str]:
        snapshot = self._now()
        return {snapshot.id(n) for n in snapshot.find(pages).tolist()}

    def pages(self) -> set[str]:
        snapshot = self._now()
        return {snapshot.id(n) for n in snapshot.alive.tolist()}

    def remove(self, document: str) -> None:
        # Not by a snapshot: damage to vectors must not keep a document from being removed.
        listed = read_segment_list(self._folder)
        entries = tuple(
            entry.without(pages_of(self._folder / entry.name, entry.counts, document)) for entry in listed.segments
        )
        if entries != listed.segments:
            replace(listed, segments=entries).write(self._folder)
        self._sweep()

    def compact(self) -> None:
        """Write segments with pages that have gone anew, without these, so that nothing of them is on the disk.

        It may be killed at any point. Raises `CorruptFile` when a page that is to be kept is damaged.
        """
        snapshot = self._now()
        kept, old = [], snapshot.list
        for entry, segment in zip(snapshot.list.segments, snapshot.segments, strict=True):
            if not entry.dead:
                kept.append(entry)
                continue
            if not entry.left:
                continue
            numbers = np.flatnonzero(entry.alive())
            new, old = _begun(old)
            shutil.rmtree(self._folder / new.name, ignore_errors=True)  # of a compaction that was killed
            counts = new.counts
            for begin in range(0, len(numbers), _TOGETHER):
                packed = [segment.packed(int(i)) for i in numbers[begin : begin + _TOGETHER]]
                counts = append(self._folder / new.name, counts, old.dim, packed)
            kept.append(replace(new, counts=counts))
        if old.segments:
            replace(old, segments=tuple(kept)).write(self._folder)
        self._sweep()

    def tend(self) -> None:
        """Make the inverted lists that a large store is searched by, where they are missing or outgrown.

        Takes minutes where there are many new pages, and nothing where there are none. It may be killed at any point.
        """
        if sum(entry.left for entry in read_segment_list(self._folder).segments) < inverted.LISTS_FROM:
            return  # without a look at the segments: this is asked whenever somebody has written
        snapshot = self._now()
        listed = snapshot.list
        pages = sum(entry.left for entry in listed.segments)
        if not listed.centres or pages > _OUTGROWN * listed.trained:
            trained = inverted.train([segment.pooled for segment in snapshot.segments], gpu=self._gpu)
            centres = trained.astype("<f4").tobytes()
            listed = replace(
                listed,
                following=listed.following + 1,
                centres=f"centres-{listed.following:06d}.f32",
                centres_sum=inverted.checksum(centres),
                trained=pages,
                segments=tuple(replace(entry, lists="", lists_sum="") for entry in listed.segments),
            )
            write_whole(self._folder / listed.centres, centres)
            listed.write(self._folder)
            snapshot = self._now()
        assert snapshot.centres is not None
        for i, (entry, segment) in enumerate(zip(listed.segments, snapshot.segments, strict=True)):
            # The last segment is scanned whole while it grows; one that was compacted does not grow any more.
            if entry.lists or (i == len(listed.segments) - 1 and not _sealed(entry, listed.dim)):
                continue
            data = inverted.make(segment.pooled, snapshot.centres, gpu=self._gpu)
            made = replace(entry, lists=f"lists-{Path(listed.centres).stem}.bin", lists_sum=inverted.checksum(data))
            write_whole(self._folder / entry.name / made.lists, data)
            listed = replace(listed, segments=(*listed.segments[:i], made, *listed.segments[i + 1 :]))
            listed.write(self._folder)
        self._sweep()

    def verify(self) -> Iterator[str]:
        return damages(self._folder)

    def drop_damaged(self) -> None:
        if any(self.verify()):
            without_damages(self._folder).write(self._folder)
            self._sweep()

    def _for(self, old: SegmentList, dim: int) -> SegmentList:
        """The list to go on with for vectors of this many dimensions, of this store's encoder."""
        if old.empty:
            return SegmentList(dim, self.encoder or "", old.following)  # nothing is left that could be mixed up
        if old.dim != dim:
            raise EncoderMismatch(f"{self._folder} holds vectors of {old.dim} dimensions, not {dim}; build it anew.")
        return old

    def _now(self) -> Snapshot:
        """What the manifest names now; another process may have written since."""
        for _ in range(100):
            now = stamp(self._folder / FILE)
            with self._lock:
                if self._snapshot is not None and self._snapshot.stamp == now:
                    return self._snapshot
                try:
                    listed = read_segment_list(self._folder)
                    self._check_encoder(listed)
                    self._snapshot = Snapshot(self._folder, now, listed, self._snapshot)
                except FileNotFoundError:
                    continue  # compacted between reading the manifest and opening the segment
                return self._snapshot
        raise CorruptFile(f"{self._folder}: a segment that {FILE} names is missing; add the documents again.")

    def _check_encoder(self, listed: SegmentList) -> None:
        if not self.encoder or not listed.encoder or listed.encoder == self.encoder or listed.empty:
            return
        raise EncoderMismatch(
            f"{self._folder} was built with {listed.encoder}, not with {self.encoder}; "
            "open it with that encoder, or build it anew."
        )

    def _sweep(self) -> None:
        """Remove what the manifest does not name: segments that were compacted, and what killed writers left."""
        if not self._folder.is_dir():
            return
        listed = read_segment_list(self._folder)
        named = {entry.name for entry in listed.segments} | {FILE, listed.centres}
        for part in self._folder.iterdir():
            if part.name not in named:
                if part.is_dir():
                    shutil.rmtree(part)
                else:
                    part.unlink()
        for entry in listed.segments:
            for file in (self._folder / entry.name).glob("lists-*"):
                if file.name != entry.lists:
                    file.unlink()


def _sealed(entry: Entry, dim: int) -> bool:
    return entry.counts.pages >= SEALED_PAGES or entry.counts.rows * dim >= SEALED_BYTES


def _prepare(query: QueryVectors, dim: int, least: float = 0.0) -> PreparedQuery | None:
    """Of the tokens that count more than `least`; `None` for a query without one."""
    counts = query.weights > least
    return prepare(query.rows[counts], dim, query.weights[counts]) if counts.any() else None


def _begun(old: SegmentList) -> tuple[Entry, SegmentList]:
    """A new, empty segment, and the list with its number taken."""
    return Entry(f"{old.following:06d}", Counts()), replace(old, following=old.following + 1)
