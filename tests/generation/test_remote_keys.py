"""The keys of services: whom they go to, and that nobody can read them here."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chat_servers import Reply, serve
from pydantic import SecretStr

from pagesight.generation.chat import Message, Prompt
from pagesight.generation.remote import AnthropicChat, GeminiChat, OpenAIChat, RemoteChat
from pagesight.retrieval.errors import GeneratorError
from pagesight.retrieval.types import Usage

MODELS: dict[str, type[RemoteChat]] = {"openai": OpenAIChat, "anthropic": AnthropicChat, "gemini": GeminiChat}
KEY = "sk-geheim-0123456789"
ASKED = Prompt("Antworte.", (Message("user", ("Wie hoch war der Umsatz? – Скільки?",)),))


@pytest.fixture(params=MODELS)
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


def error_of(model: RemoteChat) -> str:
    with pytest.raises(GeneratorError) as caught:
        list(model.stream(ASKED))
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_a_key_from_a_variable_goes_to_its_own_provider_only(variable: str, monkeypatch: pytest.MonkeyPatch):
    protocol = {"OPENAI": "openai", "ANTHRO": "anthropic"}.get(variable[:6], "gemini")
    monkeypatch.setenv(variable, KEY)
    with serve() as server:
        list(MODELS[protocol]("m", url=server.address).stream(ASKED))
        monkeypatch.setattr(MODELS[protocol], "home", server.address)
        list(MODELS[protocol]("m").stream(ASKED))
    assert [seen.key for seen in server.seen] == ["none", KEY]


def test_a_key_does_not_follow_a_redirect(protocol: str):
    with serve() as other, serve(Reply(status=307, headers=(("Location", f"{other.address}/v1/messages"),))) as server:
        error = error_of(MODELS[protocol]("m", url=server.address, key=SecretStr(KEY)))
        assert other.seen == []
    assert "sends to another address (307)" in error


def test_no_key_at_all(protocol: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    model = MODELS[protocol]
    host = model.home.split("/")[2]
    said = f"There is no key for {host}; set PAGESIGHT_GENERATOR_KEY or {model.variables}."
    assert error_of(model("m")) == said
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))  # its SDK has more ways than variables
    assert error_of(model("m")) == said


@pytest.mark.parametrize("key", ["sk-ключ", "sk-a b", "sk-a\nb"])
def test_a_key_that_http_cannot_carry(protocol: str, key: str):
    error = error_of(MODELS[protocol]("m", url="http://127.0.0.1:9", key=SecretStr(key)))
    assert error.startswith("The key for 127.0.0.1:9 has spaces or letters")
    assert key not in error


def test_a_key_pasted_with_its_line_end_works(protocol: str):
    with serve() as server:
        assert list(MODELS[protocol]("m", url=server.address, key=SecretStr(f" {KEY}\n")).stream(ASKED))
        assert server.seen[0].key == KEY


@pytest.mark.parametrize(
    "url",
    [
        "localhost:11434",
        "ftp://x/v1",
        "http://",
        f"http://u:{KEY}@x/v1",
        f"http://x/v1?key={KEY}",
        "http://x:port",
        "ü",
    ],
)
def test_an_address_that_is_none(url: str):
    with pytest.raises(GeneratorError, match="PAGESIGHT_GENERATOR_URL must be an address such as http") as caught:
        OpenAIChat("m", url=url)
    assert KEY not in "".join(traceback.format_exception(caught.value)).replace(repr(url), "")


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    names = ("openai", "anthropic", "google_genai", "google_genai.models", "httpx", "httpx2", "httpcore", "httpcore2")
    with ExitStack() as stack:
        for name in ("", *names):
            stack.enter_context(caplog.at_level(logging.DEBUG, logger=name))
        yield caplog


@pytest.mark.parametrize("given", [True, False], ids=["given", "from a variable"])
def test_a_key_is_nowhere_to_be_read(
    protocol: str, given: bool, everything_logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    replies = [
        Reply(status=503, message=KEY),
        Reply(),
        Reply(status=401, message=KEY),
        Reply(status=418, message=KEY),
        Reply(end=None, cut=True),
        Reply(raw=f"data: {KEY}\n\n".encode()),
        Reply((), end=None, in_stream={"message": KEY, "code": 418}),
    ]
    with serve(*replies) as server:
        monkeypatch.setattr(MODELS[protocol], "home", server.address)
        key = SecretStr(KEY) if given else None
        model = MODELS[protocol]("modell-1", key=key, sleep=lambda seconds: None)
        assert isinstance(list(model.stream(ASKED))[-1], Usage)
        shown = [repr(model), model.name, str(model.limits)]
        while len(server.seen) < len(replies):
            with pytest.raises(GeneratorError) as caught:
                list(model.stream(ASKED))
            shown += [str(caught.value), repr(caught.value), "".join(traceback.format_exception(caught.value))]
        assert {seen.key for seen in server.seen} == {KEY}
    assert len(shown) == 3 + 3 * 5
    assert KEY not in "\n".join(shown)
    assert KEY not in "\n".join(map(logging.Formatter().format, everything_logged.records))
    assert len(everything_logged.records) > 5
