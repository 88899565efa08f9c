"""Blocks: lines that stand together."""

from __future__ import annotations

from itertools import pairwise

from fakes import words_of
from hypothesis import given
from hypothesis import strategies as st

from pagesight.retrieval.blocks import edges_of, find_blocks
from pagesight.retrieval.evidence import split_lines
from pagesight.retrieval.types import Box, Word


def texts(words: tuple[Word, ...]) -> list[str]:
    lines = split_lines(words)
    return [
        " / ".join(" ".join(word.text for word in words[first:last]) for first, last in block.lines)
        for block in find_blocks(edges_of(words), lines)
    ]


def test_lines_below_each_other_are_a_block_until_there_is_a_gap():
    words = words_of("Die Größe der Pumpe", "und ihr Druck", "", "", "Penguins breed", "in winter")
    assert texts(words) == ["Die Größe der Pumpe / und ihr Druck", "Penguins breed / in winter"]


def test_columns_that_stand_apart_are_two_blocks_and_a_heading_is_one():
    left, right = words_of("links oben", "links unten"), words_of("rechts oben", "rechts unten", x=350)
    heading = words_of("Größen", y=40, size=24)
    assert texts((*heading, *left, *right)) == ["Größen", "links oben / links unten", "rechts oben / rechts unten"]


def test_cells_of_a_table_that_are_near_stay_together():
    rows = [
        words_of(name, y=72 + 14 * n) + words_of(value, x=150, y=72 + 14 * n)
        for n, (name, value) in enumerate([("Umsatz", "4.512"), ("Kosten", "1.240"), ("Gewinn", "3.272")])
    ]
    assert len(texts(tuple(word for row in rows for word in row))) == 1


def test_cells_that_stand_apart_are_a_table_from_three_rows_on_and_what_is_near_is_none_of_it():
    title = words_of("Everything in this table is in thousands of euros", y=58, x=60)
    rows = [
        words_of(name, y=72 + 14 * n) + words_of(value, x=350, y=72 + 14 * n)
        for n, (name, value) in enumerate([("Umsatz", "4.512"), ("Kosten", "1.240"), ("Gewinn", "3.272")])
    ]
    assert texts(tuple(word for row in rows[:2] for word in row)) == ["Umsatz / Kosten", "4.512 / 1.240"]
    table = "Umsatz / 4.512 / Kosten / 1.240 / Gewinn / 3.272"
    words = (*title, *(word for row in rows for word in row))
    assert texts(words) == ["Everything in this table is in thousands of euros", table]


def test_a_paragraph_ends_where_the_next_word_would_still_have_fitted():
    lines = (
        "The pump was tested for a whole year and in all weathers",
        "and it never failed on any of the days at sea.",
    )
    more = (
        "Penguins breed in winter, and they do so upon the ice",
        "of the shelf, where nobody has ever tested a pump.",
    )
    assert texts(words_of(*lines, *more)) == [" / ".join((*lines, *more))]
    short = "and it never failed on any of them."
    assert texts(words_of(lines[0], short, *more)) == [f"{lines[0]} / {short}", " / ".join(more)]


def test_a_page_without_words_has_none():
    assert find_blocks(edges_of(()), []) == []


boxes = st.tuples(st.floats(0, 600), st.floats(0, 800), st.floats(0, 300), st.floats(0, 40))


@given(st.lists(boxes, max_size=30))
def test_every_line_is_in_one_block_and_inside_its_box(places: list[tuple[float, float, float, float]]):
    words = tuple(Word("ä", Box(x, y, x + width, y + height), 2 * i) for i, (x, y, width, height) in enumerate(places))
    lines = split_lines(words)
    blocks = find_blocks(edges_of(words), lines)
    assert sorted(line for block in blocks for line in block.lines) == lines
    assert all(a.lines[0] < b.lines[0] for a, b in pairwise(blocks))
    for block in blocks:
        for first, last in block.lines:
            for word in words[first:last]:
                assert block.box.union(word.box) == block.box
