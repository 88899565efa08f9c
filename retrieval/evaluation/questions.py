"""Test questions as files hold them: this project's JSONL, a question a line, and BEIR folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from ..errors import QueryError
from ..types import Box


@dataclass(frozen=True, slots=True)
class Target:
    """A page that should be found, or, without a number, any page of a document."""

    document: str
    """As the file names it: a file name, the end of a path, or an id."""
    page: int | None
    """1-based."""
    grade: int = 1


@dataclass(frozen=True, slots=True)
class GoldBox:
    """Where on a page of the question's document the answer stands."""

    document: str
    page: int
    box: Box
    size: tuple[float, float] | None = None
    """Width and height of the page that the box was drawn on, where the file says it; otherwise points."""


@dataclass(frozen=True, slots=True)
class Question:
    """A test question."""

    id: str
    text: str
    targets: tuple[Target, ...]
    every: bool = False
    """All targets are needed; otherwise each one alone answers."""
    inside: str | None = None
    """The document to search in; `None` searches the whole library."""
    boxes: tuple[GoldBox, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What results are shown by: `type`, `lang` and `set` to this question's own, where they are known."""
    left_out: str | None = None
    """Why it cannot be scored: nothing answers it, its page is disputed, or it names none; `None` when it can."""


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSONL file, a BEIR folder, or one file of a BEIR folder's `qrels`.

    A line of JSONL has `question`, `doc` (file name, path or id) and `pages` (from 1), and may have `id`, `type`,
    `lang`, `set`, `match` (`any` page is enough, the default, or `all` are needed), `answerable`, `scope` (`corpus`,
    the default, or `doc`: search inside the document), `boxes` (`page`, `box` as x0, y0, x1, y1 in points from the top
    left, and `page_size` where it was measured in something else) and `refs` (`doc` and `page`: pages of others).

    Raises `QueryError`, with file and line, for what is not as it should be.
    """
    if path.is_dir() or (path.suffix == ".tsv" and path.parent.name == "qrels"):
        from .beir import read_beir

        return read_beir(path)
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for number, entry in json_lines(path):
        question = _question(entry, f"{path}, line {number}", number)
        if question.id in lines:
            raise QueryError(
                f"{path}, line {number}: the id {question.id!r} is that of line {lines[question.id]}, too."
            )
        lines[question.id] = number
        questions.append(question)
    if not questions:
        raise QueryError(f"There are no questions in {path}.")
    return questions


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their 1-based line numbers; empty lines are skipped.

    Raises `QueryError`, with file and line, for a line that is no JSON object.
    """
    for number, line in text_lines(path):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"{path}, line {number}: this is no JSON ({error}).") from error
        if not isinstance(entry, dict):
            raise QueryError(f"{path}, line {number}: this is no JSON object.")
        yield number, entry


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that are not empty, with their 1-based numbers. Raises `QueryError`."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except OSError as error:
        raise QueryError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"Cannot read {path}: it is not UTF-8 text.") from error


class _Box(BaseModel):
    page: int = Field(ge=1)
    box: tuple[float, float, float, float] = Field(validation_alias=AliasChoices("box", "bbox"))
    page_size: tuple[float, float] | None = None


class _Reference(BaseModel):
    doc: str
    page: int | None = Field(default=None, ge=1)
    pages: list[int] = []


class _Line(BaseModel):
    """A line of JSONL. `document`, `bbox`, `source` and `sources` are what other files call these fields."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    question: str = Field(pattern=r"\S")
    id: str | None = None
    doc: str | None = Field(default=None, validation_alias=AliasChoices("doc", "document"))
    pages: list[int] | None = None
    boxes: list[_Box] | None = None
    refs: list[_Reference] | None = None
    match: Literal["any", "all"] | None = None
    scope: Literal["doc", "corpus"] | None = None
    answerable: bool | None = None
    page_truth: str | None = None
    type: str | list[str] | None = Field(
        default=None, validation_alias=AliasChoices("type", "sources", "source", "kind")
    )
    lang: str | None = None
    set: str | None = None


def _question(entry: dict[str, Any], place: str, number: int) -> Question:
    try:
        line = _Line.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise QueryError(f"{place}: {name}: {first['msg'].lower()}.") from error
    if line.pages and min(line.pages) < 1:
        raise QueryError(f"{place}: pages: they count from 1.")
    if line.doc is None and (line.pages or line.boxes or line.scope == "doc"):
        raise QueryError(f"{place}: doc: the document that this is about is not named.")
    pages = [(line.doc, page) for page in line.pages or ()] if line.doc is not None else []
    for reference in line.refs or ():
        pages += [(reference.doc, page) for page in reference.pages or [reference.page] if page]
    targets = tuple(Target(document, page) for document, page in dict.fromkeys(pages))
    types = [line.type] if isinstance(line.type, str) else line.type or []
    groups = {"type": tuple(types), "lang": (line.lang,) if line.lang else (), "set": (line.set,) if line.set else ()}
    return Question(
        line.id or f"line-{number}",
        line.question,
        targets,
        line.match == "all",
        line.doc if line.scope == "doc" else None,
        tuple(GoldBox(line.doc, one.page, Box(*one.box), one.page_size) for one in line.boxes or () if line.doc),
        {name: values for name, values in groups.items() if values},
        _left_out(line, targets),
    )


def _left_out(line: _Line, targets: tuple[Target, ...]) -> str | None:
    if line.answerable is False:
        return "nothing answers it"
    if line.page_truth == "disputed":
        return "its page is disputed"
    return None if targets else "it names no page"
