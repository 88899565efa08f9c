"""What on the pages may answer: sentences, labels with what follows them, rows of tables; by how well they match."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..retrieval.analysis import terms
from ..retrieval.types import Word
from .asked import Kind, asked_kind, has_form
from .protocols import ShownPage
from .table_types import Table
from .units import quotable_units

OTHER_KIND = 0.7
"""What is left of a unit's strength when nothing in it is of the kind that was asked for, such as a date."""
OF_PAGE = 0.3
"""What a unit leaves to its page ("Boeing", "2018") counts for so much."""
OF_BEFORE = 0.6
"""And what it leaves to the unit before it ("A racket has two parts. Its length …"); less by a third one further up."""
OF_HEAD = 0.9
"""And what a row leaves to the head of its table."""
A_PAGE = 0.06
"""Lost by each page that was found better."""
LABEL = 10
"""Words of a label, at most: a line that ends no sentence, and is quoted with what follows it."""
RUNNING = 12
"""Words of a running head, at most."""
VALUE = 40
"""Words of what follows a label, at most."""

_LABEL = re.compile(r"[^\W\d_]")
_CLOSED = re.compile(r"[.!?…。！？]\W*$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Words of a page that may answer."""

    page: ShownPage
    first: int
    last: int
    """Words `first <= i < last` of the page."""
    text: str
    strength: float
    """0 to 1: the share of the question, by weight, that it accounts for, together with where it stands."""
    table: Table | None = None
    """The table that it is a row of."""


def rank_candidates(
    question: str,
    pages: Sequence[ShownPage],
    tables: Mapping[int, Sequence[Table]] | None = None,
    part: str | None = None,
) -> list[Candidate]:
    """What matches, best first.

    `tables`: those of pages, by marker. `part`: words of the question that alone are to be accounted for, where it asks
    several things.
    """
    kind = asked_kind(part or question)
    asked = frozenset(terms(question))
    units = {page.marker: quotable_units(page.match.words) for page in pages}
    running = _running_heads(pages, units)
    found = []
    for page in pages:
        own = [
            unit
            for unit in units[page.marker]
            if (page.hit.page.document, _shape(page.match.words, *unit)) not in running
        ]
        found += _of_page(page, own, kind, asked, (tables or {}).get(page.marker, ()), part)
    return sorted(found, key=lambda one: (-one.strength, one.page.marker, one.first))


def page_support(page: ShownPage) -> NDArray[np.float32]:
    """`(tokens,)`: how far the whole page, with its document's title and name, supports each word of the question."""
    match = page.match
    best = match.best(0, len(match.words)) if match.words else np.zeros(len(match.tokens), np.float32)
    identity = set(terms(f"{page.hit.page.title} {page.hit.page.source}"))
    named = np.array([bool(identity & set(terms(token))) for token in match.tokens], bool)
    return np.where(named, 1.0, best).astype(np.float32)


def _running_heads(pages: Sequence[ShownPage], units: Mapping[int, Sequence[tuple[int, int]]]) -> set[tuple[str, str]]:
    """Document and shape of short lines that stand on several of its pages: titles and page numbers at the edges."""
    seen: Counter[tuple[str, str]] = Counter()
    for page in pages:
        lines = {_shape(page.match.words, first, last) for first, last in units[page.marker] if last - first <= RUNNING}
        seen.update((page.hit.page.document, line) for line in lines)
    return {line for line, count in seen.items() if count > 1}


def _shape(words: Sequence[Word], first: int, last: int) -> str:
    """A line without its numbers: the page's among them."""
    return re.sub(r"\d+", "0", _text(words[first:last]))


def _of_page(
    page: ShownPage,
    units: Sequence[tuple[int, int]],
    kind: Kind,
    asked: frozenset[str],
    tables: Sequence[Table],
    part: str | None,
) -> Iterator[Candidate]:
    match = page.match
    weights = match.weights
    asserts = kind == "yes or no"  # a sentence that says what the question asks is a yes
    if part is not None:
        own = set(terms(part))
        inside = np.array([bool(own & set(terms(token))) for token in match.tokens], bool)
        weights = np.where(inside, weights, 0) / max(float(weights[inside].sum()), 1e-9)
    best = [match.best(first, last) for first, last in units]
    shared = OF_PAGE * page_support(page)
    heads = [_head_support(page, table) for table in tables]
    for number, (first, last) in enumerate(units):
        place = _table_of(match.words[first], tables)
        table = None if place is None else tables[place]
        context = shared
        if number > 0:
            context = np.maximum(context, OF_BEFORE * best[number - 1])
        if number > 1:
            context = np.maximum(context, OF_BEFORE * 0.7 * best[number - 2])
        if place is not None:
            context = np.maximum(context, OF_HEAD * heads[place])
        spans = [(last, best[number])]
        text = _text(match.words[first:last])
        is_label = table is None and last - first <= LABEL and _LABEL.search(text) and not _CLOSED.search(text)
        if is_label and number + 1 < len(units):
            after = units[number + 1]
            near = after[0] == last and after[1] - after[0] <= VALUE
            if near and _table_of(match.words[after[0]], tables) is None:
                spans.append((after[1], np.maximum(best[number], best[number + 1])))
        for end, own_support in spans:
            text = _text(match.words[first:end])
            # a unit that only repeats words of the question, like a heading, answers nothing
            if not own_support.any() or (asked.issuperset(terms(text)) and not (asserts and _CLOSED.search(text))):
                continue
            strength = float(np.maximum(own_support, context) @ weights)
            if kind not in ("text", "yes or no", "name") and not has_form(kind, text, asked):
                strength *= OTHER_KIND
            strength *= max(0.0, 1 - A_PAGE * (page.marker - 1))
            yield Candidate(page, first, end, text, strength, table)


def _table_of(word: Word, tables: Sequence[Table]) -> int | None:
    return next((number for number, table in enumerate(tables) if table.box.holds(word.box)), None)


def _head_support(page: ShownPage, table: Table) -> NDArray[np.float32]:
    """`(tokens,)`: what the words in the head of a table give each word of the question."""
    boxes = [cell.box for row in table.rows[: table.heads] for cell in row if cell.text]
    match = page.match
    best = [match.best(i, i + 1) for i, word in enumerate(match.words) if any(box.holds(word.box) for box in boxes)]
    return np.max(best, axis=0) if best else np.zeros(len(match.tokens), np.float32)


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
