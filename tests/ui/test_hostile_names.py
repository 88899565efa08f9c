"""A folder that means harm: names that a terminal would obey, links that lead away, what is no file at all."""

from __future__ import annotations

import json
import os
import shutil
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pdfs
import pytest

Run = Callable[..., tuple[int, str, str]]

NAMES = (
    "neue\nzeile indexed gefälscht.pdf",
    "tab\tund \x1b[2J\x1b]0;titel\x07 löschen.pdf",
    "\x9b31mC1.pdf",
    "\u202efdp.exe rückwärts.pdf",
    "$(touch gestartet).pdf",
    "`touch gestartet`; touch gestartet.pdf",
    "*.pdf",
    "-rf --library=x.pdf",
    "ä" * 125 + ".pdf",
    "\u2066offen.pdf",
)


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Over one library, as on a terminal."""
    monkeypatch.setenv("PAGESIGHT_LIBRARY", str(tmp_path / "бібліотека"))
    for place in ("click.utils.should_strip_ansi", "typer._click.utils.should_strip_ansi"):
        monkeypatch.setattr(place, lambda *_, **__: False, raising=False)
    return run


def save(file: Path, *lines: str) -> Path:
    file.write_bytes(pdfs.pdf(pdfs.text_page(*lines)))
    return file


def assert_no_terminal_obeys(*texts: str) -> None:
    for text in texts:
        obeyed = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs")}
        assert not obeyed | (set(text) & set("\u202e\u2066\u2028")), text


def test_names_are_shown_and_never_obeyed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for n, name in enumerate(NAMES):
        save(folder / name, f"Quarzuhrwerk {n}")
    (folder / "kaputt \x1b[31m\nindexed gefälscht.pdf").write_bytes(b"%PDF-1.7 nichts")
    save(Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pdf")), "Kaffee")
    status, out, err = run("add", ".", "--", "-rf --library=x.pdf")
    assert status == 1, "one of them is broken"
    assert_no_terminal_obeys(out, err)
    assert out.count("indexed  ") == len(NAMES) + 1, "a line each"
    assert [line.split()[0] for line in out.splitlines()] == ["indexed"] * (len(NAMES) + 1)
    assert "neue\\nzeile indexed" in out
    assert "\\x1b[2J" in out
    assert "\\u202efdp.exe" in out
    assert "caf\\xe9.pdf" in out
    assert "kaputt \\x1b[31m\\nindexed" in err
    assert not list(tmp_path.rglob("gestartet")), "nothing of a name was run"
    for command in (
        ["list"],
        ["search", "Quarzuhrwerk", "-k", "20"],
        ["search", "Quarzuhrwerk", "--json"],
        ["list", "--json"],
    ):
        _, out, err = run(*command)
        assert_no_terminal_obeys(out, err)
    paths = {Path(path).name for entry in json.loads(out) for path in entry["sources"]}
    assert set(NAMES) < paths, "JSON says the names as they are"
    _, out, err = run("add", ".", "--retry-failed", "--dry-run")
    assert_no_terminal_obeys(out, err)
    _, out, err = run("remove", NAMES[1])
    assert_no_terminal_obeys(out, err)
    assert "removed" in out
    assert_no_terminal_obeys(*run("remove", "nicht \x1b[2J da")[1:])


def test_what_is_no_file_and_what_leads_away_is_left_alone(run: Run, tmp_path: Path):
    outside, folder = tmp_path / "außen", tmp_path / "unterlagen ä"
    outside.mkdir()
    (folder / "tief").mkdir(parents=True)
    save(outside / "geheim.pdf", "Geheimnis")
    save(folder / "gut.pdf", "Quarzuhrwerk")
    (folder / "hinaus.pdf").symlink_to(outside / "geheim.pdf")
    (folder / "hinaus").symlink_to(outside, target_is_directory=True)
    (folder / "tief" / "kreis").symlink_to(folder, target_is_directory=True)
    (folder / "kreis.pdf").symlink_to(folder / "kreis.pdf")
    (folder / "gerät.pdf").symlink_to("/dev/zero")
    os.mkfifo(folder / "röhre.pdf")
    (folder / "leer.pdf").touch()
    with (folder / "nullen.pdf").open("wb") as zeros:
        zeros.truncate(5_000_000_000)
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket has at most 108 bytes
        listening.bind("buchse.pdf")
        os.chdir(here)
        _, out, err = run("add", folder)
    (folder / "nullen.pdf").unlink()
    assert [line.split()[0] for line in out.splitlines()] == ["indexed"]
    reasons = {line.split(": ")[0].rpartition("/")[2]: line for line in err.splitlines() if line.startswith("Cannot")}
    assert {name: reason.split(": ", 1)[1] for name, reason in reasons.items()} == {
        "buchse.pdf": "it is not a regular file.",
        "kreis.pdf": "its symbolic links go round in a circle.",
        "leer.pdf": "it is empty (0 bytes); get another copy.",
        "nullen.pdf": "it holds nothing but zeros; get another copy.",
        "röhre.pdf": "it is not a regular file.",
    }
    assert "geheim" not in out + err


def test_a_very_long_path_is_an_outcome(run: Run, tmp_path: Path):
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    here = Path.cwd()
    try:
        os.chdir(folder)
        for _ in range(20):  # longer than a system call takes
            name = "lang" * 60
            Path(name).mkdir()
            os.chdir(name)
        save(Path("tief.pdf"), "Tiefe")
    finally:
        os.chdir(here)
    save(folder / "zuletzt gut.pdf", "Quarzuhrwerk")
    status, out, _ = run("add", folder)
    assert "zuletzt gut.pdf" in out
    assert status in (0, 1)
    shutil.rmtree(folder, ignore_errors=True)
