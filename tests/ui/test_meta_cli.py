"""Metadata, filters and compaction from the command line."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pdfs
import pytest
from looking import HOSTILE
from typer.testing import CliRunner

from pagesight.retrieval.errors import MetadataError, QueryError
from pagesight.ui import cli


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "звіт.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Річний звіт містить усі витрати порту.")))
    called("add", tmp_path / "звіт.pdf", "-l", tmp_path / "library", "--meta", "year=2022", "--meta", "company=Ö & Co")
    return tmp_path / "library"


def called(*arguments: object) -> str:
    """What a command prints."""
    done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_metadata_is_given_shown_changed_and_taken_out(library: Path) -> None:
    (listed,) = json.loads(called("list", "-l", library, "--json"))
    assert (listed["languages"], listed["metadata"]) == ({"uk": 1}, {"company": "Ö & Co", "year": 2022})
    called("meta", "set", "звіт.pdf", "year=2023", "signed=2023-04-30", "final=true", f"note={HOSTILE}", "-l", library)
    called("meta", "unset", "звіт.pdf", "Company", "-l", library)
    assert called("meta", "show", "звіт.pdf", "-l", library).splitlines() == [
        "final                boolean  true   (from you)",
        f"note                 text     {HOSTILE}   (from you)",
        "signed               date     2023-04-30   (from you)",
        "year                 number   2023   (from you)",
    ]
    shown = json.loads(called("meta", "show", "звіт.pdf", "-l", library, "--json"))
    assert {entry["key"]: entry["value"] for entry in shown} == {
        "final": True, "note": HOSTILE, "signed": "2023-04-30", "year": 2023
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("meta", "set", "звіт.pdf", "year"), "write KEY=VALUE, as year=2022"),
        (("meta", "set", "звіт.pdf", "folder=x"), "'folder' has a meaning of its own"),
        (("meta", "unset", "звіт.pdf", "größe"), "none of these keys; `pagesight meta show`"),
        (("add", ".", "--meta", "year=колись"), "'year' is a number in this library"),
    ],
)
def test_what_cannot_be_kept_is_one_line_that_says_what_to_do(
    library: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "інший.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Größe")))
    if told.startswith("'year'"):
        called("add", tmp_path / "інший.pdf", "-l", library, "--meta", "year=1")
    with pytest.raises(MetadataError, match=told.replace("(", r"\(")):
        called(*arguments, "-l", library)


def test_a_search_is_narrowed_by_what_is_written(library: Path, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdfs.pdf(pdfs.text_page("The annual report lists all expenses.")))
    called("add", tmp_path / "report.pdf", "-l", library, "--meta", "year=2020")
    for where, found in (
        ("year >= 2022 and company in ('ö & co', Boeing)", ["звіт.pdf"]),
        ("language = en", ["report.pdf"]),
        ("document = report.pdf and year < 2022", ["report.pdf"]),
        ("type = pdf and year in (2020, 2022)", ["report.pdf", "звіт.pdf"]),
    ):
        hits = json.loads(called("search", "звіт report", "-l", library, "--where", where, "--json"))
        assert sorted(Path(hit["source"]).name for hit in hits) == found
    answer = json.loads(called("ask", "report expenses", "-l", library, "--where", "language = uk", "--json"))
    assert {Path(hit["source"]).name for hit in answer["hits"]} == {"звіт.pdf"}
    with pytest.raises(QueryError, match="'document' is asked for twice, by --where and by --document"):
        called("search", "x", "-l", library, "--where", "document = звіт.pdf", "-d", "report.pdf")
    with pytest.raises(QueryError, match=r"no filter 'größe'; there are document, .*company, year"):
        called("search", "x", "-l", library, "--where", "größe > 1")


def test_compacting_says_what_it_gained(library: Path) -> None:
    called("remove", "звіт.pdf", "-l", library)
    done = json.loads(called("compact", "-l", library, "--json"))
    assert done["after"] < done["before"]
    assert done["parts"]["multivectors"]["after"] < done["parts"]["multivectors"]["before"]
    assert "nothing of removed documents is left" in called("compact", "-l", library)


def test_the_version_is_the_packages() -> None:
    assert called("--version") == f"pagesight {version('pagesight')}\n"
