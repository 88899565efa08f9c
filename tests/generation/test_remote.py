"""Models behind an address, by their own SDKs: what is asked, and what comes back, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from chat_servers import ChatServer, Reply, serve
from pydantic import SecretStr

from pagesight.generation.chat import ChatModel, Message, Picture, Prompt
from pagesight.generation.remote import AnthropicChat, GeminiChat, OpenAIChat, Prices, RemoteChat
from pagesight.retrieval.types import Usage

MODELS: dict[str, type[RemoteChat]] = {"openai": OpenAIChat, "anthropic": AnthropicChat, "gemini": GeminiChat}
KEY = "sk-geheim-0123456789"
TEXT = "Der Umsatz betrug 4,2 Mio. € [1]."
PNG = Picture(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3, "image/png", 20, 30)
JPEG = Picture(b"\xff\xd8\xff" + bytes(reversed(range(256))), "image/jpeg", 40, 50)
SCHEMA = {
    "type": "object",
    "properties": {"jahr": {"type": "integer"}, "Erlös": {"type": "string"}},
    "required": ["jahr", "Erlös"],
    "additionalProperties": False,
}
ASKED = Prompt("Antworte nur aus den Seiten.", (Message("user", ("Wie hoch war der Umsatz? – Скільки?",)),))


@pytest.fixture(params=MODELS)
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serve() as server:
        yield server


def chat(protocol: str, server: ChatServer, **more: Any) -> RemoteChat:
    given: dict[str, Any] = {"key": SecretStr(KEY), "seconds": 10.0} | more
    return MODELS[protocol]("modell-1", url=server.address, **given)


def text_of(pieces: Any) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def test_an_answer_comes_in_pieces_and_last_what_it_took(protocol: str, server: ChatServer):
    model: ChatModel = chat(protocol, server, prices=Prices(2.5, 10.0))
    *pieces, usage = model.stream(ASKED)
    assert pieces == ["Der Umsatz ", "betrug 4,2 Mio. €", " [1]."]
    assert usage == Usage(1200, 34, 0.00334)
    (seen,) = server.seen
    assert seen.key == KEY
    assert "modell-1" in f"{seen.path} {seen.body.get('model')}"
    assert KEY not in seen.path


def test_system_turns_and_pictures_arrive_as_they_are_and_in_order(protocol: str, server: ChatServer):
    turns = (
        Message("user", ("Seite 1:", PNG, "Що тут? 日本", JPEG)),
        Message("assistant", ("Ein Diagramm [1].",)),
        Message("user", ("Und die Farbe?",)),
    )
    assert text_of(chat(protocol, server).stream(Prompt("Säulen – так", turns, max_tokens=77))) == TEXT
    (seen,) = server.seen
    assert seen.system == "Säulen – так"
    assert seen.turns == [
        ("user", ["Seite 1:", ("image/png", PNG.data), "Що тут? 日本", ("image/jpeg", JPEG.data)]),
        ("assistant", ["Ein Diagramm [1]."]),
        ("user", ["Und die Farbe?"]),
    ]
    limits = (seen.body.get("max_tokens"), seen.body.get("generationConfig", {}).get("maxOutputTokens"))
    assert 77 in limits
    assert seen.schema is None


def test_characters_that_are_split_between_chunks_come_whole(protocol: str):
    pieces = ("Größe: ", "日本語 ", '🙂 ґ\u2028\u0085 "x" \\ \n', "кінець")
    with serve(Reply(pieces, bytewise=True)) as server:
        assert text_of(chat(protocol, server).stream(ASKED)) == "".join(pieces)


def test_the_first_piece_is_there_before_the_server_has_sent_the_others(protocol: str):
    gate = threading.Event()
    with serve(Reply(gate=gate)) as server:
        stream = chat(protocol, server).stream(ASKED)
        assert next(stream) == "Der Umsatz "
        assert not gate.is_set()
        gate.set()
        assert text_of(stream) == "betrug 4,2 Mio. € [1]."


def test_closing_the_iterator_hangs_up(protocol: str):
    with serve(Reply(hang_after=1)) as server:
        stream = cast(Any, chat(protocol, server).stream(ASKED))
        assert next(stream) == "Der Umsatz "
        assert not server.gone.is_set()
        stream.close()
        assert server.gone.wait(5), "the server still thinks that somebody reads"


def test_a_schema_is_asked_for_and_the_answer_is_its_json(protocol: str):
    answer = json.dumps({"jahr": 2023, "Erlös": "4,2 Mio. €"}, ensure_ascii=False)
    with serve(Reply((answer[:9], answer[9:]))) as server:
        prompt = Prompt("", ASKED.messages, schema=SCHEMA)
        assert json.loads(text_of(chat(protocol, server).stream(prompt))) == {"jahr": 2023, "Erlös": "4,2 Mio. €"}
        assert server.seen[0].schema == SCHEMA
        assert server.seen[0].system == ""


def test_a_proxy_for_the_outer_world_is_not_asked_for_this_machine(
    protocol: str, server: ChatServer, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert text_of(chat(protocol, server).stream(ASKED)) == TEXT


def test_threads_may_share_a_model(protocol: str):
    with serve(Reply(echo=True, wait=0.01)) as server, ThreadPoolExecutor(2) as threads:
        model = chat(protocol, server)
        questions = [f"Frage {number} {'äб' * (number + 1)} Ende" for number in range(8)]
        prompts = [Prompt("", (Message("user", (question,)),)) for question in questions]
        answers = list(threads.map(lambda prompt: text_of(model.stream(prompt)).strip(), prompts))
    assert answers == questions


def test_an_answer_cut_at_its_length_is_still_an_answer(protocol: str):
    with serve(Reply(end="length")) as server:
        assert text_of(chat(protocol, server).stream(ASKED)) == TEXT


def test_a_service_that_counts_nothing_has_no_usage(protocol: str):
    with serve(Reply(usage=None)) as server:
        pieces = list(chat(protocol, server, prices=Prices(1, 1)).stream(ASKED))
    counted = [piece for piece in pieces if isinstance(piece, Usage)]
    assert all(usage.input_tokens is None and usage.dollars is None for usage in counted)
    assert bool(counted) == (protocol == "anthropic")  # its first event counts one token written


def test_without_prices_there_are_tokens_and_no_dollars(protocol: str, server: ChatServer):
    assert list(chat(protocol, server).stream(ASKED))[-1] == Usage(1200, 34, None)


def test_nothing_tells_what_this_machine_is(protocol: str, server: ChatServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-vertraulich")
    list(chat(protocol, server).stream(ASKED))
    (seen,) = server.seen
    assert seen.headers["user-agent"] == "pagesight"
    telling = ("x-stainless", "x-goog-api-client", "x-server-timeout", "traceparent", "openai-org")
    assert [name for name in seen.headers if name.startswith(telling)] == []


@pytest.mark.parametrize("told", ["stream_options", "max_tokens", "response_format", ""])
def test_a_server_that_refuses_a_parameter_is_asked_without_it_and_then_remembered(told: str):
    refusal = Reply(status=400, message=f"Unsupported parameter: '{told}'" if told else "Ungültige Anfrage")
    naps: list[float] = []
    with serve(refusal, Reply()) as server:
        model = chat("openai", server, sleep=naps.append)
        prompt = Prompt("Kurz.", ASKED.messages, schema=SCHEMA)
        assert text_of(model.stream(prompt)) == TEXT
        assert text_of(model.stream(prompt)) == TEXT
    first, *others = server.seen
    assert naps == []
    assert len(others) == 2
    assert {"stream_options", "response_format", "max_tokens"} <= first.body.keys()
    for seen in others:
        assert (told or "response_format") not in seen.body
        if told == "max_tokens":
            assert seen.body["max_completion_tokens"] == prompt.max_tokens
        if told in ("response_format", ""):
            assert seen.system.startswith("Kurz.\n")
            assert '"Erlös"' in seen.system


def test_a_server_that_refuses_everything_is_asked_a_handful_of_times():
    with serve(Reply(status=400, message="max_tokens, stream_options, response_format: ні")) as server:
        with pytest.raises(Exception, match="refused the request"):
            list(chat("openai", server).stream(Prompt("", ASKED.messages, schema=SCHEMA)))
        assert len(server.seen) == 4


def test_strict_only_where_the_schema_is(server: ChatServer):
    loose = {"type": "object", "properties": {"jahr": {"type": "integer"}}}
    for schema in (SCHEMA, loose):
        list(chat("openai", server).stream(Prompt("", ASKED.messages, schema=schema)))
    assert [seen.body["response_format"]["json_schema"]["strict"] for seen in server.seen] == [True, False]


def test_names_and_limits_need_no_network():
    assert OpenAIChat("gpt-5-mini").name == "openai gpt-5-mini"
    assert OpenAIChat("llava", url="http://localhost:11434").name == "localhost:11434 llava"
    assert AnthropicChat("claude-x").name == "anthropic claude-x"
    contexts = [model("m").limits.context_tokens for model in MODELS.values()]
    assert contexts == [128_000, 200_000, 1_000_000]
    assert OpenAIChat("m", url="http://[::1]:8080").limits.context_tokens == 8192
    assert [model("m", context=5000).limits.context_tokens for model in MODELS.values()] == [5000] * 3
    page = [model("m").limits.picture_tokens(1190, 1684) for model in MODELS.values()]  # A4 at 144 dpi
    assert page == [3263, 2317, 1548]


def test_a_base_address_gets_the_path_that_all_these_servers_want(server: ChatServer):
    for url in (server.address, f"{server.address}/", f"{server.address}/v1/", f"{server.address}/openai/v2"):
        list(OpenAIChat("m", url=url).stream(ASKED))
    paths = [seen.path.removesuffix("/chat/completions") for seen in server.seen]
    assert paths == ["/v1", "/v1", "/v1", "/openai/v2"]


def test_importing_the_adapters_imports_no_sdk():
    code = (
        "import sys, pagesight.generation.remote as remote; remote.OpenAIChat('m'); "
        "print(sorted({'openai', 'anthropic', 'google.genai'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
