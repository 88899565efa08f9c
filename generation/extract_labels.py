"""Fields without a model: what stands beside or below a label that says the field's name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..retrieval.analysis import terms
from ..retrieval.types import Word
from .extract_values import date_in, numbers_in
from .table_layout import Chunk, chunks_of, lines_of, right_to_left

_FIRST_CHOICE = {"title": 3.0, "name": 2.0, "description": 1.0}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that stands by a label."""

    value: Any
    words: tuple[Word, ...]
    score: float
    """Higher is better; comparable within one field."""


def labels_of(name: str, schema: Mapping[str, Any]) -> list[tuple[list[str], float]]:
    """What a field may be called on a page, as terms, each with how much a match counts.

    >>> labels_of("dueDate", {"title": "Payment due"})
    [(['payment', 'due'], 3.0), (['due', 'date'], 2.0)]
    """
    spaced = re.sub(r"(?<=[a-zа-яіїєґ0-9])(?=[A-ZА-ЯІЇЄҐ])|[_\-./]+", " ", name)
    texts = {"title": schema.get("title"), "name": spaced, "description": schema.get("description")}
    found: list[tuple[list[str], float]] = []
    for kind, text in texts.items():
        label = terms(text) if isinstance(text, str) else []
        if 0 < len(label) <= 6 and all(label != other for other, _ in found):  # a longer description is a sentence
            found.append((label, _FIRST_CHOICE[kind]))
    return found


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """A text as the field's type; `None` when it is none. Types: string, number, integer, and dates by `format`."""
    kinds = schema.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    text = text.strip().strip(":").strip()
    if not text:
        return None
    if "number" in kinds or "integer" in kinds:
        values = numbers_in(text)
        if "integer" in kinds and "number" not in kinds:
            values = {value for value in values if value == int(value)}
        if not values:
            return None
        value = max(values, key=lambda one: (one == int(one), abs(one))) if "," in text else min(values, key=abs)
        return int(value) if value == int(value) and "integer" in kinds else value
    if "string" not in kinds:
        return None
    if schema.get("format") in ("date", "date-time"):
        found = date_in(text)
        return found.isoformat() if isinstance(found, datetime.date) else None
    if isinstance(choices := schema.get("enum"), list):
        return next((one for one in choices if isinstance(one, str) and terms(one) == terms(text)), None)
    if isinstance(pattern := schema.get("pattern"), str) and len(text) <= 200:
        return text if re.search(pattern, text) else None
    return text


def candidates(words: Sequence[Word], name: str, schema: Mapping[str, Any]) -> Iterator[Candidate]:
    """Values of a page by a field's labels: after the label, beside it, or below it."""
    chunks = chunks_of(words)
    lines = lines_of(chunks)
    turned = right_to_left(words)
    for label, weight in labels_of(name, schema):
        for line in lines:
            ordered = line[::-1] if turned else line
            for place, chunk in enumerate(ordered):
                after = _after_label(chunk, label)
                if after is None:
                    continue
                # A label that says more than the name fits less: "Net total" for "total".
                fit = weight + len(label) / max(len(terms(" ".join(w.text for w in chunk.words[:after]))), 1)
                found = [(chunk.words[after:], 0.6)] if after < len(chunk.words) else []
                if not found and place + 1 < len(ordered):
                    found.append((ordered[place + 1].words, 0.5))
                if not found and (below := _below(chunk, chunks)) is not None:
                    found.append((below.words, 0.2))
                for part, bonus in found:
                    value = typed(" ".join(word.text for word in part), schema)
                    if value is not None:
                        yield Candidate(value, tuple(part), fit + bonus)


def _after_label(chunk: Chunk, label: Sequence[str]) -> int | None:
    """How many words of a chunk its label takes, where all the label's terms are in it; `None` when they are not.

    A label ends at a colon, or with the chunk; it has at most two words beside the field's name.
    """
    colon = next((i + 1 for i, word in enumerate(chunk.words) if word.text.endswith((":", "："))), None)
    end = colon or len(chunk.words)
    found = terms(" ".join(word.text for word in chunk.words[:end]))
    if end > len(label) + 3 or len(found) > len(label) + 2 or not set(label) <= set(found):
        return None
    return end


def _below(label: Chunk, chunks: Sequence[Chunk]) -> Chunk | None:
    under = [
        chunk
        for chunk in chunks
        if 0 <= chunk.box.y0 - label.box.y1 + 0.3 * label.box.height < 2 * label.box.height
        and min(chunk.box.x1, label.box.x1) - max(chunk.box.x0, label.box.x0) > 0
    ]
    return min(under, key=lambda chunk: chunk.box.y0, default=None)
