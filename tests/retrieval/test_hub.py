"""Fetching models, from a hub on this machine. huggingface_hub reads its settings once, so each pull is a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, Run, children, commit_of, environment, safetensors, serve

from pagesight.retrieval.hub import RemoteFile, needed

MODEL = "grosse/okular-256M"
ADAPTER = "grosse/aufsatz"
TEXT = json.dumps({"model_type": "tiny", "опис": "Größe"}, ensure_ascii=False).encode()
WEIGHTS = safetensors(300_000, "вага.größe")
FILES = {
    "README.md": "# Größe".encode(),
    "LICENSE": "Ліцензія Apache-2.0".encode(),
    "config.json": TEXT,
    "tokenizer.json": TEXT + b" ",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"the same weights again",
    "onnx/model.onnx": b"and again",
    "tf_model.h5": b"and again",
}
WANTED = ["LICENSE", "config.json", "tokenizer.json", "model.safetensors"]
PULL = "import sys; from pagesight.retrieval.hub import pull; print(pull(sys.argv[1]))"
REPORT = """
import sys
from pagesight.retrieval.errors import PagesightError
from pagesight.retrieval.hub import pull
try:
    pull(sys.argv[1])
except PagesightError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "кеш-ä"


@pytest.fixture
def run(home: Path) -> Iterator[Run]:
    with children(home) as run:
        yield run


def storage(home: Path, model: str = MODEL) -> Path:
    return home / "hub" / f"models--{model.replace('/', '--')}"


def test_a_pull_fetches_what_inference_needs_and_the_next_one_nothing(run: Run, home: Path):
    with serve(Hub({MODEL: FILES})) as hub:
        command = [sys.executable, "-W", "error", "-c", PULL, MODEL]
        settings = environment(home, hub.address)
        first = subprocess.run(command, env=settings, capture_output=True, check=False, encoding="utf-8")
        assert (first.returncode, first.stderr) == (0, "")
        folder = Path(first.stdout.strip())
        assert sorted(file.name for file in folder.iterdir()) == sorted(WANTED)
        assert (folder / "model.safetensors").read_bytes() == WEIGHTS
        assert (folder / "config.json").read_bytes() == TEXT
        assert hub.fetched() == WANTED, "weights last: where they are, all is"
        hub.requests.clear()
        assert run(hub, PULL, MODEL).stdout == first.stdout
        assert hub.fetched() == []
        assert run(hub, PULL, f"{MODEL}@{commit_of(MODEL)}").stdout == first.stdout
        assert len(hub.requests) == 1, "a pinned model that is there needs no network at all"


def test_what_was_pulled_is_found_offline_by_its_name_alone(run: Run, home: Path):
    find = (
        "import sys; from pagesight.retrieval.checkpoints import find_checkpoint; print(find_checkpoint(sys.argv[1]))"
    )
    with serve(Hub({MODEL: FILES})) as hub:
        assert run(hub, PULL, f"{MODEL}@{commit_of(MODEL)}").stderr == ""
        seen = len(hub.requests)
        for name in (MODEL, f"{MODEL}@{commit_of(MODEL)}"):
            assert f"snapshots/{commit_of(MODEL)}" in run(hub, find, name).stdout
        assert len(hub.requests) == seen


def test_a_pull_that_was_killed_goes_on_where_it_ended(run: Run, home: Path):
    with serve(Hub({MODEL: FILES}, stall_after=len(WEIGHTS) // 2)) as hub:
        # a smaller step than the 10 MB in which huggingface_hub writes: the file of this test is smaller
        code = "from huggingface_hub import constants; constants.DOWNLOAD_CHUNK_SIZE = 4096\n" + PULL
        command = [sys.executable, "-c", code, MODEL]
        with subprocess.Popen(command, env=environment(home, hub.address, HF_HUB_DOWNLOAD_TIMEOUT="60")) as child:
            deadline = time.monotonic() + 30
            while hub.sent < len(WEIGHTS) // 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)  # for what was sent to be written
            child.kill()
            child.wait(10)
    (partial,) = (storage(home) / "blobs").glob("*.partial")
    arrived = partial.stat().st_size
    assert 0 < arrived < len(WEIGHTS)
    with serve(Hub({MODEL: FILES})) as hub:
        done = run(hub, PULL, MODEL)
        assert done.stderr == ""
        assert hub.sent == len(WEIGHTS) - arrived, "only the rest travels"
        assert f"bytes={arrived}-" in "".join(hub.requests)
    assert (Path(done.stdout.strip()) / "model.safetensors").read_bytes() == WEIGHTS
    assert list((storage(home) / "blobs").glob("*.partial")) == []


def test_weights_that_arrive_damaged_are_not_kept(run: Run, home: Path):
    with serve(Hub({MODEL: FILES}, spoil=True)) as hub:
        assert "model.safetensors of grosse/okular-256M arrived damaged" in run(hub, REPORT, MODEL).stdout
        hub.spoil = False
        assert run(hub, PULL, MODEL).stderr == ""


def test_an_adapter_brings_its_base_first(run: Run, home: Path):
    adapter = {
        "adapter_config.json": json.dumps({"base_model_name_or_path": MODEL, "опис": "ä"}).encode(),
        "adapter_model.safetensors": safetensors(10),
    }
    with serve(Hub({MODEL: FILES, ADAPTER: adapter})) as hub:
        done = run(hub, PULL, ADAPTER)
        assert done.stderr == ""
        assert "aufsatz" in done.stdout
        assert hub.fetched().index("model.safetensors") < hub.fetched().index("adapter_model.safetensors")
        whole = "import sys; from pagesight.retrieval.hub import is_whole; print(is_whole(sys.argv[1]))"
        assert run(hub, whole, ADAPTER).stdout == "True\n"
        shutil.rmtree(storage(home))
        assert run(hub, whole, ADAPTER).stdout == "False\n"


def test_a_pull_that_fails_says_why_in_one_line(run: Run):
    gated, bare = "grosse/versperrt", "grosse/leer"
    hub = Hub({MODEL: FILES, gated: FILES, bare: {"config.json": TEXT}}, gated={gated})
    with serve(hub):
        for model, token, message in [
            ("grosse/nichts", None, "The hub has no model grosse/nichts"),
            (f"{MODEL}@" + "0" * 40, None, "not in the revision that was asked for"),
            (gated, None, "is gated: accept its licence"),
            (gated, "hf_schlecht", "is gated: accept its licence"),
            (bare, None, "has no weights of grosse/leer"),
            ("größe", None, "There is no model 'größe'"),
        ]:
            code = f"import os; os.environ.update({ ({'HF_TOKEN': token} if token else {})!r})\n" + REPORT
            done = run(hub, code, model)
            assert done.stdout.startswith("ModelUnavailable "), (model, done)
            assert message in done.stdout
            assert (done.stdout.count("\n"), done.stderr) == (1, "")
        hub.status = 503
        assert "failed while" in run(hub, REPORT, MODEL).stdout
        hub.status = None
        assert run(hub, PULL, gated, HF_TOKEN="hf_gut").stderr == ""
        assert "HF_HUB_OFFLINE is set" in run(hub, REPORT, MODEL, HF_HUB_OFFLINE="1").stdout
    done = run("http://127.0.0.1:9", REPORT, MODEL)
    assert "the hub cannot be reached" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_full_disk_is_told_before_anything_is_fetched(run: Run):
    code = "import pagesight.retrieval.hub as hub; hub._free_disk = lambda: 200_000_100\n" + REPORT
    with serve(Hub({MODEL: FILES})) as hub:
        done = run(hub, code, MODEL)
    assert "Not enough room on the disk" in done.stdout, done.stderr
    assert "1 MB are to be fetched and 200 MB are free" in done.stdout
    assert hub.fetched() == []


VERIFY = """
import sys
from pagesight.retrieval.hub import forget, installed, verify
found = list(verify(sys.argv[1]))
print(len(installed()), *found, sep="\\n")
if "forget" in sys.argv:
    for damage in found:
        forget(damage)
"""


def test_damaged_files_are_found_by_their_hash_and_fetched_again(run: Run, home: Path):
    with serve(Hub({MODEL: FILES})) as hub:
        folder = Path(run(hub, PULL, MODEL).stdout.strip())
        seen = len(hub.requests)
        assert run(hub, VERIFY, MODEL).stdout == "1\n"
        assert len(hub.requests) == seen
        for name in ("model.safetensors", "tokenizer.json"):  # by SHA-256, and by git's SHA-1
            data = bytearray((folder / name).read_bytes())
            data[-3] ^= 1
            (folder / name).resolve().write_bytes(data)
        (folder / "LICENSE").resolve().unlink()
        found = run(hub, VERIFY, MODEL, "forget").stdout.splitlines()
        label = f"{MODEL}@{commit_of(MODEL)[:8]}"
        assert [line.partition(" (")[0] for line in found[1:]] == [
            f"{label}: LICENSE is missing",
            f"{label}: model.safetensors is damaged",
            f"{label}: tokenizer.json is damaged",
        ]
        hub.requests.clear()
        assert run(hub, PULL, MODEL).stderr == ""
        assert sorted(hub.fetched()) == ["LICENSE", "model.safetensors", "tokenizer.json"]
        assert run(hub, VERIFY, MODEL).stdout == "1\n"


def test_a_file_that_was_cut_short_is_fetched_again(run: Run, home: Path):
    with serve(Hub({MODEL: FILES})) as hub:
        folder = Path(run(hub, PULL, MODEL).stdout.strip())
        os.truncate(folder / "model.safetensors", 1000)
        assert "was not fetched whole" in run(hub, VERIFY, MODEL).stdout
        assert run(hub, PULL, f"{MODEL}@{commit_of(MODEL)}").stderr == ""
        assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_an_empty_cache_has_no_models_and_nothing_to_verify(run: Run):
    done = run("http://127.0.0.1:9", VERIFY, MODEL)
    assert "fetch it with: pagesight models pull" in done.stderr


@pytest.mark.parametrize(
    ("there", "fetched"),
    [
        (["model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json", "flax_model.msgpack"], [0]),
        (["config.json", "pytorch_model.bin", "tf_model.h5", "rust_model.ot"], [0, 1]),
        (["1_Dense/config.json", "1_Dense/pytorch_model.bin", "model.safetensors"], [0, 1, 2]),
        (["onnx/config.json", "openvino/größe.bin", "model.safetensors", ".gitattributes", "bild-ä.png"], [2]),
        (["checkpoint-500/model.safetensors", "training_args.bin", "optimizer.bin", "model.safetensors"], [3]),
        (["consolidated.safetensors", "model-00001-of-00002.safetensors", "params.json"], [2, 1]),
        (
            [
                "open_clip_config.json",
                "model.safetensors",
                "open_clip_pytorch_model.bin",
                "open_clip_model.safetensors",
                "merges.txt",
            ],
            [4, 0, 3],
        ),
        (["open_clip_config.json", "open_clip_pytorch_model.bin", "pytorch_model.bin"], [0, 1]),
        (["chat_template.jinja", "spiece.model", "code.py", "model.safetensors"], [0, 1, 3]),
    ],
)
def test_one_copy_of_the_weights_is_needed(there: list[str], fetched: list[int]):
    assert [file.path for file in needed(RemoteFile(path, 1) for path in there)] == [there[index] for index in fetched]
