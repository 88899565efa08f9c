"""From similarities to places on a page."""

import numpy as np
import pytest
from fakes import FakePageEncoder, words_of

from pagesight.retrieval.evidence import FLOOR, INFLECTED, around, find_evidence, line_boxes, match_page, split_lines
from pagesight.retrieval.types import Box, QueryVectors, Word


def asked(question: str) -> QueryVectors:
    return FakePageEncoder().encode_query(question)


def texts(words: tuple[Word, ...], spans: list[tuple[int, int]]) -> list[str]:
    return [" ".join(word.text for word in words[first:last]) for first, last in spans]


def test_words_part_into_lines_and_columns():
    words = words_of("Die Größe beträgt", "12 m²", "links             rechts")
    assert texts(words, split_lines(words)) == ["Die Größe beträgt", "12 m²", "links", "rechts"]
    assert split_lines(()) == []


def test_words_that_run_right_to_left_stay_on_their_line():
    texts = ("שלום", "עולם", "טוב")
    words = tuple(Word(text, Box(300 - 40 * i, 100, 335 - 40 * i, 112), 0) for i, text in enumerate(texts))
    assert split_lines(words) == [(0, 3)]


def test_words_of_no_height_are_still_lines():
    words = (Word("ä", Box(10, 10, 20, 10), 0), Word("b", Box(10, 40, 20, 40), 2))
    assert sum(last - first for first, last in split_lines(words)) == 2


def test_a_mark_is_one_box_a_line_around_its_words():
    words = words_of("Die Größe beträgt", "12 m²")
    first, second = line_boxes(words[1:])
    assert first == words[1].box.union(words[2].box)
    assert second == words[3].box.union(words[4].box)
    assert line_boxes(()) == ()


def test_a_word_gets_the_best_of_the_rows_that_cover_it():
    words = words_of("Größe Höhe")
    boxes = np.array([words[0].box, words[0].box, words[1].box, (0, 0, 5, 5)], np.float32)
    similarities = np.array([[0.4], [0.6], [0.2], [0.99]], np.float32)
    query = QueryVectors(("x",), np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    match = match_page(words, query, similarities, boxes)
    assert match.support[:, 0] == pytest.approx([0.6, 0.2])
    assert match.best(0, 2).tolist() == pytest.approx([0.6])
    assert match.best(1, 2).tolist() == [0.0], f"below {FLOOR} it is noise"


def test_the_same_term_matches_fully_whatever_the_vectors_say():
    match = match_page(words_of("Die GRÖSSE der Pumpen"), asked("größe"), None, None)
    assert match.support[:, 0].tolist() == [0, 1, 0, 0]
    assert match.strength(0, 4) == pytest.approx(1)
    assert match.strength(2, 2) == 0


@pytest.mark.parametrize(
    ("written", "question", "support"),
    [
        ("бюджетом", "бюджету", INFLECTED),
        ("освіти", "освіту", INFLECTED),
        ("місяць", "місто", 0),
        ("рік", "ріка", 0),
        ("größter", "größtes", INFLECTED),
        ("planned", "planet", 0),
    ],
)
def test_other_forms_of_a_word_outside_english_nearly_match(written: str, question: str, support: float):
    match = match_page(words_of(written), asked(question), None, None)
    assert match.support[0, 0] in (pytest.approx(support), 1.0 if support else 0.0)


def test_the_strongest_place_comes_first_and_places_share_no_line():
    lines = ("Penguins breed in winter", "The net revenue in Zürich was 12 euros", "Revenue of others", "Nothing")
    words = words_of(*[line for text in lines for line in (text, "", "")])
    found = find_evidence(match_page(words, asked("net revenue Zürich"), None, None))
    assert found[0].text == "The net revenue in Zürich was 12 euros"
    assert set(found[0].matched) == {"net", "revenue", "Zürich"}
    assert found[0].strength == pytest.approx(1, abs=1e-5)
    assert all(place.strength >= 0.5 * found[0].strength for place in found)
    assert not any("Penguins" in place.text or "Nothing" in place.text for place in found)


def test_a_place_is_a_block_and_says_what_matches_in_it():
    words = words_of("Penguins breed in winter", "The net revenue of the company", "in Zürich was 12 euros", "Nothing")
    (place,) = find_evidence(match_page(words, asked("net revenue Zürich"), None, None))
    assert place.box == around(words)
    assert place.text == "The net revenue of the company in Zürich was 12 euros"


def test_a_place_takes_in_the_next_line_while_that_adds_something():
    words = words_of("The net revenue of the company", "in Zürich was 12 euros", "Penguins breed in winter")
    (place,) = find_evidence(match_page(words, asked("net revenue Zürich"), None, None))
    assert place.text == "The net revenue of the company in Zürich was 12 euros"
    assert place.box == Box(words[0].box.x0, words[0].box.y0, max(w.box.x1 for w in words), words[-1].box.y1), "a block"


def test_a_figure_is_a_place_and_more_likely_than_as_good_a_text():
    caption = words_of("Net revenue in Zürich")
    text = words_of(*[""] * 6, "The net revenue in", "Zürich was 12 euros")
    match = match_page((*caption, *text), asked("net revenue Zürich"), None, None)
    figure = Box(0, caption[0].box.y0 - 100, 600, caption[0].box.y1 + 5)
    found = find_evidence(match, [figure])
    assert [place.box for place in found] == [figure, around(text)]
    assert found[0].text == "Net revenue in Zürich"
    assert find_evidence(match)[0].box == around(text), "a line on its own is less than"
    assert find_evidence(match, [Box(0, 700, 600, 800)])[0].box == around(text), "nothing in it matches"


def test_a_label_is_quoted_with_its_row():
    rows = [("Total revenue", "393.0", "371.2"), ("Costs of sailing", "301.5", "290.1")]
    words = tuple(
        word
        for n, row in enumerate(rows)
        for column, cell in enumerate(row)
        for word in words_of(cell, x=72 + 200 * column, y=72 + 20 * n)
    )
    assert find_evidence(match_page(words, asked("total revenue"), None, None))[0].text == "Total revenue 393.0 371.2"


def test_nothing_speaks_for_a_page_that_matches_nothing():
    assert find_evidence(match_page(words_of("Größe"), asked("penguins"), None, None)) == ()
    assert find_evidence(match_page((), asked("penguins"), None, None)) == ()
    assert find_evidence(match_page(words_of("Größe"), asked("?"), None, None)) == ()
