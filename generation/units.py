"""Cutting a page into what can be quoted: sentences of running text, and rows of tables and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..retrieval.types import Word

LONGEST = 60
"""Words of a unit. A longer sentence is a table or a list that lost its layout; it is cut at its rows."""

_SENTENCE_END = re.compile(r"[.!?…。！？؟։]+[\"'”’»)\]]*$")
_NO_SENTENCE_END = re.compile(
    r"^(?:[A-Za-z]|[А-ЯІЇЄҐа-яіїєґ]|\d{1,2}|No|Mr|Mrs|Ms|Dr|vs|e\.g|i\.e|cf|Fig|approx|St|р|ст|стор|рис|тис|млн|млрд)\.$"
)


def quotable_units(words: Sequence[Word]) -> list[tuple[int, int]]:
    """The page's words, cut: `(first, last + 1)` of each unit, in order, covering all words.

    A row with a gap wider than two of its heights inside is a row of a table and stands alone. Other rows that follow
    each other closely, in one size, are running text and are cut at the ends of sentences.
    """
    units: list[tuple[int, int]] = []
    for first, last in _blocks(words):
        units.extend(_sentences(words, first, last))
    return units


def _rows(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    first = 0
    for i in range(1, len(words) + 1):
        if i == len(words) or not _beside(words[i - 1], words[i]):
            yield first, i
            first = i


def _beside(before: Word, after: Word) -> bool:
    overlap = min(before.box.y1, after.box.y1) - max(before.box.y0, after.box.y0)
    return overlap > min(before.box.height, after.box.height) / 2


def _is_table_row(words: Sequence[Word], first: int, last: int) -> bool:
    for before, after in zip(words[first : last - 1], words[first + 1 : last], strict=True):
        gap = max(after.box.x0 - before.box.x1, before.box.x0 - after.box.x1)
        if gap > 2 * max(before.box.height, 1.0):
            return True
    return False


def _blocks(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Rows of tables one by one; running text as blocks of rows."""
    begun: int | None = None
    before: tuple[int, int] | None = None
    for first, last in _rows(words):
        table = _is_table_row(words, first, last)
        if begun is not None and before is not None and (table or not _continues(words, before, (first, last))):
            yield begun, first
            begun = None
        if table:
            yield first, last
        elif begun is None:
            begun = first
        before = first, last
    if begun is not None:
        yield begun, len(words)


def _continues(words: Sequence[Word], before: tuple[int, int], row: tuple[int, int]) -> bool:
    above, here = words[before[0]].box, words[row[0]].box
    pause = here.y0 - above.y1
    return pause < 0.9 * above.height and 0.8 < here.height / max(above.height, 0.1) < 1.25


def _sentences(words: Sequence[Word], first: int, last: int) -> Iterator[tuple[int, int]]:
    begun = first
    for i in range(first, last):
        text = words[i].text
        ends = _SENTENCE_END.search(text) is not None and not _NO_SENTENCE_END.match(text)
        if ends or i + 1 == last:
            yield from _short_enough(words, begun, i + 1)
            begun = i + 1


def _short_enough(words: Sequence[Word], first: int, last: int) -> Iterator[tuple[int, int]]:
    if last - first <= LONGEST:
        yield first, last
        return
    for begin, end in _rows(words[first:last]):
        yield first + begin, first + end
