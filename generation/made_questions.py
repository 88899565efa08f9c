"""A set of test questions about a library, to be read and corrected before it measures anything.

    for made in make_questions(library, 50).questions:
        print(made.question, made.doc, made.page)

Questions are spread over documents. Without a model they come from headings, table rows and captions; with one it
writes them, one a page. Neither is truth: `made` says where each comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..retrieval.errors import GeneratorError
from ..retrieval.evaluation import Names
from ..retrieval.library import Library
from ..retrieval.types import Box, Page, Usage
from .chat import ChatModel
from .extract_prompts import Progress
from .models import make_chat
from .question_sources import KINDS, ideas
from .question_writer import QuestionWriter


@dataclass(frozen=True, slots=True)
class MadeQuestion:
    """A question that was made, with the place that suggested it."""

    question: str
    doc: str
    """The document's file name, or its id where another one has the same."""
    page: int
    """1-based."""
    boxes: tuple[Box, ...]
    """Where the answer should stand. Points, display frame; empty where that is not known."""
    type: str
    lang: str | None
    made: str
    """What it was made from: `headings`, `tables`, `captions`, or the model that wrote it."""
    answer: str | None = None
    """What the model takes for the answer."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: a line that `read_questions` reads."""
        boxes = [{"page": self.page, "box": [round(edge, 1) for edge in box]} for box in self.boxes]
        return {
            "question": self.question,
            "doc": self.doc,
            "pages": [self.page],
            **({"boxes": boxes} if boxes else {}),
            "type": self.type,
            **({"lang": self.lang} if self.lang else {}),
            **({"answer": self.answer} if self.answer else {}),
            "made": self.made,
        }


@dataclass(frozen=True, slots=True)
class MadeQuestions:
    """What was made."""

    questions: tuple[MadeQuestion, ...]
    problems: tuple[str, ...] = ()
    """Pages that a model wrote nothing usable about, and why it ended early; empty when all is well."""
    usage: Usage | None = None

    def counts(self) -> dict[str, int]:
        """How many come from what."""
        return dict(Counter(one.made for one in self.questions))


def make_questions(
    library: Library, count: int, chat: ChatModel | None = None, *, on_progress: Progress | None = None
) -> MadeQuestions:
    """Make up to `count` questions, by `chat`, by the model that the library's settings name, or without one.

    Raises `GeneratorError` when a model fails before it wrote any question, and as `make_chat` does.
    """
    chat = chat or make_chat(library.settings)
    writer = None if chat is None else QuestionWriter(library, chat)
    made: list[MadeQuestion] = []
    problems: list[str] = []
    try:
        for one in _in_turns(library, writer, problems):
            if len({*made, one}) > len(made):
                made.append(one)
                if on_progress is not None:
                    on_progress(len(made), count)
            if len(made) >= count:
                break
    except GeneratorError as error:
        if not made:
            raise
        problems.append(f"Ended early: {error}")
    return MadeQuestions(tuple(made), tuple(problems), None if writer is None else writer.usage)


def _in_turns(library: Library, writer: QuestionWriter | None, problems: list[str]) -> Iterator[MadeQuestion]:
    """A question of each document, then the next one of each, until they have no more."""
    names = Names(library.documents())
    turns: list[Iterator[MadeQuestion]] = []
    for number, document in enumerate(library.documents()):
        pages = sorted(
            (page for page in library.catalog.pages_of(document.id) if page.text is not None),
            key=lambda page: sha256(page.id.encode()).digest(),  # spread over the document, the same each time
        )
        languages = dict(library.catalog.rows("SELECT number, language FROM pages WHERE document = ?", (document.id,)))
        name = names.name(document.id)
        if writer is None:
            turns.append(_offline(library, pages, name, languages, number))
        else:
            turns.append(_written(writer, pages, name, languages, problems))
    while turns:
        for turn in list(turns):
            found = next(turn, None)
            if found is None:
                turns.remove(turn)
            else:
                yield found


def _offline(
    library: Library, pages: list[Page], doc: str, languages: Mapping[int, str | None], number: int
) -> Iterator[MadeQuestion]:
    """A question of each page, kinds by turns; then what else the pages suggest."""

    def suggested(turn: int, page: Page) -> Iterator[MadeQuestion]:
        language = languages.get(page.number)
        for idea in ideas(library, page, language, KINDS[(number + turn) % len(KINDS)]):
            yield MadeQuestion(idea.question, doc, page.number, (idea.box,), idea.type, language, idea.kind)

    left: list[Iterator[MadeQuestion]] = []
    for turn, page in enumerate(pages):
        some = suggested(turn, page)
        if (first := next(some, None)) is not None:
            left.append(some)
            yield first
    for some in left:
        yield from some


def _written(
    writer: QuestionWriter, pages: list[Page], doc: str, languages: Mapping[int, str | None], problems: list[str]
) -> Iterator[MadeQuestion]:
    for page in pages:
        written = writer.write(page)
        if isinstance(written, str):
            problems.append(f"{doc}, page {page.number}: {written}")
        elif written is not None:
            yield MadeQuestion(
                written.question,
                doc,
                page.number,
                written.boxes,
                written.type,
                languages.get(page.number),
                writer.name,
                written.answer,
            )
