"""Metadata files that lie beside documents: `metadata.csv` and `metadata.jsonl`, a row a file.

The column `file` has the path from the metadata file, the other columns are keys. What a row says holds until the
metadata file says otherwise; a folder's own metadata file counts before those of the folders around it, and those count
also when the folder alone is added.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..retrieval.catalog import Catalog
from ..retrieval.errors import MetadataError
from ..retrieval.facts import SIDECAR, said_by, types_beside
from ..retrieval.metadata import MOST_KEYS, MetadataType, read_all, type_of
from ..retrieval.types import MetadataValue
from .discover import leads_out, visited_folders
from .documents import display_path

NAMES = ("metadata.csv", "metadata.jsonl")
MOST_BYTES = 20_000_000
MOST_PROBLEMS = 3
"""Named one by one."""
MOST_BAD_ROWS = 10_000
"""A file with more of them is none that anybody wrote for these documents."""
MOST_LINE = 1_000_000
"""Characters. JSON of `[[],[],…` takes twenty times its size, so that a line of 20 MB would take half a gigabyte."""


@dataclass(slots=True)
class SidecarReport:
    """What became of a metadata file's rows."""

    path: str
    applied: int = 0
    problems: int = 0
    told: list[str] = field(default_factory=list)
    """The first problems, at most `MOST_PROBLEMS`."""
    unreadable: str = ""
    """Why none of it counts."""

    def problem(self, text: str) -> None:
        self.problems += 1
        if self.problems <= MOST_PROBLEMS:
            self.told.append(text)
        if self.problems > MOST_BAD_ROWS:
            raise ValueError(f"more than {MOST_BAD_ROWS:,} of its rows make no sense")

    @property
    def reason(self) -> str:
        """What is wrong with it, in a line."""
        more = self.problems - len(self.told)
        told = [*self.told, *([f"and {more} more"] if more else []), *([self.unreadable] if self.unreadable else [])]
        return f"{self.path}: {'; '.join(told)}"


@dataclass(slots=True)
class Said:
    """What the metadata files of folders, and of the folders around them, say of the documents in them."""

    values: dict[str, dict[str, MetadataValue]]
    """By document and key; a document of which nothing is said has an empty entry."""
    reports: list[SidecarReport]
    """Of the files in which something is wrong."""


def read_sidecars(catalog: Catalog, paths: Iterable[Path]) -> Said:
    """Read the metadata files that say something of the documents in folders. A row that makes no sense costs itself.

    What was said before stays, unless something else is said, of a document that lies in a folder not looked into, too,
    or whose metadata file cannot be read: what these say now is not known.
    """
    visited = {folder for path in paths for folder in visited_folders(path)}
    inside = {display_path(folder) for folder in visited}
    places: dict[str, list[str]] = {}
    for source in catalog.sources():
        if source.document is not None:
            places.setdefault(source.document, []).append(source.path)
    documents = {
        source.path: source.document
        for source in catalog.sources()
        if os.path.dirname(source.path) in inside  # noqa: PTH120
    }
    before = said_by(catalog, SIDECAR)
    elsewhere = {
        one
        for one in documents.values()
        if one is not None and any(os.path.dirname(path) not in inside for path in places[one])  # noqa: PTH120
    }
    files = list(_files(visited))
    unreadable: dict[Path, SidecarReport] = {}
    while True:  # again without those that turn out to be unreadable, because types depend on what is kept
        kept = elsewhere.union(*(_beneath(file, documents) for file in unreadable))
        answered = {one for one in documents.values() if one is not None} - kept
        values = {one: {} for one in answered} | {one: dict(before.get(one, {})) for one in kept}
        types = types_beside(catalog, answered, SIDECAR)
        reports: dict[Path, SidecarReport] = {}
        for file in files:
            if file not in unreadable:
                reports[file] = _read(file, file.parent in visited, documents, types, values)
        failed = {file: report for file, report in reports.items() if report.unreadable}
        if not failed:
            break
        unreadable |= failed
    for file, report in unreadable.items():
        # Far from what was asked for, it may have nothing to do with these documents.
        if file.parent in visited or any(one in before for one in _beneath(file, documents)):
            reports[file] = report
    return Said(values, [reports[file] for file in files if file in reports and reports[file].problems])


def _files(visited: set[Path]) -> Iterator[Path]:
    """The metadata files of folders, and of those around them, the outer before the inner."""
    for folder in sorted(visited.union(*(folder.parents for folder in visited))):
        for file in (folder / name for name in NAMES):
            if file.is_file() and not leads_out(file, folder.resolve()):
                yield file


def _beneath(file: Path, documents: Mapping[str, str | None]) -> set[str]:
    """The documents that a metadata file may be about."""
    folder = os.path.join(display_path(file.parent), "")  # noqa: PTH118
    return {one for path, one in documents.items() if one is not None and path.startswith(folder)}


def _read(
    file: Path,
    visited: bool,
    documents: Mapping[str, str | None],
    types: dict[str, MetadataType],
    values: dict[str, dict[str, MetadataValue]],
) -> SidecarReport:
    """Take up what a file says. Around the folders that are visited, rows about other files are nobody's business."""
    report = SidecarReport(display_path(file))
    folder = os.path.join(display_path(file.parent), "")  # noqa: PTH118 - text, as the catalog has it
    try:
        for number, row in _rows(file):
            try:
                path = _path(row, folder)
                if path not in documents or not path.startswith(folder):
                    raise _NotBeside(f"there is no document {str(row['file']).strip()[:200]!r} beside it")
                found = _understood(row, types)
                document = documents[path]
                said = values[document] if document is not None else {}
                if len(said.keys() | found.keys()) > MOST_KEYS:
                    raise MetadataError(f"a document has at most {MOST_KEYS} keys")
            except MetadataError as error:
                if visited or not isinstance(error, _NotBeside):
                    report.problem(f"row {number}: {str(error).removesuffix('.')}")
                continue
            report.applied += 1
            if document is not None:
                said.update(found)
                types.update({key: type_of(value) for key, value in found.items()})
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, _NoSidecar) and not visited:
            return report
        reason = error.strerror if isinstance(error, OSError) else error
        report.unreadable = f"it cannot be read further ({reason}); save it as UTF-8 {file.suffix[1:].upper()}"
        report.problems, report.applied = max(report.problems, 1), 0
    return report


class _NotBeside(MetadataError):
    """A row is about no document here."""


class _NoSidecar(ValueError):
    """A file is called as metadata files are, and is something else."""


def _path(row: Mapping[str, Any], folder: str) -> str:
    name = row.get("file")
    if not isinstance(name, str) or not name.strip():
        raise _NotBeside("it names no file; the column 'file' has the path from here")
    return os.path.normpath(os.path.join(folder, name.strip()))  # noqa: PTH118 - text, maybe not a path


def _understood(row: Mapping[str, Any], types: Mapping[str, MetadataType]) -> dict[str, MetadataValue]:
    return read_all({key: value for key, value in row.items() if key != "file" and value not in (None, "")}, types)


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their numbers as an editor shows them. Raises `ValueError` or `csv.Error` for what is no such file."""
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        if file.suffix == ".csv":
            head = opened.readline()
            opened.seek(0)
            # Spreadsheets write what their country does.
            yield from _csv_rows(csv.reader(_lines(opened), delimiter=max(",;\t", key=head.count)))
            return
        for number, line in enumerate(_lines(opened), start=1):
            if line.strip():
                yield number, _entries(json.loads(line))


def _lines(opened: Iterable[str]) -> Iterator[str]:
    for line in opened:
        if len(line) > MOST_LINE:
            raise ValueError(f"a line of it is longer than {MOST_LINE:,} characters")
        yield line


def _csv_rows(lines: Iterator[Sequence[str]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head = [name.strip() for name in next(lines, [])]
    head = [name if name.casefold() != "file" else "file" for name in head]
    if "file" not in head:
        raise _NoSidecar("its first row has no column 'file'")
    for number, line in enumerate(lines, start=2):
        if any(cell.strip() for cell in line):
            yield number, {name: cell.strip() for name, cell in zip(head, line, strict=False) if name}


def _entries(entry: Any) -> Mapping[str, Any]:
    return entry if isinstance(entry, dict) else {}
