"""Metadata files that lie beside documents: `metadata.csv` and `metadata.jsonl`, a row a file.

The column `file` has the path from the metadata file, the other columns are keys. What a row says holds until the
metadata file says otherwise; a folder's own metadata file counts before those of the folders around it.
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
from ..retrieval.facts import SIDECAR, types_beside
from ..retrieval.metadata import MOST_KEYS, MetadataType, read_all, type_of
from ..retrieval.types import MetadataValue
from .discover import leads_out, visited_folders
from .documents import display_path

NAMES = ("metadata.csv", "metadata.jsonl")
MOST_BYTES = 20_000_000
MOST_PROBLEMS = 3
"""Named one by one."""


@dataclass(slots=True)
class SidecarReport:
    """What became of a metadata file's rows."""

    path: str
    applied: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """What is wrong with it, in a line."""
        more = len(self.problems) - MOST_PROBLEMS
        shown = "; ".join(self.problems[:MOST_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        return f"{self.path}: {shown}"


@dataclass(slots=True)
class Said:
    """What the metadata files of folders say of the documents in them."""

    values: dict[str, dict[str, MetadataValue]]
    """By document and key; a document of these folders of which they say nothing has an empty entry."""
    reports: list[SidecarReport]


def read_sidecars(catalog: Catalog, paths: Iterable[Path]) -> Said:
    """Read the metadata files of folders and of the folders in them. A row that makes no sense costs itself."""
    folders = [folder for path in paths for folder in visited_folders(path)]
    inside = {display_path(folder) for folder in folders}
    documents = {
        source.path: source.document
        for source in catalog.sources()
        if os.path.dirname(source.path) in inside  # noqa: PTH120
    }
    values: dict[str, dict[str, MetadataValue]] = {one: {} for one in documents.values() if one is not None}
    types = types_beside(catalog, values, SIDECAR)
    reports: list[SidecarReport] = []
    for folder in folders:
        for file in (folder / name for name in NAMES):
            if file.is_file() and not leads_out(file, folder.resolve()):
                report = SidecarReport(display_path(file))
                if not _read(file, documents, types, values, report):
                    _keep(documents, os.path.join(display_path(folder), ""), values)  # noqa: PTH118
                reports.append(report)
    return Said(values, reports)


def _keep(documents: Mapping[str, str | None], folder: str, values: dict[str, dict[str, MetadataValue]]) -> None:
    """What was said before of the documents in a folder stays, because its metadata file cannot be read."""
    for path, document in documents.items():
        if document is not None and path.startswith(folder):
            values.pop(document, None)


def _read(
    file: Path,
    documents: Mapping[str, str | None],
    types: dict[str, MetadataType],
    values: dict[str, dict[str, MetadataValue]],
    report: SidecarReport,
) -> bool:
    """Whether the file could be read to its end."""
    try:
        for number, row in _rows(file):
            try:
                found, document = _understood(row, file.parent, documents, types)
                before = values.get(document or "", {})
                if len(before.keys() | found.keys()) > MOST_KEYS:
                    raise MetadataError(f"a document has at most {MOST_KEYS} keys")
            except MetadataError as error:
                report.problems.append(f"row {number}: {str(error).removesuffix('.')}")
                continue
            before.update(found)
            types.update({key: type_of(value) for key, value in found.items()})
            report.applied += 1
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        report.problems.append(f"it cannot be read further ({reason}); save it as UTF-8 {file.suffix[1:].upper()}")
        return False
    return True


def _understood(
    row: Mapping[str, Any], folder: Path, documents: Mapping[str, str | None], types: Mapping[str, MetadataType]
) -> tuple[dict[str, MetadataValue], str | None]:
    name = row.get("file")
    if not isinstance(name, str) or not name.strip():
        raise MetadataError("it names no file; the column 'file' has the path from here")
    path = os.path.normpath(os.path.join(display_path(folder), name.strip()))  # noqa: PTH118 - text, maybe not a path
    if path not in documents:
        raise MetadataError(f"there is no document {name.strip()[:200]!r} beside it")
    given = {key: value for key, value in row.items() if key != "file" and value not in (None, "")}
    return read_all(given, types), documents[path]


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their numbers as an editor shows them. Raises `ValueError` or `csv.Error` for what is no such file."""
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        if file.suffix == ".csv":
            head = opened.readline()
            opened.seek(0)
            # Spreadsheets write what their country does.
            yield from _csv_rows(csv.reader(opened, delimiter=max(",;\t", key=head.count)))
            return
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield number, _entries(json.loads(line))


def _csv_rows(lines: Iterator[Sequence[str]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head = [name.strip() for name in next(lines, [])]
    head = [name if name.casefold() != "file" else "file" for name in head]
    if "file" not in head:
        raise ValueError("its first row has no column 'file'")
    for number, line in enumerate(lines, start=2):
        if any(cell.strip() for cell in line):
            yield number, {name: cell.strip() for name, cell in zip(head, line, strict=False) if name}


def _entries(entry: Any) -> Mapping[str, Any]:
    return entry if isinstance(entry, dict) else {}
