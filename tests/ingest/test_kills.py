"""Adding a folder, killed again and again: in the end the library is the one that is built in one go."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import killed_runs
import numpy as np
import pdfs
import pytest
from drafts import empty_library

from pagesight.ingest import add
from pagesight.retrieval import Library
from pagesight.retrieval.protocols import VectorStore
from pagesight.retrieval.stores.chroma_store import ChromaStore
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.vector_stores import verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty-five files: most of a few pages, four of twenty, one of them without its third; twins; one is broken."""
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    for n in range(42):
        count = 20 if n % 10 == 3 else 1 + n % 3
        pages = [pdfs.text_page(f"Wärmepumpe {n} Seite {page}") for page in range(1, count + 1)]
        if n == 13:
            pages[2] = pdfs.text_page("Größe", box=(0, 0, 90_000, 90_000))
        (folder / f"ä{n:02}.pdf").write_bytes(pdfs.pdf(*pages, title=f"Größe {n}"))
    for n in (4, 23):
        (folder / f"zwilling {n}.pdf").write_bytes((folder / f"ä{n:02}.pdf").read_bytes())
    (folder / "kaputt.pdf").write_bytes(b"%PDF-1.7 nichts")
    return folder


def vectors_of(store: VectorStore) -> list[Any]:
    """What a store holds: key, document, page and vector of each row."""
    if isinstance(store, ChromaStore):
        found = store._collection().get(include=["embeddings", "metadatas"])
        assert found["embeddings"] is not None
        assert found["metadatas"] is not None
        vectors = np.asarray(found["embeddings"]).tolist()
        owners = ((one["document"], one["page"]) for one in found["metadatas"])
        return sorted(zip(found["ids"], owners, vectors, strict=True))
    assert isinstance(store, FaissStore)
    state, rows = store._now(), []
    for name, segment in state.segments.items():
        alive = state.alive[name]
        some = segment.entries(np.arange(len(segment)) if alive is None else np.flatnonzero(alive))
        rows += zip(some.keys, zip(some.documents, some.pages, strict=True), some.vectors.tolist(), strict=True)
    return sorted(rows)


def rows_of(library: Library) -> list[object]:
    """Everything in the library but times, row for row and vector for vector."""
    library.lexical.compact()  # pages that were deleted count in what is rare until they have gone
    documents = library.documents()
    pages = {page.id: page for one in documents for page in library.catalog.pages_of(one.id)}
    question = library._words.encode_query("Wärmepumpe 13 Seite")
    return [
        sorted((one.id, one.title, one.sources, one.pages, one.state, one.reason, one.bytes) for one in documents),
        sorted((one.path, one.document, one.bytes, one.reason) for one in library.catalog.sources()),
        [(page, library.page_words(id_), library.catalog.image_sha(id_)) for id_, page in sorted(pages.items())],
        library.catalog.rows("SELECT id, page, kind, x0, y0, x1, y1, hash, tags FROM figures ORDER BY id"),
        vectors_of(library.dense),
        sorted(library.words.score(question).items()),
        [[array.tolist() for array in library.words.similarities(question, id_) or ()] for id_ in sorted(pages)],
        sorted(library.lexical.search("Wärmepumpe 13").items()),
        sorted(library.lexical.search_documents("Wärmepumpe 13").items()),
        sorted((path.name, path.read_bytes()) for path in library.path.glob("pages/*/*")),
        library.catalog.jobs() + library.catalog.rows("SELECT * FROM draft_pages"),
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("store", "kills"), [("faiss", 62), ("chroma", 24)])
def test_killed_again_and_again_the_library_is_the_one_that_is_built_in_one_go(
    folder: Path, tmp_path: Path, store: str, kills: int
):
    path, options = tmp_path / "бібліотека", killed_runs.stored_in(store)
    done = subprocess.run(
        [sys.executable, killed_runs.__file__, path, folder, store, str(kills)],
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["reader"] == 0, f"one who searched saw something that was not whole: {done.stderr[-3000:]}"
    assert said["kills"] >= kills - 2
    assert said["searches"] > 0
    with empty_library(path, **options) as library:
        outcomes = list(add(library, [folder]))
        assert {outcome.state for outcome in outcomes} == {"unchanged", "failed"}
        killed = rows_of(library)
        assert list(verify([library.words, library.dense])) == []
    with empty_library(tmp_path / "на раз", **options) as library:
        list(add(library, [folder]))
        at_once = rows_of(library)
    assert killed == at_once
