"""Which files are meant by paths."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pagesight.ingest.discover import discover


def names(*paths: Path, root: Path) -> list[str]:
    return [os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace") for path in discover(paths)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "unterlagen"
    for name in (
        *("b.PDF", "ä/план.pdf", "ä/notes.bin", "ä/z.jpeg", ".versteckt.pdf", ".git/x.pdf", "c.tif", "README"),
        *("ä/~$offen.docx", "ä/.~lock.offen.odt#"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_a_folder_means_what_can_be_read_in_it_and_its_folders(tree: Path):
    assert names(tree, root=tree) == ["b.PDF", "c.tif", "ä/z.jpeg", "ä/план.pdf"]


def test_office_files_texts_mail_and_web_pages_in_folders_are_meant(tmp_path: Path):
    there = ["a.DOCX", "b.doc", "c.pptx", "d.ppt", "e.xlsx", "f.xls", "g.odt", "h.ods", "i.odp", "j.rtf", "k.html"]
    there += ["l.htm", "m.md", "n.markdown", "o.txt", "p.eml"]
    for name in (*there, "metadata.csv", "metadata.jsonl", "x.exe", "~$a.docx"):
        (tmp_path / name).touch()
    assert names(tmp_path, root=tmp_path) == there


def test_a_file_that_is_named_is_meant_whatever_its_name(tree: Path):
    assert names(tree / "README", tree / ".versteckt.pdf", tree / "fehlt ä.pdf", root=tree) == [
        "README",
        ".versteckt.pdf",
        "fehlt ä.pdf",
    ]


def test_each_file_comes_once_and_absolute(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tree)
    found = list(discover([Path("b.PDF"), tree, Path("ä/../b.PDF"), Path()]))
    assert found == [tree / name for name in ("b.PDF", "c.tif", "ä/z.jpeg", "ä/план.pdf")]


def test_links_that_lead_out_are_left_alone_and_those_inside_are_followed(tree: Path, tmp_path: Path):
    (tmp_path / "geheim.pdf").touch()
    (tree / "hinaus.pdf").symlink_to(tmp_path / "geheim.pdf")
    (tree / "hinein.pdf").symlink_to(tree / "b.PDF")
    (tree / "ordner").symlink_to(tmp_path)
    assert names(tree, root=tree) == ["b.PDF", "c.tif", "hinein.pdf", "ä/z.jpeg", "ä/план.pdf"]
    assert names(tree / "hinaus.pdf", root=tree) == ["hinaus.pdf"], "named by itself it is meant"


def test_a_link_that_goes_round_in_a_circle_stops_nothing(tree: Path):
    (tree / "kreis.pdf").symlink_to(tree / "kreis.pdf")
    assert {"b.PDF", "c.tif"} <= set(names(tree, root=tree))


def test_names_that_are_not_utf8_are_found(tree: Path):
    file = Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9.pdf"))
    file.touch()
    assert "caf\\xe9.pdf" in names(tree, root=tree)


def test_nothing_is_meant_by_an_empty_folder(tmp_path: Path):
    assert list(discover([tmp_path])) == []
    assert list(discover([])) == []


CLOSED = """
import os, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from pagesight.ingest.discover import discover
from pagesight.ingest.documents import open_document
from pagesight.retrieval.errors import DocumentError

if not os.geteuid():
    os.setgid(65534)
    os.setuid(65534)
for path in discover([Path(sys.argv[1])]):
    try:
        open_document(path)
    except DocumentError as error:
        print(error)
"""


def test_a_folder_that_may_not_be_looked_into_is_said_and_stops_nothing():
    with TemporaryDirectory() as place:  # pytest's own folders are closed to others
        folder = Path(place) / "unterlagen ä"
        (folder / "zu").mkdir(parents=True)
        (folder / "leer.pdf").touch()
        (folder / "zu" / "darin.pdf").touch()
        (folder / "zu").chmod(0)
        Path(place).chmod(0o755)
        done = subprocess.run([sys.executable, "-c", CLOSED, folder], capture_output=True, text=True, check=False)
        (folder / "zu").chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"Cannot read {folder}/leer.pdf: it is empty (0 bytes); get another copy.",
        f"Cannot read {folder}/zu: permission denied; make it readable for this user.",
    ]
