"""Making a library, and opening one that is there.

from pagesight.retrieval import open_library

library = open_library("my-library")
for hit in library.retrieve("What was the revenue in 2021?", k=5):
    print(hit.page.source, hit.page.number, hit.score)
"""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .catalog import Catalog
from .errors import LibraryError, ModelUnavailable
from .full_disk import saying_when_full
from .library import Library, encoder_ids
from .manifest import Manifest
from .migrate import migrate
from .optional import find_image, find_visual
from .scope import Where
from .settings import Settings
from .types import Hit
from .vector_stores import begin_vectors

if TYPE_CHECKING:
    from PIL.Image import Image


def create_library(path: str | Path, settings: Settings | None = None) -> Library:
    """Open the library at `path`, making an empty one when there is none.

    Raises `ModelUnavailable` when a new library is to have a model that is not on this machine, and `DiskFull`.
    """
    path, settings = Path(path), settings or Settings()
    if not (path / "library.json").is_file():
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise LibraryError(f"{path} is there already and is not a library; name an empty or new folder.")
        manifest = Manifest(encoder_ids(settings))
        for channel, part in (("visual", find_visual(settings, None)), ("image", find_image(settings, None))):
            if part.encoder is not None and part.spec is not None:
                manifest = manifest.with_channel(channel, part.encoder.id, part.spec)
            elif part.wanted:
                raise ModelUnavailable(part.off or channel)
        with saying_when_full(path):
            path.mkdir(parents=True, exist_ok=True)
            try:
                Catalog.create(path / "catalog.sqlite")
                begin_vectors(path, settings)
                # Last: a folder without it is not a library yet, so a killed creation can be cleared away by hand.
                manifest.write(path)
            except BaseException:
                for part in path.iterdir():  # it was empty
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
                raise
    return open_library(path, settings)


def open_library(path: str | Path, settings: Settings | None = None) -> Library:
    """Open the library at `path`.

    Raises `LibraryNotFound` when there is none, and `EncoderMismatch` when it was built with other encoders than the
    settings name. No model is loaded before the first question. A library of an older format is brought up to date.
    """
    migrate(Path(path))
    return Library(Path(path), settings or Settings())


@lru_cache(maxsize=8)
def _shared(path: str) -> Library:
    return open_library(path)


def retrieve(
    question: str = "",
    *,
    library: str | Path,
    k: int = 5,
    where: Where | None = None,
    image: bytes | str | Path | Image | None = None,
) -> list[Hit]:
    """Find pages in one line. The library stays open for the next call.

    See `Library.retrieve` for the arguments.
    """
    return _shared(str(Path(library).resolve())).retrieve(question, k=k, where=where, image=image)
