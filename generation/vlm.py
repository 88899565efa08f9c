"""Answers that a model writes from the pages it is shown, streamed, or its word that they hold none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from ..retrieval.errors import GeneratorError
from ..retrieval.types import Usage
from .chat import ChatModel, Message, Prompt
from .prompt import SENTINEL, Turn, build_prompt, earlier_messages, guess_tokens
from .protocols import Abstention, ShownPage
from .shown import Shown
from .thinking import without_thoughts

_BEFORE = " \t\r\n*_#`'\"“”«‘’.>([-"
"""What models dress the sentinel up with."""
_AFTER = re.compile(r"[.!,;:\n*_`'\"”»’)\]]|\s*$")
REWRITE_TOKENS = 200
"""Of a rewritten question; models that think first need some for that."""
_REWRITTEN_TURNS = 3
_LONGEST_QUESTION = 500
"""Characters; a longer rewriting is an answer, or rambling."""

_REWRITE = """\
Rewrite the person's last question so that it can be understood without the conversation: put in what words like \
"it", "they" or "that year" stand for. Keep its language. If it needs nothing, repeat it. Do not answer it. Write the \
question alone, in one line."""


class VlmGenerator:
    """A `Generator` over a model that writes. One answer at a time: `usage` and `shown` are those of the last."""

    def __init__(
        self,
        chat: ChatModel,
        images: Callable[[ShownPage], bytes],
        *,
        max_tokens: int = 1024,
        history: Sequence[Turn] = (),
    ) -> None:
        """`images` gives a page's stored picture, as `Library.page_image` does. `max_tokens`: of an answer.

        `history`: earlier turns that every question is put after.
        """
        self._chat, self._images, self._max_tokens, self._history = chat, images, max_tokens, tuple(history)
        self.usage: Usage | None = None
        """`None` before an answer, and where the model does not say or was stopped."""
        self.shown: tuple[Shown, ...] = ()
        """What of each page the model saw, those that were left out too."""

    @property
    def name(self) -> str:
        return self._chat.name

    def generate(
        self, question: str, pages: Sequence[ShownPage], history: Sequence[Turn] | None = None
    ) -> Iterator[str | Abstention]:
        """Yield the answer in pieces, or one `Abstention` and nothing else. `history` instead of the generator's own.

        Raises `GeneratorError` when the model fails, writes nothing, or has no room for any of the pages.
        """
        self.usage, self.shown = None, ()
        if not pages:
            yield Abstention("No page matches the question.")
            return
        built = build_prompt(
            question,
            pages,
            self._images,
            self._chat.limits,
            history=self._history if history is None else history,
            max_tokens=self._max_tokens,
            count_tokens=getattr(self._chat, "count_tokens", guess_tokens),
        )
        self.shown = built.shown
        seen = sum(page.how != "left out" for page in built.shown)
        if not seen:
            raise GeneratorError(
                f"{self.name} has no room for a page: {self._chat.limits.context_tokens} tokens, of which the answer "
                f"may take {self._max_tokens}; raise PAGESIGHT_GENERATOR_CONTEXT or lower PAGESIGHT_GENERATOR_TOKENS."
            )
        with closing(_closable(self._answer(built.prompt))) as pieces:
            yield from _abstaining(pieces, f"{self.name} finds no answer on {_pages(seen)} it was shown.")

    def _answer(self, prompt: Prompt) -> Iterator[str]:
        """The model's text without its thoughts; what it used is kept."""
        written = False
        with closing(_closable(self._chat.stream(prompt))) as pieces:
            for piece in without_thoughts(self._texts(pieces)):
                written = written or bool(piece.strip())
                yield piece
        if not written:
            raise GeneratorError(
                f"{self.name} wrote no answer; ask again, or raise PAGESIGHT_GENERATOR_TOKENS if it thinks at length."
            )

    def _texts(self, pieces: Iterator[str | Usage]) -> Iterator[str]:
        for piece in pieces:
            if isinstance(piece, Usage):
                self.usage = piece
            elif piece:
                yield piece


def standalone_question(chat: ChatModel, history: Sequence[Turn], question: str) -> str:
    """A follow-up as a question that a search understands by itself; the question as it is where the model fails."""
    if not history:
        return question
    messages = [message for turn in history[-_REWRITTEN_TURNS:] for message in earlier_messages(turn)]
    said = "\n".join(
        f"{'Question' if message.role == 'user' else 'Answer'}: {' '.join(str(message.parts[0]).split())}"
        for message in messages
    )
    # one message, so that the model does not take the conversation up and answer
    asked = Message("user", (f"Conversation:\n{said}\n\nThe person's last question: {' '.join(question.split())}",))
    try:
        with closing(_closable(chat.stream(Prompt(_REWRITE, (asked,), REWRITE_TOKENS)))) as pieces:
            text = "".join(without_thoughts(piece for piece in pieces if isinstance(piece, str)))
    except GeneratorError:
        return question
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = re.sub(r"^(?:standalone |rewritten )?question:\s*", "", lines[0], flags=re.IGNORECASE) if lines else ""
    found = found.strip(" *_`\"“”'")
    return found if 0 < len(found) <= _LONGEST_QUESTION else question


def _abstaining(pieces: Iterator[str], reason: str) -> Iterator[str | Abstention]:
    """The pieces, or an `Abstention` when they begin with the sentinel. Holds back what may still become it."""
    held, deciding = "", True
    for piece in pieces:
        if not deciding:
            yield piece
            continue
        held += piece
        verdict = _verdict(held)
        if verdict is True:
            if _tail(held).strip(_BEFORE + "!,;:»)]"):
                yield Abstention(reason)  # it goes on to talk: that is not waited for
                return
        elif verdict is False:
            deciding = False
            yield held.lstrip()
    if deciding and _verdict(held + "\n") is True:
        yield Abstention(reason)
    elif deciding and held.strip():
        yield held.lstrip()


def _verdict(text: str) -> bool | None:
    """Whether a text that has begun so is an abstention; `None` while it can still become one."""
    bare = text.lstrip(_BEFORE)
    start = " ".join(bare[: len(SENTINEL) + 8].split()).upper()
    if not start.startswith(SENTINEL):
        return None if SENTINEL.startswith(start) else False
    tail = _tail(text)
    if not tail.strip(" \t"):
        return None
    # "Not in these pages but in the appendix …" is a sentence
    return _AFTER.match(tail.lstrip(" \t")) is not None


def _tail(text: str) -> str:
    """What follows the sentinel."""
    found = re.match(r"\s+".join(SENTINEL.split()), text.lstrip(_BEFORE), re.IGNORECASE)
    return text.lstrip(_BEFORE)[found.end() :] if found else ""


def _pages(count: int) -> str:
    return "the page" if count == 1 else f"the {count} pages"


def _closable(pieces: Iterator[Any]) -> Any:
    """An iterator that can be closed: a chat's may be a plain one."""
    return pieces if hasattr(pieces, "close") else (piece for piece in pieces)
