"""The seam to models that write: a prompt of texts and pictures in, text out as it is written.

An adapter translates one SDK's habits into this and nothing else; what is asked, and what is made of the answer, is the
same for all (`prompt.py`, `vlm.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..retrieval.types import Usage


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a prompt."""

    data: bytes
    """PNG or JPEG."""
    media_type: Literal["image/png", "image/jpeg"]
    width: int
    """Pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said: texts and pictures in order."""

    role: Literal["user", "assistant"]
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model gets."""

    system: str
    messages: tuple[Message, ...]
    """Alternating, the person's first and last."""
    max_tokens: int = 1024
    """Of the answer."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer must keep to, where the model can be made to; `None`: free text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model can take."""

    context_tokens: int
    """Prompt and answer together."""
    pictures: bool = True
    """It sees; a model that does not gets page texts only."""
    picture_side: int = 1536
    """Pixels: a longer side is shrunk by the model itself, so larger pictures waste their bytes."""
    pixels_per_token: float = 784.0
    """Of a picture: 28 x 28 for Qwen's models; others take more pixels a token."""

    def picture_tokens(self, width: int, height: int) -> int:
        """What a picture costs.

        >>> Limits(8000).picture_tokens(1120, 1400)
        2000
        """
        scale = min(1.0, self.picture_side / max(width, height))
        return max(1, round(width * height * scale**2 / self.pixels_per_token))


class ChatModel(Protocol):
    """A model that writes."""

    @property
    def name(self) -> str:
        """Provider and model, for people: `openai gpt-…`. Never a key."""
        ...

    @property
    def limits(self) -> Limits: ...

    def stream(self, prompt: Prompt) -> Iterator[str | Usage]:
        """Yield the answer in pieces as they are written, and last, where it is known, what it used.

        Closing the iterator cancels the work, at the other end too. Raises `GeneratorError` with one line for people:
        unreachable, refused key, rate limit that outlasted the retries, time-out, a stream that broke off.
        """
        ...
