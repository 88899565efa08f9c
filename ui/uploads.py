"""Files that come from a browser: under which name they are kept, and adding them to the library."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..ingest import Outcome, Progress, add
from ..retrieval import Library
from ..retrieval.files import write_whole
from ..retrieval.writer import UPLOADS

MOST_NAME_BYTES = 200
"""Of a file's name in UTF-8; file systems end at 255, and the temporary name needs some."""


class Upload(Protocol):
    """A file from the browser: `streamlit`'s `UploadedFile`."""

    name: str

    def getvalue(self) -> bytes: ...


def safe_name(name: str) -> str:
    """A file name that means nothing to a file system or a shell; letters of every script stay.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\\\Berichte\\\\März 2024.pdf"), safe_name("..")
    ('passwd', 'März 2024.pdf', 'document')
    """
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c if c in " ._-()+,&" or unicodedata.category(c)[0] in "LMN" else "_" for c in base)
    kept = kept.strip(" .")
    suffix = PurePosixPath(kept).suffix[:16]
    stem = kept.removesuffix(suffix)
    while len((stem + suffix).encode()) > MOST_NAME_BYTES:
        stem = stem[:-1]
    return stem + suffix or "document"


def add_saved(
    library: Library, paths: Sequence[Path], password: str | None, on_progress: Callable[[Progress], None]
) -> Iterator[Outcome]:
    """Add files that `save` has kept. Those that are new here and were not reached are not kept after all.

    Raises `LibraryLocked` when somebody else is writing.
    """
    try:
        yield from add(library, paths, password=password, on_progress=on_progress)
    finally:
        for path in paths:
            if library.catalog.source(str(path)) is None:
                path.unlink(missing_ok=True)


def remove(library: Library, sources: Sequence[str]) -> None:
    """Remove files from the library. Files that were uploaded are deleted; others stay where their owner keeps them."""
    with library.writer() as writer:
        writer.remove_sources(sources)


def _folder(library: Library) -> Path:
    return library.path.absolute() / UPLOADS


def save(library: Library, uploads: Sequence[Upload]) -> list[Path]:
    """Keep files in the library's folder. A name that was there before is a new version of that file."""
    paths: list[Path] = []
    for upload in uploads:
        name = PurePosixPath(safe_name(upload.name))
        path, number = _folder(library) / name, 2
        while path in paths:  # two files of one name, from two folders
            path, number = _folder(library) / f"{name.stem} ({number}){name.suffix}", number + 1
        write_whole(path, upload.getvalue())
        paths.append(path)
    return paths
