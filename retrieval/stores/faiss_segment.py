"""A segment of a `FaissStore`: some vectors with their documents, pages and keys, written once and never changed.

000007/
    vectors.faiss   faiss's index of the vectors, memory-mapped: flat, or from `INVERTED` rows on inverted lists
    rows.json       documents and pages: rows of a document lie together, in it those of a page
    keys.json       each row's key; only writers read it
    hashes.npy      64 bits of each key's hash, sorted, so that a key is looked for without reading the keys
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from ..files import folder_whole
from ..types import Vectors

FILES = ("vectors.faiss", "rows.json", "keys.json", "hashes.npy")

INVERTED = 50_000
"""Rows from which inverted lists pay: fewer are compared one by one in some milliseconds, exactly."""

PROBED = 8
"""One in so many lists is looked into. `benchmarks/vector_stores.py` measures what that finds."""

_ROUNDS = 8
"""Of k-means; faiss's 25 take three times as long and find no more."""

_MOST_ON_GPU = 2048
"""Results that faiss gives on a GPU at once."""


Rows = NDArray[np.int64]
"""Numbers of rows in a segment."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Vectors as they are written."""

    documents: Sequence[str]
    pages: Sequence[str]
    keys: Sequence[str]
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Sums:
    """What was written: SHA-256 of each file, and of what stands before the vectors in faiss's."""

    files: dict[str, str]
    head: str
    head_bytes: int
    bytes: int
    """Of faiss's file."""


def write_segment(folder: Path, entries: Entries) -> Sums:
    """Write a segment, whole or not at all. Raises `OSError` when it cannot."""
    import faiss

    order = sorted(range(len(entries)), key=lambda i: (entries.documents[i], entries.pages[i]))
    index = _index(np.ascontiguousarray(entries.vectors[order], np.float32))
    documents, pages = [entries.documents[i] for i in order], [entries.pages[i] for i in order]
    keys = [entries.keys[i] for i in order]
    starts = [i for i in range(len(order)) if not i or (documents[i], pages[i]) != (documents[i - 1], pages[i - 1])]
    rows = {"documents": [documents[i] for i in starts], "pages": [pages[i] for i in starts], "starts": starts}
    with folder_whole(folder) as new:
        try:
            faiss.write_index(index, str(new / "vectors.faiss"))
        except RuntimeError as error:  # faiss's for all that goes wrong, as a full disk
            raise OSError(f"faiss could not write {folder}: {error}") from error
        (new / "rows.json").write_text(json.dumps(rows))
        (new / "keys.json").write_text(json.dumps(keys))
        np.save(new / "hashes.npy", np.sort(hashes(keys)))
        sums = {name: checksum(new / name) for name in FILES}
        size = (new / "vectors.faiss").stat().st_size
        # faiss writes the vectors last; in inverted lists each with its number, 8 bytes.
        vectors = len(order) * (index.d * 4 + (8 if isinstance(index, faiss.IndexIVF) else 0))
        return Sums(sums, _head(new / "vectors.faiss", size - vectors), size - vectors, size)


def hashes(keys: Sequence[str]) -> NDArray[np.uint64]:
    digests = (hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys)
    return np.frombuffer(b"".join(digests), np.uint64)


def checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class Segment:
    """A segment, open for reading. Raises `FileNotFoundError` when it is gone, `CorruptFile` when it is damaged."""

    def __init__(self, folder: Path, rows: int, sums: Sums, *, gpu: bool) -> None:
        self.folder, self.sums = folder, sums
        self._len, self._gpu_wanted, self._gpu_lock = rows, gpu and rows >= INVERTED, Lock()
        self._index = self._opened()
        found = self._names("rows.json")
        self.page_names: list[str] = found["pages"]
        self._starts = np.array([*found["starts"], rows], np.int64)
        if self._starts[0] != 0 or (np.diff(self._starts) < 1).any():
            raise CorruptFile(f"{folder / 'rows.json'} is damaged; {MEND}")
        self._documents: dict[str, list[int]] = {}
        self._pages: dict[str, list[int]] = {}
        for i, (document, page) in enumerate(zip(found["documents"], found["pages"], strict=True)):
            self._documents.setdefault(document, []).append(i)
            self._pages.setdefault(page, []).append(i)

    def __len__(self) -> int:
        return self._len

    def of_documents(self, documents: Collection[str]) -> Rows:
        return self._rows([i for document in documents for i in self._documents.get(document, ())])

    def living_documents(self, alive: NDArray[np.bool_] | None) -> set[str]:
        """Those with a row that is `alive`, `(rows,)`; `None`: all are."""
        if alive is None:
            return set(self._documents)
        counts = np.add.reduceat(alive.astype(np.int64), self._starts[:-1])
        return {document for document, places in self._documents.items() if counts[places].any()}

    def of_pages(self, pages: Collection[str]) -> Rows:
        return self._rows([i for page in pages for i in self._pages.get(page, ())])

    def page_numbers(self, rows: Rows) -> NDArray[np.int64]:
        """The place in `page_names` of each row's page."""
        return np.searchsorted(self._starts, rows, "right") - 1

    @cached_property
    def keys(self) -> list[str]:
        return self._names("keys.json")

    def of_keys(self, keys: Collection[str], digests: NDArray[np.uint64]) -> Rows:
        """`digests`: `hashes` of the keys."""
        here = np.load(self.folder / "hashes.npy", mmap_mode="r")
        places = np.minimum(np.searchsorted(here, digests), len(here) - 1)
        if not (here[places] == digests).any():
            return np.zeros(0, np.int64)
        return np.array([row for row, key in enumerate(self.keys) if key in keys], np.int64)

    def vectors(self, rows: Rows) -> Vectors:
        return self._index.reconstruct_batch(rows)

    def entries(self, rows: Rows) -> Entries:
        places = self.page_numbers(rows)
        owners = {i: document for document, found in self._documents.items() for i in found}
        return Entries(
            [owners[i] for i in places.tolist()],
            [self.page_names[i] for i in places.tolist()],
            [self.keys[row] for row in rows.tolist()],
            self.vectors(rows),
        )

    def search(
        self, query: Vectors, limit: int, among: NDArray[np.bool_] | None, *, exact: bool
    ) -> tuple[Rows, NDArray[np.float32]]:
        """The best rows of those that `among`, `(rows,)`, lets through (`None`: all), and their inner products."""
        import faiss

        limit = min(limit, len(self) if among is None else int(among.sum()))
        if not limit:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        hidden = 0 if among is None else len(self) - int(among.sum())
        if not exact and limit + hidden <= _MOST_ON_GPU and self._on_gpu is not None:
            with self._gpu_lock:  # a GPU's resources serve one call at a time
                scores, rows = self._on_gpu.search(query[None], limit + hidden)
        else:
            # One thread: the scan waits for memory, and threads of faiss's OpenMP would fight those of torch's.
            faiss.omp_set_num_threads(1)
            chosen = _parameters(self._index, among, exact=exact)
            scores, rows = self._index.search(query[None], limit, params=chosen)
        found = rows[0] >= 0  # faiss fills up with -1
        if among is not None:
            found &= among[rows[0]]
        return rows[0][found][:limit], scores[0][found][:limit]

    @cached_property
    def _on_gpu(self) -> Any:
        """A flat copy in the memory of the first GPU; `None` without one, or without room in it."""
        import faiss

        if not self._gpu_wanted or not faiss.get_num_gpus():
            return None
        flat = faiss.IndexFlatIP(self._index.d)
        flat.add(self.vectors(np.arange(len(self))))
        try:
            return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, flat)
        except RuntimeError:  # no room
            return None

    def _rows(self, places: Sequence[int]) -> Rows:
        if not places:
            return np.zeros(0, np.int64)
        return np.concatenate([np.arange(self._starts[i], self._starts[i + 1]) for i in places])

    def _opened(self) -> Any:
        import faiss

        file = self.folder / "vectors.faiss"
        # What faiss takes sizes from is checked before it does: damage there could make it read past the end.
        if file.stat().st_size != self.sums.bytes or _head(file, self.sums.head_bytes) != self.sums.head:
            raise CorruptFile(f"{file} is damaged; {MEND}")
        try:
            index = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            if not file.exists():  # a writer has replaced it since
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file)) from error
            raise OSError(f"faiss could not read {file}: {error}") from error
        if index.ntotal != len(self):  # faiss reads past the end where it is asked for more
            raise CorruptFile(f"{file} has {index.ntotal} vectors, not {len(self)}; {MEND}")
        if isinstance(index, faiss.IndexIVF):
            index.make_direct_map()
        return index

    def _names(self, name: str) -> Any:
        data = (self.folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sums.files[name]:
            raise CorruptFile(f"{self.folder / name} is damaged; {MEND}")
        return json.loads(data)


def _index(vectors: Vectors) -> Any:
    import faiss

    rows, dim = vectors.shape
    if rows < INVERTED:
        index = faiss.IndexFlatIP(dim)
    else:
        faiss.omp_set_num_threads(1)
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, int(2 * rows**0.5), faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = _ROUNDS
        index.train(vectors)
    index.add(vectors)
    return index


def _parameters(index: Any, among: NDArray[np.bool_] | None, *, exact: bool) -> Any:
    faiss: Any = import_module("faiss")  # its type stubs lack these classes' arguments
    selector = None if among is None else faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
    if not isinstance(index, faiss.IndexIVF):
        return faiss.SearchParameters(sel=selector)
    return faiss.SearchParametersIVF(sel=selector, nprobe=index.nlist if exact else -(-index.nlist // PROBED))


def _head(file: Path, length: int) -> str:
    with file.open("rb") as opened:
        return hashlib.sha256(opened.read(length)).hexdigest()
