"""The generator `openai` against a server that others wrote: `transformers serve`, with a tiny random model."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import tiny_vlms
from PIL import Image

from pagesight.generation import answer, make_generator
from pagesight.generation.chat import Message, Picture, Prompt
from pagesight.generation.remote import OpenAIChat
from pagesight.retrieval import Library, Settings
from pagesight.retrieval.errors import GeneratorError
from pagesight.retrieval.types import Usage


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("größe") / "qwen"
    tiny_vlms.build("qwen2_5_vl", folder)
    # What a random model writes differs from prompt to prompt; without an end of its own it never writes nothing.
    file = folder / "generation_config.json"
    settings = json.loads(file.read_text())
    settings.pop("eos_token_id")
    file.write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def url(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "serve.txt"
    command = [Path(sys.executable).with_name("transformers"), "serve", model, "--port", str(port), "--device", "cpu"]
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        for _ in range(480):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.25)
        else:
            raise AssertionError(f"transformers serve did not come up: {log.read_text()}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def asked(chat: OpenAIChat, *parts: str | Picture) -> tuple[str, Usage]:
    *pieces, usage = chat.stream(Prompt("Answer.", (Message("user", parts),), 6))
    assert isinstance(usage, Usage)
    return "".join(map(str, pieces)), usage


def test_pieces_and_usage_come_back_and_pictures_arrive(model: Path, url: str):
    chat = OpenAIChat(str(model), url=url, seconds=120)
    out = BytesIO()
    Image.new("RGB", (224, 224), "white").save(out, "PNG")
    text, usage = asked(chat, "Größe?")
    seen, more = asked(chat, "Größe?", Picture(out.getvalue(), "image/png", 224, 224))
    assert text
    assert seen
    assert usage.output_tokens == more.output_tokens == 6
    assert usage.input_tokens is not None
    assert more.input_tokens is not None
    assert more.input_tokens > usage.input_tokens, "the picture takes tokens"


def test_a_library_is_asked_through_the_server(library: Library, model: Path, url: str):
    settings = Settings(
        generator="openai", generator_model=str(model), generator_url=url, generator_tokens=16, generator_context=4000
    )
    found = answer(library, "What was the net revenue in 2021?", generator=make_generator(library, settings))
    assert found.model.endswith(f" {model}")
    assert found.text
    assert not found.abstained
    assert found.usage is not None
    assert found.usage.output_tokens == 16
    assert all(start < end <= len(found.text) for start, end in found.unsupported)


def test_a_model_that_the_server_has_not_is_one_line(url: str):
    with pytest.raises(GeneratorError) as error:
        asked(OpenAIChat("немає/такого", url=url, seconds=60), "Größe?")
    assert "немає/такого" in str(error.value)
    assert "\n" not in str(error.value)
