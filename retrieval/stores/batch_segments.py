"""Multi-vector stores as libraries of the formats 2 and 3 have them, a folder a batch of pages, taken over.

multivectors/words/3f2a…-000001/
    rows.npy, scales.npy, offsets.npy, boxes.npy, groups.npy    int8 rows, and what the segments have now
    manifest.json                                               the pages' ids, and the SHA-256 of each array
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import CorruptFile
from ..maxsim import pool, quantise_page
from .multivectors import MultiVectorSegments
from .segment import PackedPage

_ARRAYS = ("rows", "scales", "offsets", "boxes", "groups")


def convert(folder: Path, encoder: str) -> list[str]:
    """Turn the store in `folder` into segments, where it is; killed, it goes on when it is called again.

    Old folders go when all whole ones are in the new store. Returns a line for each that was damaged.
    """
    damaged = []
    store = MultiVectorSegments(folder, encoder)
    for part in sorted(part for part in folder.glob("[!.]*-*") if (part / "manifest.json").is_file()):
        try:
            ids = _ids(part)
            if not store.stored(ids).issuperset(ids):  # else some of its arrays may have gone already
                store.add_packed(_read(part, ids))
        except CorruptFile as error:
            damaged.append(str(error))
    if folder.is_dir():
        store.compact()  # sweeps away what is no segment
    return damaged


def _ids(folder: Path) -> list[str]:
    try:
        return [str(id_) for id_ in json.loads((folder / "manifest.json").read_bytes())["pages"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error


def _read(folder: Path, ids: Sequence[str]) -> list[PackedPage]:
    try:
        sums = json.loads((folder / "manifest.json").read_bytes())["sha256"]
        for name in _ARRAYS:
            with (folder / f"{name}.npy").open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != sums[name]:
                    raise ValueError(f"{name}.npy is not what was written")
        rows, scales, offsets, boxes, groups = (np.load(folder / f"{name}.npy") for name in _ARRAYS)
        pages = []
        for i, id_ in enumerate(ids):
            of_page = slice(int(offsets[i]), int(offsets[i + 1]))
            pooled, pooled_scale = quantise_page(pool(rows[of_page].astype(np.float32) * scales[i]))
            pages.append(
                PackedPage(
                    id_,
                    rows[of_page].view(np.uint8) ^ np.uint8(128),  # int8 to the same number above 128
                    float(scales[i]),
                    pooled,
                    pooled_scale,
                    boxes[of_page],
                    np.append(np.flatnonzero(np.diff(groups[of_page])) + 1, len(rows[of_page])).astype(np.int64),
                )
            )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise _damaged(folder, error) from error
    return pages


def _damaged(folder: Path, error: Exception) -> CorruptFile:
    document = folder.name.rpartition("-")[0]
    return CorruptFile(
        f"{folder} was damaged ({error}), so that some pages are found by fewer channels; "
        f"remove the document {document[:16]} and add it again."
    )
