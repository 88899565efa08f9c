"""Chroma's clients and collections; copies of those that compaction frees of all else, or that may only be read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection

_COPIED = 2_000
"""Vectors that compaction reads at once; Chroma adds no more than 5461."""

_COPY_SECONDS, _COPIED_A_SECOND = 600.0, 100
"""For starting the process that copies, and what the slowest machine copies; ordinary ones copy some thousands."""


def copy_collection(collection: ChromaCollection, folder: Path, name: str) -> None:
    """Write a collection into a new database in `folder`, in a process of its own. Raises `OSError` when that fails.

    Chroma stores its graph with room to spare, filled with whatever lay in memory, and in this process that can be
    a vector that was removed.
    """
    parts = folder / "parts"
    parts.mkdir()
    rows = collection.count()
    for begin in range(0, rows, _COPIED):
        found = collection.get(include=["metadatas", "embeddings"], limit=_COPIED, offset=begin)
        assert found["embeddings"] is not None
        np.save(parts / f"{begin:012d}.npy", np.asarray(found["embeddings"], np.float32))
        entries = {"ids": found["ids"], "metadatas": found["metadatas"]}
        (parts / f"{begin:012d}.json").write_text(json.dumps(entries))
    seconds = _COPY_SECONDS + rows / _COPIED_A_SECOND
    try:
        done = subprocess.run(
            # -P: without it, a numpy.py or json.py in the current folder would be run
            [sys.executable, "-P", "-c", f"from {__name__} import fill; fill()", str(folder), name],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"Chroma could not write {folder} within {seconds:.0f} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it was killed"]
        raise OSError(f"Chroma could not write {folder}: {said[-1]}")
    shutil.rmtree(parts)


def fill() -> None:
    """In a process of its own: make the database in the folder `sys.argv[1]` from the parts that lie there."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    client = open_client(folder)
    copy = get_collection(client, name)
    for file in sorted((folder / "parts").glob("*.json")):
        rows = json.loads(file.read_text())
        copy.add(ids=rows["ids"], embeddings=np.load(file.with_suffix(".npy")), metadatas=rows["metadatas"])
    client.close()  # pyright: ignore[reportAttributeAccessIssue]  # of all clients but not of their interface


def writable_copy(folder: Path) -> Path:
    """A copy of a database among temporary files: Chroma 1.5 writes to what it opens, also to read from it."""
    copy = Path(tempfile.mkdtemp(prefix="pagesight-chroma-"))
    shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for part in (copy, *copy.rglob("*")):
        part.chmod(0o700 if part.is_dir() else 0o600)
    return copy


def open_client(folder: Path) -> ClientAPI:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))


def get_collection(client: ClientAPI, name: str) -> ChromaCollection:
    return client.get_or_create_collection(
        name,
        configuration={"hnsw": {"space": "cosine"}},  # the default is squared L2
        embedding_function=None,  # vectors come from us; Chroma's own would download a model
    )
