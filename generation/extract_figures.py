"""What figures show: captions for people who cannot see them, and charts as data.

A model looks at the figure alone; where the figure stands is known from ingest, and which of its numbers are printed in
it is checked against the page's words.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..retrieval.errors import GeneratorError, QueryError
from ..retrieval.figures import FigureRow, figures_of
from ..retrieval.library import Library
from ..retrieval.types import Page, Usage, Word
from .chat import ChatModel, Picture
from .extract_prompts import Asker, Batch, fence
from .extract_schema import problem_of
from .extract_values import find_value
from .shown import PagePicture, described

CAPTION_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "alt": {"type": "string", "minLength": 1, "maxLength": 300, "description": "One sentence for the blind."},
        "caption": {"type": "string", "minLength": 1, "maxLength": 1500, "description": "What it shows, two or three "
                    "sentences."},
    },
    "required": ["alt", "caption"],
    "additionalProperties": False,
}  # fmt: skip

CHART_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"enum": ["bar", "line", "area", "pie", "scatter", "histogram", "box", "other", "none"],
                 "description": "none: it is no chart."},
        "title": {"type": ["string", "null"]},
        "x_axis": {"$ref": "#/$defs/axis"},
        "y_axis": {"$ref": "#/$defs/axis"},
        "series": {
            "type": "array", "maxItems": 50,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "null"]},
                    "points": {
                        "type": "array", "maxItems": 500,
                        "items": {
                            "type": "object",
                            "properties": {"x": {"type": ["string", "number"]}, "y": {"type": ["number", "null"]}},
                            "required": ["x", "y"], "additionalProperties": False,
                        },
                    },
                },
                "required": ["name", "points"], "additionalProperties": False,
            },
        },
        "trend": {"type": ["string", "null"], "description": "In one sentence, what it says."},
    },
    "required": ["type", "title", "x_axis", "y_axis", "series", "trend"],
    "additionalProperties": False,
    "$defs": {
        "axis": {
            "type": "object",
            "properties": {"label": {"type": ["string", "null"]}, "unit": {"type": ["string", "null"]}},
            "required": ["label", "unit"], "additionalProperties": False,
        }
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Described:
    """What a figure shows, in words."""

    figure: FigureRow
    page: Page
    alt: str
    """One sentence."""
    caption: str
    model: str
    usage: Usage | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**_where(self.page, self.figure, self.model, self.usage), "alt": self.alt, "caption": self.caption}


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows, as data."""

    figure: FigureRow
    page: Page
    data: dict[str, Any]
    """By `CHART_SCHEMA`. Values are the model's reading: as exact as it could see."""
    printed: float | None
    """0 to 1: the share of values that are printed in the figure, so that they were read and not measured; `None` where
    the chart has none, or its words are not known."""
    model: str
    usage: Usage | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**_where(self.page, self.figure, self.model, self.usage), "chart": self.data, "printed": self.printed}


def describe(library: Library, page: Page, chat: ChatModel) -> list[Described]:
    """The figures of a page in words, in the order they stand there; empty when it has none.

    Raises `QueryError` for a model that sees no pictures, `GeneratorError` when it fails or answers wrongly twice.
    """
    task = "You describe pictures for people who cannot see them. Say only what is to be seen."
    asked = "Describe this figure, in the language of the page."
    described_figures = []
    for row in figures(library, page):
        value, usage = _look(library, page, row, chat, task, asked, CAPTION_SCHEMA, 400)
        described_figures.append(Described(row, page, value["alt"], value["caption"], chat.name, usage))
    return described_figures


def analyze_chart(library: Library, page: Page, chat: ChatModel, number: int | None = None) -> Chart:
    """A chart of a page as type, axes, series and trend. `number`: which figure, from 1; without it, the largest.

    Raises as `describe` does, and `QueryError` for a figure there is not.
    """
    found = figures(library, page)
    if not found or (number is not None and not 1 <= number <= len(found)):
        count = f"{len(found)} figures" if len(found) != 1 else "one figure"
        raise QueryError(f"There is no figure {number or 1} on page {page.number}; it has {count}.")
    row = found[number - 1] if number else max(found, key=lambda one: one.figure.box.width * one.figure.box.height)
    task = "You read charts. Read values off labels where they are printed, and off the axes where they are not."
    asked = "Give this chart's data. Use null for what it does not say."
    value, usage = _look(library, page, row, chat, task, asked, CHART_SCHEMA, 2048)
    words = _inside(library.page_words(page.id), row)
    values = [point["y"] for series in value["series"] for point in series["points"] if point["y"] is not None]
    printed = sum(find_value(words, one) is not None for one in values) / len(values) if values and words else None
    return Chart(row, page, value, printed, chat.name, usage)


def figures(library: Library, page: Page) -> list[FigureRow]:
    """The figures on a page, without the page itself taken as one."""
    return [row for row in figures_of(library.catalog, [page.id])[page.id] if row.figure.kind != "page"]


def _look(
    library: Library,
    page: Page,
    row: FigureRow,
    chat: ChatModel,
    task: str,
    asked: str,
    schema: Mapping[str, Any],
    max_tokens: int,
) -> tuple[Any, Usage | None]:
    if not chat.limits.pictures:
        raise QueryError(f"{chat.name} sees no pictures; set PAGESIGHT_GENERATOR_MODEL to one that does.")
    asker = Asker(chat, max_tokens)
    nonce = secrets.token_hex(8)
    words = " ".join(word.text for word in _inside(library.page_words(page.id), row))
    text = fence([*described(page), "words printed in the figure:", words[:2000]], nonce)
    left = asker.room(task, asked, schema) - asker.count(text)
    picture = _picture(library, page, row, chat, left)
    batch = Batch((page,), (text, picture, "\n"), nonce)
    value, problem = asker.ask_json(task, batch, asked, schema, lambda value: problem_of(value, schema))
    if problem is not None:
        raise GeneratorError(f"{chat.name} answered wrongly twice about a figure of page {page.number}: {problem}")
    return value, asker.usage


def _picture(library: Library, page: Page, row: FigureRow, chat: ChatModel, room: int) -> Picture:
    stored = PagePicture(page, library.page_image(page))
    for dpi in (None, 100.0, 72.0):
        for piece in stored.pieces(row.figure.box, chat.limits.picture_side, dpi)[:1]:
            if chat.limits.picture_tokens(piece.width, piece.height) <= room:
                return stored.cut(piece)
    raise GeneratorError(f"{chat.name} has no room for the figure's picture; raise PAGESIGHT_GENERATOR_CONTEXT.")


def _inside(words: Sequence[Word], row: FigureRow) -> list[Word]:
    return [word for word in words if row.figure.box.holds(word.box)]


def _where(page: Page, row: FigureRow, model: str, usage: Usage | None) -> dict[str, Any]:
    return {
        "source": page.source,
        "document": page.document,
        "page": page.number,
        "figure": row.id,
        "box": [round(edge, 1) for edge in row.figure.box],
        "model": model,
        "usage": None if usage is None else asdict(usage),
    }
