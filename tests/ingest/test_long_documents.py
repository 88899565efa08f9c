"""Documents of very many pages: memory stays as flat as for short ones.

50,000 empty pages take an hour at 144 dpi, most of it drawing. Here they are drawn at 36 dpi, and 2,000 of them are
measured against 200: what a page leaves behind shows in these as in more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile_pdfs
import pytest

RUN = """
import json, resource, sys
from pathlib import Path
from drafts import empty_library
from pagesight.ingest import add

library = empty_library(Path(sys.argv[2]), ocr="off", dpi=36)
(outcome,) = add(library, [Path(sys.argv[1])])
who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(json.dumps([outcome.state, outcome.pages, *(resource.getrusage(one).ru_maxrss for one in who)]))
"""


def run(folder: Path, pages: int) -> tuple[int, int]:
    """The most memory, in kilobytes, that adding so many pages takes: of the process that adds, and of its reader."""
    (folder / f"{pages}.pdf").write_bytes(hostile_pdfs.blank_pages(pages))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    command = [sys.executable, "-c", RUN, str(folder / f"{pages}.pdf"), str(folder / f"бібліотека {pages}")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    state, written, own, reader = json.loads(done.stdout)
    assert (state, written) == ("indexed", pages)
    return own, reader


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is counted in other units")
def test_memory_does_not_grow_with_the_pages_of_a_document(tmp_path: Path):
    short, long = run(tmp_path, 200), run(tmp_path, 2_000)
    for little, much in zip(short, long, strict=True):
        assert much < little + 8_000, f"{short} kB for 200 pages, {long} kB for 2,000"
