"""Reading words off pictures, with the real engine on small pictures and with a fake where only our part is meant."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pdfs
import pytest
from PIL import Image

from pagesight.ingest import ocr
from pagesight.ingest.documents import ParseOptions, open_document
from pagesight.ingest.ocr import OcrEngine, OcrWord, RapidOcr, read_picture
from pagesight.ingest.ocr_lines import LineText
from pagesight.ingest.parsed import ParsedPage
from pagesight.ingest.reading_order import reading_order
from pagesight.retrieval.types import Box

LETTER = (612.0, 792.0)


class FakeOcr:
    """An engine that sees what it was told it would see, on every picture that is not white."""

    name = "fake"

    def __init__(self, *words: OcrWord) -> None:
        self.words = list(words)
        self.sizes: list[tuple[int, int]] = []

    def read(self, image: Image.Image) -> list[OcrWord]:
        self.sizes.append(image.size)
        return self.words if image.convert("L").getextrema()[0] != 255 else []


@pytest.fixture(scope="module")
def engine() -> RapidOcr:
    return RapidOcr(threads=2)


@pytest.fixture(scope="module")
def letter() -> Image.Image:
    """A letter of small print: 8 and 9 points."""
    marks = [
        pdfs.Text(72, 700, "Überblick", 18),
        pdfs.Text(72, 660, "Der Umsatz in Österreich stieg um 4,7 % auf 1.234 Mio.", 9),
        pdfs.Text(72, 646, "Die Prüfung fand am 12. März 2024 in Zürich statt.", 8),
    ]
    return pdfs.drawn(pdfs.Page(marks))


def engines() -> list[OcrEngine]:
    return [FakeOcr(OcrWord("Größe", Box(10, 10, 50, 30), 0, 1.0)), RapidOcr(threads=2)]


@pytest.mark.parametrize("reader", engines(), ids=lambda reader: reader.name)
def test_any_engine_keeps_to_the_contract(reader: OcrEngine, letter: Image.Image):
    words = reader.read(letter)
    assert words
    for word in words:
        assert word.text
        assert word.text == word.text.strip()
        assert 0 <= word.box.x0 < word.box.x1 <= letter.width
        assert 0 <= word.box.y0 < word.box.y1 <= letter.height
        assert 0 <= word.score <= 1
    lines = [word.line for word in words]
    assert lines == sorted(lines)
    assert reader.read(Image.new("RGB", (300, 200), "white")) == []


def test_small_print_is_read_and_its_words_are_where_they_were_drawn(engine: RapidOcr, letter: Image.Image):
    page = read_picture(engine, letter, LETTER)
    assert page.text.split("\n")[0] in ("Überblick", "Uberblick")
    assert "auf 1.234 Mio." in page.text
    assert "12. März 2024 in Zürich statt." in page.text
    place = {word.text: word.box for word in page.words}
    # on a baseline at 660, below which the engine's boxes leave room
    assert place["Mio."].y1 == pytest.approx(792 - 660, abs=5)
    assert place["Der"].x0 == pytest.approx(72, abs=3)
    assert place["Umsatz"].x0 == pytest.approx(72 + 18.5, abs=4)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_that_was_scanned_sideways_is_read_all_the_same(engine: RapidOcr, letter: Image.Image, turns: int):
    size = LETTER if turns == 2 else (LETTER[1], LETTER[0])
    page = read_picture(engine, letter.rotate(90 * turns, expand=True), size)
    assert "Umsatz" in page.text.split("\n")[-2]
    assert page.text.split("\n")[-1] == "Die Prüfung fand am 12. März 2024 in Zürich statt."
    grey = np.asarray(letter.rotate(90 * turns, expand=True).convert("L"))
    word = next(word for word in page.words if word.text == "statt.")
    x0, y0, x1, y1 = (round(edge * 150 / 72) for edge in word.box)
    assert (grey[y0:y1, x0:x1] < 128).mean() > 0.05, "the word is not where its box is"


def test_the_name_of_an_axis_that_runs_up_the_page_is_read(engine: RapidOcr):
    marks = [pdfs.Text(72, 700 - 20 * n, "Der Umsatz stieg auch im Jahr 2024.", 12) for n in range(4)]
    page = read_picture(engine, pdfs.drawn(pdfs.Page([*marks, pdfs.Text(60, 300, "Umsatz in Tausend", 12, 1)])), LETTER)
    assert "Umsatz in Tausend" in page.text
    places = [word.box for word in page.words if word.text in ("Umsatz", "Tausend")][-2:]
    assert places[0].y0 > places[1].y1  # it begins below and ends above


def test_what_the_engine_only_guesses_at_is_left_out(monkeypatch: pytest.MonkeyPatch):
    corners = np.array([[(10, y), (90, y), (90, y + 10), (10, y + 10)] for y in (10, 30)], np.float32)
    monkeypatch.setattr(ocr, "_engine", lambda threads: lambda pixels, **steps: SimpleNamespace(boxes=corners))
    texts = [LineText("zwei Wörter", 0.97, shares(11)), LineText("x~", 0.31, shares(2))]
    monkeypatch.setattr(ocr, "_line_reader", lambda threads: SimpleNamespace(read=lambda lines: texts[: len(lines)]))
    assert [(word.text, word.box) for word in RapidOcr().read(Image.new("RGB", (100, 60)))] == [
        ("zwei", pytest.approx((10, 10, 10 + 80 * 4 / 11, 20))),
        ("Wörter", pytest.approx((10 + 80 * 5 / 11, 10, 90, 20))),
    ]


def shares(letters: int) -> np.ndarray:
    return np.stack([np.arange(letters), np.arange(1, letters + 1)], 1) / letters


def test_narrow_lines_that_are_read_together_keep_their_words_and_places(engine: RapidOcr):
    rows = {"Umsatz": ("4.512", "-3,8", "17"), "Abschreibungen": ("2.208", "9,1", "(66)")}
    marks = [
        pdfs.Text(72 + 140 * column, 700 - 60 * row, text, 12)
        for row, (name, cells) in enumerate(rows.items())
        for column, text in enumerate((name, *cells))
    ]
    page = read_picture(engine, pdfs.drawn(pdfs.Page(marks)), LETTER)
    places = {word.text: word.box for word in page.words}
    for mark in marks:
        first = mark.string.split()[0]
        assert places[first].x0 == pytest.approx(mark.x, abs=3), first
        assert places[first].y0 < 792 - mark.y - 4 < places[first].y1, first


def test_ideographs_of_an_engine_s_word_are_words_with_their_share_of_its_box():
    fake = FakeOcr(OcrWord("2024年度", Box(0, 0, 60, 20), 0))
    page = read_picture(fake, Image.new("RGB", (100, 100)), (50, 50))
    assert [(word.text, word.box) for word in page.words] == [
        ("2024", (0, 0, 20, 10)),
        ("年", (20, 0, 25, 10)),
        ("度", (25, 0, 30, 10)),
    ]
    assert page.text == "2024年度"


def test_a_word_hyphenated_at_a_line_s_end_is_whole_in_the_text():
    fake = FakeOcr(OcrWord("Prü-", Box(0, 0, 40, 20), 0), OcrWord("fung", Box(0, 30, 40, 50), 1))
    assert read_picture(fake, Image.new("RGB", (100, 100)), (50, 50)).text == "Prüfung"


def save(folder: Path, *pages: pdfs.Page, **how) -> Path:
    path = folder / "scan.pdf"
    path.write_bytes(pdfs.pdf(*pages, **how))
    return path


SEEN = OcrWord("gesehen: Größe der Fläche in Quadratmetern", Box(10, 10, 500, 30), 0)


def read_with(path: Path, engine: OcrEngine, options: ParseOptions | None = None) -> ParsedPage:
    with open_document(path, options=options, ocr=engine) as document:
        return document.read_page(1)


def test_a_scanned_page_is_read_by_ocr(tmp_path: Path, engine: RapidOcr, letter: Image.Image):
    page = read_with(save(tmp_path, pdfs.scan_page(letter)), engine)
    assert page.text_origin == "ocr"
    assert "Zürich" in page.text
    assert page.passages[0].last == len(page.words)
    assert (page.width, page.height, page.image_size) == (612, 792, (1224, 1584))


def test_a_scan_s_stamp_does_not_hide_what_the_scan_says(tmp_path: Path, letter: Image.Image):
    fake = FakeOcr(SEEN)
    page = read_with(save(tmp_path, pdfs.scan_page(letter, pdfs.Text(200, 30, "Kopie für Müller"))), fake)
    assert (page.text_origin, page.text) == ("ocr", SEEN.text)


def test_a_picture_under_a_few_words_that_says_no_more_leaves_the_text_layer(tmp_path: Path):
    fake = FakeOcr(OcrWord("Titel", Box(10, 10, 50, 30), 0))
    cover = pdfs.scan_page(Image.new("RGB", (60, 80), "orange"), pdfs.Text(200, 300, "Titelblatt für 2024"))
    path = save(tmp_path, cover)
    page = read_with(path, fake)
    assert (page.text_origin, page.text) == ("layer", "Titelblatt für 2024")
    assert fake.sizes


def test_a_page_with_a_good_text_layer_is_not_read_again(tmp_path: Path):
    fake = FakeOcr(SEEN)
    page = read_with(save(tmp_path, pdfs.text_page("Größe 7")), fake)
    assert (page.text_origin, page.text, fake.sizes) == ("layer", "Größe 7", [])


def test_a_text_layer_without_meaning_is_replaced_by_ocr(tmp_path: Path):
    page = read_with(save(tmp_path, pdfs.text_page("Größe 7"), unicode_of=lambda _: "\ufffd"), FakeOcr(SEEN))
    assert (page.text_origin, page.text) == ("ocr", SEEN.text)


def test_ocr_can_be_forced_and_forbidden(tmp_path: Path, letter: Image.Image):
    layered = save(tmp_path, pdfs.text_page("Größe 7"))
    assert read_with(layered, FakeOcr(SEEN), ParseOptions(ocr="force")).text_origin == "ocr"
    scanned = save(tmp_path, pdfs.scan_page(letter))
    fake = FakeOcr(SEEN)
    assert read_with(scanned, fake, ParseOptions(ocr="off")).text_origin == "none"
    assert fake.sizes == []


def test_a_blank_page_is_not_given_to_ocr(tmp_path: Path):
    fake = FakeOcr(SEEN)
    assert read_with(save(tmp_path, pdfs.Page()), fake).text_origin == "none"
    assert fake.sizes == []


def test_a_large_page_is_drawn_for_ocr_no_larger_than_the_engine_takes(tmp_path: Path):
    fake = FakeOcr(SEEN)
    read_with(save(tmp_path, pdfs.text_page("Größe", box=(0, 0, 7200, 3600))), fake, ParseOptions(ocr="force"))
    assert fake.sizes == [(2000, 1000)]


def test_the_page_s_picture_is_not_the_one_that_was_drawn_for_ocr(tmp_path: Path, letter: Image.Image):
    page = read_with(save(tmp_path, pdfs.scan_page(letter)), FakeOcr(SEEN), ParseOptions(dpi=72))
    assert Image.open(io.BytesIO(page.image)).size == page.image_size == (612, 792)


def column(x: float, lines: int, width: float = 200, y: float = 100) -> list[Box]:
    return [Box(x, y + 15 * n, x + width, y + 15 * n + 12) for n in range(lines)]


def test_columns_of_text_are_read_one_after_the_other():
    boxes = [Box(50, 50, 550, 70), *column(50, 10), *column(300, 10, y=104), Box(50, 400, 550, 412)]
    assert reading_order(boxes) == [[i] for i in range(22)]


def test_cells_of_a_table_are_read_row_by_row():
    boxes = [*column(50, 8, width=60), *column(200, 8, width=40), *column(300, 8, width=40)]
    assert reading_order(boxes) == [[n, n + 8, n + 16] for n in range(8)]


def test_three_columns_too_and_a_page_of_nothing():
    boxes = [*column(400, 6, width=150), *column(50, 6, width=150), *column(225, 6, width=150)]
    assert [i for row in reading_order(boxes) for i in row] == [*range(6, 12), *range(12, 18), *range(6)]
    assert reading_order([]) == []
