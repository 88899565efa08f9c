"""PDF pages: words, boxes, pictures, whatever the page's frame."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pdfs
import pytest
from PIL import Image

from pagesight.ingest.documents import ParseOptions, open_document
from pagesight.ingest.parsed import ParsedPage
from pagesight.ingest.pdf_text import display_map
from pagesight.retrieval.errors import DocumentUnreadable
from pagesight.retrieval.types import Word

NO_OCR = ParseOptions(ocr="off")


def read(folder: Path, data: bytes, number: int = 1, options: ParseOptions = NO_OCR) -> ParsedPage:
    path = folder / "page.pdf"
    path.write_bytes(data)
    with open_document(path, options=options) as document:
        return document.read_page(number)


def picture(page: ParsedPage) -> Image.Image:
    return Image.open(io.BytesIO(page.image)).convert("L")


def assert_drawn_in_its_box(page: ParsedPage, word: Word) -> None:
    """The picture is dark inside the word's box and white in a frame around it."""
    grey = np.asarray(picture(page), np.float64)
    across, down = grey.shape[1] / page.width, grey.shape[0] / page.height
    x0, x1, y0, y1 = word.box.x0 * across, word.box.x1 * across, word.box.y0 * down, word.box.y1 * down
    inside = grey[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
    around = grey[max(int(y0) - 9, 0) : int(y1) + 10, max(int(x0) - 9, 0) : int(x1) + 10].copy()
    around[max(int(y0) - 3, 0) - max(int(y0) - 9, 0) :, :][: int(y1 - y0) + 7, 6:-6] = 255
    assert (inside < 100).mean() > 0.05, f"{word} is not where its box is"
    assert around.min() > 150, f"{word} is larger than its box"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (50, 100, 550, 700)])
def test_a_rotated_page_has_its_words_where_a_reader_sees_them(tmp_path: Path, rotate: int, crop):
    marks = [pdfs.Text(100, 600, "Übergröße", 14), pdfs.Text(380, 200, "dépôt", 14), pdfs.Text(200, 300, "ÄÖ", 9)]
    page = read(tmp_path, pdfs.pdf(pdfs.Page(marks, crop=crop, rotate=rotate)))
    size = (500, 600) if crop else (612, 792)
    assert (page.width, page.height) == (size if rotate % 180 == 0 else size[::-1])
    assert page.rotation == rotate
    assert [word.text for word in page.words] == ["Übergröße", "dépôt", "ÄÖ"]
    for word in page.words:
        assert_drawn_in_its_box(page, word)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_page_whose_box_does_not_begin_at_zero(tmp_path: Path, rotate: int):
    mark = pdfs.Text(-80, 1150, "Größe", 14)
    page = read(tmp_path, pdfs.pdf(pdfs.Page([mark], box=(-100, 1000, 300, 1250), rotate=rotate)))
    assert_drawn_in_its_box(page, page.words[0])


def test_text_that_runs_up_the_page_has_upright_boxes(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.Page([pdfs.Text(100, 300, "Größenordnung", 14, turn=1)])))
    (word,) = page.words
    assert word.box.height > 4 * word.box.width
    assert_drawn_in_its_box(page, word)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_display_map_takes_the_corners_of_the_page_to_the_corners_of_the_picture(rotate: int):
    left, bottom, right, top = bounds = (10, 20, 110, 220)
    corners = np.array([(left, top, 1), (right, top, 1), (right, bottom, 1), (left, bottom, 1)])  # clockwise
    width, height = (100, 200) if rotate % 180 == 0 else (200, 100)
    shown = [(0, 0), (width, 0), (width, height), (0, height)]
    turned = shown[rotate // 90 :] + shown[: rotate // 90]
    assert (corners @ display_map(bounds, rotate).T).tolist() == [list(map(float, corner)) for corner in turned]


def test_text_outside_latin_comes_through(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.text_page("Привіт, світе!", "日本語、テスト", "𝒳 = 2 😀")))
    assert page.text == "Привіт, світе!\n日本語、テスト\n𝒳 = 2 😀"
    assert [word.text for word in page.words] == [
        *("Привіт,", "світе!"),
        *("日", "本", "語、", "テ", "ス", "ト"),
        *("𝒳", "=", "2", "😀"),
    ]
    assert page.text_origin == "layer"


def upright(lines: list[str], rotate: int) -> pdfs.Page:
    """A page whose lines are upright for its reader, once the page is turned as it asks."""
    first, step = {
        0: ((72, 700), (0, -14)),
        90: ((100, 72), (14, 0)),
        180: ((540, 100), (0, 14)),
        270: ((500, 700), (-14, 0)),
    }[rotate]
    places = [(first[0] + n * step[0], first[1] + n * step[1]) for n in range(len(lines))]
    marks = [pdfs.Text(x, y, line, 12, rotate // 90) for (x, y), line in zip(places, lines, strict=True)]
    return pdfs.Page(marks, rotate=rotate)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_lines_come_from_top_to_bottom_however_the_page_is_turned(tmp_path: Path, rotate: int):
    page = read(tmp_path, pdfs.pdf(upright(["die erste Größe", "die zweite Höhe", "das Ende"], rotate)))
    assert page.text == "die erste Größe\ndie zweite Höhe\ndas Ende"
    tops = [word.box.y0 for word in page.words]
    assert tops == sorted(tops)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_right_to_left_text_is_in_the_order_of_reading(tmp_path: Path, rotate: int):
    # glyphs are drawn from left to right: the line's last letter first
    page = read(tmp_path, pdfs.pdf(upright(["םולש םלוע", "123 ,ABC ابحرم"], rotate)))
    first, second = page.text.split("\n")
    assert first == "עולם שלום"
    assert {"123", "مرحبا"} < set(second.split())
    assert page.words[0].box.x0 > page.words[1].box.x1  # the first word stands on the right


def test_a_hyphenated_word_can_be_searched(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.text_page("Wir haben die Infor-", "mation geprüft.")))
    assert page.text == "Wir haben die Information\ngeprüft."


def test_a_table_is_read_row_by_row(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.table_page(("Erlös", "2023", "2024"), ("Österreich", "1.234", "5.678"))))
    assert page.text == "Erlös 2023 2024\nÖsterreich 1.234 5.678"


def test_a_filled_in_form_is_found_by_its_answers(tmp_path: Path):
    form = pdfs.Page([pdfs.Text(72, 700, "Größe:")], fields=[(150, 690, "Muñoz")], rotate=90)
    page = read(tmp_path, pdfs.pdf(form))
    assert page.text == "Größe:\nMuñoz"
    assert_drawn_in_its_box(page, page.words[1])


def test_headings_are_the_large_lines(tmp_path: Path):
    marks = [pdfs.Text(72, 700, "Jahresüberblick", 20)]
    marks += [pdfs.Text(72, 650 - 15 * n, "Der Umsatz stieg in allen Ländern.") for n in range(8)]
    assert read(tmp_path, pdfs.pdf(pdfs.Page(marks))).headings == "Jahresüberblick"


def test_the_title_is_the_file_s_own(tmp_path: Path):
    titles = {
        "Звіт за 2024 рік": "Звіт за 2024 рік",
        "Microsoft Word - Übersicht": "Übersicht",
        "Microsoft Word - Übersicht.docx": None,
        "untitled": None,
        "Document1": None,
        "page": None,  # the file's name
        "  ": None,
    }
    for stated, expected in titles.items():
        (tmp_path / "page.pdf").write_bytes(pdfs.pdf(pdfs.text_page("ä"), title=stated))
        with open_document(tmp_path / "page.pdf", options=NO_OCR) as document:
            assert document.info.title == expected


def test_the_picture_has_the_resolution_that_was_asked_for(tmp_path: Path):
    data = pdfs.pdf(pdfs.text_page("naïve"))
    assert read(tmp_path, data).image_size == (1224, 1584)
    assert read(tmp_path, data, options=ParseOptions(ocr="off", dpi=72)).image_size == (612, 792)
    assert picture(read(tmp_path, data)).size == (1224, 1584)


def test_a_huge_page_is_drawn_smaller(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.text_page("Plan für A", box=(0, 0, 18000, 14400))))
    assert page.image_size[0] * page.image_size[1] <= 16_000_000 * 1.001
    assert page.text == "Plan für A"


def test_a_sliver_of_a_page_is_drawn_all_the_same(tmp_path: Path):
    assert read(tmp_path, pdfs.pdf(pdfs.text_page("ö", box=(0, 0, 18000, 2)))).image_size[0] <= 16383
    assert min(read(tmp_path, pdfs.pdf(pdfs.text_page("ö", box=(0, 0, 0.5, 0.5)))).image_size) >= 16


def test_a_page_of_absurd_size_fails_with_its_size_and_the_others_are_read(tmp_path: Path):
    data = pdfs.pdf(pdfs.text_page("gut é"), pdfs.text_page("x", box=(0, 0, 100000, 100000)))
    assert read(tmp_path, data, 1).text == "gut é"
    with pytest.raises(DocumentUnreadable, match=r"^page 2 is 100000 x 100000 points"):
        read(tmp_path, data, 2)


def test_a_page_that_is_not_in_the_file_fails_and_the_others_are_read(tmp_path: Path):
    assert read(tmp_path, pdfs.lost_page(), 1).text == "Première page"
    with pytest.raises(DocumentUnreadable, match=r"^page 2 is broken or missing"):
        read(tmp_path, pdfs.lost_page(), 2)


@pytest.mark.parametrize(
    "meaning",
    [
        lambda character: "\ufffd",
        lambda character: "\ue001",
        lambda character: character if character in "az" else "\ufffd",  # a font of which two letters have a name
    ],
)
def test_a_text_layer_that_says_nothing_counts_as_none(tmp_path: Path, meaning: Callable[[str], str]):
    page = read(tmp_path, pdfs.pdf(pdfs.text_page("Umsatz für 2024"), unicode_of=meaning))
    assert (page.text, page.text_origin, page.words, page.passages) == ("", "none", (), ())


def test_a_page_may_hold_nothing(tmp_path: Path):
    page = read(tmp_path, pdfs.pdf(pdfs.Page()), options=ParseOptions())  # and OCR is not started for it
    assert (page.text, page.text_origin, page.headings) == ("", "none", "")


def test_a_page_number_out_of_range_is_a_bug_of_the_caller(tmp_path: Path):
    for number in (0, 2, -1):
        with pytest.raises(IndexError):
            read(tmp_path, pdfs.pdf(pdfs.text_page("é")), number)
