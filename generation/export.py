"""Answers, chats and extractions as Markdown and JSON, with what they stand on.

In Markdown, all text of documents and models is escaped: nothing in it renders as HTML, a link, a picture or a heading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ..retrieval.types import Answer, Box, Page
from .extraction import Extraction, Place

Format = Literal["markdown", "json"]

_SYNTAX = re.compile(r"([\\`*_{}\[\]<>#|!~&$^=])")
_UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")
"""Control characters, marks that turn the direction of reading, and halves of characters, which no file can hold."""
_LINE_START = re.compile(r"^(\s*)([-+]|\d{1,9}(?=[.)]))", re.MULTILINE)
_ADDRESS = re.compile(r"(?i)(https?|ftp|mailto|javascript|data):|(www)\.|(\S)@(?=\S)")


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is.

    Bare addresses are broken by an escape too: GitHub makes links of them.

    >>> print(escape_markdown("# Größe <b>[x](http://y)</b>"))
    \# Größe \<b\>\[x\](http\://y)\</b\>
    """
    text = "".join(letter for letter in text if letter in "\n\t" or not _UNSEEN.match(letter))
    text = _SYNTAX.sub(r"\\\1", text)
    text = _ADDRESS.sub(_break_address, text)
    text = _LINE_START.sub(_break_list, text)
    # Four blanks begin a block of code, in which escapes would be shown.
    return re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE)


def _break_address(found: re.Match[str]) -> str:
    if found.group(1):
        return f"{found.group(1)}\\:"
    return f"{found.group(2)}\\." if found.group(2) else f"{found.group(3)}\\@"


def _break_list(found: re.Match[str]) -> str:
    sign = found.group(2)
    return f"{found.group(1)}{sign}\\" if sign.isdigit() else f"{found.group(1)}\\{sign}"


def export_answer(answer: Answer, form: Format = "markdown") -> str:
    """An answer with its citations: source, page, boxes and quote."""
    if form == "json":
        return _json(answer.to_dict())
    return _answer(answer, level=1)


def export_chat(answers: Sequence[Answer], form: Format = "markdown", *, title: str = "Conversation") -> str:
    """A chat, in the order it was held."""
    if form == "json":
        return _json({"title": title, "answers": [answer.to_dict() for answer in answers]})
    parts = [f"# {_inline(title)}\n", *(_answer(answer, level=2) for answer in answers)]
    return "\n".join(parts)


def export_extraction(extraction: Extraction, form: Format = "markdown") -> str:
    """What was extracted: a table of fields, and where each value stands."""
    if form == "json":
        return _json(extraction.to_dict())
    lines = ["# Extraction", "", f"Extracted by {_inline(extraction.model)}.", ""]
    lines += ["| Field | Value | Found | Source | Page | Boxes | Quote |", f"|{' --- |' * 7}"]
    for field in extraction.fields:
        value = "" if field.value is None else field.value if isinstance(field.value, str) else json.dumps(field.value)
        place = ["", "", "", ""] if field.place is None else _placed(field.place)
        cells = [_inline(field.path), _inline(str(value)), "yes" if field.found else "no", *place]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"{_inline(field.path)}: {_inline(field.reason)}" for field in extraction.fields if field.reason]
    if notes or extraction.problems:
        lines += ["", "Not found, or not as asked:", ""]
        lines += [f"- {note}" for note in (*notes, *map(_inline, extraction.problems))]
    return "\n".join(lines) + "\n"


def _answer(answer: Answer, level: int) -> str:
    lines = [f"{'#' * level} {_inline(answer.question)}", ""]
    if answer.abstained:
        lines += [f"The documents do not answer this. {_inline(answer.reason or '')}".rstrip(), ""]
    else:
        # The paragraphs of the answer stay; what would be markup in them does not.
        lines += [escape_markdown(answer.text), ""]
    lines += [f"Written by {_inline(answer.model)}.", ""]
    if answer.citations:
        lines += ["| Citation | Source | Page | Boxes | Quote |", "| --- | --- | --- | --- | --- |"]
        for citation in answer.citations:
            where = _where(citation.page, citation.boxes)
            lines.append(f"| {citation.marker} | {' | '.join(where)} | {_inline(citation.quote)} |")
        lines += ["", "Boxes are left, top, right and bottom in points from the top left corner of the page.", ""]
    return "\n".join(lines)


def _placed(place: Place) -> list[str]:
    return [*_where(place.page, place.boxes), _inline(place.quote)]


def _where(page: Page, boxes: Sequence[Box]) -> list[str]:
    drawn = "; ".join(", ".join(f"{edge:.1f}" for edge in box) for box in boxes)
    return [_inline(Path(page.source).name), str(page.number), drawn or "whole page"]


def _inline(text: str) -> str:
    """One line, for a cell or a heading."""
    return escape_markdown(" ".join(text.split()))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
