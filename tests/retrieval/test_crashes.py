"""A writer killed at its worst moments: readers never see half of anything, the next writer clears it away."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from drafts import EVERYWHERE, empty_library, traces, write

from pagesight.retrieval import Library
from pagesight.retrieval.vector_stores import verify

# A child that adds the document "tot" and dies at the place that sys.argv[3] names.
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from drafts import empty_library, write
from pagesight.retrieval.catalog import Catalog
from pagesight.retrieval.writer import LibraryWriter

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

library = empty_library(Path(sys.argv[1]))
place = sys.argv[3]
with library.writer() as writer:
    if place == "while rows are written":
        from pagesight.retrieval.stores import segment
        write_behind = segment._write_behind
        segment._write_behind = lambda file, *more: die() if "boxes" in str(file) else write_behind(file, *more)
    if place == "before the words are in the full text":
        library.lexical.add = die
    if place == "before the commit":
        Catalog.put_document = die
    if place == "after the commit that replaced":
        LibraryWriter._purge = die
    if place == "after the removal from the catalog":
        LibraryWriter._purge = die
        writer.remove_sources(["/ä.pdf"])
    path = "/ä.pdf" if place == "after the commit that replaced" else "/tot.pdf"
    write(writer, "tot", path, "Quarzuhrwerk geht", "und steht")
"""


@pytest.fixture(params=["chroma", "faiss"])
def library(tmp_path: Path, request: pytest.FixtureRequest) -> Library:
    library = empty_library(tmp_path / "größen", vector_store=request.param)
    with library.writer() as writer:
        write(writer, "alt", "/ä.pdf", "Wärmepumpe läuft")
    return library


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        ("while rows are written", "alt", "alt"),
        ("before the words are in the full text", "alt", "alt"),
        ("before the commit", "alt", "alt"),
        ("after the commit that replaced", "tot", "tot"),
        ("after the removal from the catalog", None, None),
    ],
)
def test_a_killed_writer_leaves_a_good_library(
    library: Library, child: Callable[..., subprocess.Popen[str]], place: str, before: str | None, after: str | None
):
    process = child(KILLED, library.path, Path(__file__).parents[1], place)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -9, errors

    words = {"alt": "Wärmepumpe", "tot": "Quarzuhrwerk"}
    assert [one.id for one in library.documents()] == ([before] if before else [])
    for id_, word in words.items():
        found = library.channels[0].ask(word).candidates(library.scope())
        assert any(page.startswith(f"{id_}/") for page in found) == (id_ == before)

    with library.writer() as writer:
        for id_, word in words.items():
            assert traces(library, id_, word) == (EVERYWHERE if id_ == after else [])
        assert list(verify([library.words, library.dense])) == []
        write(writer, "neu", "/neu.pdf", "Quarzuhrwerk Wärmepumpe")
    assert traces(library, "neu", "Quarzuhrwerk") == EVERYWHERE
