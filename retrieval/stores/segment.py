"""One segment of a multi-vector store: a folder of arrays that only ever grow at their ends.

    000001/
        rows.u8       (rows, dim): a value u of page i stands for (u - 128) * scale of page i
        pooled.u8     (pooled rows, dim): a few centres a page, for the first stage of a search
        boxes.f32     (rows, 4): the place on the page that each row stands for, points
        groups.i64    (groups,): where each group of rows ends
        ids.utf8      the pages' ids, one after the other
        pages.bin     a `RECORD` a page: where it ends in the arrays above, its scales, its checksums

How much of each array counts says the store's manifest (`segment_list.py`); what lies behind that was never committed.
Numbers are little-endian. The arrays have no headers, so that they can be mapped at any length.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MEND, CorruptFile
from ..files import sync_folder
from ..maxsim import Pages, pool, quantise_page
from ..types import PageVectors
from .segment_list import Counts

_CHECKED = ("rows", "pooled", "boxes", "rest")

RECORD = np.dtype(
    [
        *((name, "<i8") for name in ("rows", "pooled", "groups", "ids")),  # where the page ends in each
        ("scale", "<f4"),
        ("pooled_scale", "<f4"),
        ("key", "<u8"),  # of the id, to find pages by
        ("document", "<u8"),  # the same of the part before its last slash
        *((f"sum_{name}", "<u8") for name in _CHECKED),
    ]
)


@dataclass(frozen=True, slots=True)
class PackedPage:
    """A page as a segment stores it."""

    id: str
    rows: NDArray[np.uint8]
    scale: float
    pooled: NDArray[np.uint8]
    pooled_scale: float
    boxes: NDArray[np.float32]
    groups: NDArray[np.int64]
    """`(groups,)`: where each ends, counted from the page's first row."""

    def sums(self) -> tuple[int, int, int, int]:
        """Checksums of what `_CHECKED` names; `rest` is all that the others leave out."""
        rest = np.array([self.scale, self.pooled_scale], "<f4").tobytes() + self.groups.astype("<i8").tobytes()
        return (
            _hash(self.rows),
            _hash(self.pooled),
            _hash(self.boxes),
            _hash(rest + _name(self.id)),
        )


def pack(page: PageVectors) -> PackedPage:
    """Float rows as bytes, with their centres. Raises `ValueError` for NaN, infinity, and shapes that do not fit."""
    rows, scale = quantise_page(page.rows)
    pooled, pooled_scale = quantise_page(pool(page.rows))
    if not len(rows) == len(page.boxes) == len(page.groups):
        raise ValueError(f"{page.id}: {len(rows)} rows, {len(page.boxes)} boxes and {len(page.groups)} groups.")
    ends = np.append(np.flatnonzero(np.diff(page.groups)) + 1, len(rows)).astype(np.int64)
    boxes = np.ascontiguousarray(page.boxes, np.float32)
    return PackedPage(page.id, rows, scale, pooled, pooled_scale, boxes, ends)


def append(folder: Path, counts: Counts, dim: int, pages: Sequence[PackedPage]) -> Counts:
    """Write pages behind what counts of a segment, and flush them to disk; they count once the manifest says so.

    What a killed writer left behind the end is overwritten. Raises `CorruptFile` when a file is shorter than it was.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    records = np.zeros(len(pages), RECORD)
    lengths = [(len(page.rows), len(page.pooled), len(page.groups), len(_name(page.id))) for page in pages]
    before = (counts.rows, counts.pooled, counts.groups, counts.ids)
    for name, ends in zip(("rows", "pooled", "groups", "ids"), (before + np.cumsum(lengths, axis=0)).T, strict=True):
        records[name] = ends
    records["scale"] = [page.scale for page in pages]
    records["pooled_scale"] = [page.pooled_scale for page in pages]
    records["key"] = [key(page.id) for page in pages]
    records["document"] = [key(document_of(page.id)) for page in pages]
    sums = np.array([page.sums() for page in pages], np.uint64)
    for i, name in enumerate(_CHECKED):
        records[f"sum_{name}"] = sums[:, i]
    starts = records["rows"] - [len(page.rows) for page in pages]
    parts: dict[str, tuple[int, list[Any]]] = {
        "rows.u8": (counts.rows * dim, [page.rows for page in pages]),
        "pooled.u8": (counts.pooled * dim, [page.pooled for page in pages]),
        "boxes.f32": (counts.rows * 16, [page.boxes for page in pages]),
        "groups.i64": (counts.groups * 8, [page.groups + start for page, start in zip(pages, starts, strict=True)]),
        "ids.utf8": (counts.ids, [_name(page.id) for page in pages]),
        "pages.bin": (counts.pages * RECORD.itemsize, [records]),
    }
    for name, (begin, arrays) in parts.items():
        _write_behind(folder / name, begin, arrays)
    if made:
        sync_folder(folder)
        sync_folder(folder.parent)
    last = records[-1]
    ends = (int(last["rows"]), int(last["pooled"]), int(last["groups"]), int(last["ids"]))
    return Counts(counts.pages + len(pages), *ends)


class Segment:
    """What counts of a segment, mapped into memory. It stays as it is while a writer appends or removes the folder."""

    def __init__(self, folder: Path, counts: Counts, dim: int) -> None:
        """Raises `CorruptFile` where the arrays do not fit, and `FileNotFoundError` where the folder has gone."""
        self.folder, self.counts = folder, counts
        self._records = _map(folder / "pages.bin", RECORD, (counts.pages,))
        self._boxes = _map(folder / "boxes.f32", np.dtype("<f4"), (counts.rows, 4))
        self._ids = _map(folder / "ids.utf8", np.dtype("u1"), (counts.ids,))
        rows = _map(folder / "rows.u8", np.dtype("u1"), (counts.rows, dim))
        pooled = _map(folder / "pooled.u8", np.dtype("u1"), (counts.pooled, dim))
        groups = _map(folder / "groups.i64", np.dtype("<i8"), (counts.groups,))
        self._id_ends = self._ends("ids", counts.ids)
        self.group_ends = self._ends("groups", counts.groups)
        """`(pages + 1,)`: the groups of page i are `group_ends[i]:group_ends[i + 1]`."""
        try:
            scales = self._column("scale")
            self.pages = Pages(rows, self._ends("rows", counts.rows), scales)
            self.pooled = Pages(pooled, self._ends("pooled", counts.pooled), self._column("pooled_scale"))
            of_groups = np.repeat(scales, np.diff(self.group_ends))
            self.groups = Pages(rows, np.append(np.int64(0), groups), of_groups)
        except ValueError as error:
            raise CorruptFile(f"{folder} is damaged ({error}); {MEND}") from error
        if not np.array_equal(self.groups.offsets[self.group_ends], self.pages.offsets):
            raise CorruptFile(f"{folder} is damaged (groups do not end where pages do); {MEND}")
        if not (np.diff(self.pages.offsets).all() and np.diff(self.groups.offsets).all()):
            raise CorruptFile(f"{folder} is damaged (a page without rows); {MEND}")

    def __len__(self) -> int:
        return self.counts.pages

    @cached_property
    def _by_key(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        order = np.argsort(self._records["key"], kind="stable")
        return self._records["key"][order], order

    def find(self, ids: Sequence[str], keys: Sequence[int]) -> list[int]:
        """The numbers of the pages with these ids, and their `key`s, that are here; tombstones are not looked at."""
        sorted_keys, numbers = self._by_key
        found = []
        for id_, wanted, at in zip(ids, keys, np.searchsorted(sorted_keys, keys).tolist(), strict=True):
            while at < len(numbers) and sorted_keys[at] == wanted:
                if self.id(number := int(numbers[at])) == id_:
                    found.append(number)
                at += 1
        return found

    def id(self, i: int) -> str:
        return _id(self._ids[self._id_ends[i] : self._id_ends[i + 1]])

    def boxes(self, i: int) -> NDArray[np.float32]:
        """`(rows, 4)`, a copy."""
        return np.array(self._boxes[self.pages.offsets[i] : self.pages.offsets[i + 1]], np.float32)

    def packed(self, i: int) -> PackedPage:
        """A page as it was given to `append`. Raises `CorruptFile` when it is not what was written."""
        page = self._page(i)
        for line in self._wrong(i, page):
            raise CorruptFile(line)
        return page

    def verify(self, numbers: Sequence[int]) -> Iterator[str]:
        """Read these pages whole; a line for each array of a page that is not what was written."""
        for i in numbers:
            yield from self._wrong(i, self._page(i))

    def _page(self, i: int) -> PackedPage:
        begin, end = self.pages.offsets[i : i + 2]
        group_begin, group_end = self.group_ends[i : i + 2]
        return PackedPage(
            self.id(i),
            self.pages.rows[begin:end],  # pyright: ignore[reportArgumentType] - bytes here
            float(self._records["scale"][i]),
            self.pooled.rows[self.pooled.offsets[i] : self.pooled.offsets[i + 1]],  # pyright: ignore[reportArgumentType]
            float(self._records["pooled_scale"][i]),
            self._boxes[begin:end],
            self.groups.offsets[group_begin + 1 : group_end + 1] - begin,
        )

    def _wrong(self, i: int, page: PackedPage) -> list[str]:
        stored = [int(self._records[f"sum_{name}"][i]) for name in _CHECKED]
        files = ("rows.u8", "pooled.u8", "boxes.f32", "pages.bin")
        damaged = [file for file, old, new in zip(files, stored, page.sums(), strict=True) if old != new]
        found = int(self._records["key"][i]), int(self._records["document"][i])
        if found != (key(page.id), key(document_of(page.id))) and "pages.bin" not in damaged:
            damaged.append("pages.bin")
        name = page.id.encode("utf-8", "backslashreplace").decode()
        return [f"{self.folder / file} is damaged at the page {name}; {MEND}" for file in damaged]

    def _column(self, name: str) -> NDArray[Any]:
        return np.ascontiguousarray(self._records[name])

    def _ends(self, name: str, total: int) -> NDArray[np.int64]:
        ends = np.append(np.int64(0), self._records[name])
        if (np.diff(ends) < 0).any() or ends[-1] != total:
            raise CorruptFile(f"{self.folder / 'pages.bin'} is damaged ({name} out of order); {MEND}")
        return ends


def key(id_: str) -> int:
    """A number to look for an id by; two ids may share one, so that what is found is compared."""
    return _hash(_name(id_))


def document_of(id_: str) -> str:
    """The document of a page, by the page's id.

    >>> document_of("ab12/3")
    'ab12'
    """
    return id_.rpartition("/")[0]


def pages_of(folder: Path, counts: Counts, document: str) -> list[int]:
    """The numbers of a document's pages in a segment, whatever state its vectors are in; tombstones are not looked at.

    Raises `CorruptFile` when the list of pages is damaged.
    """
    records = _map(folder / "pages.bin", RECORD, (counts.pages,))
    ids = _map(folder / "ids.utf8", np.dtype("u1"), (counts.ids,))
    begins = np.append(np.int64(0), records["ids"])
    return [
        number
        for number in np.flatnonzero(records["document"] == np.uint64(key(document))).tolist()
        if document_of(_id(ids[begins[number] : begins[number + 1]])) == document
    ]


def _id(name: NDArray[np.uint8]) -> str:
    return name.tobytes().decode("utf-8", "surrogateescape")


def _name(id_: str) -> bytes:
    return id_.encode("utf-8", "surrogateescape")


def _hash(data: Any) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _write_behind(file: Path, begin: int, arrays: Sequence[Any]) -> None:
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(handle, "r+b") as opened:
        if opened.seek(0, os.SEEK_END) < begin:
            raise CorruptFile(f"{file} is shorter than it was; {MEND}")
        opened.truncate(begin)
        opened.seek(begin)
        for array in arrays:
            opened.write(np.ascontiguousarray(array).data if isinstance(array, np.ndarray) else array)
        opened.flush()
        os.fsync(opened.fileno())


def _map(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    needed = dtype.itemsize * int(np.prod(shape, dtype=object))
    if file.stat().st_size < needed:
        raise CorruptFile(f"{file} is damaged (cut short); {MEND}")
    # An empty file cannot be mapped.
    return np.asarray(np.memmap(file, dtype, "r", shape=shape)) if needed else np.zeros(shape, dtype)
