"""The command line, as a person or a script meets it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pdfs
import pytest
import tiny_models
from typer.testing import CliRunner

from pagesight.retrieval import Library
from pagesight.ui import cli

Run = Callable[..., tuple[int, str, str]]


def test_adding_tells_each_document_and_fails_only_for_the_bad_one(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "звіти"
    folder.mkdir()
    (folder / "guter Bericht.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Die Größe der Pumpe beträgt 12 cm.")))
    (folder / "кошторис.pdf").write_bytes(b"not a PDF at all")
    status, out, _ = run("add", folder, "--library", tmp_path / "library", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["plan", "page", "document", "document", "summary"]
    assert events[0]["files"] == {"new": 2}
    entries = [event for event in events if event["event"] == "document"]
    assert status == 1
    assert [entry["state"] for entry in entries] == ["indexed", "failed"]
    assert all(entry.keys() == {"event", "path", "state", "pages", "reason", "seconds"} for entry in entries)
    assert (events[-1]["documents"], events[-1]["pages"]) == ({"failed": 1, "indexed": 1}, 1)
    assert "кошторис.pdf" in entries[1]["reason"]

    status, out, _ = run("add", folder / "guter Bericht.pdf", "--library", tmp_path / "library")
    assert (status, out.split()[0]) == (0, "unchanged")

    status, out, _ = run("list", "--library", tmp_path / "library", "--json")
    assert [entry["state"] for entry in json.loads(out)] == ["indexed", "failed"]

    status, out, _ = run("remove", "кошторис.pdf", "guter Bericht.pdf", "--library", tmp_path / "library")
    assert status == 0
    assert run("list", "--library", tmp_path / "library", "--json")[1].strip() == "[]"


def test_searching_prints_pages_with_every_channel(run: Run, library: Library) -> None:
    status, out, _ = run("search", "What was the net revenue in 2021?", "-l", library.path, "-k", "2", "--json")
    hits = json.loads(out)
    assert status == 0
    assert len(hits) == 2
    assert hits[0]["channels"].keys() == {"lexical", "dense", "words"}
    assert "4,512" in " ".join(place["text"] for place in hits[0]["evidence"])
    assert "page 1" in run("search", "net revenue 2021", "-l", library.path)[1]


def test_asking_prints_the_quote_and_its_page(run: Run, library: Library) -> None:
    status, out, _ = run("ask", "What was the net revenue in 2021?", "-l", library.path)
    assert status == 0
    assert "4,512 million" in out
    assert "page 1" in out.splitlines()[-1]
    entry = json.loads(run("ask", "Who composed the opera Tosca?", "-l", library.path, "--json")[1])
    assert entry["abstained"]
    assert entry["reason"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["search", "x", "-l", "keine-Bibliothek-ß"], 2, "pagesight add"),
        (["search", "  ", "-l", "LIBRARY"], 2, "empty"),
        (["search", "x", "-k", "0", "-l", "LIBRARY"], 2, "between 1 and 1000"),
        (["ask", "x", "-d", "немає.pdf", "-l", "LIBRARY"], 2, "немає.pdf"),
        (["remove", "немає.pdf", "-l", "LIBRARY"], 2, "немає.pdf"),
        (["demo", "--samples", "nicht-da", "--headless"], 2, "--samples"),
        (["search"], 2, "question"),
    ],
)
def test_a_wrong_call_is_one_line_that_says_what_to_do(
    run: Run, library: Library, arguments: list[str], status: int, told: str
) -> None:
    code, out, err = run(*[str(library.path) if argument == "LIBRARY" else argument for argument in arguments])
    assert (code, out) == (status, "")
    assert told in err
    assert "Traceback" not in err


def test_adding_nothing_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "порожньо").mkdir()
    status, _, err = run("add", tmp_path / "порожньо", "-l", tmp_path / "library")
    assert status == 0
    assert "Nothing to add" in err


@pytest.mark.parametrize("headless", [True, False])
def test_the_page_is_served_locally_with_telemetry_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, headless: bool
) -> None:
    called: dict[str, str] = {}
    opened: list[str] = []
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]

    def popen(command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        called.update(line=" ".join(command), library=env["PAGESIGHT_LIBRARY"])
        listen = f"import socket, time; s = socket.create_server(('localhost', {port})); time.sleep(2)"
        return real_popen([sys.executable, "-c", listen])

    real_popen = subprocess.Popen
    monkeypatch.setattr(cli.subprocess, "Popen", popen)
    monkeypatch.setattr(cli.webbrowser, "open", opened.append)
    arguments = ["ui", "-l", str(tmp_path / "ü"), "--port", str(port), *(["--headless"] if headless else [])]
    assert CliRunner().invoke(cli.app, arguments).exit_code == 0
    assert opened == ([] if headless else [f"http://localhost:{port}"])
    assert "--server.address=localhost" in called["line"]
    assert f"--server.port={port}" in called["line"]
    assert "--server.headless=true" in called["line"], "or Streamlit shows advertisements to developers"
    config = tomllib.loads((Path(cli.__file__).parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert called["library"] == str(tmp_path / "ü")


def test_a_port_that_is_taken_is_said_and_nothing_is_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cli.webbrowser, "open", opened.append)
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = run("ui", "--port", port)
    assert (status, opened, err.count("\n")) == (2, [], 1)
    assert f"port {port}; name another one" in err


def test_ingest_runs_as_a_module_for_scripts(tmp_path: Path) -> None:
    (tmp_path / "Brücke.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Die Brücke ist 38 m lang.")))
    command = [sys.executable, "-m", "pagesight.ingest", "Brücke.pdf", "missing.pdf", "--library", "lib", "--json"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONUTF8": "1"},
        check=False,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["page", "document", "document", "summary"]
    entries = events[1:3]
    assert [(Path(entry["path"]).name, entry["state"]) for entry in entries] == [
        ("Brücke.pdf", "indexed"),
        ("missing.pdf", "failed"),
    ]
    assert done.returncode == 1
    assert "missing.pdf" in entries[1]["reason"]


def test_a_channel_is_added_later_and_doctor_says_what_is_on(
    run: Run, library_copy: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = library_copy.path
    model = tiny_models.build("ColQwen2", tmp_path / "modèle")
    monkeypatch.setenv("PAGESIGHT_VISUAL", str(model))
    status, out, _ = run("doctor", "--library", library, "--json")
    visual = next(entry for entry in json.loads(out) if entry["name"] == "visual")
    assert (status, visual["ok"]) == (1, False)
    assert "pagesight encode --channel visual" in visual["note"]

    status, out, _ = run("encode", "--channel", "visual", "--library", library, "--json")
    steps = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert sum(step["new"] for step in steps) == steps[-1]["library_pages"]
    status, out, _ = run("encode", "--channel", "visual", "--library", library)
    assert (status, out.strip()) == (0, "0 pages encoded; the channel visual is on.")

    monkeypatch.delenv("PAGESIGHT_VISUAL")
    status, out, _ = run("doctor", "--library", library, "--json")
    visual = next(entry for entry in json.loads(out) if entry["name"] == "visual")
    assert (status, visual["ok"]) == (0, True)
    assert visual["note"].startswith("on: modèle@")
    status, out, _ = run("search", "бюджет на освіту", "--library", library, "--json")
    assert "visual" in json.loads(out)[0]["channels"]


def test_a_picture_is_searched_for_with_a_line_on_how_it_was_read(run: Run, library: Library, tmp_path: Path) -> None:
    picture = tmp_path / "größe.webp"
    picture.write_bytes(library.page_image(library.page("annual-report.pdf", 2)))
    status, out, err = run("search", "--image", picture, "--library", library.path, "-k", 1, "--json")
    (hit,) = json.loads(out)
    assert (status, hit["page"]) == (0, 2)
    assert "read by OCR: Pumps and valves" in err
    assert "perceptual" in err
    status, _, err = run("search", "--image", tmp_path / "нічого.png", "--library", library.path)
    assert (status, err.count("\n")) == (2, 1)
    assert "нічого.png cannot be opened as a picture" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encode", "--channel", "größe"), "no channel 'größe' to add; there are visual and image"),
        (("encode", "--channel", "visual"), "no model named"),
        (("encode", "--channel", "visual", "--profile", "visual-small"), "pagesight models pull"),
        (("add", "x.pdf", "--profile", "riesig"), "The setting profile is 'riesig'"),
    ],
)
def test_a_model_that_is_not_there_is_one_line_with_the_way_out(
    run: Run,
    library_copy: Library,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    status, _, err = run(*arguments, "--library", library_copy.path)
    assert status in (1, 2)
    assert err.count("\n") == 1
    assert said in err


def test_a_chat_carries_over_what_a_follow_up_leaves_out_and_is_exported(
    run: Run, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_up = "How many people does it employ in Zürich, only in this document?"
    lines = f"What was the net revenue in 2021?\n{follow_up}\n\nnever read\n"
    for name in ("розмова.md", "розмова.json"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        status, out, err = run("chat", "--library", library.path, "--export", tmp_path / name)
        assert status == 0
        assert "4,512" in out
        assert "1,240 people" in out
        assert f"(asked as: {follow_up} (2021))" in err
    markdown = (tmp_path / "розмова.md").read_text(encoding="utf-8")
    assert "annual\\-report" in markdown or "annual-report" in markdown
    answers = json.loads((tmp_path / "розмова.json").read_text(encoding="utf-8"))["answers"]
    assert [one["abstained"] for one in answers] == [False, False]
    assert answers[1]["citations"][0]["boxes"]


def test_a_generator_that_cannot_be_reached_is_one_line_and_searching_goes_on(
    run: Run, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGESIGHT_GENERATOR_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PAGESIGHT_GENERATOR_MODEL", "größtes")
    monkeypatch.setenv("PAGESIGHT_GENERATOR_KEY", "sehr-geheim")
    status, _, err = run("ask", "net revenue", "--library", library.path, "--generator", "openai")
    assert (status, err.count("\n")) == (1, 1)
    assert "127.0.0.1" in err
    assert "geheim" not in err
    status, out, _ = run("search", "net revenue", "--library", library.path, "--json")
    assert (status, json.loads(out)[0]["rank"]) == (0, 1)
    status, _, err = run("ask", "net revenue", "--library", library.path, "--generator", "größtes")
    assert (status, err.count("\n")) == (2, 1)
    assert "The setting generator is 'größtes'" in err
