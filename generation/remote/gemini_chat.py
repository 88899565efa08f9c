"""Google's Gemini models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from ..chat import Limits, Message, Picture, Prompt
from .base import Habits, RemoteChat, Tally
from .connection import Connection

CONTEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class GeminiLimits(Limits):
    """Gemini's two rules for pictures; the dearer one counts.

    Gemini 2: 258 tokens for a picture of at most 384 x 384, else as many for each tile of 768 x 768. Gemini 3: 1120 a
    picture, whatever its size.
    """

    picture_side: int = 3072

    def picture_tokens(self, width: int, height: int) -> int:
        """What a picture costs.

        >>> GeminiLimits(1_000_000).picture_tokens(300, 300)
        1120
        >>> GeminiLimits(1_000_000).picture_tokens(1600, 2200)  # 3 x 3 tiles
        2322
        """
        scale = min(1.0, self.picture_side / max(width, height))
        return max(1120, 258 * math.ceil(width * scale / 768) * math.ceil(height * scale / 768))


class GeminiChat(RemoteChat):
    """A model by Gemini's own protocol."""

    provider = "gemini"
    extra = "gemini"
    variables = "GEMINI_API_KEY or GOOGLE_API_KEY"
    home = "https://generativelanguage.googleapis.com"

    @property
    def limits(self) -> Limits:
        return GeminiLimits(self._context or CONTEXT)

    def _errors(self) -> tuple[type[Exception], ...]:
        from google.genai import errors

        return (errors.APIError,)

    def _write(self, connection: Connection, prompt: Prompt, tally: Tally, habits: Habits) -> Iterator[str]:
        from google import genai
        from google.genai import types

        options = types.HttpOptions(  # told nothing about retries, the SDK makes none
            base_url=self._url,
            httpx_client=connection.client,
            # Without it the SDK makes one that can send, and reads the certificates once more for it.
            httpx_async_client=httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(501))),
        )
        client = genai.Client(api_key=self._given_key(), vertexai=False, http_options=options)
        self._note_key(client._api_client.api_key, connection)
        contents: Any = [_message(message, types) for message in prompt.messages]
        for chunk in client.models.generate_content_stream(
            model=self.model, contents=contents, config=_config(prompt, types)
        ):
            tally.events += 1
            yield from _read(chunk, tally)


def _config(prompt: Prompt, types: Any) -> Any:
    config: dict[str, Any] = {"max_output_tokens": prompt.max_tokens}
    if prompt.system:
        config["system_instruction"] = prompt.system
    if prompt.schema is not None:
        config |= {"response_mime_type": "application/json", "response_json_schema": dict(prompt.schema)}
    disabled = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=disabled, **config)


def _message(message: Message, types: Any) -> Any:
    parts = [_part(part, types) for part in message.parts]
    return types.Content(role="user" if message.role == "user" else "model", parts=parts)


def _part(part: str | Picture, types: Any) -> Any:
    if isinstance(part, str):
        return types.Part(text=part)
    return types.Part(inline_data=types.Blob(data=part.data, mime_type=part.media_type))


def _read(chunk: Any, tally: Tally) -> Iterator[str]:
    """A chunk's text; thoughts are not part of it, though their tokens are paid for."""
    if (usage := chunk.usage_metadata) is not None:
        tally.input_tokens = usage.prompt_token_count
        written = (usage.candidates_token_count, usage.thoughts_token_count)
        tally.output_tokens = None if written == (None, None) else sum(filter(None, written))
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
        tally.end, tally.refusal = "refused", chunk.prompt_feedback.block_reason.value
    for candidate in (chunk.candidates or ())[:1]:
        for part in (candidate.content and candidate.content.parts) or ():
            if part.text and not part.thought:
                yield part.text
        if reason := candidate.finish_reason:
            # Besides these two: safety, recitation, blocklist and more of that kind.
            tally.end = "stop" if reason.value == "STOP" else "length" if reason.value == "MAX_TOKENS" else "refused"
            tally.refusal = tally.refusal or candidate.finish_message or reason.value
