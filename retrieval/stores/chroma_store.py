"""Single vectors in Chroma, embedded: one collection, cosine, metadata for filters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

_VARIABLES = 500
"""Values of an `$in` filter sent at once; Chroma hands them to SQLite, whose oldest limit is 999 a statement."""


class ChromaStore:
    """A `VectorStore`. Chroma counts distances, smaller is nearer; that stops here."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lock = Lock()
        self._opened: ChromaCollection | None = None

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        if not keys:
            return
        collection = self._collection
        batch = collection._client.get_max_batch_size()
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
        found = self._collection.query(
            query_embeddings=[query], n_results=limit, where=where, include=["metadatas", "distances"]
        )
        metadatas, distances = (found["metadatas"] or [[]])[0], (found["distances"] or [[]])[0]
        return [(str(entry["page"]), 1.0 - distance) for entry, distance in zip(metadatas, distances, strict=True)]

    def score(self, query: Vectors, pages: Collection[str]) -> dict[str, float]:
        scores: dict[str, float] = {}
        if not pages or not self._exists():
            return scores
        wanted = list(pages)
        for begin in range(0, len(wanted), _VARIABLES):
            found = self._collection.get(
                where={"page": {"$in": wanted[begin : begin + _VARIABLES]}},  # pyright: ignore[reportArgumentType]
                include=["metadatas", "embeddings"],
            )
            metadatas, embeddings = found["metadatas"], found["embeddings"]
            if not metadatas or embeddings is None:
                continue
            similarities = np.asarray(embeddings, np.float32) @ query
            for entry, similarity in zip(metadatas, similarities.tolist(), strict=True):
                page = str(entry["page"])
                scores[page] = max(similarity, scores.get(page, similarity))
        return scores

    def remove(self, document: str) -> None:
        if self._exists():
            self._collection.delete(where={"document": document})

    def _exists(self) -> bool:
        """Readers must not create an empty database in a library that has no vectors yet."""
        return self._opened is not None or (self._folder / "chroma.sqlite3").is_file()

    @property
    def _collection(self) -> ChromaCollection:
        with self._lock:
            if self._opened is None:
                import chromadb
                from chromadb.config import Settings

                self._folder.mkdir(parents=True, exist_ok=True)
                client = chromadb.PersistentClient(str(self._folder), Settings(anonymized_telemetry=False))
                self._opened = client.get_or_create_collection(
                    self._name,
                    configuration={"hnsw": {"space": "cosine"}},  # the default is squared L2
                    embedding_function=None,  # vectors come from us; Chroma's own would download a model
                )
            return self._opened
