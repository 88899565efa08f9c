"""A lost or damaged `library.json`, written anew where the library itself says what stood in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from .catalog_checkup import unreadable
from .errors import CorruptFile, LibraryError, LibraryNotFound
from .library import encoder_ids
from .lock import writing
from .manifest import Manifest, read_manifest
from .optional import find_visual
from .settings import Settings
from .stores.segment_list import read_segment_list
from .vector_stores import open_vectors


def manifest_lost(library: Path) -> bool:
    """Whether there is a library whose `library.json` is missing or damaged."""
    try:
        read_manifest(library)
    except (LibraryNotFound, CorruptFile):
        return (library / "catalog.sqlite").is_file()
    except LibraryError:  # of another format, which it says
        return False
    return False


def mend_manifest(library: Path, settings: Settings) -> None:
    """Write `library.json` anew for the encoders that the settings name, where the vectors are known to be theirs.

    Raises `CorruptFile` where nobody can tell whose vectors there are: two encoders in one index rank pages at random.
    """
    file = library / "library.json"
    if unreadable(library / "catalog.sqlite") is not None:  # also one of an older format
        raise CorruptFile(f"{file} is lost, and the catalog does not say what stood in it; restore it from a copy.")
    with writing(library):
        manifest = Manifest(encoder_ids(settings))
        _same(library, "words", str(manifest.encoders["words"]), "PAGESIGHT_ENCODER")
        if read_segment_list(library / "multivectors" / "visual").encoder:
            part = find_visual(settings, None)
            _same(library, "visual", str(part.encoder and part.encoder.id), "PAGESIGHT_VISUAL")
            if part.encoder is not None and part.spec is not None:
                manifest = manifest.with_channel("visual", part.encoder.id, part.spec)
        if any(open_vectors(library, name, settings).documents() for name in ("figures", "pages")):
            raise CorruptFile(f"{file} is lost, and with it which model its image vectors come from; restore it.")
        manifest.write(library)


def _same(library: Path, channel: str, named: str, setting: str) -> None:
    built = read_segment_list(library / "multivectors" / channel).encoder
    with closing(sqlite3.connect(library / "catalog.sqlite")) as connection:
        (pages,) = connection.execute("SELECT count(*) FROM pages").fetchone()
    if built != named and (built or pages):
        origin = f"come from {built}" if built else "do not say what they come from"
        raise CorruptFile(
            f"{library / 'library.json'} is lost; the vectors of the channel {channel!r} {origin}, and the settings "
            f"name {named}. Restore the file{f', or set {setting} to the former' if built else ''}."
        )
