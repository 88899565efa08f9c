"""OpenAI, and every server that speaks its protocol: vLLM, Ollama, llama.cpp, LM Studio, OpenRouter."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..chat import Limits, Message, Picture, Prompt
from .base import Habits, RemoteChat, Tally
from .connection import Connection
from .errors import Failure

CONTEXT = 128_000
LOCAL_CONTEXT = 8192
"""Of a server that may run anything: many cut off what is longer without a word."""
SPARED = {
    "stream_options": re.compile(r"stream_options|include_usage"),
    "response_format": re.compile(r"response_format|json_schema|structured|grammar|guided", re.I),
    "max_tokens": re.compile(r"max_(completion_)?tokens"),
}
"""Parameters that some servers refuse, and how their refusals name them. Without `max_tokens` means the other one of
`max_tokens` and `max_completion_tokens`: OpenAI's newer models refuse the former, older servers ignore the latter."""


@dataclass(frozen=True, slots=True)
class OpenAILimits(Limits):
    """OpenAI's two rules for pictures; the dearer one counts, so that no list of models is needed.

    Older models: shrunk into 2048 x 2048 and to a short side of 768, 85 tokens and 170 a tile of 512 x 512. Newer ones:
    1.62 tokens (the mini models; others 1 to 1.2) a patch of 32 x 32.
    """

    picture_side: int = 2048

    def picture_tokens(self, width: int, height: int) -> int:
        """What a picture costs.

        >>> OpenAILimits(128_000).picture_tokens(512, 512)  # 16 x 16 patches
        415
        >>> OpenAILimits(128_000).picture_tokens(100, 100)  # one tile
        255
        """
        scale = min(1.0, self.picture_side / max(width, height))
        width, height = round(width * scale), round(height * scale)
        patches = math.ceil(width / 32) * math.ceil(height / 32)
        scale = min(1.0, 768 / min(width, height)) if min(width, height) else 1.0
        tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
        return max(85 + 170 * tiles, math.ceil(patches * 1.62))


class OpenAIChat(RemoteChat):
    """A model by chat completions."""

    provider = "openai"
    extra = "openai"
    variables = "OPENAI_API_KEY"
    home = "https://api.openai.com/v1"

    @property
    def limits(self) -> Limits:
        if self._service.own:
            return OpenAILimits(self._context or CONTEXT)
        return Limits(self._context or LOCAL_CONTEXT)

    def _errors(self) -> tuple[type[Exception], ...]:
        import openai

        return (openai.OpenAIError,)

    def _write(self, connection: Connection, prompt: Prompt, tally: Tally, habits: Habits) -> Iterator[str]:
        import openai

        client = openai.OpenAI(
            api_key=self._given_key(), base_url=self._base, max_retries=0, http_client=connection.client
        )
        client.api_key = client.api_key.strip()
        self._note_key(client.api_key, connection)
        stream: Any = client.chat.completions.create(**self._request(prompt, habits))
        for chunk in stream:
            tally.events += 1
            usage = getattr(chunk, "usage", None)
            if usage is not None:
                tally.input_tokens = getattr(usage, "prompt_tokens", None)
                tally.output_tokens = getattr(usage, "completion_tokens", None)
            choices = getattr(chunk, "choices", None)
            for choice in choices if isinstance(choices, list) else ():
                delta, reason = getattr(choice, "delta", None), getattr(choice, "finish_reason", None)
                tally.refusal += str(getattr(delta, "refusal", None) or "")
                text = getattr(delta, "content", None)
                if text and isinstance(text, str):
                    yield text
                if reason == "content_filter" or (reason and tally.refusal):
                    tally.end = "refused"
                elif reason:
                    tally.end = "length" if reason == "length" else "stop"

    @property
    def _base(self) -> str:
        """With `/v1`, which all these servers want and people leave out: `http://localhost:11434`."""
        return f"{self._url}/v1" if self._url == self._service.origin else self._url

    def _request(self, prompt: Prompt, habits: Habits) -> dict[str, Any]:
        system, request = prompt.system, {"model": self.model, "stream": True}
        if "stream_options" not in habits:
            request["stream_options"] = {"include_usage": True}
        newer = self._service.own != ("max_tokens" in habits)
        request["max_completion_tokens" if newer else "max_tokens"] = prompt.max_tokens
        if prompt.schema is not None and "response_format" not in habits:
            wanted = {"name": "answer", "schema": dict(prompt.schema), "strict": _closed(prompt.schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif prompt.schema is not None:
            schema = json.dumps(prompt.schema, ensure_ascii=False)
            system = f"{system}\n\nAnswer with JSON only, which keeps to this JSON Schema:\n{schema}".strip()
        messages = [{"role": "system", "content": system}] if system else []
        return request | {"messages": messages + [_message(message) for message in prompt.messages]}

    def _adapt(self, failure: Failure, prompt: Prompt, habits: Habits) -> Habits | None:
        """Without what the server's refusal names; where it names nothing, without what most often is the reason."""
        if failure.kind != "status" or failure.status not in (400, 422) or failure.too_long:
            return None
        left = [name for name in SPARED if name not in habits and (name != "response_format" or prompt.schema)]
        named = [name for name in left if SPARED[name].search(failure.text)]
        if not named and not re.search(r"image|vision|multimodal", failure.text, re.I):
            named = [name for name in ("response_format", "stream_options") if name in left]
        return habits | {named[0]} if named else None


def _message(message: Message) -> dict[str, Any]:
    """One turn. Texts alone go as one string: some servers know no lists."""
    if not any(isinstance(part, Picture) for part in message.parts):
        return {"role": message.role, "content": "\n\n".join(part for part in message.parts if isinstance(part, str))}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    url = f"data:{part.media_type};base64,{base64.b64encode(part.data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _closed(schema: Any) -> bool:
    """OpenAI's strict mode takes it: each object names all of its properties, requires them, and allows no others.

    >>> _closed({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False})
    True
    >>> _closed({"type": "array", "items": {"type": "object", "properties": {"a": {}}}})
    False
    """
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        return all(map(_closed, properties.values())) and _closed(schema.get("$defs"))
    return all(map(_closed, schema.values()))
