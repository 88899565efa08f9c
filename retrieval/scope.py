"""Where to look: filters to documents and pages."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import PurePath
from threading import Lock

from .catalog import Catalog
from .channels import Scope
from .conditions import Condition, figure_condition, ids_condition, language_condition, metadata_condition
from .errors import QueryError
from .facts import key_types
from .metadata import FILTERS, spelled
from .types import Document, MetadataValue

Wanted = MetadataValue | Sequence[MetadataValue] | Mapping[str, MetadataValue | Sequence[MetadataValue]]
"""One value, several of which one must fit, or comparisons that must all hold: `{">=": 2020, "<": 2023}`."""

Where = Mapping[str, Wanted]
"""Filters; all must hold. With a value or a list of values:

- `document`: a file name, a path, or a document id
- `folder`: the folder that the file lies in, or one around it: a path, or the end of one
- `type`: the file's suffix, as `pdf`
- `language`: of the page, ISO 639-1, as `uk`
- `figure`: a tag; pages with a figure that shows it

and metadata of documents by key, also with comparisons: `{"year": {">=": 2022}, "company": ["Boeing", "Airbus"]}`. Text
is the same in upper and lower case, and comes before or after as its letters are numbered; a string is read as the
key's type. Documents without the key do not pass.
"""

_KEPT = 32
"""Scopes kept for the next question: a page asks several times for the same filters."""


class Scopes:
    """Makes scopes, and keeps them while the catalog stays the same. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = Lock()
        self._generation = -1
        self._scopes: OrderedDict[str, Scope] = OrderedDict()

    def scope(self, where: Where | None) -> Scope:
        """The pages that a filter lets through. Raises `QueryError` for what is unknown or compares what cannot be."""
        asked = json.dumps(dict(where or {}), default=_spelled, sort_keys=True, ensure_ascii=False)
        with self._lock:
            generation = self._catalog.generation()
            if generation != self._generation:
                self._generation = generation
                self._scopes.clear()
            if asked not in self._scopes:
                self._scopes[asked] = self._make(where or {})
            self._scopes.move_to_end(asked)
            while len(self._scopes) > _KEPT:
                self._scopes.popitem(last=False)
            return self._scopes[asked]

    def names(self) -> list[str]:
        """All filters that there are now."""
        return [*FILTERS, *key_types(self._catalog)]

    def _make(self, where: Where) -> Scope:
        if not where:
            return Scope(self._catalog.page_documents(), None, whole=True)
        types = key_types(self._catalog)
        unknown = where.keys() - {*FILTERS, *types}
        if unknown:
            there = ", ".join([*FILTERS, *types])
            raise QueryError(f"There is no filter {min(unknown)!r}; there are {there}.")
        conditions = [
            self._condition(name, wanted)
            if name in FILTERS
            else metadata_condition(self._catalog, name, types[name], wanted)
            for name, wanted in where.items()
        ]
        statement = "SELECT id, document FROM pages WHERE text IS NOT NULL"
        pages = dict(
            self._catalog.rows(
                " AND ".join([statement, *(one.sql for one in conditions)]),
                [value for one in conditions for value in one.values],
            )
        )
        documents = frozenset(pages.values())
        ((there,),) = self._catalog.rows("SELECT count(DISTINCT document) FROM pages WHERE text IS NOT NULL")
        return Scope(pages, documents if len(documents) < there else None)

    def _condition(self, name: str, wanted: Wanted) -> Condition:
        values = _texts(name, wanted)
        if name == "figure":
            return figure_condition(values)
        if name == "language":
            return language_condition(self._catalog, values)
        known = self._catalog.documents()
        if name == "document":
            # Whole ids are looked up, not compared with every document: a filter may let thousands through.
            ids = {document.id for document in known}
            found = ([value] if value in ids else resolve(value, known) for value in values)
            return ids_condition([id_ for some in found for id_ in some])
        return ids_condition(_in_folders(values, known) if name == "folder" else _of_types(values, known))


def resolve(name: str, documents: Sequence[Document]) -> list[str]:
    """Ids of the documents that a name stands for: a file name, the end of a path, or an id (8 digits or more)."""
    parts = PurePath(name).parts
    found = [
        document.id
        for document in documents
        if (len(name) >= 8 and document.id.startswith(name))
        or any(parts and PurePath(source).parts[-len(parts) :] == parts for source in document.sources)
    ]
    if not found:
        raise QueryError(f"There is no document {name!r} in the library; `pagesight list` shows those there are.")
    return found


def types_of(document: Document) -> list[str]:
    """What a document's files are, by their suffix.

    >>> types_of(Document("ab", "", 1, "indexed", None, ("/a/Звіт.PDF",), 1, ""))
    ['pdf']
    """
    return sorted({PurePath(source).suffix.lower().removeprefix(".") or "none" for source in document.sources})


def folders_of(document: Document) -> list[str]:
    """The folders that a document lies in, as paths."""
    return [str(PurePath(source).parent) for source in document.sources]


def _of_types(values: Sequence[str], documents: Sequence[Document]) -> list[str]:
    wanted = {value.lower().removeprefix(".") for value in values}
    there = {kind for document in documents for kind in types_of(document)}
    _known("type", wanted - there, there)
    return [document.id for document in documents if wanted & set(types_of(document))]


def _in_folders(values: Sequence[str], documents: Sequence[Document]) -> list[str]:
    folders = {folder: PurePath(folder).parts for document in documents for folder in folders_of(document)}
    inside: set[str] = set()
    for value in values:
        parts = PurePath(value).parts
        span = len(parts)
        found = {
            folder
            for folder, whole in folders.items()
            if any(whole[begin : begin + span] == parts for begin in range(len(whole) - span + 1))
        }
        _known("folder", set() if found else {value}, folders.keys())
        inside |= found
    return [document.id for document in documents if inside.intersection(folders_of(document))]


def _known(name: str, unknown: set[str], there: Collection[str]) -> None:
    if unknown:
        listed = sorted(there)
        more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
        there = ", ".join(listed[:10]) + more
        raise QueryError(f"There is no {name} {min(unknown)!r} in the library; there are: {there or 'none yet'}.")


def _texts(name: str, wanted: Wanted) -> list[str]:
    if isinstance(wanted, Mapping):
        raise QueryError(f"The filter {name!r} takes a value or several, no comparison.")
    values = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else list(wanted)
    return [value if isinstance(value, str) else spelled(value) for value in values]


def _spelled(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise QueryError(f"{value!r} cannot be compared with; use text, numbers, dates, true and false.")
