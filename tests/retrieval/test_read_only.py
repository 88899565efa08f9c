"""Libraries that may only be read: on a disk that is read-only, or in somebody else's folder."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from small_disks import NOBODY, remount, small_disk

from pagesight.retrieval import Library
from pagesight.retrieval.errors import LibraryError
from pagesight.retrieval.sqlite_files import open_database
from pagesight.ui.doctor import examine

READ = """
import os, sys
from pathlib import Path
from pagesight.retrieval import open_library
from pagesight.retrieval.errors import PagesightError

def look(folder):
    with open_library(Path(folder)) as library:
        lines = [f"{len(library.documents())} documents"]
        for hit in library.retrieve("What was the net revenue in 2021?", k=2):
            lines.append(f"{hit.page.id} {sorted(hit.channels)} {len(library.page_image(hit.page))}")
        try:
            with library.writer():
                lines.append("written")
        except PagesightError as error:
            lines.append(str(error))
    return lines

own = look(sys.argv[1])  # what is loaded for it may lie where others may not look
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
others = look(sys.argv[2])
assert own[:-1] == others[:-1], (own, others)
print(own[-1], others[-1], sep="\\n")
try:
    open_library(sys.argv[4])
except PagesightError as error:
    print(error)
"""


def test_a_library_on_a_read_only_disk_is_searched_by_all_its_channels(
    library: Library, tmp_path: Path, open_shared: Callable[[Path], Library]
):
    with small_disk(tmp_path / "platte", 64) as disk:
        shutil.copytree(library.path, disk / "бібліотека")
        remount(disk, "ro")
        with open_shared(disk / "бібліотека") as read:
            hits = read.retrieve("What was the net revenue in 2021?", k=3)
            expected = library.retrieve("What was the net revenue in 2021?", k=3)
            assert [(hit.page.id, hit.channels.keys()) for hit in hits] == [
                (hit.page.id, hit.channels.keys()) for hit in expected
            ]
            assert len(read.page_image(hits[0].page)) > 0
            said = examine(read.settings.model_copy(update={"library": read.path}))[-1]
            assert (said.ok, said.note.endswith("it may only be read here")) == (True, True)
            with pytest.raises(LibraryError, match=r"read-only file system\. It can be searched"), read.writer():
                pass


def test_somebody_else_s_library_is_searched(library: Library, tmp_path: Path):
    with TemporaryDirectory() as place, small_disk(Path(place), 64) as disk:
        Path(place).chmod(0o755)  # pytest's own folders are closed to others
        for name in ("eigene", "fremde"):
            shutil.copytree(library.path, disk / name)
        for part in (disk / "fremde").rglob("*"):
            part.chmod(0o755 if part.is_dir() else 0o644)
        shutil.copytree(disk / "fremde", disk / "geschlossene")
        (disk / "geschlossene" / "library.json").chmod(0o600)
        command = [
            sys.executable,
            "-c",
            READ,
            str(disk / "eigene"),
            str(disk / "fremde"),
            str(NOBODY),
            str(disk / "geschlossene"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    own, others, closed = done.stdout.splitlines()
    assert own == "written"
    assert "permission denied. It can be searched; to add to it, make it writable for this user" in others
    assert "permission denied; have its owner make it readable" in closed


def test_a_file_that_is_read_as_it_is_is_opened_again_when_its_owner_writes(tmp_path: Path):
    file = tmp_path / "platte" / "datei ä.sqlite"
    with small_disk(file.parent, 4) as disk:
        owner = sqlite3.connect(file)
        owner.execute("PRAGMA journal_mode = WAL")
        owner.execute("CREATE TABLE words (word)")
        owner.execute("INSERT INTO words VALUES ('Größe')")
        owner.commit()
        shutil.copy(file, disk / "offen.sqlite")
        shutil.copy(disk / "datei ä.sqlite-wal", disk / "offen.sqlite-wal")
        owner.close()
        remount(disk, "ro")
        opened = open_database(file)
        assert opened.connection.execute("SELECT word FROM words").fetchall() == [("Größe",)]
        assert (opened.writable, opened.outdated) == (False, False)
        with pytest.raises(LibraryError, match=r"offen\.sqlite was not closed by who wrote to it last"):
            open_database(disk / "offen.sqlite")
        remount(disk, "rw")
        owner = sqlite3.connect(file)
        owner.execute("INSERT INTO words VALUES ('Höhe')")
        owner.commit()
        assert opened.outdated
        opened.connection.close()
        owner.close()
