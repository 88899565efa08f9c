"""The files that documents came from, as long as they are there and have the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Catalog


def paths_of(catalog: Catalog, document: str) -> list[str]:
    """Where a document was seen, the place that was seen first, first."""
    rows = catalog.rows("SELECT path FROM sources WHERE document = ? ORDER BY seen, path", (document,))
    return [path for (path,) in rows]


def find_source(catalog: Catalog, document: str) -> Path | None:
    """A file that has a document's bytes; `None` when none of its places has one any more."""
    for path in map(Path, paths_of(catalog, document)):
        try:
            if path.is_file():  # opening a pipe would wait for whoever writes to it
                with path.open("rb") as opened:
                    if hashlib.file_digest(opened, "sha256").hexdigest() == document:
                        return path
        except OSError:
            continue
    return None
