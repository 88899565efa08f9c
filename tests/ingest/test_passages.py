"""Words in, passages and headings out."""

from typing import cast

import numpy as np
import pytest

from pagesight.ingest.passages import MAX_WORDS, MIN_WORDS, headings, passages
from pagesight.ingest.words import EMPTY, Break, PageText, compose


def laid_out(*lines: str, heights: dict[int, float] | None = None, gaps: dict[int, float] | None = None) -> PageText:
    """Lines one under the other, 12 points high; `gaps` adds space above a line."""
    tokens: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    breaks: list[Break] = []
    y = 10.0
    for n, line in enumerate(lines):
        height = (heights or {}).get(n, 12)
        y += (gaps or {}).get(n, 0)
        x = 50.0
        for i, token in enumerate(line.split()):
            boxes.append((x, y, x + 5 * len(token), y + height))
            breaks.append(" " if i else "\n" if n else "")
            tokens.append(token)
            x += 5 * len(token) + 4
        y += height * 1.2
    return compose(tokens, np.array(boxes).reshape(-1, 4), breaks, (5000, 50000))


def running(words: int, a_line: int = 12) -> list[str]:
    return [" ".join(["Größe"] * min(a_line, words - n)) for n in range(0, words, a_line)]


@pytest.mark.parametrize("count", [1, 19, 20, 119, 120, 121, 125, 139, 140, 141, 240, 241, 259, 261, 1000])
def test_passages_hold_every_word_once_and_none_is_too_long_or_too_short(count: int):
    page = laid_out(*running(count))
    found = passages(page)
    assert [passage.first for passage in found] == [0, *(passage.last for passage in found[:-1])]
    assert found[-1].last == count
    assert all(passage.last - passage.first <= MAX_WORDS for passage in found)
    assert all(passage.last - passage.first >= min(MIN_WORDS, count) for passage in found)
    assert " ".join(passage.text for passage in found) == " ".join(page.text.split())


def test_a_passage_ends_where_a_paragraph_does():
    page = laid_out(*running(90), *running(90), gaps={8: 20})
    assert [passage.first for passage in passages(page)] == [0, 90]


def test_a_passage_ends_with_a_sentence_rather_than_inside_one():
    page = laid_out(" ".join(["Maß"] * 99 + ["voll."] + ["Maß"] * 80))
    assert [passage.first for passage in passages(page)] == [0, 100]


def test_a_heading_begins_a_passage_and_stays_with_what_it_heads():
    page = laid_out(*running(84), "Ergänzende Angaben", *running(60), heights={7: 20})
    second = passages(page)[1]
    assert second.text.startswith("Ergänzende Angaben Größe")


def test_line_ends_are_spaces_in_a_passage_except_between_ideographs():
    words: list[str] = ["日", "本。", "東", "京", "und", "Köln"]
    boxes = np.array([(10 * i, 10, 10 * i + 9, 20) for i in range(6)])
    page = compose(words, boxes, ["", "", "\n", "", "\n", "\n"], (612, 792))
    assert page.text == "日本。\n東京\nund\nKöln"
    assert passages(page)[0].text == "日本。東京 und Köln"


def test_a_hyphenated_word_is_whole_in_its_passage():
    tokens = [*["Maß"] * 119, "Infor-", "mation", *["Maß"] * 60]  # the 120th word would be the best place to cut
    boxes = np.array([(50, 10 + (i > 119) * 14, 60, 22 + (i > 119) * 14) for i in range(len(tokens))])
    breaks = cast("list[Break]", ["", *[" "] * 119, "\n", *[" "] * 60])
    first, second = passages(compose(tokens, boxes, breaks, (612, 792)))
    assert "Information" in first.text + "|" + second.text


def test_headings_are_the_lines_set_larger_than_the_running_text():
    page = laid_out("Überblick", *running(60), "Prüfung der Bücher", *running(40), heights={0: 24, 6: 15})
    assert headings(page) == "Überblick\nPrüfung der Bücher"


def test_a_page_that_is_large_all_over_has_no_headings():
    assert headings(laid_out("Große", "Schrift überall", heights={0: 40, 1: 40})) == ""


def test_a_large_number_or_a_large_paragraph_is_no_heading():
    page = laid_out("42", *running(120), " ".join(["groß"] * 26), heights={0: 60, 11: 20})
    assert headings(page) == ""


def test_an_empty_page_has_neither():
    assert passages(EMPTY) == ()
    assert headings(EMPTY) == ""
