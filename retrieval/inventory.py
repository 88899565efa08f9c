"""What a library should hold by its catalog at one moment, and how its indexes differ from that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

from .errors import LibraryError
from .protocols import VectorStore
from .sqlite_files import reading_address

if TYPE_CHECKING:
    from .library import Library


@dataclass(frozen=True, slots=True)
class Difference:
    """Between an index and the catalog."""

    missing: frozenset[str] = frozenset()
    """Pages that the index lacks, or has not whole."""
    strange: frozenset[str] = frozenset()
    """Documents of which the index holds something that the catalog does not know."""

    def __and__(self, other: Difference) -> Difference:
        """What is so in both: seen twice, it is no work of a writer that was going on."""
        return Difference(self.missing & other.missing, self.strange & other.strange)

    def __bool__(self) -> bool:
        return bool(self.missing or self.strange)


class Inventory:
    """The catalog's rows of one moment, without texts, in a database of its own that goes with it.

    A copy, because comparing takes minutes in a large library, and a transaction as long would keep the catalog's log
    from being emptied. Documents under a job are left out: a writer is at them, or will be.
    """

    def __init__(self, catalog: Path, *, alone: bool = False) -> None:
        """`alone`: nobody writes meanwhile, so that what a writer may leave for a while is known to be left over.

        Raises `sqlite3.DatabaseError` when the catalog is damaged, and `LibraryError` when it is missing.
        """
        self.alone = alone
        self._rows = sqlite3.connect("", uri=True, isolation_level=None)  # "": on disk where it gets large
        self._rows.create_function("worded", 1, _worded, deterministic=True)
        with attached(self._rows, catalog):
            for statement in _COPY:
                self._rows.execute(statement)
        self.unfinished = self._set("SELECT document FROM jobs")
        self.documents = self._set("SELECT id FROM documents") - self.unfinished
        self.failed: frozenset[str] = frozenset()
        """Pages that could not be read. A writer that tries them again fills the indexes first."""
        if not alone:
            self.failed = frozenset(self._set("SELECT id FROM pages WHERE NOT looked"))

    def __enter__(self) -> Inventory:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def pages(self, condition: str = "looked") -> list[str]:
        """Of which something holds: they were `looked` at, are `worded`, have a picture (`image_sha NOT NULL`)."""
        found = self._rows.execute(f"SELECT id, document FROM pages WHERE {condition} ORDER BY document, number")
        return [page for page, document in found if document in self.documents]

    def pictures(self) -> Iterator[tuple[str, str, int, str]]:
        """Of each page's picture the page, document, page number, and SHA-256."""
        found = self._rows.execute(
            "SELECT id, document, number, image_sha FROM pages WHERE image_sha NOT NULL ORDER BY document, number"
        )
        return (row for row in found if row[1] in self.documents)

    def passages(self, document: str) -> dict[str, str]:
        """The keys of a document's passages, and the page of each."""
        found = self._rows.execute("SELECT id, passages FROM pages WHERE document = ? AND looked", (document,))
        return {f"{page}#{i}": page for page, count in found for i in range(count)}

    def figures(self, document: str, *, whole: bool) -> dict[str, str]:
        """The keys of a document's figures, or with `whole` of its pages taken as pictures, and the page of each."""
        found = self._rows.execute(
            "SELECT f.id, f.page FROM pages p JOIN figures f ON f.page = p.id "
            "WHERE p.document = ? AND p.image_sha NOT NULL AND (f.kind = 'page') = ?",
            (document, whole),
        )
        return dict(found.fetchall())

    def difference(self, library: Library, channel: str) -> Difference:
        """Between the index of a channel, `lexical`, `dense`, `words`, `visual` or `image`, and the catalog.

        Raises `CorruptFile` when the index is too damaged to be compared.
        """
        there = channel in library.manifest.encoders
        if channel == "lexical":
            return self._of_text(library)
        if channel == "dense":
            return self._of_vectors(library.dense, self.passages)
        if channel == "words":
            return self._of_pages(library.words.pages(), self.pages("worded"))
        if channel == "visual":
            return self._of_pages(library.visual.pages(), self.pages("image_sha NOT NULL") if there else [])
        figures = self._of_vectors(library.images.figures, lambda id_: self.figures(id_, whole=False), wanted=there)
        pages = self._of_vectors(library.images.pages, lambda id_: self.figures(id_, whole=True), wanted=there)
        return Difference(figures.missing | pages.missing, figures.strange | pages.strange)

    def _of_text(self, library: Library) -> Difference:
        looked, sealed = self.pages(), library.lexical.documents()
        found = self._of_pages(library.lexical.pages(), looked)
        missing = found.missing | {page for page in looked if page.rpartition("/")[0] not in sealed}
        return Difference(missing, found.strange | (sealed - self.documents - self.unfinished))

    def _of_pages(self, stored: set[str], expected: Sequence[str]) -> Difference:
        unknown = stored.difference(self.pages(), self.failed)
        strange = {page.rpartition("/")[0] for page in unknown} - self.unfinished
        return Difference(frozenset(set(expected) - stored), frozenset(strange))

    def _of_vectors(
        self, store: VectorStore, expected: Callable[[str], Mapping[str, str]], *, wanted: bool = True
    ) -> Difference:
        """`wanted`: false where the channel is not part of the library, so that nothing can be missing."""
        stored, missing, strange = store.documents(), set[str](), set[str]()
        for document in self.documents:
            keys, known = store.keys(document) if document in stored else set[str](), expected(document)
            if wanted:
                missing.update(page for key, page in known.items() if key not in keys)
            if any(key.rpartition("#")[0] not in self.failed for key in keys - known.keys()):
                strange.add(document)
        return Difference(frozenset(missing), frozenset(strange | (stored - self.documents - self.unfinished)))

    def _set(self, statement: str) -> set[str]:
        return {one for (one,) in self._rows.execute(statement)}


@contextmanager
def attached(connection: sqlite3.Connection, catalog: Path) -> Iterator[None]:
    """Within it, a connection reads the catalog at one moment, as the database `library`, and cannot change it."""
    if not catalog.is_file():
        raise LibraryError(f"{catalog} is missing: this is not a whole library; add the documents to a new one.")
    connection.execute("ATTACH ? AS library", (reading_address(catalog),))
    try:
        connection.execute("BEGIN")
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")
        connection.execute("DETACH library")


_COPY = (
    "CREATE TABLE documents AS SELECT id FROM library.documents",
    "CREATE TABLE jobs AS SELECT document FROM library.jobs",
    """CREATE TABLE pages AS
           SELECT id, document, number, image_sha, text NOT NULL AS looked,
                  CASE WHEN json_valid(passages) THEN json_array_length(passages) ELSE 0 END AS passages,
                  passages <> '[]' AND worded(text) AS worded
           FROM library.pages""",
    "CREATE INDEX pages_document ON pages (document, number)",
    "CREATE TABLE figures AS SELECT id, page, kind FROM library.figures",
    "CREATE INDEX figures_page ON figures (page)",
)


def _worded(text: str | None) -> bool:
    """Whether an encoder finds anything in a text: marks alone, or what stands for the unreadable, have no rows.

    >>> _worded("\u0301 \ufffd"), _worded("Київ")
    (False, True)
    """
    return any(category(letter)[0] in "LNPS" and letter != "\ufffd" for letter in text or "")
