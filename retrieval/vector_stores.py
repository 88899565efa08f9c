"""What a library keeps single vectors in: part of the composition root, as `optional.py` is.

A library says by its folders which store it was built with: `faiss/` from its beginning on, or none, for Chroma.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from .protocols import VectorStore
from .settings import Settings, VectorStoreName
from .stores.chroma_store import ChromaStore
from .stores.faiss_store import FaissStore


def begin_vectors(library: Path, settings: Settings) -> None:
    """In a new library, decide which store it has from now on."""
    if settings.vector_store == "faiss":
        (library / "faiss").mkdir(exist_ok=True)


def built_with(library: Path) -> VectorStoreName:
    return "faiss" if (library / "faiss").is_dir() else "chroma"


def open_vectors(library: Path, name: str, settings: Settings) -> VectorStore:
    """The store of a library's passages, figures or pages, by that name; opens no file."""
    kind = built_with(library)
    if kind == "faiss":
        return FaissStore(library / kind / name, gpu=settings.device == "auto" or settings.device.startswith("cuda"))
    return ChromaStore(library / kind / name, name)


def verify(stores: Iterable[VectorStore]) -> Iterator[str]:
    """A line for each damaged file of those stores that keep checksums; Chroma keeps none."""
    for store in stores:
        if isinstance(store, FaissStore):
            yield from store.verify()


def described(kind: VectorStoreName) -> str:
    """For people."""
    if kind == "chroma":
        return f"Chroma {version('chromadb')}"
    import faiss

    return f"faiss {faiss.__version__} on {'a GPU' if faiss.get_num_gpus() else 'the processor'}"
