"""Writing to a library: one at a time, all or nothing, and nothing is left of what was not committed."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from drafts import EVERYWHERE, empty_library, traces, write

from pagesight.retrieval import Library
from pagesight.retrieval.catalog import Source
from pagesight.retrieval.errors import LibraryError, LibraryLocked
from pagesight.retrieval.writer import LibraryWriter

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from pagesight.retrieval import open_library
with open_library(Path(sys.argv[1])).writer():
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return empty_library(tmp_path / "größen")


def test_a_committed_document_is_in_every_index(library: Library):
    with library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
    assert traces(library, "aa", "Wärmepumpe") == EVERYWHERE


def test_a_draft_that_is_not_committed_leaves_nothing_anywhere(library: Library):
    with library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft", "und Größe", commit=False)
    assert traces(library, "aa", "Wärmepumpe") == []


def test_a_draft_that_breaks_off_leaves_nothing_anywhere(library: Library, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with library.writer() as writer:
        monkeypatch.setattr(library.dense, "add", full)
        with pytest.raises(OSError, match="No space"):
            write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
        monkeypatch.undo()
        assert traces(library, "aa", "Wärmepumpe") == []
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
    assert traces(library, "aa", "Wärmepumpe") == EVERYWHERE


def test_a_changed_file_replaces_its_document_in_one_step(library: Library, monkeypatch: pytest.MonkeyPatch):
    with library.writer() as writer:
        write(writer, "alt", "/ä.pdf", "Wärmepumpe läuft")
        purge, seen = LibraryWriter._purge, []

        def spy(self: LibraryWriter, document: str) -> None:
            seen.append([one.id for one in library.catalog.documents()])
            purge(self, document)

        monkeypatch.setattr(LibraryWriter, "_purge", spy)
        write(writer, "neu", "/ä.pdf", "Größe der Fläche")
    assert seen == [["neu"]], "readers go from the old to the new, never through neither or both"
    assert traces(library, "alt", "Wärmepumpe") == []
    assert traces(library, "neu", "Fläche") == EVERYWHERE


def test_removing_the_last_path_removes_the_document_everywhere(library: Library):
    with library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
        writer.put_source(Source("/zwilling.pdf", "aa", 1, 1, None))
        assert writer.remove_sources(["/ä.pdf"]) == []
        assert traces(library, "aa", "Wärmepumpe") == EVERYWHERE
        assert writer.remove_sources(["/zwilling.pdf"]) == ["aa"]
        assert traces(library, "aa", "Wärmepumpe") == []


def test_a_document_is_removed_from_a_store_whose_vectors_are_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("pagesight.retrieval.stores.lists.LISTS_FROM", 1)
    with library.writer() as writer:
        for name in ("aa", "bb"):
            write(writer, name, f"/{name}.pdf", "Wärmepumpe läuft", "und Größe")
    (rows,) = (library.path / "multivectors" / "words").glob("*/rows.u8")
    rows.write_bytes(rows.read_bytes()[:-5])
    with empty_library(library.path).writer() as writer:
        writer.remove_sources(["/aa.pdf"])
    assert [document.id for document in library.documents()] == ["bb"]
    assert f"No inverted lists were made for {library.path}" in caplog.text
    assert "rows.u8 is damaged" in caplog.text


def test_an_uploaded_file_goes_with_its_source_and_no_other_file_does(library: Library, tmp_path: Path):
    uploads, elsewhere = library.path / "uploads", tmp_path / "deep ї" / "uploads"
    (tmp_path / "link").symlink_to(library.path)
    for folder in (uploads, elsewhere):
        folder.mkdir(parents=True)
        for name in ("ä.pdf", "ї.pdf", "нова.pdf"):
            (folder / name).write_bytes(b"%PDF")
    paths = [str(uploads / "ä.pdf"), str(elsewhere / "ä.pdf"), str(uploads / "ї.pdf")]
    again = str(tmp_path / "link" / "uploads" / "ї.pdf")
    never = [str(uploads / "нова.pdf"), str(uploads / ".." / "catalog.sqlite"), str(library.path / "catalog.sqlite")]
    with library.writer() as writer:
        write(writer, "aa", paths[0], "Wärmepumpe läuft")
        for path in (*paths[1:], again):
            writer.put_source(Source(path, "aa", 1, 1, None))
        assert writer.remove_sources([*paths, *never]) == []
        assert {path.name for path in uploads.iterdir()} == {"ї.pdf", "нова.pdf"}, "one is a source by its link"
        assert writer.remove_sources([again]) == ["aa"]
    assert [path.name for path in uploads.iterdir()] == ["нова.pdf"]
    assert len(list(elsewhere.iterdir())) == 3
    assert (library.path / "catalog.sqlite").exists()


def test_a_document_that_is_there_survives_being_begun_again(library: Library):
    with library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
        with pytest.raises(LibraryError, match="already"):
            write(writer, "aa", "/kopie.pdf", "Wärmepumpe läuft")
    assert traces(library, "aa", "Wärmepumpe") == EVERYWHERE


def test_one_writer_at_a_time_also_among_threads(library: Library):
    refused: list[LibraryLocked] = []

    def second() -> None:
        try:
            with library.writer():
                pass
        except LibraryLocked as error:
            refused.append(error)

    with library.writer():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with library.writer():
        pass


def test_a_second_writer_is_told_who_holds_the_lock_and_takes_it_from_the_dead(
    library: Library, child: Callable[..., subprocess.Popen[str]]
):
    holder = child(HOLD_THE_LOCK, library.path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    message = rf"größen.*process {holder.pid} on .*; wait for it or stop it"
    with pytest.raises(LibraryLocked, match=message), library.writer():
        pass
    holder.kill()
    holder.wait()
    assert json.loads((library.path / ".lock-holder").read_text())["pid"] == holder.pid, "it had no time to tidy up"
    with library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
    assert not (library.path / ".lock-holder").exists()


def test_a_lock_file_without_a_readable_holder_still_locks(
    library: Library, child: Callable[..., subprocess.Popen[str]]
):
    holder = child(HOLD_THE_LOCK, library.path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    for damaged in (b"", b"[]", b'{"pid": 1}', b"\xff"):
        (library.path / ".lock-holder").write_bytes(damaged)
        with pytest.raises(LibraryLocked, match="another process"), library.writer():
            pass


def test_importing_the_writer_needs_no_model():
    code = "import sys, pagesight.retrieval.writer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
