"""Anthropic's Claude models."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from ..chat import Limits, Message, Picture, Prompt
from .base import Habits, RemoteChat, Tally
from .connection import Connection

CONTEXT = 200_000
TOOL = "answer"


class AnthropicChat(RemoteChat):
    """A model by Anthropic's messages."""

    provider = "anthropic"
    extra = "anthropic"
    variables = "ANTHROPIC_API_KEY"
    home = "https://api.anthropic.com"

    @property
    def limits(self) -> Limits:
        # Width times height by 750, which is the older of two published rules and the dearer one (the newer: a token
        # a patch of 28 x 28). Every model reads 1568 pixels; the latest up to 2576.
        return Limits(self._context or CONTEXT, picture_side=1568, pixels_per_token=750.0)

    def _errors(self) -> tuple[type[Exception], ...]:
        import anthropic

        return (anthropic.AnthropicError,)

    def _write(self, connection: Connection, prompt: Prompt, tally: Tally, habits: Habits) -> Iterator[str]:
        import anthropic

        client = anthropic.Anthropic(
            api_key=self._given_key(),
            base_url=self._url,
            max_retries=0,
            http_client=connection.client,
            open_telemetry=False,
        )
        if client.credentials is None:  # not a profile of the SDK's own, whose tokens are fetched and short-lived
            self._note_key(client.api_key or client.auth_token, connection)
        # Not `messages.stream`: that parses all of a tool's input again for each piece of it.
        stream: Any = client.messages.create(**self._request(prompt))
        for event in stream:
            tally.events += 1
            kind = getattr(event, "type", None)
            if kind == "message_start":
                _count(getattr(getattr(event, "message", None), "usage", None), tally)
            elif kind == "content_block_delta":
                delta = getattr(event, "delta", None)
                text = getattr(delta, "text", None) or getattr(delta, "partial_json", None)
                if text and isinstance(text, str):
                    yield text
            elif kind == "message_delta":
                _count(getattr(event, "usage", None), tally)
                _end(getattr(event, "delta", None), tally)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.model, "max_tokens": prompt.max_tokens, "stream": True}
        if prompt.system:
            request["system"] = prompt.system
        if prompt.schema is not None:
            # A tool's input is the one place where every Claude model keeps to a schema; nothing is called.
            tool = {"name": TOOL, "description": "Gives the answer.", "input_schema": dict(prompt.schema)}
            request |= {"tools": [tool], "tool_choice": {"type": "tool", "name": TOOL}}
        return request | {"messages": [_message(message) for message in prompt.messages]}


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": data}}


def _count(usage: Any, tally: Tally) -> None:
    """Both events have totals so far; tokens written to or read from a cache are counted apart from the others."""
    kinds = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    counts = [getattr(usage, kind, None) for kind in kinds]
    if counts[0] is not None:
        tally.input_tokens = sum(filter(None, counts))
    if (written := getattr(usage, "output_tokens", None)) is not None:
        tally.output_tokens = written


def _end(delta: Any, tally: Tally) -> None:
    reason = getattr(delta, "stop_reason", None)
    if reason == "refusal":
        tally.end = "refused"
        tally.refusal = getattr(getattr(delta, "stop_details", None), "explanation", None) or ""
    elif reason:
        tally.end = "length" if reason in ("max_tokens", "model_context_window_exceeded") else "stop"
