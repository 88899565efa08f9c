"""Test questions written by a model, one a page, from the page's picture and text. What the page says is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..retrieval.evidence import line_boxes
from ..retrieval.library import Library
from ..retrieval.types import Box, Page, Usage
from .chat import ChatModel
from .citations import find_quotes
from .extract_prompts import Asker, batches
from .extract_schema import problem_of
from .extract_values import find_value
from .question_sources import plain

_TASK = "You write questions that test a search engine for pages of documents."
_ASKED = """\
Write one question that this page answers, as somebody would ask who looks for the answer and has not seen the page. \
It must be clear without the page (no "this page", no "the table above"), say things in other words than the page \
where that is possible, and be in the page's language. Give its short answer, where the answer stands (text, table, \
chart or figure), and as quote the words of the page that say it, exactly as printed, or null where only a picture \
shows it. Where the page has nothing to ask about (blank, a cover, a list of contents), give null for all of them."""
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": ["string", "null"], "minLength": 8, "maxLength": 400},
        "answer": {"type": ["string", "null"], "maxLength": 1000},
        "type": {"enum": ["text", "table", "chart", "figure", None]},
        "quote": {"type": ["string", "null"], "maxLength": 1000},
    },
    "required": ["question", "answer", "type", "quote"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Written:
    """A question that a model wrote."""

    question: str
    answer: str | None
    type: str
    boxes: tuple[Box, ...]
    """Where its quote stands, one a line; empty where the page does not have it."""


class QuestionWriter:
    """Asks one model about page after page."""

    def __init__(self, library: Library, chat: ChatModel) -> None:
        self._library, self._asker = library, Asker(chat, max_tokens=600)
        self.name = chat.name

    @property
    def usage(self) -> Usage | None:
        """What it took so far."""
        return self._asker.usage

    def write(self, page: Page) -> Written | str | None:
        """A question about a page; `None` where there is nothing to ask; what is wrong with what the model wrote twice.

        Raises `GeneratorError` when the model fails.
        """
        if not self._asker.chat.limits.pictures and not (page.text or "").strip():
            return None
        room = self._asker.room(_TASK, _ASKED, _SCHEMA)
        # A page that does not fit is asked about by its beginning.
        batch = next(batches(self._library, [page], self._asker, room), None)
        if batch is None:
            return None
        value, problem = self._asker.ask_json(_TASK, batch, _ASKED, _SCHEMA, lambda value: problem_of(value, _SCHEMA))
        if problem is not None:
            return problem
        question = plain(value["question"] or "")
        if not question:
            return None
        words = self._library.page_words(page.id)
        quote = value["quote"] or ""
        place = next(iter(find_quotes(words, quote)), None) or (find_value(words, quote) if quote.strip() else None)
        boxes = () if place is None else line_boxes(words[place[0] : place[1]])
        return Written(question, plain(value["answer"] or "") or None, value["type"] or "text", boxes)
