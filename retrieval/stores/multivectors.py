"""Pages of many vectors on disk: int8 rows in memory-mapped segments, exact MaxSim over them.

    multivectors/words/
        3f2a…-000001/     a segment: some pages of one document
            rows.npy      (rows, dim) int8; a row is rows * scale of its page
            scales.npy    (pages,) float32
            offsets.npy   (pages + 1,) int64: the rows of page i are offsets[i]:offsets[i + 1]
            boxes.npy     (rows, 4) float32
            groups.npy    (rows,) int32
            manifest.json the pages' ids, and the SHA-256 of each array

A segment is written whole and never changed; removing a document removes its segments. That is enough for exact
search over some thousands of pages.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile
from ..files import folder_whole
from ..scoring import grouped_maxsim
from ..types import PageVectors, QueryVectors, Vectors

_ARRAYS = ("rows", "scales", "offsets", "boxes", "groups")

_CHUNK = 16_384
"""Rows turned into float32 at a time: 25 MB at 384-d, which stays near the processor's caches."""


@dataclass(frozen=True, slots=True)
class _Segment:
    pages: tuple[str, ...]
    rows: NDArray[np.int8]
    scales: NDArray[np.float32]
    offsets: NDArray[np.int64]
    boxes: NDArray[np.float32]
    groups: NDArray[np.int32]

    def page(self, i: int) -> slice:
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))


class MultiVectorSegments:
    """A `MultiVectorStore`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: dict[str, _Segment] = {}
        self._places: dict[str, tuple[_Segment, int]] = {}
        self._lock = Lock()

    def add(self, document: str, pages: Sequence[PageVectors]) -> None:
        filled = [page for page in pages if len(page.rows)]
        if not filled:
            return
        taken = [int(folder.name.rpartition("-")[2]) for folder in self._folder.glob(f"{document}-*")]
        number = max(taken, default=-1) + 1
        scales = np.array([max(float(np.abs(page.rows).max()), 1e-12) / 127 for page in filled], np.float32)
        arrays = {
            # 254 steps over a page's range: the error on a cosine is below 0.005
            "rows": np.concatenate(
                [np.rint(page.rows / scale).astype(np.int8) for page, scale in zip(filled, scales, strict=True)]
            ),
            "scales": scales,
            "offsets": np.cumsum([0, *(len(page.rows) for page in filled)], dtype=np.int64),
            "boxes": np.concatenate([page.boxes for page in filled]).astype(np.float32),
            "groups": np.concatenate([page.groups for page in filled]).astype(np.int32),
        }
        with folder_whole(self._folder / f"{document}-{number:06d}") as folder:
            for name, array in arrays.items():
                np.save(folder / f"{name}.npy", array)
            sums = {name: _checksum(folder / f"{name}.npy") for name in arrays}
            manifest = {"pages": [page.id for page in filled], "sha256": sums}
            (folder / "manifest.json").write_text(json.dumps(manifest))

    def score(self, query: QueryVectors, pages: Collection[str] | None = None) -> dict[str, float]:
        self._refresh()
        places = self._places
        wanted = places.keys() if pages is None else [page for page in pages if page in places]
        # Pages of a segment lie side by side: scored in its order, runs of them are one matrix product.
        by_segment: dict[int, list[tuple[int, str]]] = {}
        segments: dict[int, _Segment] = {}
        for page in wanted:
            segment, i = places[page]
            by_segment.setdefault(id(segment), []).append((i, page))
            segments[id(segment)] = segment
        scores: dict[str, float] = {}
        for key, entries in by_segment.items():
            entries.sort()
            for run in _runs(segments[key], [i for i, _ in entries]):
                names = [segments[key].pages[i] for i in run]
                scores.update(zip(names, _score_run(segments[key], run, query).tolist(), strict=True))
        return scores

    def similarities(self, query: QueryVectors, page: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        self._refresh()
        if page not in self._places:
            return None
        segment, i = self._places[page]
        rows = segment.rows[segment.page(i)].astype(np.float32)
        return rows @ query.rows.T * segment.scales[i], np.array(segment.boxes[segment.page(i)])

    def pages(self) -> Collection[str]:
        self._refresh()
        return self._places.keys()

    def remove(self, document: str) -> None:
        leftovers = self._folder.glob(".new-*")  # of a killed writer; only the one writer there is removes
        for folder in [*self._folder.glob(f"{document}-*"), *leftovers]:
            shutil.rmtree(folder)
        self._refresh()

    def verify(self) -> Iterator[str]:
        """Read every byte; yield a line for each array that is not what was written."""
        for folder in sorted(self._folder.glob("[!.]*-*/")):
            try:
                sums = dict(json.loads((folder / "manifest.json").read_bytes())["sha256"])
            except (OSError, ValueError, KeyError, TypeError):
                yield f"{folder}: the manifest is missing or broken; remove the document and add it again."
                continue
            for name in _ARRAYS:
                file = folder / f"{name}.npy"
                if not file.is_file() or _checksum(file) != sums.get(name):
                    yield f"{file}: not what was written; remove the document and add it again."

    def _refresh(self) -> None:
        """Follow the folder: another process may have added or removed segments."""
        with self._lock:
            names = {folder.name for folder in self._folder.glob("[!.]*-*")} if self._folder.is_dir() else set()
            if names == self._segments.keys():
                return
            segments = {name: segment for name, segment in self._segments.items() if name in names}
            for name in names - segments.keys():
                try:
                    segments[name] = _open(self._folder / name)
                except FileNotFoundError:
                    continue  # removed by the writer between the listing and now
            self._segments = segments
            self._places = {page: (segment, i) for segment in segments.values() for i, page in enumerate(segment.pages)}


def _open(folder: Path) -> _Segment:
    manifest_bytes = (folder / "manifest.json").read_bytes()
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        segment = _Segment(tuple(json.loads(manifest_bytes)["pages"]), **arrays)
        rows = int(segment.offsets[-1])
        whole = (
            len(segment.offsets) == len(segment.pages) + 1
            and len(segment.scales) == len(segment.pages)
            and len(segment.rows) == len(segment.boxes) == len(segment.groups) == rows
        )
    except (ValueError, KeyError, IndexError, TypeError, EOFError) as error:  # EOFError: numpy, of an empty file
        raise CorruptFile(f"{folder} is damaged ({error}); remove its document and add it again.") from error
    if not whole:
        raise CorruptFile(f"{folder} is damaged (its arrays do not fit); remove its document and add it again.")
    return segment


def _runs(segment: _Segment, pages: Sequence[int]) -> Iterator[list[int]]:
    """Cut sorted page numbers into runs of neighbours of at most `_CHUNK` rows (a single page may have more)."""
    run: list[int] = []
    for i in pages:
        if run and (i != run[-1] + 1 or segment.offsets[i + 1] - segment.offsets[run[0]] > _CHUNK):
            yield run
            run = []
        run.append(i)
    if run:
        yield run


def _score_run(segment: _Segment, run: Sequence[int], query: QueryVectors) -> Vectors:
    span = slice(int(segment.offsets[run[0]]), int(segment.offsets[run[-1] + 1]))
    lengths = np.diff(segment.offsets[run[0] : run[-1] + 2])
    pages = np.repeat(np.arange(len(run), dtype=np.int32), lengths)
    similarities = segment.rows[span].astype(np.float32) @ query.rows.T
    similarities *= np.repeat(segment.scales[run[0] : run[-1] + 1], lengths)[:, None]
    return grouped_maxsim(similarities, segment.groups[span], pages, query.weights)


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
