"""Single vectors in Chroma, embedded: one collection, cosine, metadata for filters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..types import Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

T = TypeVar("T")

_ATTEMPTS = 3
"""Of a read that another process writes into."""

_VARIABLES = 500
"""Values of an `$in` filter sent at once; Chroma hands them to SQLite, whose oldest limit is 999 a statement."""


class ChromaStore:
    """A `VectorStore`. Chroma counts distances, smaller is nearer; that stops here."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lock = Lock()
        self._opened: ChromaCollection | None = None
        self._stamp: tuple[int, int] | None = None
        self._written: tuple[int, int] | None = None
        self._writing = False

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        if not keys:
            return
        with self._write() as collection:
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
        where: Any = None if documents is None else {"document": {"$in": list(documents)}}
        found = self._read(
            lambda collection: collection.query(
                query_embeddings=[query], n_results=limit, where=where, include=["metadatas", "distances"]
            )
        )
        metadatas, distances = (found["metadatas"] or [[]])[0], (found["distances"] or [[]])[0]
        return [(str(entry["page"]), 1.0 - distance) for entry, distance in zip(metadatas, distances, strict=True)]

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
                page = str(entry["page"])
                scores[page] = max(similarity, scores.get(page, similarity))
        return scores

    def keys(self, document: str) -> set[str]:
        if not self._exists():
            return set()
        return set(self._read(lambda collection: collection.get(where={"document": document}, include=[]))["ids"])

    def remove(self, document: str) -> None:
        if self._exists():
            with self._write() as collection:
                collection.delete(where={"document": document})

    def _exists(self) -> bool:
        """Readers must not create an empty database in a library that has no vectors yet."""
        return self._opened is not None or (self._folder / "chroma.sqlite3").is_file()

    def _read(self, read: Callable[[ChromaCollection], T]) -> T:
        """Read what is on disk now, also when another process writes to it meanwhile."""
        from chromadb.errors import InternalError

        for _ in range(_ATTEMPTS - 1):
            try:
                return read(self._collection())
            except InternalError:  # written between the look at the file and the read
                with self._lock:
                    self._opened = None
        return read(self._collection())

    @contextmanager
    def _write(self) -> Iterator[ChromaCollection]:
        collection = self._collection()
        self._writing = True  # what this client writes, it knows
        try:
            yield collection
        finally:
            with self._lock:
                self._stamp, self._written = self._look(), self._last_written()
                self._writing = False

    def _collection(self) -> ChromaCollection:
        """The collection; opened anew when another process has written to it.

        An open client of Chroma 1.5 does not follow another process: `query` misses its new vectors, and `get` fails on
        them ("Error executing plan: Internal error: Error finding id").
        """
        with self._lock:
            if self._opened is not None and (self._writing or not self._changed()):
                return self._opened
            import chromadb
            from chromadb.api.shared_system_client import SharedSystemClient
            from chromadb.config import Settings

            self._folder.mkdir(parents=True, exist_ok=True)
            written = self._last_written()  # before the client reads: it may know more than this, never less
            # Chroma shares a client among all who open the folder, stale as it is.
            SharedSystemClient._identifier_to_system.pop(str(self._folder), None)
            client = chromadb.PersistentClient(str(self._folder), Settings(anonymized_telemetry=False))
            self._opened = client.get_or_create_collection(
                self._name,
                configuration={"hnsw": {"space": "cosine"}},  # the default is squared L2
                embedding_function=None,  # vectors come from us; Chroma's own would download a model
            )
            self._stamp, self._written = None, written
            return self._opened

    def _changed(self) -> bool:
        """Whether another process has added or removed something since the client was opened.

        The file alone does not say: Chroma writes into it whenever a client is opened, so that each reader would make
        all readers open another, 15 to 40 ms each time.
        """
        stamp = self._look()
        if stamp is not None and stamp == self._stamp:
            return False
        written = self._last_written()
        if written is None or written != self._written:
            return True
        self._stamp = stamp
        return False

    def _last_written(self) -> tuple[int, int] | None:
        """The last record in the queue, and how far the indexes have read it; `None` when that cannot be told."""
        file = self._folder / "chroma.sqlite3"
        try:
            with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                (queued,) = connection.execute("SELECT coalesce(max(seq_id), 0) FROM embeddings_queue").fetchone()
                (indexed,) = connection.execute("SELECT coalesce(sum(seq_id), 0) FROM max_seq_id").fetchone()
        except sqlite3.Error:  # no database yet, another layout, or locked for longer than is worth waiting
            return None
        return queued, indexed

    def _look(self) -> tuple[int, int] | None:
        """Size and time of the database file; `None` before there is one."""
        try:
            stat = (self._folder / "chroma.sqlite3").stat()
        except FileNotFoundError:
            return None
        return stat.st_size, stat.st_mtime_ns
