"""What the directory of a ZIP file says: Office files are such archives, and so are bombs. Nothing is unpacked."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..retrieval.errors import DocumentUnreadable

MOST_MEMBERS = 20_000
"""A presentation of 1,000 slides has some 5,000."""
MOST_BYTES = 2_000_000_000
"""Unpacked."""
MOST_RATIO = 200
"""Unpacked to packed, of archives that unpack to more than `FEW_BYTES`: long tables reach 50."""
FEW_BYTES = 50_000_000
_MOST_MIMETYPE = 200
_MOST_PROPERTIES = 1_000_000

_BROKEN = "it is broken or cut short; get another copy"
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError)


@dataclass(frozen=True, slots=True)
class ArchiveParts:
    names: tuple[str, ...]
    mimetype: str | None
    """What an OpenDocument file says that it is."""
    encrypted: bool


def archive_parts(path: Path) -> ArchiveParts:
    """What is in an archive. Raises `DocumentUnreadable` with the reason alone, also for a bomb."""
    with _opened(path) as archive:
        members = archive.infolist()
        packed = sum(member.compress_size for member in members)
        unpacked = sum(member.file_size for member in members)
        if len(members) > MOST_MEMBERS:
            raise DocumentUnreadable(
                f"it is an archive of {len(members):,} files, more than {MOST_MEMBERS:,}, as no Office file is; "
                "save it as PDF"
            )
        if unpacked > MOST_BYTES or (unpacked > FEW_BYTES and unpacked > MOST_RATIO * max(packed, 1)):
            raise DocumentUnreadable(
                f"its {_size(path.stat().st_size)} would unpack to {_size(unpacked)}, as a ZIP bomb does; "
                "when you trust it, save it as PDF"
            )
        names = tuple(member.filename for member in members)
        if any(member.flag_bits & 1 for member in members):
            return ArchiveParts(names, None, True)
        mimetype = _read(archive, "mimetype", _MOST_MIMETYPE)
        if mimetype is None:
            return ArchiveParts(names, None, False)
        manifest = _read(archive, "META-INF/manifest.xml", _MOST_PROPERTIES) or b""
        return ArchiveParts(names, mimetype.decode("ascii", "replace").strip(), b"encryption-data" in manifest)


def properties(path: Path) -> dict[str, str]:
    """What an Office file says of itself, under the names that PDFs have for it: `Title`, `Author`, `CreationDate` …"""
    try:
        with _opened(path) as archive:
            xml = _read(archive, "docProps/core.xml", _MOST_PROPERTIES) or _read(archive, "meta.xml", _MOST_PROPERTIES)
    except DocumentUnreadable:
        return {}
    # No Office program writes a document type; entities, which eat memory, need one.
    if xml is None or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        return {}
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    texts = {str(element.tag).rpartition("}")[2]: element.text for element in root.iter() if element.text}
    found = {name: next((texts[tag] for tag in tags if tag in texts), None) for name, tags in _PROPERTIES.items()}
    if (made := found["CreationDate"]) is not None:
        found["CreationDate"] = "D:" + re.sub(r"\D", "", made[:10])
    return {name: text for name, text in found.items() if text is not None}


_PROPERTIES = {  # elements of docProps/core.xml and of OpenDocument's meta.xml, where dc:creator saved it last
    "Title": ("title",),
    "Author": ("initial-creator", "creator"),
    "Subject": ("subject",),
    "Keywords": ("keywords", "keyword"),
    "CreationDate": ("created", "creation-date"),
}


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGES as error:
        raise DocumentUnreadable(_BROKEN) from error


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes | None:
    """The first bytes of a member; `None` where it is not there."""
    try:
        with archive.open(name) as member:
            return member.read(most)
    except KeyError:
        return None


def _size(count: int) -> str:
    for unit, scale in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{max(count // 1000, 1)} kB"
