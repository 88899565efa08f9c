"""Writing to a library: one writer at a time, indexes first, the catalog last."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from . import journal
from .catalog import DocumentRow, PageRow, Source, page_id
from .compact import Compacted, compact, compact_where_it_pays
from .drafts import draft_of, drafts, failures_of, put_draft_pages
from .encode import add_visual, encode_images, store_images
from .errors import LibraryError
from .facts import PERSON, SIDECAR, drop_facts, put_facts, replace_facts, said_by
from .figures import FigureRow, figure_id
from .files import write_whole
from .full_disk import saying_when_full
from .lock import writing
from .types import MetadataValue, PageContent

if TYPE_CHECKING:
    from .library import Library

logger = logging.getLogger(__name__)

UPLOADS = "uploads"
"""In the library's folder: files that came from a browser. They have no other owner, so they go with their source."""


class LibraryWriter:
    """The right to change a library, until it is closed. Made by `Library.writer`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._catalog = library.catalog
        self._purged = False

    @classmethod
    @contextmanager
    def open(cls, library: Library) -> Iterator[LibraryWriter]:
        """Take the lock, clear away what a killed writer left, hand out the writer; raises `DiskFull` at any time."""
        with saying_when_full(library.path), writing(library.path):
            writer = cls(library)
            waiting = {draft.document for draft in drafts(library.catalog) if not draft.outdated}
            for document in library.catalog.jobs():
                if document not in waiting:
                    writer._purge(document)
            try:
                yield writer
                if writer._purged:
                    compact_where_it_pays(library)
            finally:
                library.lexical.settle()
            for store in (library.words, library.visual):
                try:
                    store.tend()
                except (LibraryError, OSError, RuntimeError) as error:  # RuntimeError: faiss's, where a GPU has no room
                    # What was written is written, and is found without; the next writer tries again.
                    logger.warning("No inverted lists were made for %s: %s", library.path, error)

    @contextmanager
    def document(self, document: str, made: str = "") -> Iterator[DocumentDraft]:
        """Begin a document, by its id, or go on with it. It exists once its draft is committed.

        `made` says how its pages are made. Left by an exception, the draft waits for a writer that makes them the same
        way. Left otherwise, and always without `made`, nothing of it stays.
        """
        if self._catalog.has_document(document):  # its job, left by a kill, would purge what is committed
            raise LibraryError(f"The document {document} is in the library already; remove it first.")
        before = draft_of(self._catalog, document, made)
        if before is None:
            if document in self._catalog.jobs():
                self._purge(document)
            self._catalog.begin_job(document, "add", made)
        else:
            for half in (self.library.path / "pages" / document).glob(".new-*"):  # a picture that was being written
                half.unlink()
        draft = DocumentDraft(self, document)
        kept = False
        try:
            yield draft
        except BaseException:
            kept = draft_of(self._catalog, document, made) is not None
            raise
        finally:
            if not draft.committed and not kept:
                self._purge(document)

    @contextmanager
    def mending(self, document: str) -> Iterator[DocumentMend]:
        """Add pages to a document that is there: those that could not be read before.

        They are found once it is committed. Otherwise all is as it was, but for rows in the indexes that the next
        attempt replaces.
        """
        yield DocumentMend(self, document)

    def put_source(self, source: Source) -> None:
        """Record what a path holds now; a document that lost its last path by it is removed."""
        for document in self._catalog.put_source(source):
            self._purge(document)

    def remove_sources(self, paths: Sequence[str]) -> list[str]:
        """Forget paths. Returns the ids of the documents that were removed because no path holds them any more.

        Files that were uploaded are deleted; others stay where their owner keeps them.
        """
        before = {path for path in paths if self._catalog.source(path) is not None}
        removed = self._catalog.remove_sources(paths)
        for document in removed:
            self._purge(document)
        if removed and (self.library.path / journal.FILE).exists():
            kept = journal.Journal(self.library.path, self._catalog)
            kept.sweep()
            kept.close()
        self._delete_uploads(before)
        return removed

    def _delete_uploads(self, forgotten: Collection[str]) -> None:
        folder = Path(os.path.realpath(self.library.path / UPLOADS))
        spelled = os.fsencode(folder).decode("utf-8", "backslashreplace")  # as the catalog has paths

        def uploaded(paths: Collection[str]) -> set[str]:
            places = [os.path.split(path) for path in paths]
            there = {parent for parent in {parent for parent, _ in places} if os.path.realpath(parent) == spelled}
            return {name for parent, name in places if parent in there}

        gone = uploaded(forgotten)
        if gone:
            for name in gone - uploaded([source.path for source in self._catalog.sources()]):
                (folder / name).unlink(missing_ok=True)

    def set_metadata(self, documents: Sequence[str], values: Mapping[str, object]) -> None:
        """Put values beside what is known of documents, by id, as said by a person; a key that is there is replaced.

        Text is read as `metadata.read_value` says. Raises `MetadataError` for a key or value that cannot be kept, and
        then keeps none.
        """
        with self._catalog.transaction() as connection:
            put_facts(connection, documents, values, PERSON)

    def unset_metadata(self, documents: Sequence[str], keys: Sequence[str]) -> int:
        """Take keys out of documents, whoever said them. Returns how many there were."""
        with self._catalog.transaction() as connection:
            return drop_facts(connection, documents, keys)

    def replace_sidecar_metadata(self, values: Mapping[str, Mapping[str, MetadataValue]]) -> None:
        """Let this be what metadata files say of documents, by id, and nothing else."""
        before = said_by(self._catalog, SIDECAR)
        changed = {document: facts for document, facts in values.items() if facts != before.get(document, {})}
        if changed:
            with self._catalog.transaction() as connection:
                replace_facts(connection, changed, SIDECAR)

    def compact(self) -> Compacted:
        """Take what was removed out of all files, and give its room back to the disk.

        Documents that are going are out of every search before; after it their bytes are gone, too.
        """
        for draft in drafts(self._catalog):  # what nobody can see should not be there either
            self._purge(draft.document)
        self._purged = False
        return compact(self.library)

    def _purge(self, document: str) -> None:
        """Take a document that the catalog does not hold out of every index, and its pictures off the disk."""
        library, self._purged = self.library, True
        library.lexical.remove(document)
        for store in (library.dense, library.words, library.visual, library.images.figures, library.images.pages):
            store.remove(document)
        shutil.rmtree(library.path / "pages" / document, ignore_errors=True)
        self._catalog.end_job(document)


class PageSink(Protocol):
    """Where pages of one document go as they are read."""

    def add_pages(
        self, pages: Sequence[PageRow], contents: Sequence[PageContent], fields: Sequence[dict[str, str]]
    ) -> None:
        """Encode and index some pages.

        `contents` is what the encoders look at, its ids are set here; `fields` is what the lexical index gets beside
        the page's text: `title`, `headings`, `name`.
        """
        ...

    def add_failed_page(self, page: PageRow) -> None:
        """Record a page that could not be read; those before it are added already."""
        ...


class DocumentDraft:
    """A document that is being written, a `PageSink`: pages go to the indexes as they come, the catalog keeps their
    rows apart until all are there. What is added need not be added again by a writer that goes on with the draft.
    """

    def __init__(self, writer: LibraryWriter, document: str) -> None:
        self._library, self._writer = writer.library, writer
        self._document = document
        self.committed = False

    def failures(self) -> list[tuple[int, str]]:
        """The pages that could not be read, and why, also of those that were there before."""
        return failures_of(self._library.catalog, self._document)

    def add_pages(
        self, pages: Sequence[PageRow], contents: Sequence[PageContent], fields: Sequence[dict[str, str]]
    ) -> None:
        rows = _index_pages(self._library, self._document, pages, contents, fields)
        put_draft_pages(self._library.catalog, self._document, rows)

    def add_failed_page(self, page: PageRow) -> None:
        put_draft_pages(self._library.catalog, self._document, [page])

    def commit(self, row: DocumentRow, source: Source) -> None:
        """Make the document exist, at this path; whatever the path held before is removed in the same step."""
        self._library.lexical.seal(self._document)
        orphans = self._library.catalog.put_document(row, (), source)
        self.committed = True
        for document in orphans:
            self._writer._purge(document)


class DocumentMend:
    """Pages that a document lacked, a `PageSink`. The document is found as it is until they are committed."""

    def __init__(self, writer: LibraryWriter, document: str) -> None:
        self._library, self._document = writer.library, document
        self._rows: list[PageRow] = []

    def add_pages(
        self, pages: Sequence[PageRow], contents: Sequence[PageContent], fields: Sequence[dict[str, str]]
    ) -> None:
        self._rows += _index_pages(self._library, self._document, pages, contents, fields)

    def add_failed_page(self, page: PageRow) -> None:
        self._rows.append(page)

    def commit(self, state: Literal["indexed", "partial"], reason: str | None) -> None:
        """Put these pages in the place of those that could not be read, and say how whole the document is now."""
        self._library.lexical.seal(self._document)
        self._library.catalog.replace_pages(self._document, self._rows, state, reason)


def _index_pages(
    library: Library,
    document: str,
    pages: Sequence[PageRow],
    contents: Sequence[PageContent],
    fields: Sequence[dict[str, str]],
) -> list[PageRow]:
    """Encode pages, put them into every index and their pictures on the disk; returns their rows for the catalog."""
    contents = [
        replace(content, id=page_id(document, page.number)) for page, content in zip(pages, contents, strict=True)
    ]
    vectors = library.page_encoder.encode_pages(contents)
    library.words.add(document, vectors)
    if library.visual_part.encoder is not None:
        add_visual(library, document, library.visual_part.encoder, contents)
    tags: dict[str, tuple[str, ...]] = {}
    if library.image_part.encoder is not None:
        figures = [
            FigureRow(figure_id(content.id, number), content.id, figure)
            for page, content in zip(pages, contents, strict=True)
            for number, figure in enumerate(page.figures)
        ]
        images = encode_images(library, library.image_part.encoder, contents, figures)
        store_images(library, document, images)
        tags = images.tags
    library.lexical.add(
        document,
        {
            content.id: {"body": page.text or "", "language": page.language or "", **texts}
            for page, content, texts in zip(pages, contents, fields, strict=True)
        },
    )
    keys = [(content.id, f"{content.id}#{i}") for content in contents for i in range(len(content.passages))]
    if keys:
        # The words channel runs the same encoder over the same passages, so their vectors are here already.
        passages = np.concatenate([page.passages for page in vectors if page.passages is not None])
        library.dense.add(document, [page for page, _ in keys], [key for _, key in keys], passages)
    rows: list[PageRow] = []
    for page, content in zip(pages, contents, strict=True):
        write_whole(library.image_path(document, page.number), content.image)
        figures = [
            replace(figure, tags=tags.get(figure_id(content.id, number), ()))
            for number, figure in enumerate(page.figures)
        ]
        sha = hashlib.sha256(content.image).hexdigest()
        rows.append(replace(page, image_sha=sha, figures=figures))
    return rows
