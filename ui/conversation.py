"""What the command line and the page share of a conversation: who answers, and what a follow-up means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..retrieval.types import Answer

if TYPE_CHECKING:
    from ..generation.prompt import Turn
    from ..generation.protocols import Generator
    from ..retrieval.library import Library
    from ..retrieval.settings import Settings


def generator_for(library: Library, history: Sequence[Answer], settings: Settings | None = None) -> Generator:
    """The generator of the settings (the library's, when none are given), told what was said before."""
    from ..generation.models import make_generator

    return make_generator(library, settings, history=_turns(history))


def standalone_for(library: Library, history: Sequence[Answer], question: str, settings: Settings | None = None) -> str:
    """A follow-up as a question that can be searched for by itself: by the model that answers, or by rules."""
    if not history:
        return question
    from ..generation.conversation import standalone
    from ..generation.models import make_chat

    chat = make_chat(settings or library.settings)
    if chat is None:
        return standalone(history, question)
    from ..generation.vlm import standalone_question

    return standalone_question(chat, _turns(history), question)


def _turns(history: Sequence[Answer]) -> list[Turn]:
    if not history:
        return []
    from ..generation.prompt import Turn

    return [Turn(one.question, one.text or "Not in these pages.") for one in history]
