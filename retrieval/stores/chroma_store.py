"""Single vectors in Chroma, embedded: one collection, cosine, metadata for filters.

    chroma/passages/            the first database, as Chroma lays it out
    chroma/passages-000001/     the one that compaction wrote in its place; the highest number is the one in use

Chroma 1.5 keeps the vectors of what was deleted, in its queue and in the graph, so compaction writes a new database.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ..errors import MEND
from ..files import folder_whole
from ..sqlite_files import may_write
from ..types import Vectors
from .chroma_copy import copy_collection, get_collection, open_client, writable_copy
from .chroma_files import FILE, Written, damages, databases, half_databases, last_written

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection
    from chromadb.config import System

T = TypeVar("T")

_ATTEMPTS = 3
"""Of a read that another process writes into."""

_VARIABLES = 500
"""Values of an `$in` filter sent at once; Chroma hands them to SQLite, whose oldest limit is 999 a statement."""

_DOCUMENTS = 10_000
"""Of a filter, searched at once: the SQLite in Chroma 1.5 takes 32,766 values, and each part is a search of its own."""

_ROWS = 2_000
"""Read at once by who reads all."""


class _Stamp(NamedTuple):
    """What tells that a database is another one now, or was written to."""

    folder: Path
    file: int
    """Its inode: a folder's name comes again when a library was emptied, compacted, and filled."""
    size: int
    modified: int


class _CompactedError(Exception):
    """The database that was being opened has gone."""


class ChromaStore:
    """A `VectorStore`. Chroma counts distances, smaller is nearer; that stops here."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lock = Lock()
        self._opened: ChromaCollection | None = None
        self._stamp: _Stamp | None = None
        self._written: Written | None = None
        self._writing = False

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        if not keys:
            return
        with self._write(vectors.shape[1]) as collection:
            batch = collection._client.get_max_batch_size()  # Chroma refuses larger ones (5461 in 1.5)
            for begin in range(0, len(keys), batch):
                part = slice(begin, begin + batch)
                # upsert: `add` silently keeps the old vector of an id that is there
                collection.upsert(
                    ids=list(keys[part]),
                    embeddings=vectors[part],
                    metadatas=[{"document": document, "page": page} for page in pages[part]],
                )

    def search(self, query: Vectors, limit: int, documents: Collection[str] | None = None) -> list[tuple[str, float]]:
        if not self._exists() or (documents is not None and not documents):
            return []
        wheres: list[Any] = [None]
        if documents is not None:
            wanted = list(documents)
            parts = [wanted[begin : begin + _DOCUMENTS] for begin in range(0, len(wanted), _DOCUMENTS)]
            wheres = [{"document": {"$in": part}} for part in parts]

        def read(collection: ChromaCollection) -> list[tuple[str, float]]:
            best: list[tuple[str, float]] = []
            for where in wheres:
                found = collection.query(
                    query_embeddings=[query], n_results=limit, where=where, include=["metadatas", "distances"]
                )
                metadatas, distances = (found["metadatas"] or [[]])[0], (found["distances"] or [[]])[0]
                # A vector that another process is just writing or removing has none yet, or no more.
                there = ((entry, far) for entry, far in zip(metadatas, distances, strict=True) if entry)
                best += [(str(entry["page"]), 1.0 - far) for entry, far in there]
            return sorted(best, key=lambda one: -one[1])[:limit]

        return self._read(read)

    def score(self, query: Vectors, pages: Collection[str]) -> dict[str, float]:
        scores: dict[str, float] = {}
        if not pages or not self._exists():
            return scores
        wanted = list(pages)
        for begin in range(0, len(wanted), _VARIABLES):
            where: Any = {"page": {"$in": wanted[begin : begin + _VARIABLES]}}
            found = self._read(
                lambda collection, where=where: collection.get(where=where, include=["metadatas", "embeddings"])
            )
            metadatas, embeddings = found["metadatas"], found["embeddings"]
            if not metadatas or embeddings is None:
                continue
            similarities = np.asarray(embeddings, np.float32) @ query
            for entry, similarity in zip(metadatas, similarities.tolist(), strict=True):
                if entry:
                    page = str(entry["page"])
                    scores[page] = max(similarity, scores.get(page, similarity))
        return scores

    def keys(self, document: str) -> set[str]:
        if not self._exists():
            return set()
        return set(self._read(lambda collection: collection.get(where={"document": document}, include=[]))["ids"])

    def documents(self) -> set[str]:
        found: set[str] = set()
        for rows in self._all(["metadatas"]):
            found |= {str(entry["document"]) for entry in rows["metadatas"] or () if entry}
        return found

    def verify(self) -> Iterator[str]:
        """Chroma keeps no checksums: what it can give back of each vector is taken for whole."""
        if any(damages(self._folder)):  # then Chroma is not asked to open it
            yield from damages(self._folder)
            return
        try:
            for _ in self._all(["metadatas", "embeddings"]):
                pass
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of Chroma's Rust part is no `Exception`
            said = (str(error) or type(error).__name__).splitlines()[0]
            yield f"{self._folder} cannot be read ({said}); {MEND}"

    def drop_damaged(self) -> None:
        """All of it: nobody can tell what is whole."""
        if any(self.verify()):
            self._delete([*half_databases(self._folder), *self._databases()])

    def remove(self, document: str) -> None:
        if self._exists():
            with self._write() as collection:
                collection.delete(where={"document": document})

    def compact(self) -> None:
        """Write what is left into a new database, and delete the old one. Raises `OSError` when it cannot."""
        from chromadb.errors import ChromaError

        try:
            self._compact()
        except ChromaError as error:
            raise OSError(f"Chroma could not write {self._folder} anew: {error}") from error

    def _compact(self) -> None:
        if not self._exists():
            return
        collection, old = self._collection(), self._databases()
        if collection.count():
            number = int(old[-1].name.removeprefix(self._folder.name).removeprefix("-") or 0) + 1
            with folder_whole(self._folder.with_name(f"{self._folder.name}-{number:06d}")) as folder:
                copy_collection(collection, folder, self._name)
        self._delete(old)

    def _delete(self, folders: Sequence[Path]) -> None:
        with self._lock:
            systems, self._opened = [_forget(folder) for folder in folders], None
        for system in systems:
            if system is not None:
                system.stop()  # lets go of the files at once; who reads from them now reads again
        for folder in folders:
            # Away first: a reader that opens it now would make a new one, in the midst of what is being deleted.
            shutil.rmtree(folder.rename(folder.with_name(f".new-gone-{folder.name}")))

    def _all(self, what: list[Any]) -> Iterator[Any]:
        """All rows, some thousand at a time."""
        count = self._read(lambda collection: collection.count()) if self._exists() else 0
        for begin in range(0, count, _ROWS):
            yield self._read(lambda collection, begin=begin: collection.get(include=what, limit=_ROWS, offset=begin))

    def _databases(self) -> list[Path]:
        return databases(self._folder)

    def _exists(self) -> bool:
        """Readers must not create an empty database in a library that has no vectors yet."""
        return bool(self._databases())

    def _read(self, read: Callable[[ChromaCollection], T]) -> T:
        """Read what is on disk now, also when another process writes to it or compacts it meanwhile."""
        from chromadb.errors import ChromaError

        for _ in range(_ATTEMPTS - 1):
            database = self._in_use()
            try:
                return read(self._collection())
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                # ChromaError: written between the look at the file and the read, or the collection was made anew. Of a
                # database that was compacted away Chroma 1.5 says many things; a panic of its Rust part is no
                # `Exception`.
                if not isinstance(error, ChromaError) and self._in_use() == database:
                    raise
                with self._lock:
                    self._opened = None
        return read(self._collection())

    @contextmanager
    def _write(self, dim: int | None = None) -> Iterator[ChromaCollection]:
        """The collection, for writing; `dim`: it is to take vectors of that size, if it is empty."""
        collection = self._collection()
        self._writing = True  # what this client writes, it knows
        try:
            if dim is not None and not collection.count():
                client = open_client(self._databases()[-1])
                collection = get_collection(client, self._name)
                if collection._model.dimension not in (None, dim):  # kept when all its vectors are gone
                    client.delete_collection(self._name)
                    collection = get_collection(client, self._name)
                self._opened = collection
            yield collection
        finally:
            with self._lock:
                self._stamp = self._look()
                self._written = None if self._stamp is None else last_written(self._stamp.folder)
                self._writing = False

    def _collection(self) -> ChromaCollection:
        """The collection; opened anew when another process has written to it.

        An open client of Chroma 1.5 does not follow another process: `query` misses its new vectors, and `get` fails on
        them ("Error executing plan: Internal error: Error finding id").
        """
        with self._lock:
            if self._opened is not None and (self._writing or not self._changed()):
                return self._opened
            stamp = self._look()
            folder = self._folder if stamp is None else stamp.folder
            if stamp is None:
                folder.mkdir(parents=True, exist_ok=True)
            written = last_written(folder)  # before the client reads: it may know more than this, never less
            place = folder if may_write(folder / FILE) else self._copied(folder)
            # Chroma shares a client among all who open the folder, stale as it is.
            _forget(place)
            opened = get_collection(open_client(place), self._name)
            now = self._look()
            if now is None or now.folder != folder:  # compacted meanwhile, and what Chroma opened is a new, empty one
                raise _CompactedError(folder)
            self._opened, self._stamp, self._written = opened, now, written
            return self._opened

    def _copied(self, folder: Path) -> Path:
        copy = writable_copy(folder)
        weakref.finalize(self, shutil.rmtree, copy, ignore_errors=True)
        return copy

    def _changed(self) -> bool:
        """Whether another process has added, removed or compacted something since the client was opened.

        The file alone does not say: Chroma writes into it whenever a client is opened, so that each reader would make
        all readers open another with each read (`open` in benchmarks/vector_stores.py).
        """
        stamp = self._look()
        if stamp == self._stamp:
            return False
        if stamp is None or self._stamp is None or stamp[:2] != self._stamp[:2]:
            return True
        written = last_written(stamp.folder)
        if written is None or written != self._written:
            return True
        self._stamp = stamp
        return False

    def _in_use(self) -> tuple[Path, int] | None:
        """Which database, whatever was written to it."""
        stamp = self._look()
        return None if stamp is None else (stamp.folder, stamp.file)

    def _look(self) -> _Stamp | None:
        """Which database is in use, with size and time of its file; `None` before there is one."""
        for folder in reversed(self._databases()):
            try:
                stat = (folder / FILE).stat()
            except FileNotFoundError:  # compacted meanwhile
                return self._look()
            return _Stamp(folder, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        return None


def _forget(folder: Path) -> System | None:
    from chromadb.api.shared_system_client import SharedSystemClient

    return SharedSystemClient._identifier_to_system.pop(str(folder), None)
