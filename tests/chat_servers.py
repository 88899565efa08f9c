"""A server on this machine that speaks the protocols of OpenAI, Anthropic and Gemini, and misbehaves as it is told."""

from __future__ import annotations

import base64
import json
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

End = Literal["stop", "length", "refused"]


@dataclass(frozen=True)
class Reply:
    """What one request gets."""

    pieces: tuple[str, ...] = ("Der Umsatz ", "betrug 4,2 Mio. €", " [1].")
    end: End | None = "stop"
    """`None`: the connection is closed with no word that the answer is complete."""
    usage: tuple[int, int] | None = (1200, 34)
    echo: bool = False
    """The pieces are the words of the question."""
    bytewise: bool = False
    """Each byte is a chunk of its own, so that characters are split."""
    gate: threading.Event | None = None
    """What is waited for after the first piece."""
    hang_after: int | None = None
    """Pieces after which nothing more comes, until the other side hangs up."""
    cut: bool = False
    """Without HTTP's own end."""
    status: int = 200
    message: str = ""
    """Of an error."""
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    """The whole body."""
    kind: str = "text/event-stream"
    wait: float = 0.0
    """Seconds before each event."""
    in_stream: dict[str, Any] | None = None
    """An error that comes as an event after the pieces."""


@dataclass(frozen=True)
class Seen:
    """A request, in one form for all three."""

    protocol: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> str | None:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or bearer or None

    @property
    def system(self) -> str:
        if self.protocol == "openai":
            return "".join(turn["content"] for turn in self.body["messages"] if turn["role"] == "system")
        if self.protocol == "anthropic":
            return self.body.get("system", "")
        return "".join(part["text"] for part in self.body.get("systemInstruction", {"parts": []})["parts"])

    @property
    def turns(self) -> list[tuple[str, list[str | tuple[str, bytes]]]]:
        """Role and parts; a picture as its media type and bytes."""
        if self.protocol == "gemini":
            turns = [(turn["role"].replace("model", "assistant"), turn["parts"]) for turn in self.body["contents"]]
        else:
            turns = [(turn["role"], turn["content"]) for turn in self.body["messages"] if turn["role"] != "system"]
        return [(role, [parts] if isinstance(parts, str) else [_part(part) for part in parts]) for role, parts in turns]

    @property
    def schema(self) -> Any:
        if self.protocol == "openai":
            return self.body.get("response_format", {}).get("json_schema", {}).get("schema")
        if self.protocol == "anthropic":
            forced = self.body.get("tool_choice", {}).get("type") == "tool"
            return self.body["tools"][0]["input_schema"] if forced else None
        config = self.body.get("generationConfig", {})
        return config.get("responseJsonSchema") if config.get("responseMimeType") == "application/json" else None


def _part(part: dict[str, Any]) -> str | tuple[str, bytes]:
    if "text" in part:
        return part["text"]
    if "image_url" in part:
        head, _, data = part["image_url"]["url"].partition(";base64,")
        return head.removeprefix("data:"), base64.b64decode(data)
    if "source" in part:
        return part["source"]["media_type"], base64.b64decode(part["source"]["data"])
    blob = part["inlineData"]
    return blob.get("mimeType") or blob["mime_type"], base64.b64decode(
        blob["data"].translate(str.maketrans("-_", "+/"))
    )


@dataclass
class ChatServer:
    replies: list[Reply] = field(default_factory=list)
    """Used up one by one; the last one stays."""
    seen: list[Seen] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """The other side hung up before the end."""
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self, seen: Seen) -> Reply:
        with self.lock:
            self.seen.append(seen)
            if not self.replies:
                return Reply()
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serve(*replies: Reply, port: int = 0) -> Iterator[ChatServer]:
    server = ChatServer(list(replies))

    class Handler(_Handler):
        pass

    Handler.chat = server
    http = _Quiet(("127.0.0.1", port), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Hanging up on this server is what the tests are about; anything else is a bug of the server's own."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    chat: ChatServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Not on stderr."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        ends = {"/chat/completions": "openai", "/messages": "anthropic", ":streamGenerateContent": "gemini"}
        protocol = next(name for end, name in ends.items() if path.endswith(end))
        seen = Seen(protocol, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        reply = self.chat.next(seen)
        try:
            self._answer(reply, seen)
        except OSError:
            self.chat.gone.set()
            self.close_connection = True

    def _answer(self, reply: Reply, seen: Seen) -> None:
        if reply.status != 200 or reply.raw is not None:
            error = {"message": reply.message, "type": "error", "code": reply.code}
            raw = json.dumps({"error": error}).encode() if reply.raw is None else reply.raw
            self._head(reply, [("Content-Length", str(len(raw)))])
            self.wfile.write(raw)
            return
        self._head(reply, [("Transfer-Encoding", "chunked")])
        events = list(EVENTS[seen.protocol](reply, seen))
        for number, event in enumerate(events):
            self.chat.closing.wait(reply.wait)
            if reply.hang_after == number:
                self._hang()
                return
            if number == 1 and reply.gate is not None:
                reply.gate.wait(10)
            for chunk in [event[i : i + 1] for i in range(len(event))] if reply.bytewise else [event]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if reply.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, more: list[tuple[str, str]]) -> None:
        self.send_response(reply.status)
        kind = reply.kind if reply.status == 200 else "application/json"
        for name, value in [("Content-Type", kind), *more, *reply.headers]:
            self.send_header(name, value)
        self.end_headers()

    def _hang(self) -> None:
        """Say nothing until the other side hangs up; after 5 s break off, so that nobody waits who has no time-out."""
        for _ in range(250):
            if self.chat.closing.is_set():
                break
            if select.select([self.connection], [], [], 0.02)[0] and not self.connection.recv(1):
                self.chat.gone.set()
                break
        self.close_connection = True


def _pieces(reply: Reply, seen: Seen) -> tuple[str, ...]:
    if not reply.echo:
        return reply.pieces
    return tuple(f"{word} " for word in str(seen.turns[-1][1][-1]).split())


def _data(value: Any, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _openai(reply: Reply, seen: Seen) -> Iterator[bytes]:
    def chunk(**more: Any) -> bytes:
        return _data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []} | more)

    for piece in _pieces(reply, seen):
        delta = {"refusal": piece} if reply.end == "refused" else {"content": piece}
        yield chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
    if reply.in_stream is not None:
        yield _data({"error": reply.in_stream})
    if reply.end is not None:
        reason = {"stop": "stop", "length": "length", "refused": "content_filter"}[reply.end]
        yield chunk(choices=[{"index": 0, "delta": {}, "finish_reason": reason}])
        if reply.usage is not None and seen.body.get("stream_options", {}).get("include_usage"):
            given, taken = reply.usage
            usage = {"prompt_tokens": given, "completion_tokens": taken, "total_tokens": given + taken}
            yield chunk(usage=usage)
        yield b"data: [DONE]\n\n"


def _anthropic(reply: Reply, seen: Seen) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return _data({"type": kind} | more, kind)

    given, taken = reply.usage or (None, None)
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    start = event("message_start", message=message | {"usage": {"input_tokens": given, "output_tokens": 1}})
    tool = {"type": "tool_use", "id": "t", "name": "answer", "input": {}}
    block = tool if seen.schema is not None else {"type": "text", "text": ""}
    pending = start + event("ping") + event("content_block_start", index=0, content_block=block)
    for piece in _pieces(reply, seen) if reply.end != "refused" else ():
        text = {"type": "text_delta", "text": piece}
        delta = text if seen.schema is None else {"type": "input_json_delta", "partial_json": piece}
        yield pending + event("content_block_delta", index=0, delta=delta)
        pending = b""
    if reply.in_stream is not None:
        yield pending + event("error", error=reply.in_stream)
        pending = b""
    yield pending + event("content_block_stop", index=0)
    if reply.end is not None:
        reason = {"stop": "end_turn", "length": "max_tokens", "refused": "refusal"}[reply.end]
        ended: dict[str, Any] = {"stop_reason": reason, "stop_sequence": None}
        if reply.end == "refused":
            ended["stop_details"] = {"type": "refusal", "category": None, "explanation": "".join(reply.pieces)}
        yield event("message_delta", delta=ended, usage={"output_tokens": taken})
        yield event("message_stop")


def _gemini(reply: Reply, seen: Seen) -> Iterator[bytes]:
    def chunk(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0} | more]}

    for piece in _pieces(reply, seen) if reply.end != "refused" else ():
        yield _data(chunk([{"text": "Ich denke nach.", "thought": True}, {"text": piece}]))
    if reply.in_stream is not None:
        yield _data({"error": reply.in_stream})
    if reply.end is not None:
        reason = {"stop": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY"}[reply.end]
        more = {"finishMessage": "".join(reply.pieces)} if reply.end == "refused" else {}
        usage: dict[str, Any] = {}
        if reply.usage is not None:
            given, taken = reply.usage
            counts = {"promptTokenCount": given, "candidatesTokenCount": taken - 4, "thoughtsTokenCount": 4}
            usage = {"usageMetadata": counts}
        yield _data(chunk([], finishReason=reason, **more) | usage)


EVENTS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}
