"""A disk that gets full while a library is written: one line, nothing lost, and the same command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pdfs
import pytest
from small_disks import remount, small_disk

from pagesight.retrieval.errors import DiskFull
from pagesight.retrieval.full_disk import is_disk_full, saying_when_full

RUN = """
import json, resource, sys
from pathlib import Path
from drafts import empty_library
from pagesight.ingest import add
from pagesight.retrieval.errors import PagesightError

most = int(sys.argv[3])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
states = []
try:
    with empty_library(Path(sys.argv[1]), ocr="off", dpi=36) as library:
        for outcome in add(library, [Path(sys.argv[2])]):
            states.append(outcome.state)
except PagesightError as error:
    print(json.dumps([states, [], f"{type(error).__name__}: {error}"]))
else:
    found = [hit.page.source[-5:] for hit in library.retrieve("Quarzuhrwerk 3", k=1)]
    print(json.dumps([states, found, ""]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five documents of about a megabyte, as a library has them."""
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    for n in range(5):
        lines = [
            [f"Quarzuhrwerk {n}", *(f"Größe {n} {page} {line} und mehr" for line in range(40))] for page in range(9)
        ]
        (folder / f"{n}.pdf").write_bytes(pdfs.pdf(*[pdfs.text_page(*page) for page in lines]))
    return folder


def run(library: Path, folder: Path, most: int = 0) -> tuple[list[str], list[str], str]:
    """In a process of its own, as the next run of a command is: states, the file that is found, and the error."""
    import json

    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    command = [sys.executable, "-c", RUN, str(library), str(folder), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("megabytes", [0.04, 0.3, 2, 4])
def test_a_run_that_fills_the_disk_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, folder: Path, megabytes: float
):
    with small_disk(tmp_path / "platte", megabytes) as disk:
        library = disk / "бібліотека"
        before, _, error = run(library, folder)
        assert error.startswith(f"DiskFull: The disk of the library at {library} takes nothing more (")
        assert error.endswith("give the same command again: what was added is kept, and it goes on where it stopped.")
        assert len(before) < 5
        remount(disk, "size=64m")
        states, found, error = run(library, folder)
        assert states == ["unchanged"] * len(before) + ["indexed"] * (5 - len(before))
        assert (found, error) == (["3.pdf"], "")


def test_a_limit_of_the_user_s_is_a_full_disk_too(tmp_path: Path, folder: Path):
    library = tmp_path / "бібліотека"
    before, _, error = run(library, folder, most=400_000)
    assert "takes nothing more" in error
    states, found, error = run(library, folder)
    assert states == ["unchanged"] * len(before) + ["indexed"] * (5 - len(before))
    assert (found, error) == (["3.pdf"], "")


def test_other_errors_pass_as_they_are(tmp_path: Path):
    for error in (PermissionError(13, "Permission denied"), ValueError("shape"), OSError("no number")):
        assert not is_disk_full(error)
        with pytest.raises(type(error)), saying_when_full(tmp_path):
            raise error
    with pytest.raises(DiskFull, match="disk I/O"), saying_when_full(tmp_path):
        raise RuntimeError("disk I/O error:\n(os error 28) disk is full")
