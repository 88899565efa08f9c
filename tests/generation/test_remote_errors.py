"""What goes wrong between here and a model behind an address: retries, and one line for people that tells no key."""

from __future__ import annotations

import re
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from chat_servers import ChatServer, Reply, serve
from pydantic import SecretStr

from pagesight.generation.chat import Message, Prompt
from pagesight.generation.remote import AnthropicChat, GeminiChat, OpenAIChat, RemoteChat
from pagesight.retrieval.errors import GeneratorError

MODELS: dict[str, type[RemoteChat]] = {"openai": OpenAIChat, "anthropic": AnthropicChat, "gemini": GeminiChat}
KEY = "sk-geheim-0123456789"
TEXT = "Der Umsatz betrug 4,2 Mio. € [1]."
ASKED = Prompt("Antworte.", (Message("user", ("Wie hoch war der Umsatz? – Скільки?",)),))


@pytest.fixture(params=MODELS)
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def chat(protocol: str, server: ChatServer | str, **more: Any) -> RemoteChat:
    given: dict[str, Any] = {"key": SecretStr(KEY), "seconds": 10.0} | more
    url = server if isinstance(server, str) else server.address
    return MODELS[protocol]("modell-1", url=url, **given)


def outcome(model: RemoteChat, prompt: Prompt = ASKED) -> tuple[str, str]:
    """The text that came, and the one line that it ended with."""
    pieces: list[str] = []
    try:
        for piece in model.stream(prompt):
            pieces += [piece] if isinstance(piece, str) else []
    except GeneratorError as error:
        caught = error
    else:
        return "".join(pieces), ""
    assert "\n" not in str(caught)
    assert caught.__context__ is None  # what the SDK raised holds the request, and that the key
    return "".join(pieces), str(caught)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_what_passes_is_asked_again_and_no_more_than_that(protocol: str, status: int, naps: list[float]):
    failing = Reply(status=status, message="перевантажено")
    with serve(failing, failing, failing, Reply()) as server:
        assert outcome(chat(protocol, server, sleep=naps.append)) == (TEXT, "")
        assert len(server.seen) == 4
    assert [round(nap / (0.5 * 2**number), 1) for number, nap in enumerate(naps)] == pytest.approx([1.1] * 3, abs=0.16)


def test_four_tries_and_then_an_error(protocol: str, naps: list[float]):
    with serve(Reply(status=429, message="zu viele", headers=(("Retry-After", "7"),))) as server:
        text, error = outcome(chat(protocol, server, sleep=naps.append))
        assert len(server.seen) == 4
    assert (text, naps) == ("", [7.0, 7.0, 7.0])
    assert error == f"127.0.0.1:{server.port} refused 4 times: too many requests (429); ask again in 7 s."
    with serve(Reply(status=503, message="Модель\nзавантажується")) as server:
        error = outcome(chat(protocol, server, sleep=naps.append))[1]
    assert error == f"127.0.0.1:{server.port} failed 4 times (503): 'Модель завантажується'; ask again later."


def test_retry_after_may_be_a_date_or_in_the_body(naps: list[float]):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True)
    body = b'{"error": {"code": 429, "details": [{"@type": "RetryInfo", "retryDelay": "3.5s"}]}}'
    with serve(Reply(status=429, headers=(("Retry-After", date),)), Reply(status=429, raw=body), Reply()) as server:
        assert outcome(chat("gemini", server, sleep=naps.append)) == (TEXT, "")
    assert naps == [pytest.approx(7.5, abs=1.6), 3.5]


def test_nobody_waits_longer_than_the_time_out_for_another_try(protocol: str, naps: list[float]):
    with serve(Reply(status=429, headers=(("Retry-After", "3600"),))) as server:
        error = outcome(chat(protocol, server, sleep=naps.append))[1]
        assert (len(server.seen), naps) == (1, [])
    assert error.endswith("ask again in 3600 s.")


def test_a_used_up_quota_is_not_asked_again(naps: list[float]):
    with serve(Reply(status=429, code="insufficient_quota", message="Check your plan")) as server:
        error = outcome(chat("openai", server, sleep=naps.append))[1]
        assert (len(server.seen), naps) == (1, [])
    assert "quota is used up" in error


def test_a_server_that_is_not_there(protocol: str, free_port: int, naps: list[float]):
    text, error = outcome(chat(protocol, f"http://127.0.0.1:{free_port}", sleep=naps.append))
    assert (text, len(naps)) == ("", 3)
    assert error == (
        f"Cannot reach 127.0.0.1:{free_port}: is the server running at http://127.0.0.1:{free_port}? "
        "PAGESIGHT_GENERATOR_URL names it."
    )


def test_a_server_that_is_just_starting(protocol: str, free_port: int):
    with ExitStack() as stack:

        def start(seconds: float) -> None:
            stack.enter_context(serve(port=free_port))

        assert outcome(chat(protocol, f"http://127.0.0.1:{free_port}", sleep=start)) == (TEXT, "")


def test_a_provider_that_cannot_be_reached(protocol: str, free_port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(MODELS[protocol], "home", f"http://127.0.0.1:{free_port}")
    error = outcome(MODELS[protocol]("m", key=SecretStr(KEY), sleep=lambda seconds: None))[1]
    assert error == f"Cannot reach 127.0.0.1:{free_port}: is this machine online?"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(status=401, message=f"Incorrect API key: {KEY}"),
            "refused the key (401); check PAGESIGHT_GENERATOR_KEY",
        ),
        (Reply(status=403, message="ні"), "(403); check PAGESIGHT_GENERATOR_KEY."),
        (
            Reply(status=400, message="API key not valid. Please"),
            "refused the key (400); check PAGESIGHT_GENERATOR_KEY",
        ),
        (Reply(status=404, message="nope"), "knows no model 'modell-1' (404); check PAGESIGHT_GENERATOR_MODEL, and PA"),
        (Reply(status=413, raw=b"<html>Too Large</html>"), "are too long for modell-1 at 127.0.0.1"),
        (Reply(status=400, message="prompt is too long: 208310 tokens > 200000 maximum"), "show fewer pages"),
        (
            Reply(status=400, message="This model's maximum context length is 8192 tokens."),
            "PAGESIGHT_GENERATOR_CONTEXT",
        ),
        (Reply(status=400, message="the request exceeds the available context size"), "show fewer pages"),
        (Reply(status=400, message="The input token count (9) exceeds the maximum number of tokens"), "fewer pages"),
        (
            Reply(status=400, message="does not support images, ü"),
            "refused the request (400): 'does not support images,",
        ),
        (Reply(status=418, raw=b'{"detail": [{"msg": "\xc3\xbc"}]}'), """(418): '[{"msg": "ü"}]'; check"""),
        (Reply(status=418, raw=b"\xff\xfe kaputt"), "refused the request (418)"),
        (Reply(status=418, raw=b"<html><body>nginx</body></html>"), "refused the request (418); check"),
        (Reply(status=418, raw=b"null"), "refused the request (418)"),
        (
            Reply(status=307, headers=(("Location", "http://127.0.0.1:9/fremd?key=1"),)),
            "sends to another address (307)",
        ),
        (Reply(raw=b"<html>Willkommen</html>", kind="text/html"), "is the address of its API"),
        (Reply(raw=b"data: {nicht JSON\n\n"), "sent what is not JSON"),
        (Reply(raw=b'event: message_start\ndata: {"a": "\xff"}\n\n'), "127.0.0.1"),
        (Reply(raw=b""), "sent what is not JSON, or not an answer of this protocol"),
        (Reply(pieces=(), end="length"), "modell-1 at 127.0.0.1"),
        (Reply(pieces=(), end="length"), "wrote nothing within 1024 tokens, of which"),
        (Reply(pieces=()), "answered with nothing"),
        (Reply(pieces=("Das nicht. ", "Ні."), end="refused"), "refused to answer: 'Das nicht. Ні.'; ask otherwise"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else str(value.status),
)
def test_what_people_read(protocol: str, reply: Reply, said: str, naps: list[float]):
    with serve(reply) as server:
        text, error = outcome(chat(protocol, server, sleep=naps.append))
    assert (text, naps) == ("", [])
    if protocol == "gemini":
        said = said.replace("Das nicht. Ні.", "SAFETY")  # its SDK drops the message and leaves the reason
    assert said in error
    assert f"127.0.0.1:{server.port}" in error
    assert KEY not in error


def test_errors_that_may_repeat_an_addresss_query_do_not(protocol: str):
    with serve(Reply(status=418, message=f"see https://x.example/a?key={KEY}&b=1 and {KEY}")) as server:
        error = outcome(chat(protocol, server))[1]
    assert "see https://x.example/a and …" in error


def test_a_silent_server(protocol: str, naps: list[float]):
    for after in (0, 1):
        with serve(Reply(hang_after=after)) as server:
            text, error = outcome(chat(protocol, server, seconds=0.3, sleep=naps.append))
            assert server.gone.wait(5)
        assert (text, naps) == ("Der Umsatz " if after else "", [])
        assert error.startswith(f"127.0.0.1:{server.port} said nothing for 0.3 s; ask again, or raise PAGESIGHT_GENER")


def test_slow_is_not_silent(protocol: str):
    with serve(Reply(pieces=tuple("langsam"), wait=0.1)) as server:
        assert outcome(chat(protocol, server, seconds=0.5)) == ("langsam", "")


@pytest.mark.parametrize("cut", [True, False], ids=["connection cut", "no end marker"])
def test_a_stream_that_breaks_off(protocol: str, cut: bool, naps: list[float]):
    with serve(Reply(end=None, cut=cut)) as server:
        text, error = outcome(chat(protocol, server, sleep=naps.append))
        assert len(server.seen) == 1
    assert (text, naps) == (TEXT, [])
    assert error == f"127.0.0.1:{server.port} broke off before its answer was complete; ask again."


def test_a_connection_that_is_cut_after_the_answers_end(protocol: str):
    with serve(Reply(cut=True)) as server:
        assert outcome(chat(protocol, server)) == (TEXT, "")


@pytest.mark.parametrize(
    "data",
    [
        *("5", "null", "[]", '"x"', "{}", "[[]]", '{"error": null}', '{"error": 5}', '{"error": "ü"}', '{"type": "x"}'),
        *('{"choices": 5}', '{"choices": [null]}', '{"choices": [{"delta": null}], "usage": {"a": 1}}'),
        *('{"type": "message_start"}', '{"type": "message_start", "message": {"usage": 5}}'),
        *(
            '{"type": "content_block_delta"}',
            '{"type": "content_block_delta", "delta": 3}',
            '{"type": "message_delta"}',
        ),
        *('{"candidates": 5}', '{"candidates": [null]}', '{"candidates": [{"content": 5}]}', '{"usageMetadata": "x"}'),
        '{"candidates": [{"content": {"parts": [{"text": 5}]}, "finishReason": "NEUES"}]}',
    ],
)
def test_json_of_another_shape_is_an_error_too(protocol: str, data: str):
    events = [Reply(raw=f"event: {event}\ndata: {data}\n\n".encode()) for event in ("message_start", "error")]
    with serve(*events) as server:
        for _ in events:
            text, error = outcome(chat(protocol, server))
            assert (text, bool(error)) == ("", True)


def test_text_that_is_no_text(protocol: str):
    broken = Prompt("", (Message("user", ("halbes Zeichen: \ud83d",)),))
    with serve() as server:
        text, error = outcome(chat(protocol, server), broken)
    assert (text, "some of their text is broken" in error) in [(TEXT, False), ("", True)]


IN_STREAM = {
    "openai": {"message": "перевантажено", "type": "server_error", "code": 503},
    "anthropic": {"message": "перевантажено", "type": "overloaded_error"},
    "gemini": {"message": "перевантажено", "code": 503, "status": "UNAVAILABLE"},
}


def test_an_error_inside_a_stream_is_retried_only_before_the_first_piece(protocol: str, naps: list[float]):
    error = IN_STREAM[protocol]
    with serve(Reply((), end=None, in_stream=error), Reply()) as server:
        assert outcome(chat(protocol, server, sleep=naps.append)) == (TEXT, "")
    assert len(naps) == 1
    with serve(Reply(end=None, in_stream=error), Reply()) as server:
        text, line = outcome(chat(protocol, server, sleep=naps.append))
        assert len(server.seen) == 1
    assert text == TEXT
    assert re.search(r"failed \(5(03|29)\): 'перевантажено'; ask again later", line)
    assert len(naps) == 1


def test_an_sdk_that_is_not_installed(protocol: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("openai", "anthropic", "google.genai", "google.genai.errors"):
        monkeypatch.setitem(sys.modules, name, None)
    error = outcome(chat(protocol, "http://127.0.0.1:9"))[1]
    assert error == f"{protocol} needs its package, which is not installed; pip install 'pagesight[{protocol}]'."
