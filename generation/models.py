"""The generators there are, by the settings. The only place of this room that names concrete classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ..retrieval.errors import GeneratorError
from ..retrieval.library import Library
from ..retrieval.settings import GeneratorName, Settings
from .extractive import ExtractiveGenerator
from .protocols import Generator

if TYPE_CHECKING:
    from ..retrieval.encoders.device import Attention, Dtype
    from .chat import ChatModel
    from .prompt import Turn

GENERATORS: tuple[str, ...] = get_args(GeneratorName)


def make_generator(library: Library, settings: Settings | None = None, history: Sequence[Turn] = ()) -> Generator:
    """The generator that the settings (the library's, when none are given) name.

    Raises `GeneratorError` when they lack something it needs, `ModelUnavailable` when its model is not here.
    """
    settings = settings or library.settings
    chat = make_chat(settings)
    if chat is None:
        from .tables import tables_of

        return ExtractiveGenerator(lambda page: tables_of(library, page.hit.page))
    from .vlm import VlmGenerator

    return VlmGenerator(
        chat,
        lambda page: library.page_image(page.hit.page),
        max_tokens=settings.generator_tokens,
        history=history,
    )


def make_chat(settings: Settings) -> ChatModel | None:
    """The model that writes; `None` for the generator that needs none. Nothing is loaded or called yet.

    Raises as `make_generator`.
    """
    if settings.generator == "extractive":
        return None
    if settings.generator == "transformers":
        return _local(settings)
    if settings.generator_model is None:
        raise GeneratorError(
            f"The generator {settings.generator} needs the name of a model; set PAGESIGHT_GENERATOR_MODEL."
        )
    from .remote import AnthropicChat, GeminiChat, OpenAIChat, Prices

    prices = None
    if settings.input_price is not None and settings.output_price is not None:
        prices = Prices(settings.input_price, settings.output_price)
    service = {"openai": OpenAIChat, "anthropic": AnthropicChat, "gemini": GeminiChat}[settings.generator]
    return service(
        settings.generator_model,
        url=settings.generator_url,
        key=settings.generator_key,
        seconds=settings.generator_seconds,
        context=settings.generator_context,
        prices=prices,
    )


def _local(settings: Settings) -> ChatModel:
    from ..retrieval.profiles import profile

    model = settings.generator_model or profile(settings.profile).model("generator")
    if model is None:
        raise GeneratorError(
            "The generator transformers needs a model; set PAGESIGHT_GENERATOR_MODEL, or PAGESIGHT_PROFILE=visual."
        )
    return _kept(
        model,
        settings.device,
        settings.dtype,
        settings.attention,
        settings.models,
        settings.generator_context,
        settings.generator_bits,
    )


@lru_cache(maxsize=1)  # the next question finds its weights in memory; another model takes their place
def _kept(
    model: str,
    device: str,
    dtype: Dtype | Literal["auto"],
    attention: Attention | Literal["auto"],
    folder: Path | None,
    context: int | None,
    bits: Literal[4, 8] | None,
) -> ChatModel:
    from ..retrieval.encoders.device import choose_runtime
    from ..retrieval.profiles import pinned
    from .transformers_chat import TransformersChat

    runtime = choose_runtime(device, dtype, attention)
    return TransformersChat(pinned(model), runtime=runtime, folder=folder, context=context, bits=bits)
