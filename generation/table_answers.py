"""The cell of a table that answers: the right column of the right row, or the row whose figure is the highest.

found = cell_answer(question, candidate)   # a Cells: value, label of its row, head of its column
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..retrieval.analysis import terms
from .asked import Kind, asked_kind, has_form
from .candidates import Candidate
from .extract_values import numbers_in
from .table_types import Cell, Table

CLEARLY = 0.05
"""By so much of the question's weight one column's head must match better than every other's."""
FEWEST = 3
"""Rows of which one is the highest; of two, a sentence usually says it."""
_FIGURES: frozenset[Kind] = frozenset(("number", "percent", "money", "date", "duration"))
_MOST = re.compile(
    r"\b(?:most|highest|largest|biggest|greatest|longest|tallest|maximum|top)\b|\bнай(?:б|вищ|довш)\w+|"
    r"가장 (?:많|높|큰)",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"\b(?:least|fewest|lowest|smallest|shortest|minimum)\b|\bнайменш\w+|\bнайниж\w+|가장 (?:적|낮|작)", re.IGNORECASE
)
_SEVERAL = re.compile(
    r"\b(?:change|chang\w+|differ\w+|increas\w+|decreas\w+|grow\w*|rise|fall|fell|more|less|compare\w*|versus|vs|"
    r"between|year before|ratio|sum|total of|average|and (?:what|which|who|when|where|how|at|in))\b|"
    r"зміни\w+|різниц\w+|порівн\w+",
    re.IGNORECASE,
)
"""What takes more than one cell."""
_WHAT = re.compile(r"\bwhat(?:['’]s| is| are| was| were)\b|\bяк(?:ий|а|е|і)\b", re.IGNORECASE)
_SUM = re.compile(r"(?:sub)?totals?\b|sum\b|all\b|разом|всього|합계", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cells:
    """An answer out of a table."""

    value: Cell
    beside: tuple[Cell, ...]
    """What says what the value is: the label of its row, the head of its column."""


def cell_answer(question: str, candidate: Candidate) -> Cells | None:
    """The cell of a candidate's table that answers a question for a figure, or for what has the highest.

    `None` where the table does not say clearly enough which: then its row is the better answer.
    """
    table = candidate.table
    if table is None or not table.heads:
        return None
    most = bool(_MOST.search(question))
    if most or _LEAST.search(question):
        return _extreme(question, candidate, table, most=most)
    kind = asked_kind(question)
    if not (kind in _FIGURES or (kind == "text" and _WHAT.search(question))) or _SEVERAL.search(question):
        return None
    row = _row_of(candidate, table)
    if row is None:
        return None
    label = _label(table, row)
    form = "number" if kind == "text" else kind
    values = {cell.column: cell for cell in table.rows[row] if cell is not label and has_form(form, cell.text)}
    column = _column(question, candidate, table, list(values))
    if column is None:
        return None
    return Cells(values[column], tuple(cell for cell in (label, *_heads(table, column)[-1:]) if cell is not None))


def _extreme(question: str, candidate: Candidate, table: Table, *, most: bool) -> Cells | None:
    """The label of the row whose figure is the highest or lowest in the column that the question names."""
    column = _column(question, candidate, table, range(1, table.columns))
    if column is None:
        return None
    valued: list[tuple[float, Cell, Cell]] = []
    for number, row in enumerate(table.rows[table.heads :], start=table.heads):
        label = _label(table, number)
        cell = next((cell for cell in row if cell.column == column), None)
        if label is None or cell is None or _SUM.match(label.text):
            continue
        value = _number(cell.text)
        if value is not None:
            valued.append((value, label, cell))
    if len(valued) < FEWEST:
        return None
    valued.sort(key=lambda one: one[0], reverse=most)
    if valued[0][0] == valued[1][0]:
        return None
    _, label, cell = valued[0]
    return Cells(label, (cell, *_heads(table, column)[-1:]))


def _column(question: str, candidate: Candidate, table: Table, columns: Sequence[int]) -> int | None:
    """The one of the columns whose head matches the question clearly better than the others' do."""
    if len(columns) < 2:
        return columns[0] if columns else None
    asked = set(terms(question))
    same = np.zeros(len(columns))
    alike = np.zeros(len(columns))
    match = candidate.page.match
    for i, column in enumerate(columns):
        heads = _heads(table, column)
        same[i] = len(asked & {term for cell in heads for term in terms(cell.text)})
        words = [k for k, word in enumerate(match.words) if any(cell.box.holds(word.box) for cell in heads)]
        if words:
            alike[i] = np.max([match.best(k, k + 1) for k in words], axis=0) @ match.weights
    # The same words first: to an encoder, 2023 is much like 2024.
    for scores, margin in ((same, 1.0), (alike, CLEARLY)):
        best, second = np.argsort(-scores)[:2]
        if scores[best] - scores[second] >= margin:
            return columns[int(best)]
        if scores[best] >= margin:  # several have words of the question
            return None
    return None


def _row_of(candidate: Candidate, table: Table) -> int | None:
    """The row that the candidate's words stand in; `None` for a head."""
    words = candidate.page.match.words[candidate.first : candidate.last]
    middle = float(np.median([word.box.center[1] for word in words]))
    for number, row in enumerate(table.rows):
        filled = [cell.box for cell in row if cell.text]
        if filled and min(box.y0 for box in filled) <= middle <= max(box.y1 for box in filled):
            return number if number >= table.heads else None
    return None


def _label(table: Table, row: int) -> Cell | None:
    """The first cell of a row, if it has letters."""
    cell = next((cell for cell in table.rows[row] if cell.column == 0 and cell.text), None)
    return cell if cell is not None and any(letter.isalpha() for letter in cell.text) else None


def _heads(table: Table, column: int) -> list[Cell]:
    """The heads of a column, top to bottom."""
    return [
        cell
        for row in table.rows[: table.heads]
        for cell in row
        if cell.text and cell.column <= column < cell.column + cell.column_span
    ]


def _number(text: str) -> float | None:
    """The value of a cell of one number; where it may mean two, commas part thousands and points decimals.

    >>> _number("(1,204)"), _number("€ 3.5 m"), _number("13,8"), _number("n/a")
    (-1204.0, 3.5, 13.8, None)
    """
    values = numbers_in(re.sub(r"[^\W\d_]+", " ", text))  # a scale is the same for all of a column
    return (max if "," in text else min)(values, key=abs) if values else None
