"""Multi-vector stores as libraries of the formats 2 and 3 have them, a folder a batch of pages, taken over.

    multivectors/words/3f2a…-000001/
        rows.npy, scales.npy, offsets.npy, boxes.npy, groups.npy    int8 rows, and what the segments have now
        manifest.json                                               the pages' ids, and the SHA-256 of each array
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from ..errors import CorruptFile
from ..maxsim import pool, quantise_page
from .multivectors import MultiVectorSegments
from .segment import PackedPage

_ARRAYS = ("rows", "scales", "offsets", "boxes", "groups")


def convert(folder: Path, encoder: str) -> None:
    """Turn the store in `folder` into segments, where it is; killed, it goes on when it is called again.

    Old folders are removed when all their pages are in the new store. Raises `CorruptFile` for a damaged one.
    """
    store = MultiVectorSegments(folder, encoder)
    old = sorted(part for part in folder.glob("[!.]*-*") if part.is_dir())
    for part in old:
        pages = _read(part)
        there = store.stored([page.id for page in pages])
        store.add_packed([page for page in pages if page.id not in there])
    for part in old:
        shutil.rmtree(part)


def _read(folder: Path) -> list[PackedPage]:
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for name in _ARRAYS:
            with (folder / f"{name}.npy").open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != manifest["sha256"][name]:
                    raise ValueError(f"{name}.npy is not what was written")
        rows, scales, offsets, boxes, groups = (np.load(folder / f"{name}.npy") for name in _ARRAYS)
        pages = []
        for i, id_ in enumerate(manifest["pages"]):
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
        raise CorruptFile(f"{folder} is damaged ({error}); add the documents to a new library.") from error
    return pages
