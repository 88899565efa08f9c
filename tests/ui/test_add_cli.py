"""`pagesight add` and `remove` as people use them on folders that change."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pdfs
import pytest

from pagesight.ingest import watch
from pagesight.ui import add_cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Over one library."""
    monkeypatch.setenv("PAGESIGHT_LIBRARY", str(tmp_path / "бібліотека"))
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "звіти" / "чернетки").mkdir(parents=True)
    for n in range(6):
        save(tmp_path / "звіти" / f"{n}.pdf", f"Page {n} of the pump", "and more")
    save(tmp_path / "звіти" / "чернетки" / "a.pdf", "A draft")
    return tmp_path / "звіти"


def save(file: Path, *lines: str) -> None:
    file.write_bytes(pdfs.pdf(pdfs.text_page(*lines)))


def changes(out: str) -> dict[str, str]:
    return {Path(line.split(maxsplit=1)[1]).name: line.split()[0] for line in out.splitlines()}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    status, out, err = run("add", folder, "--exclude", "чернетки", "--dry-run")
    assert (status, changes(out)) == (0, {f"{n}.pdf": "new" for n in range(6)})
    assert "6 files to read: about 6 pages" in err
    assert not (tmp_path / "бібліотека").exists()
    run("add", folder, "--exclude", "чернетки")
    save(folder / "0.pdf", "Something else")
    (folder / "1.pdf").unlink()
    (folder / "2.pdf").write_bytes(b"%PDF-1.7 broken")
    run("add", folder / "2.pdf")
    status, out, _ = run("add", folder, "--prune", "--dry-run")
    expected = {"0.pdf": "changed", "1.pdf": "removed", "2.pdf": "failed", "a.pdf": "new"}
    assert changes(out) == {f"{n}.pdf": "unchanged" for n in range(6)} | expected
    assert changes(run("add", folder, "--retry-failed", "--dry-run")[1])["2.pdf"] == "again"
    *files, plan = [json.loads(line) for line in run("add", folder, "--prune", "--dry-run", "--json")[1].splitlines()]
    assert {Path(one["path"]).name: one["change"] for one in files} == changes(out)
    assert plan["event"] == "plan"
    assert plan["files"] == {"changed": 1, "failed": 1, "new": 1, "removed": 1, "unchanged": 3 + 1 - 1}
    assert plan["pages"] == 2
    assert json.loads(run("list", "--json")[1])[0]["pages"] == 1


def test_a_folder_is_kept_in_step(run: Run, folder: Path) -> None:
    _, _, err = run("add", folder, "--include", "[0-9].pdf")
    assert "6 files to read: about 6 pages" in err
    assert "6 indexed; 6 pages in" in err
    (folder / "1.pdf").unlink()
    status, out, err = run("add", folder, "--prune")
    assert (status, changes(out)["1.pdf"]) == (0, "removed")
    assert "1 indexed, 1 removed, 5 unchanged" in err


def test_a_disk_that_is_too_small_is_said_before(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    _, _, err = run("add", folder)
    assert "The disk has 0.0 GB free" in err
    assert "7 indexed" in err


def test_many_failures_are_listed_once_more(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(add_cli, "SHOWN", 2)
    for n in range(3):
        (folder / f"kaputt {n}.pdf").write_bytes(b"%PDF-1.7 broken")
    status, _, err = run("add", folder)
    assert status == 1
    assert err.count("kaputt 0.pdf") == 2
    assert "and 1 more: pagesight list" in err


def test_documents_are_removed_by_what_is_known_of_them(run: Run, folder: Path) -> None:
    run("add", folder / "0.pdf", folder / "1.pdf", "--meta", "year=2014")
    run("add", folder / "2.pdf", "--meta", "year=2020")
    status, out, _ = run("remove", "--where", "year < 2015", "2.pdf")
    assert (status, set(changes(out))) == (0, {"0.pdf", "1.pdf", "2.pdf"})
    run("add", folder / "2.pdf", "--meta", "year=2020")
    assert "No document fits" in run("remove", "--where", "year < 2015")[2]
    status, _, err = run("remove", "--where", "language = en")
    assert (status, "is said of pages" in err) == (2, True)
    assert run("remove")[0] == 2
    assert len(json.loads(run("list", "--json")[1])) == 1


def test_a_watched_folder_is_added_when_it_has_come_to_rest(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(
        [
            lambda: None,
            lambda: save(folder / "neu.pdf", "New, half"),
            lambda: save(folder / "neu.pdf", "New, and whole now"),
            lambda: None,
            lambda: (folder / "3.pdf").unlink(),
            lambda: None,
        ]
    )
    added: list[int] = []
    once = add_cli._Run.once

    def counted(self: add_cli._Run) -> object:
        added.append(1)
        return once(self)

    def sleep(seconds: float) -> None:
        step = next(looks, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(add_cli._Run, "once", counted)
    monkeypatch.setattr(watch.time, "sleep", sleep)
    status, out, err = run("add", folder, "--watch", "--prune")
    assert (status, len(added)) == (130, 3)
    assert out.splitlines().count("removed   " + str(folder / "3.pdf")) == 1
    assert "neu.pdf" in out
    assert "Watching; Ctrl-C stops." in err
    assert "whole now" in run("search", "New, and whole now", "-k", 1)[1]


@pytest.mark.timeout(600)
def test_ctrl_c_stops_after_the_pages_in_hand_and_the_next_run_goes_on(folder: Path, tmp_path: Path) -> None:
    long = folder / "довгий.pdf"
    long.write_bytes(pdfs.pdf(*[pdfs.text_page(f"Page {n} of the pump") for n in range(1, 41)]))
    command = [sys.executable, "-m", "pagesight.ui.cli", "add", str(long), "--json", "-l", str(tmp_path / "library")]
    environment = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PAGESIGHT_DPI": "36"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        first = next(line for line in child.stdout if '"page"' in line)
        assert json.loads(first)["page"] == 1
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        rest, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "Stopping after the pages in hand" in err
    summary = json.loads(rest.splitlines()[-1])
    assert summary["event"] == "summary"
    assert 0 < summary["pages"] < 40
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200, check=True)
    pages = [event["page"] for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "page"]
    assert pages == list(range(pages[0], 41))
    assert pages[0] > summary["pages"]
