"""`library.json`: the layout's version, the encoders that a library's vectors come from, and where they were found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import CorruptFile, LibraryError, LibraryNotFound
from .files import write_whole
from .types import EncoderId

FORMAT = 6
"""Version of the layout on disk. It changes when older code would read a library wrongly; see `migrate.py`."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How to open an optional channel's encoder again: what was named, and the options that its vectors depend on."""

    model: str
    """A hub name with its revision, or a folder."""
    max_pixels: int | None = None
    pool_factor: int = 1
    page_text: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The encoders by channel; those that are optional also by name."""

    encoders: Mapping[str, EncoderId]
    models: Mapping[str, ModelSpec] = field(default_factory=dict)

    def with_channel(self, channel: str, encoder: EncoderId, spec: ModelSpec) -> Manifest:
        """This manifest with one more optional channel, or another encoder for it."""
        return replace(self, encoders={**self.encoders, channel: encoder}, models={**self.models, channel: spec})

    def write(self, library: Path) -> None:
        entries = {
            "format": FORMAT,
            "encoders": {channel: asdict(encoder) for channel, encoder in self.encoders.items()},
            "models": {channel: asdict(spec) for channel, spec in self.models.items()},
        }
        write_whole(library / "library.json", json.dumps(entries, indent=2).encode())


def read_manifest(library: Path) -> Manifest:
    """Raises `LibraryNotFound` without one, `CorruptFile` for a damaged one, `LibraryError` for another format."""
    entries = _entries(library)
    version = entries["format"]
    if version == FORMAT:
        try:
            return Manifest(
                _encoders(entries),
                {channel: ModelSpec(**entry) for channel, entry in entries["models"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise _damaged(library, error) from error
    raise LibraryError(
        f"The library at {library} has format {version}, this version of pagesight reads {FORMAT}; "
        "add the documents to a new library."
    )


def read_format(library: Path) -> int:
    """The version of a library's layout. Raises `LibraryNotFound` without one, `CorruptFile` for a damaged one."""
    return _entries(library)["format"]


def read_encoders(library: Path) -> dict[str, EncoderId]:
    """The encoders by channel, of a library of any format; errors as of `read_format`."""
    entries = _entries(library)
    try:
        return _encoders(entries)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(library, error) from error


def write_format(library: Path, version: int) -> None:
    """Say that a library has a layout now; the rest of `library.json` stays."""
    write_whole(library / "library.json", json.dumps(_entries(library) | {"format": version}, indent=2).encode())


def _encoders(entries: Mapping[str, Any]) -> dict[str, EncoderId]:
    return {channel: EncoderId(**entry) for channel, entry in entries["encoders"].items()}


def _entries(library: Path) -> dict[str, Any]:
    file = library / "library.json"
    try:
        there = file.is_file()
    except PermissionError:  # the folder around it is closed; others say that there is no such file
        there = True
    if not there:
        raise LibraryNotFound(
            f"There is no library at {library}; make one with: pagesight add FILES --library {library}"
        )
    try:
        text = file.read_text()
    except OSError as error:
        raise LibraryError(
            f"Cannot read the library at {library}: {(error.strerror or str(error)).lower()}; have its owner make it "
            f"readable, for example with: chmod -R a+rX {library}"
        ) from error
    try:
        entries = json.loads(text)
        if not isinstance(entries["format"], int):
            raise TypeError("its format is no number")
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(library, error) from error
    return entries


def _damaged(library: Path, error: Exception) -> CorruptFile:
    return CorruptFile(
        f"{library / 'library.json'} is damaged ({error}); restore it, or add the documents to a new library."
    )
