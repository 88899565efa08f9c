"""Where to look: filters to documents and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from threading import Lock

from .catalog import Catalog
from .channels import Scope
from .errors import QueryError
from .figures import pages_with_figures
from .types import Document

Where = Mapping[str, str | Sequence[str]]
"""Filters: `{"document": "report.pdf"}`, or a list of documents, each a file name, a path, or a document id; and
`{"figure": "chart"}`, or a list of tags: pages with a figure that shows one of them."""

FILTERS = ("document", "figure")


class Scopes:
    """Makes scopes, and keeps the list of pages while the catalog stays the same. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = Lock()
        self._pages: tuple[int, dict[str, str]] = (-1, {})

    def scope(self, where: Where | None) -> Scope:
        """The pages that a filter lets through. Raises `QueryError` for an unknown filter or document."""
        with self._lock:
            generation = self._catalog.generation()
            if generation != self._pages[0]:
                self._pages = generation, self._catalog.page_documents()
            pages = self._pages[1]
        if not where:
            return Scope(pages, None, whole=True)
        unknown = where.keys() - set(FILTERS)
        if unknown:
            raise QueryError(f"There is no filter {min(unknown)!r}; there are {' and '.join(map(repr, FILTERS))}.")
        documents = None
        if "document" in where:
            known = self._catalog.documents()
            ids = {document.id for document in known}
            # Whole ids are looked up, not compared with every document: a filter may let thousands through.
            documents = frozenset(
                id_ for name in _values(where["document"]) for id_ in ([name] if name in ids else resolve(name, known))
            )
            pages = {page: owner for page, owner in pages.items() if owner in documents}
        if "figure" in where:
            tagged = pages_with_figures(self._catalog, _values(where["figure"]))
            pages = {page: owner for page, owner in pages.items() if page in tagged}
        return Scope(pages, documents)


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


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
