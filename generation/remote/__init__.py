"""Models behind an address: OpenAI and what speaks its protocol, Anthropic, Gemini. Each through its own SDK."""

from __future__ import annotations

from .anthropic_chat import AnthropicChat
from .base import Prices, RemoteChat
from .gemini_chat import GeminiChat
from .openai_chat import OpenAIChat

__all__ = ["AnthropicChat", "GeminiChat", "OpenAIChat", "Prices", "RemoteChat"]
