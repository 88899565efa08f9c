"""A library of an older format is brought up to date where it lies, once, whole, whatever stops it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from old_formats import as_format_2

from pagesight.retrieval import Library, create_library, migrate
from pagesight.retrieval.errors import LibraryError, LibraryLocked
from pagesight.retrieval.lock import writing
from pagesight.retrieval.manifest import FORMAT, read_format
from pagesight.retrieval.types import QueryVectors

QUERY = QueryVectors(("слово",), np.eye(1, 384, dtype=np.float32), np.ones(1, np.float32))

# A child that opens a library and dies at the place that sys.argv[2] names.
KILLED = """
import os, signal, sys
from pathlib import Path
from pagesight.retrieval import migrate, open_library

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "while pages are looked at":
    migrate.language_of = lambda text, seen=[]: die() if seen else seen.append(text)
if sys.argv[2] == "before the format is written":
    migrate.write_format = die
if sys.argv[2] == "while segments are joined":
    from pagesight.retrieval.stores.multivectors import MultiVectorSegments
    MultiVectorSegments.compact = die
if sys.argv[2] == "while the full text is made":
    from pagesight.retrieval.stores.tantivy_index import TantivyIndex
    TantivyIndex.seal = die
if sys.argv[2] == "before the old full text goes":
    from pagesight.retrieval.stores.tantivy_index import TantivyIndex
    TantivyIndex.settle = die
open_library(Path(sys.argv[1]))
"""


@pytest.fixture
def old(library_folder: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(library_folder, tmp_path / "стара"))
    as_format_2(folder)
    return folder


def layout(library: Path) -> dict[str, object]:
    """What tables, columns and indexes a catalog has."""
    with closing(sqlite3.connect(library / "catalog.sqlite")) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master ORDER BY 1, 2").fetchall()
        return {f"{kind} {name}": connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for kind, name in names}


def test_there_is_a_step_for_every_format_back_to_the_oldest():
    assert list(migrate.STEPS) == list(range(min(migrate.STEPS), FORMAT))


def test_an_old_library_is_as_one_that_was_made_today(
    old: Path, library: Library, open_shared: Callable[[Path], Library], tmp_path: Path
):
    with open_shared(old) as opened:
        assert [one.languages for one in opened.documents()] == [one.languages for one in library.documents()]
        assert {"uk", "en"} <= {language for one in opened.documents() for language in one.languages}
        found = opened.retrieve("бюджет на освіту", k=1)
        assert [hit.page.source for hit in found] == [
            hit.page.source for hit in library.retrieve("бюджет на освіту", k=1)
        ]
        assert opened.manifest == library.manifest
        assert opened.words.score(QUERY) == library.words.score(QUERY)
        assert opened.lexical.search_identities("план") == library.lexical.search_identities("план") != {}
        assert opened.lexical.search("бюджет") == pytest.approx(library.lexical.search("бюджет"))
        assert not list((old / "lexical").glob("fts*"))
    create_library(tmp_path / "нова").close()
    assert layout(old) == layout(tmp_path / "нова")
    assert json.loads((old / "library.json").read_text())["format"] == FORMAT


@pytest.mark.parametrize(
    ("place", "version"),
    [
        ("while pages are looked at", 2),
        ("before the format is written", 2),
        ("while segments are joined", 3),
        ("while the full text is made", 5),
        ("before the old full text goes", 5),
    ],
)
def test_a_kill_at_any_point_is_made_good_by_the_next_opening(
    old: Path,
    child: Callable[..., subprocess.Popen[str]],
    open_shared: Callable[[Path], Library],
    place: str,
    version: int,
):
    process = child(KILLED, old, place)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -9, errors
    assert read_format(old) == version
    assert ("table metadata" in layout(old)) == (place != "while pages are looked at")
    with open_shared(old) as opened:
        assert any("uk" in one.languages for one in opened.documents())
        assert opened.lexical.documents() == {one.id for one in opened.documents()}
        assert opened.lexical.search("бюджет")
    assert read_format(old) == FORMAT


def test_while_somebody_writes_it_is_left_alone_and_says_so(old: Path, open_shared: Callable[[Path], Library]):
    before = (old / "library.json").read_bytes()
    with writing(old), pytest.raises(LibraryLocked, match=r"brought up to date once, when nobody writes.*process \d+"):
        open_shared(old)
    assert (old / "library.json").read_bytes() == before
    open_shared(old).close()


def test_where_nobody_may_write_the_message_says_what_to_do(
    old: Path, open_shared: Callable[[Path], Library], monkeypatch: pytest.MonkeyPatch
):
    def refused(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(migrate, "STEPS", {2: refused})
    with pytest.raises(LibraryError, match=r"readonly database.*pagesight list --library .*стара"):
        open_shared(old)
    assert read_format(old) == 2


def test_an_old_library_without_its_catalog_gets_no_empty_one(old: Path, open_shared: Callable[[Path], Library]):
    for file in old.glob("catalog.sqlite*"):
        file.unlink()
    with pytest.raises(LibraryError, match="unable to open"):
        open_shared(old)
    assert not (old / "catalog.sqlite").exists()


@pytest.mark.parametrize("harm", ["damaged", "lost"])
def test_without_the_old_full_text_only_headings_are_lost(
    old: Path, library: Library, open_shared: Callable[[Path], Library], harm: str
):
    index = old / "lexical" / "fts.sqlite"
    for end in ("-wal", "-shm"):
        index.with_name(index.name + end).unlink(missing_ok=True)
    index.write_bytes(b"Wort" * 5000) if harm == "damaged" else index.unlink()
    with open_shared(old) as opened:
        assert opened.lexical.search("бюджет").keys() == library.lexical.search("бюджет").keys()
        assert opened.lexical.pages() == library.lexical.pages()
