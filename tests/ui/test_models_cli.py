"""`pagesight models`, as a person or a script meets it; what fetches, against a hub on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import Done, Hub, children, commit_of, safetensors, serve

MODEL = "grosse/okular-256M"
WEIGHTS = safetensors(1000, "вага")
FILES = {"config.json": '{"назва": "Größe"}'.encode(), "model.safetensors": WEIGHTS, "onnx/model.onnx": b"again"}
MAIN = """
import sys
from pagesight.retrieval.errors import PagesightError
from pagesight.ui.models_cli import app
try:
    app(prog_name="pagesight models")
except PagesightError as error:
    print(f"pagesight: {error}", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub({MODEL: FILES})) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Iterator[Callable[..., Done]]:
    with children(tmp_path / "кеш-ä") as run:
        yield lambda *arguments: run(hub, MAIN, *arguments)


def test_the_table_tells_what_a_profile_costs_before_anything_is_fetched(run: Callable[..., Done], hub: Hub):
    done = run()
    assert done.status == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("embedded: No download")
    small = next(line for line in lines if "VultronRetrieverFlash" in line)
    assert small.split()[:4] == ["visual", "vultr/VultronRetrieverFlash-Qwen3.5-0.8B@a2bcbcda", "apache-2.0", "1.7"]
    assert "16.2 GB to download; in memory 16.3 GB (16-bit, GPU) or 32.5 GB (float32, CPU)" in done.stdout
    assert "apache-2.0, base gemma" in done.stdout

    whole = json.loads(run("--json").stdout)
    assert [profile["name"] for profile in whole["profiles"]] == ["embedded", "visual-small", "visual"]
    models = {model["name"]: model for model in whole["models"]}
    named = [models[name] for profile in whole["profiles"] for name in profile["models"]]
    assert all(model["permissive"] and model["revision"] and not model["installed"] for model in named)
    assert all(model["memory_bytes"]["float32"] > model["memory_bytes"]["bfloat16"] > 0 for model in named)
    assert hub.requests == []


def test_fetching_listing_and_checking_a_model(run: Callable[..., Done], hub: Hub, tmp_path: Path):
    done = run("pull", MODEL)
    label = f"{MODEL}@{commit_of(MODEL)[:8]}"
    assert (done.status, done.stdout) == (0, f"fetched  {label}  4 kB\n"), done.stderr
    assert done.stderr == "4 kB to fetch of 4 kB; how much memory they take is known once they are here\n"
    assert run("pull", MODEL).stdout == f"there    {label}  4 kB\n"
    assert hub.fetched() == ["config.json", "model.safetensors"]

    assert run("list").stdout == f"-         {label}  4 kB\n"
    (entry,) = json.loads(run("list", "--json").stdout)
    assert (entry["name"], entry["revision"], entry["whole"]) == (MODEL, commit_of(MODEL), True)
    assert "кеш-ä" in entry["folder"]

    assert run("verify").stdout == f"ok       {MODEL}@{commit_of(MODEL)}\n"
    weights = Path(entry["folder"], "model.safetensors")
    weights.write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    done = run("verify", MODEL)
    assert done.status == 1
    assert done.stdout.startswith(f"{label}: model.safetensors is damaged (its hash is ")
    assert done.stdout.count("\n") == 1
    done = run("verify", "--repair")
    assert done.status == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        f"repaired {MODEL}@{commit_of(MODEL)}",
        f"ok       {MODEL}@{commit_of(MODEL)}",
    ]
    assert weights.read_bytes() == WEIGHTS


def test_a_profile_is_fetched_at_its_pinned_revisions(run: Callable[..., Done], hub: Hub):
    done = run("pull", "visual-small", "grosse/nichts")
    assert done.status == 1
    assert done.stderr.startswith("pagesight: The hub has no model vultr/VultronRetrieverFlash-Qwen3.5-0.8B")
    assert "a2bcbcda0472dff9863380621bcff09b3d0261ac" in hub.requests[0]
    assert done.stderr.count("\n") == 1

    assert run("pull", "embedded").stdout == "embedded needs no download: all of it is installed.\n"
    done = run("verify", "größe/окуляр")
    assert done.stderr == (
        "pagesight: The model größe/окуляр is not on this machine; fetch it with: pagesight models pull größe/окуляр\n"
    )
    assert "No models are here" in run("list").stderr


def test_help_imports_nothing_that_takes_long():
    code = "import pagesight.ui.models_cli, sys; print({'rich', 'huggingface_hub', 'torch'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout == "set()\n", "größer als nötig"
