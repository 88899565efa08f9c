"""Characters and boxes in, words and text out."""

import numpy as np
import pytest

from pagesight.ingest.words import EMPTY, Break, PageText, compose, normalise, page_text, recompose, split_token
from pagesight.retrieval.packed_words import pack_words, unpack_words

SIZE = (612.0, 792.0)


def typed(*lines: str, pitch: float = 14, breaks: str = "\r\n") -> PageText:
    """The words of lines as PDFium gives them: 6 points a character, line breaks as generated characters."""
    codes, boxes = [], []
    for row, line in enumerate(lines):
        for column, character in enumerate(line + (breaks if row < len(lines) - 1 else "")):
            x, y = 72 + 6 * column, 72 + pitch * row
            codes.append(ord(character))
            boxes.append((x, y, x + 6, y + 12))
    return page_text(np.array(codes, np.uint32), np.array(boxes, np.float32).reshape(-1, 4), SIZE)


def words(page: PageText) -> list[str]:
    return [word.text for word in page.words]


def assert_offsets(page: PageText) -> None:
    for word in page.words:
        assert page.text[word.start : word.start + len(word.text)] == word.text


def test_words_part_at_spaces_and_line_ends_and_keep_their_place():
    page = typed("Größe der Fläche:", "12 m²")
    assert words(page) == ["Größe", "der", "Fläche:", "12", "m²"]
    assert page.text == "Größe der Fläche:\n12 m²"
    assert page.lines == (0, 0, 0, 1, 1)
    assert page.words[1].box == (72 + 36, 72, 72 + 54, 84)
    assert_offsets(page)


def test_each_ideograph_is_a_word_and_a_latin_run_among_them_stays_whole():
    page = typed("新しいPDF文書、（3頁）です")
    assert words(page) == ["新", "し", "い", "PDF", "文", "書、", "（3", "頁）", "で", "す"]
    assert page.text == "新しいPDF文書、（3頁）です"
    assert_offsets(page)


def test_hangul_has_spaces_and_so_whole_words():
    assert words(typed("보험약관상 재해보험금")) == ["보험약관상", "재해보험금"]


@pytest.mark.parametrize("hyphen", ["\x02", "-\r\n", "\u00ad\r\n"])
def test_a_word_hyphenated_at_the_end_of_its_line_is_whole_in_the_text_and_two_boxes_on_the_page(hyphen: str):
    page = typed("die Infor" + hyphen + "mation über uns")
    assert page.text == "die Information\nüber uns"
    assert words(page) == ["die", "Infor", "mation", "über", "uns"]
    assert page.lines == (0, 0, 1, 1, 1)
    assert_offsets(page)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Jahre 2018\x022019 für", "Jahre 2018-2019\nfür"),  # a range
        ("ein long\x02term für long-term", "ein long-term\nfür long-term"),  # it has its hyphen elsewhere too
        ("état\x02Unis", "état-Unis"),  # a name
        ("Σ -\r\nvier", "Σ -\nvier"),  # a dash
        ("Klasse A-\r\nÄnderung", "Klasse A-\nÄnderung"),  # not called a hyphen by PDFium, and no lower case
    ],
)
def test_a_hyphen_that_belongs_to_the_word_stays(line: str, text: str):
    page = typed(line)
    assert page.text == text
    assert_offsets(page)


def test_ligatures_become_letters_and_accents_are_composed_but_signs_stay_what_they_are():
    assert normalise("eﬃcient") == "efficient"
    assert normalise("e\u0301te\u0301") == "été"
    assert normalise("½ m²™") == "½ m²™"
    assert normalise("\ufefb") == "لا"  # the Arabic ligature of lam and alef
    assert normalise("⽇本") == "日本"  # a radical in the place of the ideograph


def test_what_nobody_typed_is_not_in_the_text():
    page = typed("so\u00adft\u200e ge\x00tippt\ufffd \uf0b7Punkt \ufeffÄ")
    assert page.text == "soft getippt Punkt Ä"
    assert_offsets(page)


def test_the_joiners_that_persian_spells_with_stay():
    assert typed("می\u200cخواهم").text == "می\u200cخواهم"


def test_cells_drawn_straight_after_one_another_are_not_one_word():
    codes = np.array([ord(c) for c in "Größe12"], np.uint32)
    boxes = [(72 + 6 * i, 72, 78 + 6 * i, 84) for i in range(5)] + [
        (300 + 6 * i, 72, 306 + 6 * i, 84) for i in range(2)
    ]
    page = page_text(codes, np.array(boxes, np.float32), SIZE)
    assert page.text == "Größe 12"


def test_a_line_that_follows_without_a_break_is_a_line_all_the_same():
    codes = np.array([ord(c) for c in "Größe"], np.uint32)
    boxes = [(72 + 6 * (i % 3), 72 + 60 * (i // 3), 78 + 6 * (i % 3), 84 + 60 * (i // 3)) for i in range(5)]
    assert page_text(codes, np.array(boxes, np.float32), SIZE).text == "Grö\nße"


def test_what_the_crop_box_cuts_away_is_not_in_the_text():
    page = compose(
        ["Druckbogen", "Größe", "halb"],
        np.array([(-80, 10, -20, 22), (20, 10, 60, 22), (590, 10, 620, 22)]),
        ["", " ", " "],
        SIZE,
    )
    assert page.text == "Größe halb"
    assert page.words[1].box == (590, 10, 612, 22)  # and what it cuts through ends at the edge


def test_boxes_that_are_no_numbers_take_their_word_with_them():
    page = compose(["naïve", "gut"], np.array([(np.nan, 0, 5, 5), (10, 10, 20, 20)]), ["", "\n"], SIZE)
    assert page.text == "gut"


@pytest.mark.parametrize(
    "lines",
    [
        ["Größe der Fläche", "in Zürich"],
        ["Wärmepumpen sind Ma-", "schinen, die heizen", "und kühlen"],  # the break moves behind "schinen,"
        ["Infor-", "mation", "für alle"],  # the half stands alone: that break is one
        ["Jahre 2018-", "2019 für"],
        ["infor-", "mati-", "on steht"],
        ["東", "京", "と PDF文", "書"],
    ],
)
def test_what_the_catalog_keeps_of_a_page_tells_its_lines(lines: list[str]):
    placed: list[tuple[str, tuple[float, ...], Break]] = [
        (token, (72.13 + 40 * i, 72.77 + 14.4 * n, 108.13 + 40 * i, 84.77 + 14.4 * n), " " if i else "\n" if n else "")
        for n, line in enumerate(lines)
        for i, token in enumerate(line.split())
    ]
    page = compose([one[0] for one in placed], np.array([one[1] for one in placed]), [one[2] for one in placed], SIZE)
    assert recompose(page.text, unpack_words(pack_words(page.words), page.text)) == page


def test_a_page_of_no_characters_is_empty():
    assert page_text(np.empty(0, np.uint32), np.empty((0, 4), np.float32), SIZE) == EMPTY
    assert typed(" \t ") == EMPTY


def test_splitting_a_token_loses_nothing():
    for token in ("naïve", "東京2020オリンピック。", "（注）", "𠮷野家", "が゙", "ー々"):
        assert "".join(split_token(token)) == token
