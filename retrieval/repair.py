"""Mending a library: what its indexes lack is made from the catalog, what nothing refers to goes.

Each step finds out by itself what is left to do and changes files whole, so that a repair may be killed anywhere and
run again. What only a document's own file can tell is asked of `SourceFiles`, which the room that reads files provides.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .catalog import Catalog, PageRow, page_id
from .catalog_checkup import DROPPED, LONGER, LostPage, generation_sound, lost_pages, unreadable
from .checkup import CHANNELS, stores_of
from .encode import encode, missing
from .errors import DocumentError, LibraryError
from .files import write_whole
from .inventory import Inventory
from .lock import writing
from .optional import OPTIONAL, Part
from .picture_checkup import damaged_pictures, leftovers
from .sources import find_source, paths_of
from .types import Page, PageContent, Word

if TYPE_CHECKING:
    from .library import Library
    from .writer import LibraryWriter

BATCH = 8
"""Pages encoded together."""

Say = Callable[[str], None]
"""Told in a line what was mended, or why not."""


class SourceFiles(Protocol):
    """What a document's words and file tell beside what the catalog keeps."""

    def headings(self, page: Page, words: Sequence[Word]) -> str:
        """The headings of a page, one a line, as they were indexed when it was read."""
        ...

    def name(self, path: str) -> str:
        """A file's name as it is indexed."""
        ...

    def draw(self, file: Path, pages: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Numbers and pictures of those of these pages that can be drawn, WebP."""
        ...

    def read_again(self, file: Path) -> None:
        """Read those pages of a document that count as failed, and put them into the library."""
        ...


def repair(library: Library, files: SourceFiles, say: Say = lambda _: None) -> None:
    """Mend what can be mended; what is left is for `checkup.check` to say, a catalog that cannot be read among it.

    Raises `LibraryLocked` when another process is writing, and `LibraryError` where nobody may write.
    """
    if unreadable(library.path / "catalog.sqlite") is not None:
        return
    with writing(library.path):  # before a writer is opened: what it clears away, it asks the stores about
        _mend_rows(library.catalog, say)
        _drop_damaged(library, say)
    with library.writer() as writer:
        writer.remove_sources([])  # as the next change of any source would
        lost = _set_aside(library, say)
        _clear_away(library, writer, say)
        for channel in ("lexical", "dense", "words"):
            _fill(library, channel, files, say)
        _draw_again(library, files, say)
    for document in lost:
        source = find_source(library.catalog, document)
        if source is not None:
            files.read_again(source)
            say(f"catalog: pages of {source.name} are read again")
    _encode(library, say)


def _mend_rows(catalog: Catalog, say: Say) -> None:
    """Rows of the catalog that contradict others."""
    dropped = {what: rows for what, rows in DROPPED.items() if catalog.rows(f"SELECT 1 {rows} LIMIT 1")}
    longer = catalog.rows(LONGER)
    if dropped or longer or not generation_sound(catalog):
        with catalog.transaction(seen=False) as connection:
            for rows in dropped.values():
                connection.execute(f"DELETE {rows}")
            connection.executemany("UPDATE documents SET pages = ?2 WHERE id = ?1", longer)
            if not generation_sound(catalog):
                connection.execute("DELETE FROM counters WHERE name = 'generation'")
                # Another number than any reader has seen: no library has changed as often as seconds have passed.
                connection.execute("INSERT INTO counters VALUES ('generation', ?)", (int(time.time()),))
            connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'generation'")
        say("catalog: " + "; ".join([*dropped, *(["page counts"] if longer else []), "mended"]))


def _drop_damaged(library: Library, say: Say) -> None:
    for channel in CHANNELS:
        if any(line for store in stores_of(library, channel) for line in store.verify()):
            with library.catalog.transaction(seen=False) as connection:
                # Nobody goes on with what waits: its rows may be among those that go, and nobody would look for them.
                connection.execute("UPDATE jobs SET made = ''")
            for store in stores_of(library, channel):
                store.drop_damaged()
            say(f"{channel}: what was damaged is dropped")


def _set_aside(library: Library, say: Say) -> list[str]:
    """Make pages whose rows are lost or damaged count as failed, as far as their files are there to read them again.

    Pages that are not there at all count as failed in any case. Returns the documents to read again.
    """
    lost = sorted(lost_pages(library.catalog), key=lambda one: (one.document, one.number))
    again = []
    for document, found in groupby(lost, key=lambda one: one.document):
        there = find_source(library.catalog, document) is not None
        pages = [page for page in found if there or not _is_there(library.catalog, page)]
        if there:
            again.append(document)
        if pages:
            rows = [PageRow(one.number, 0.0, 0.0, 0, None, "none", failure=one.why) for one in pages]
            library.catalog.replace_pages(document, rows, "partial", rows[0].failure)
    return again


def _is_there(catalog: Catalog, page: LostPage) -> bool:
    return bool(catalog.rows("SELECT 1 FROM pages WHERE id = ?", (page_id(page.document, page.number),)))


def _clear_away(library: Library, writer: LibraryWriter, say: Say) -> None:
    """Files and index rows that nothing refers to."""
    with _inventory(library) as inventory:
        for left in list(leftovers(inventory, library.path)):
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            say(f"orphans: {left.relative_to(library.path)} is removed")
        for channel in CHANNELS:
            strange = inventory.difference(library, channel).strange
            if channel in OPTIONAL and _parts(library)[channel].encoder is None:
                strange -= inventory.documents  # nobody could make anew what is right of them
            for document in sorted(strange):
                # Of a document that is there, what is right goes as well; it is made again below, or by `encode`.
                for store in stores_of(library, channel):
                    store.remove(document)
                say(f"orphans: {document[:12]} is removed from {channel}")


def _fill(library: Library, channel: str, files: SourceFiles, say: Say) -> None:
    """Index pages that a channel lacks, from the catalog."""
    with _inventory(library) as inventory:
        lacking = sorted(inventory.difference(library, channel).missing)
    by_document = groupby(lacking, key=lambda page: page.rpartition("/")[0])
    for document, found in by_document:
        pages = list(found)
        for batch in (pages[begin : begin + BATCH] for begin in range(0, len(pages), BATCH)):
            if channel == "lexical":
                _index_text(library, document, batch, files)
            else:
                _index_vectors(library, channel, document, batch)
        if channel == "lexical":
            library.lexical.seal(document)
    if lacking:
        say(f"{channel}: {len(lacking)} pages are indexed again")


def _index_text(library: Library, document: str, pages: Sequence[str], files: SourceFiles) -> None:
    paths = paths_of(library.catalog, document)
    name = files.name(paths[0]) if paths else ""
    languages = dict(library.catalog.rows("SELECT id, language FROM pages WHERE document = ?", (document,)))
    texts = {}
    for id_, page in library.catalog.pages(pages).items():
        headings = files.headings(page, library.catalog.words(id_))
        texts[id_] = {
            "body": page.text or "",
            "title": page.title,
            "headings": headings,
            "name": name,
            "language": languages.get(id_) or "",
        }
    library.lexical.add(document, texts)


def _index_vectors(library: Library, channel: str, document: str, pages: Sequence[str]) -> None:
    """Into `dense` or `words`: one encoder makes both."""
    catalog = library.catalog
    contents = [
        PageContent(id_, page.title, catalog.words(id_), catalog.passages(id_), b"", page.width, page.height)
        for id_, page in catalog.pages(pages).items()
    ]
    vectors = library.page_encoder.encode_pages(contents)
    if channel == "words":
        library.words.add(document, vectors)
        return
    keys = [(content.id, f"{content.id}#{i}") for content in contents for i in range(len(content.passages))]
    rows = np.concatenate([page.passages for page in vectors if page.passages is not None])
    library.dense.add(document, [page for page, _ in keys], [key for _, key in keys], rows)


def _draw_again(library: Library, files: SourceFiles, say: Say) -> None:
    """Pictures that are missing or damaged, of documents whose files are there as they were."""
    with _inventory(library) as inventory:
        wrong = sorted(damaged_pictures(inventory, library.path))
    for document, found in groupby(wrong, key=lambda page: page.rpartition("/")[0]):
        source = find_source(library.catalog, document)
        if source is None:
            continue
        numbers = sorted(int(page.rpartition("/")[2]) for page in found)
        drawn = 0
        try:
            for number, picture in files.draw(source, numbers):
                _put_picture(library, document, number, picture)
                drawn += 1
        except DocumentError as error:
            say(f"pictures: {error}")
        say(f"pictures: {drawn} of {len(numbers)} pages of {source.name} are drawn again")


def _put_picture(library: Library, document: str, number: int, picture: bytes) -> None:
    write_whole(library.image_path(document, number), picture)
    sha, id_ = hashlib.sha256(picture).hexdigest(), page_id(document, number)
    if sha != library.catalog.image_sha(id_):  # drawn at another resolution, or by another version
        with library.catalog.transaction() as connection:
            connection.execute("UPDATE pages SET image_sha = ? WHERE id = ?", (sha, id_))


def _encode(library: Library, say: Say) -> None:
    """Pages that an optional channel lacks, where its model is there."""
    for channel in OPTIONAL:
        if channel not in library.manifest.encoders or _parts(library)[channel].encoder is None:
            continue
        if missing(library, channel):
            try:
                new = sum(step.new for step in encode(library.path, channel, library.settings))
            except LibraryError as error:  # a picture that could not be drawn again
                say(f"{channel}: {error}")
            else:
                say(f"{channel}: {new} pages are encoded again")


def _parts(library: Library) -> Mapping[str, Part[Any]]:
    return {"visual": library.visual_part, "image": library.image_part}


def _inventory(library: Library) -> Inventory:
    return Inventory(library.path / "catalog.sqlite", alone=True)
