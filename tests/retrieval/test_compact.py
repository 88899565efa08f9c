"""Compaction: nothing of what was removed is left in any file, whatever stops it, and nobody who reads notices."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from drafts import EVERYWHERE, empty_library, traces, write
from fakes import FakeTextEncoder

from pagesight.retrieval import Answer, Library, compact
from pagesight.retrieval.errors import LibraryError
from pagesight.retrieval.journal import Journal

SECRET, SECRET_ID, KEPT = "Quarzuhrwerk tickt", "geheimakte", "Wärmepumpe läuft"
PAGES = 30

# A child that compacts and dies at the place that sys.argv[3] names.
KILLED = """
import os, shutil, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from drafts import empty_library
from pagesight.retrieval import compact, files, journal
from pagesight.retrieval.catalog import Catalog
from pagesight.retrieval.stores import chroma_store
from pagesight.retrieval.stores.tantivy_index import TantivyIndex

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place = sys.argv[3]
if place == "after the catalog":
    TantivyIndex.compact = die
if place == "while vectors are copied":
    chroma_store.copy_collection = lambda collection, folder, name: ((folder / "half").write_text("Hälfte"), die())
if place == "before old vectors go":
    real = shutil.rmtree
    shutil.rmtree = lambda folder, **more: die() if "chroma" in str(folder) else real(folder, **more)
with empty_library(Path(sys.argv[1])).writer() as writer:
    writer.compact()
"""

# A child that searches for what stays until its stdin ends, and says how often it was not found.
SEARCHING = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from drafts import empty_library
library = empty_library(Path(sys.argv[1]))
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set())).start()
missed = searches = 0
while not done.is_set() or searches < 3:
    searches += 1
    hits = library.retrieve("Wärmepumpe läuft", k=3)
    missed += not hits or any(name not in hits[0].channels for name in ("lexical", "dense", "words"))
    if searches == 3:
        print("searching", flush=True)
print(missed, flush=True)
"""


@pytest.fixture
def library(tmp_path: Path, request: pytest.FixtureRequest) -> Library:
    library = empty_library(tmp_path / "größen", vector_store=getattr(request, "param", "chroma"))
    with library.writer() as writer:
        write(writer, "offen", "/offen.pdf", *[KEPT] * 3)
        write(writer, SECRET_ID, f"/{SECRET}.pdf", *[f"{SECRET} {n}" for n in range(PAGES)])
        writer.set_metadata([SECRET_ID], {"owner": SECRET})
    journal = Journal(library.path, library.catalog)
    hits = tuple(library.retrieve("Quarzuhrwerk", where={"document": [SECRET_ID]}))
    journal.say(journal.begin("дехто", "Розмова"), "", Answer("Що?", f"„{SECRET}“", (), hits, "fake"))
    journal.close()
    return library


@pytest.fixture
def removed(library: Library) -> Library:
    with library.writer() as writer:
        assert writer.remove_sources([f"/{SECRET}.pdf"]) == [SECRET_ID]
    return library


def left(library: Library) -> list[str]:
    """Files that hold something of the removed document: its words, its name, its vectors."""
    vectors = FakeTextEncoder(384).encode_document([f"{SECRET} {n}" for n in range(PAGES)])
    rounded = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = [SECRET.encode(), b"quarzuhrwerk", SECRET_ID.encode()]
    wanted += [row.tobytes()[:32] for rows in (vectors, rounded) for row in rows.astype(np.float32)]
    found = []
    for file in sorted(library.path.rglob("*")):
        with suppress(FileNotFoundError):
            data = file.read_bytes() if file.is_file() else b""
            if any(one in data or one in data.lower() for one in wanted):
                found.append(file.relative_to(library.path).as_posix())
    return found


@pytest.mark.parametrize(
    ("library", "parts"),
    [("chroma", {"catalog.sqlite-wal", "chroma"}), ("faiss", {"catalog.sqlite-wal"})],
    indirect=["library"],
)
def test_nothing_of_a_removed_document_is_left_in_any_file(removed: Library, parts: set[str]):
    assert {name.split("/")[0] for name in left(removed)} >= parts, "or this tests nothing"
    with removed.writer() as writer:
        done = writer.compact()
    assert left(removed) == []
    assert sum(done.after.values()) < sum(done.before.values())
    for part in parts:
        assert done.after.get(part, 0) < done.before[part], part
    assert traces(removed, "offen", "Wärmepumpe") == EVERYWHERE
    with removed.writer() as writer:
        write(writer, "neu", "/neu.pdf", "Größe der Fläche")
    assert traces(removed, "neu", "Fläche") == EVERYWHERE
    assert traces(removed, "offen", "Wärmepumpe") == EVERYWHERE


def test_scores_are_the_same_afterwards(removed: Library):
    before = removed.retrieve("läuft die Wärmepumpe", k=9)
    with removed.writer() as writer:
        writer.compact()
        writer.compact()
    after = removed.retrieve("läuft die Wärmepumpe", k=9)
    assert [hit.page.id for hit in after] == [hit.page.id for hit in before]
    for old, new in zip(before, after, strict=True):
        assert {name: one.score for name, one in new.channels.items()} == pytest.approx(
            {name: one.score for name, one in old.channels.items()}, abs=1e-5
        )


def test_when_all_is_removed_nothing_is_left_at_all(removed: Library):
    with removed.writer() as writer:
        writer.remove_sources(["/offen.pdf"])
        writer.compact()
        assert left(removed) == []
        assert not list((removed.path / "chroma").rglob("*.bin"))
        assert removed.retrieve("Wärmepumpe") == []
        write(writer, "neu", "/neu.pdf", "Größe der Fläche")
    assert traces(removed, "neu", "Fläche") == EVERYWHERE


@pytest.mark.parametrize("place", ["after the catalog", "while vectors are copied", "before old vectors go"])
def test_a_kill_at_any_point_leaves_a_good_library(
    removed: Library, child: Callable[..., subprocess.Popen[str]], place: str
):
    process = child(KILLED, removed.path, Path(__file__).parents[1], place)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -9, errors
    found = {hit.page.document: set(hit.channels) for hit in removed.retrieve("Wärmepumpe Quarzuhrwerk", k=9)}
    assert found == {"offen": {"lexical", "dense", "words"}}
    with removed.writer() as writer:
        write(writer, "neu", "/neu.pdf", "Größe der Fläche")
        writer.compact()
    assert left(removed) == []
    assert not list(removed.path.rglob(".new-*"))
    for id_, word in (("offen", "Wärmepumpe"), ("neu", "Fläche")):
        assert traces(removed, id_, word) == EVERYWHERE


def test_those_who_search_meanwhile_find_what_they_found(removed: Library, child: Callable[..., subprocess.Popen[str]]):
    process = child(SEARCHING, removed.path, Path(__file__).parents[1])
    assert process.stdout is not None
    assert process.stdout.readline() == "searching\n"
    with removed.writer() as writer:
        writer.compact()
    out, errors = process.communicate(timeout=120)
    assert (out, process.returncode) == ("0\n", 0), errors


def test_a_writer_compacts_by_itself_where_it_pays(library: Library, monkeypatch: pytest.MonkeyPatch):
    with library.writer() as writer:
        writer.remove_sources([f"/{SECRET}.pdf"])
    assert left(library), "too little to pay"
    with library.writer() as writer:
        write(writer, "zwei", "/zwei.pdf", *[SECRET] * 99)
    monkeypatch.setattr(compact, "FREE_BYTES", 1000)
    monkeypatch.setattr(compact, "FREE_SHARE", 0.05)
    with library.writer():
        pass
    assert left(library), "nothing was removed"
    with library.writer() as writer:
        writer.remove_sources(["/zwei.pdf"])
    assert left(library) == []


def test_what_keeps_it_from_compacting_is_told_and_fails_no_removal(
    removed: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def busy(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    for part, name, fails, reason in (
        (removed.lexical, "compact", full, "No space"),
        (compact, "_leftovers", full, "No space"),
        (Journal, "compact", busy, "is locked"),
    ):
        with monkeypatch.context() as patched, removed.writer() as writer:
            patched.setattr(part, name, fails)
            with pytest.raises(LibraryError, match=rf"größen could not be compacted: .*{reason}"):
                writer.compact()
    monkeypatch.setattr(Journal, "compact", busy)
    monkeypatch.setattr(compact, "FREE_BYTES", 0)
    monkeypatch.setattr(compact, "FREE_SHARE", 0)
    with caplog.at_level(logging.WARNING), removed.writer() as writer:
        assert writer.remove_sources(["/offen.pdf"]) == ["offen"]
    assert "is locked" in caplog.text
    assert removed.documents() == []
