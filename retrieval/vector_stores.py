"""What a library keeps its vectors in: part of the composition root, as `optional.py` is.

A library says by what is in it which stores it was built with. Single vectors: `faiss/` from its beginning on, or none,
for Chroma. Pages of many vectors: `qdrant.json`, the server that has them, or none, for segments of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from .errors import CorruptFile
from .files import write_whole
from .protocols import MultiVectorStore, VectorStore
from .settings import Settings, VectorStoreName
from .stores.chroma_store import ChromaStore
from .stores.faiss_store import FaissStore
from .stores.multivectors import MultiVectorSegments
from .stores.qdrant_store import QdrantStore, connect

SERVER = "qdrant.json"
"""The address of the server, and what the names of the library's collections on it begin with."""


def begin_vectors(library: Path, settings: Settings) -> None:
    """In a new library, decide which stores it has from now on."""
    if settings.vector_store == "faiss":
        (library / "faiss").mkdir(exist_ok=True)
    if settings.qdrant_url:
        said = {"url": settings.qdrant_url, "collections": f"pagesight-{uuid.uuid4().hex}"}
        write_whole(library / SERVER, json.dumps(said, indent=2).encode())


def built_with(library: Path) -> VectorStoreName:
    return "faiss" if (library / "faiss").is_dir() else "chroma"


def open_vectors(library: Path, name: str, settings: Settings) -> VectorStore:
    """The store of a library's passages, figures or pages, by that name; opens no file."""
    kind = built_with(library)
    if kind == "faiss":
        return FaissStore(library / kind / name, gpu=_may_use_gpu(settings))
    return ChromaStore(library / kind / name, name)


def open_multivectors(library: Path, name: str, encoder: str | None, settings: Settings) -> MultiVectorStore:
    """The store of a library's words or page pictures, by that name, for vectors of that encoder; `None`: of any.

    Opens no file of the store, and asks no server. Raises `CorruptFile`, and `LibraryError` without Qdrant's client.
    """
    file = library / SERVER
    if not file.is_file():
        return MultiVectorSegments(library / "multivectors" / name, encoder, gpu=_may_use_gpu(settings))
    try:
        said = json.loads(file.read_bytes())
        url, collection = settings.qdrant_url or str(said["url"]), f"{said['collections']}-{name}"
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); restore it, or add the documents to a new library.") from error
    key = settings.qdrant_key
    return QdrantStore(connect(url, key.get_secret_value() if key else None), collection)


def verify(stores: Iterable[VectorStore | MultiVectorStore]) -> Iterator[str]:
    """A line for each thing in these stores that is damaged."""
    for store in stores:
        yield from store.verify()


def described(kind: VectorStoreName, settings: Settings) -> str:
    """For people."""
    if kind == "chroma":
        return f"Chroma {version('chromadb')}"
    import faiss

    gpu = _may_use_gpu(settings) and faiss.get_num_gpus() > 0
    return f"faiss {faiss.__version__} on {'a GPU' if gpu else 'the processor'}"


def _may_use_gpu(settings: Settings) -> bool:
    return settings.device == "auto" or settings.device.startswith("cuda")
