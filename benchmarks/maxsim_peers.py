"""What others offer for MaxSim on a CPU, each as one function from a query to scores or page numbers.

A peer that cannot be imported raises `Unavailable` with the reason.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from maxsim_data import DIM, Floats
from numpy.typing import NDArray

Scorer = Callable[[Floats], NDArray[Any]]
"""A query `(tokens, dim)` to `(pages,)` float scores, or to whole numbers: the best pages, best first."""


class Unavailable(Exception):
    """The peer is not installed."""


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(str(error)) from error


@contextmanager
def torch_float32(pages: Floats) -> Iterator[Scorer]:
    """What everything is compared with: products of 64 pages at a time, and their maxima."""
    tensor = torch.from_numpy(pages)

    def score(query: Floats) -> NDArray[Any]:
        tokens = torch.from_numpy(query).T
        parts = [(part @ tokens).amax(dim=1).sum(dim=1) for part in tensor.split(64)]
        return torch.cat(parts).numpy()

    with torch.inference_mode():
        yield score


@contextmanager
def colpali_engine(pages: Floats) -> Iterator[Scorer]:
    processing = _imported("colpali_engine.utils.processing_utils").BaseVisualRetrieverProcessor
    rows = list(torch.from_numpy(pages))
    with torch.inference_mode():
        yield lambda query: processing.score_multi_vector([torch.from_numpy(query)], rows, device="cpu")[0].numpy()


@contextmanager
def sentence_transformers(pages: Floats) -> Iterator[Scorer]:
    util, tensor = _imported("sentence_transformers.util"), torch.from_numpy(pages)
    with torch.inference_mode():
        yield lambda query: util.maxsim(torch.from_numpy(query[None]), tensor, device="cpu")[0].numpy()


@contextmanager
def maxsim_cpu(pages: Floats) -> Iterator[Scorer]:
    library = _imported("maxsim_cpu")
    yield lambda query: np.asarray(library.maxsim_scores(query, pages))


@contextmanager
def lancedb_flat(pages: Floats) -> Iterator[Scorer]:
    """A table without an index, cosine, as its documentation shows for late interaction."""
    library, arrow = _imported("lancedb"), _imported("pyarrow")
    kind = arrow.list_(arrow.list_(arrow.float32(), DIM))
    schema = arrow.schema([("id", arrow.int64()), ("vector", kind)])

    def batches() -> Iterator[Any]:
        for start in range(0, len(pages), 64):
            part = pages[start : start + 64]
            rows = arrow.FixedSizeListArray.from_arrays(arrow.array(part.reshape(-1)), DIM)
            starts = np.arange(len(part) + 1, dtype=np.int32) * part.shape[1]
            vectors = arrow.ListArray.from_arrays(arrow.array(starts), rows)
            yield arrow.record_batch([arrow.array(np.arange(start, start + len(part))), vectors], schema=schema)

    with tempfile.TemporaryDirectory() as folder:
        table = library.connect(folder).create_table("pages", schema=schema)
        for batch in batches():
            table.add(arrow.Table.from_batches([batch]))

        def best(query: Floats) -> NDArray[Any]:
            found = table.search(query, vector_column_name="vector").distance_type("cosine").limit(10)
            return np.array([row["id"] for row in found.select(["id", "_distance"]).to_list()], np.int64)

        yield best


@contextmanager
def qdrant_edge(pages: Floats) -> Iterator[Scorer]:
    """A shard without HNSW, dot product."""
    edge = _imported("qdrant_edge")
    vectors = edge.EdgeVectorParams(
        size=DIM,
        distance=edge.Distance.Dot,
        on_disk=True,
        multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10),
    )
    with tempfile.TemporaryDirectory() as folder:
        shard = edge.EdgeShard.create(f"{folder}/shard", edge.EdgeConfig(vectors=vectors))
        for start in range(0, len(pages), 16):
            points = [edge.Point(start + i, page.tolist()) for i, page in enumerate(pages[start : start + 16])]
            shard.update(edge.UpdateOperation.upsert_points(points))

        def best(query: Floats) -> NDArray[Any]:
            asked = edge.QueryRequest(limit=10, query=edge.Query.Nearest(query.tolist()))
            return np.array([point.id for point in shard.query(asked)], np.int64)

        yield best
        shard.close()


PEERS = {
    "colpali-engine": colpali_engine,
    "sentence-transformers": sentence_transformers,
    "maxsim-cpu": maxsim_cpu,
    "lancedb": lancedb_flat,
    "qdrant-edge-py": qdrant_edge,
}
"""By the name of their distribution."""

KEEP_A_COPY = {"lancedb", "qdrant-edge-py"}
"""Engines with a store of their own."""
