"""Tables are read off where words stand; what only looks like one is left alone."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from pagesight.generation.tables import Table, find_tables, tables_of
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.retrieval import Library
from pagesight.retrieval.pictures import decode
from pagesight.retrieval.types import Box, Word

DATA = Path(__file__).parents[2] / "data"
SIZE = (595.0, 842.0)


def text(x: float, y: float, line: str, size: float = 10, *, ends: bool = False, turned: bool = False) -> list[Word]:
    """The words of a line whose top left corner is at (x, y), half their size wide a letter.

    `ends`: the line ends at x. `turned`: it ends there and runs from right to left.
    """
    step = size / 2
    left = x - len(line) * step if ends else x
    words, at = [], 0.0
    for word in line.split():
        width = len(word) * step
        box = Box(x - at - width, y, x - at, y + size) if turned else Box(left + at, y, left + at + width, y + size)
        words.append(Word(word, box, 0))
        at += width + step
    return words


def laid_out(rows: Sequence[Sequence[str]], xs: Sequence[float], y: float = 100, step: float = 20) -> list[Word]:
    """Rows of cells whose left edges stand at `xs`."""
    return [
        word
        for number, row in enumerate(rows)
        for x, cell in zip(xs, row, strict=False)
        for word in text(x, y + number * step, cell)
    ]


def the_table(words: Sequence[Word], picture: Image.Image | None = None) -> Table:
    (table,) = find_tables(words, SIZE, picture)
    return table


def ruled(*lines: tuple[float, float, float, float], scale: int = 2) -> Image.Image:
    """A white page with lines, given in points, at 144 dpi."""
    image = Image.new("RGB", (int(SIZE[0]) * scale, int(SIZE[1]) * scale), "white")
    draw = ImageDraw.Draw(image)
    for line in lines:
        draw.line([edge * scale for edge in line], fill="black", width=2)
    return image


SALES = (
    ("Регіон", "Виторг", "Частка"),
    ("Київ", "4,512", "40%"),
    ("Größenwahn Süd", "−1,120", "12.5%"),
    ("Львів", "–", "7%"),
)


def test_rows_and_columns_come_from_where_words_stand():
    table = the_table(laid_out(SALES, (72, 250, 350)))
    assert table.grid() == [list(row) for row in SALES]
    assert (table.heads, table.columns, table.right_to_left) == (1, 3, False)
    assert table.rows[2][0].box == Box(72, 140, 142, 150)
    assert table.box == Box(72, 100, 380, 170)


def test_figures_that_end_at_one_edge_are_a_column():
    words = text(72, 100, "Posten") + text(300, 100, "2024", ends=True) + text(400, 100, "2023", ends=True)
    for number, row in enumerate((("Umsätze", "1", "12,345"), ("Löhne", "12,345", "7"), ("Rest", "5", "6"))):
        y = 120 + 20 * number
        words += text(72, y, row[0]) + text(300, y, row[1], ends=True) + text(400, y, row[2], ends=True)
    table = the_table(words)
    assert table.grid()[1:] == [["Umsätze", "1", "12,345"], ["Löhne", "12,345", "7"], ["Rest", "5", "6"]]
    assert table.heads == 1  # years name columns


def test_the_first_column_of_a_right_to_left_table_is_the_right_one():
    rows = (
        ("גידול", "מועד שתילה", "ימים"),
        ("עגבניות", "מרץ", "85"),
        ("תות שדה", "נובמבר", "110"),
        ("שום", "מאי", "9"),
    )
    words = [
        word
        for number, row in enumerate(rows)
        for x, cell in zip((520, 400, 250), row, strict=True)
        for word in text(x, 100 + 20 * number, cell, turned=True)
    ]
    table = the_table(words)
    assert table.right_to_left
    assert table.grid() == [list(row) for row in rows]


def test_a_cell_of_several_lines_is_one_cell():
    words = laid_out((("Gerät", "Beschreibung", "Preis"),), (72, 200, 400))
    for number, (name, first, second, price) in enumerate(
        (("Pumpe", "fördert Wasser aus", "großer Tiefe", "120"), ("Ventil", "öffnet bei", "Überdruck", "35"))
    ):
        y = 130 + 40 * number
        words += text(72, y, name) + text(200, y, first) + text(400, y, price) + text(200, y + 12, second)
    assert the_table(words).grid()[1:] == [
        ["Pumpe", "fördert Wasser aus großer Tiefe", "120"],
        ["Ventil", "öffnet bei Überdruck", "35"],
    ]


def test_a_cell_of_one_line_beside_one_of_two_stands_between_its_lines():
    words = laid_out((("Gerät", "Beschreibung", "Preis"),), (72, 200, 400))
    for y, name, first, second, price in (
        (130, "Pumpe", "fördert", "Öl", "120"),
        (170, "Ventil", "öffnet", "zu", "35"),
    ):
        words += text(200, y, first) + text(72, y + 6, name) + text(400, y + 6, price) + text(200, y + 12, second)
    assert the_table(words).grid()[1:] == [["Pumpe", "fördert Öl", "120"], ["Ventil", "öffnet zu", "35"]]


def test_a_head_over_two_columns_spans_them():
    words = text(200, 100, "Jahr 2024 in Mio €") + text(400, 100, "Jahr 2023 in Mio €")
    words += laid_out((("Posten", "Soll", "Ist", "Soll", "Ist"),), (72, 200, 260, 400, 460), y=115)
    words += laid_out(
        (("Löhne", "1", "2", "3", "4"), ("Miete", "5", "6", "7", "8")), (72, 200, 260, 400, 460), y=130, step=15
    )
    table = the_table(words)
    assert [(cell.text, cell.column, cell.column_span) for cell in table.rows[0]] == [
        ("", 0, 1),
        ("Jahr 2024 in Mio €", 1, 2),
        ("Jahr 2023 in Mio €", 3, 2),
    ]
    assert table.heads == 2


def test_the_title_of_a_section_is_a_row_of_its_table():
    rows = (("Посада", "2024", "2023"), ("Активи",), ("Каса", "58.2", "43.1"), ("Запаси", "9.7", "10.3"), ("Борги",))
    rows += (("Позики", "12.1", "11.0"), ("Разом", "80.0", "64.4"))
    table = the_table(laid_out(rows, (72, 300, 400), step=16))
    assert table.grid() == [[*row, *[""] * (3 - len(row))] for row in rows]


def test_two_tables_with_a_title_between_are_two():
    words = laid_out(SALES, (72, 250, 350)) + text(72, 215, "Ausgaben je Straße", 14)
    words += laid_out(
        (("Straße", "Länge", "Kosten"), ("Ahornweg", "3", "120"), ("Am Öhr", "7", "85")), (72, 250, 350), y=250
    )
    assert [table.grid()[0][0] for table in find_tables(words, SIZE)] == ["Регіон", "Straße"]


PROSE = (
    "Die Größe der Anlage wurde im Mai vermessen und",
    "mit den Plänen von 1987 verglichen, in denen 12",
    "Pumpen und 4 Ventile stehen; zwei davon fehlten.",
    "Der Bericht nennt 7% Verlust, was niemand glaubt,",
    "weil schon 2019 kein Wasser mehr in den Kanal lief",
    "und die Messgeräte seither im Keller verstauben.",
)


@pytest.mark.parametrize("shift", [0.0, 3.0, 6.0])
def test_text_in_two_columns_is_no_table(shift: float):
    lines = [(72.0, 100 + 12 * n, line) for n, line in enumerate(PROSE * 3)]
    lines += [(330.0, 100 + shift + 12 * n, line) for n, line in enumerate(PROSE * 3)]
    words = [word for x, y, line in lines for word in text(x, y, line, 9)]
    assert find_tables(words, SIZE) == []


def test_a_table_beside_running_text_is_found_alone():
    words = [word for n, line in enumerate(PROSE * 3) for word in text(72, 95 + 12 * n, line, 9)]
    words += laid_out(SALES, (330, 430, 500))
    assert the_table(words).grid() == [list(row) for row in SALES]


@pytest.mark.parametrize(
    "rows",
    [
        tuple((line,) for line in PROSE),
        tuple((f"{n}.", "Що треба зробити до кінця року") for n in range(1, 8)),
        tuple(("•", f"Пункт списку номер {n}") for n in range(1, 8)),
        (("Name:", "Jörg Müller"), ("Straße:", "Ahornweg 3"), ("Ort:", "Zürich"), ("Telefon:", "044 12 34")),
        (("Name:", "Jörg", "Datum:", "3.5.2024"), ("Ort:", "Zürich", "Land:", "CH"), ("Zahl:", "3", "Art:", "Öl")),
        (("Rechnung", "KP-2024"), ("Datum", "18 Oktober 2024"), ("Fällig", "17 November"), ("Über", "8,292.72")),
        (("Summe", "12.00"), ("Rabatt", "−1.00"), ("Steuer für Öl", "2.20"), ("Zu zahlen", "13.20")),
    ],
    ids=["text", "numbered list", "bullets", "form", "form of two columns", "names and values", "sums"],
)
def test_what_only_looks_like_a_table_is_none(rows: Sequence[Sequence[str]]):
    assert find_tables(laid_out(rows, (72, 200, 320, 440)), SIZE) == []


def test_blocks_of_text_beside_each_other_drift_apart_and_are_no_table():
    words = [word for n in range(5) for word in text(72, 100 + 15 * n, f"вулиця {n}")]
    words += [word for n in range(5) for word in text(250, 100 + 12 * n, f"{n} штук")]
    words += [word for n in range(5) for word in text(400, 104 + 13.5 * n, f"{n},50")]
    assert find_tables(words, SIZE) == []


EVENTS = (("Подія", "Коли"), ("Загальні збори", "29 квітня"), ("Виплата дивідендів", "22 травня"))


def test_rules_tell_a_table_of_two_columns_from_a_form():
    words = laid_out(EVENTS, (72, 300))
    assert find_tables(words, SIZE) == []
    table = the_table(words, ruled(*[(70, y, 400, y) for y in (95, 115, 155)]))
    assert table.grid() == [list(row) for row in EVENTS]
    assert table.heads == 1


def test_faint_stripes_part_rows_of_several_lines():
    words, picture = [], ruled((70, 96, 500, 96))
    draw = ImageDraw.Draw(picture)
    for n in range(4):
        if n % 2:
            draw.rectangle((140, 2 * (97 + 30 * n), 1000, 2 * (127 + 30 * n)), fill="#f3f6f8")
        for line in (0, 11):
            words += text(72, 101 + 30 * n + line, f"Größe {n}") + text(200, 101 + 30 * n + line, "zwei Worte")
            words += text(350, 101 + 30 * n + line, "drei Worte")
    table = the_table(words, picture)
    assert table.grid() == [
        [f"Größe {n} Größe {n}", "zwei Worte zwei Worte", "drei Worte drei Worte"] for n in range(4)
    ]


def test_cells_of_a_grid_of_rules_span_where_a_rule_is_missing():
    xs, ys = (70, 200, 300, 400), (90, 115, 140, 165)
    lines = [(xs[0], y, xs[-1], y) for y in (90, 115, 165)] + [(200, 140, 400, 140)]  # the first column is merged below
    lines += [(x, ys[0], x, ys[-1]) for x in (70, 200, 400)] + [(300, 115, 300, 165)]  # and the head over two columns
    words = text(75, 98, "Місто") + text(210, 98, "Вересень і жовтень") + text(75, 135, "Київ")
    words += text(210, 122, "12") + text(310, 122, "14") + text(210, 147, "9") + text(310, 147, "8")
    table = the_table(words, ruled(*lines))
    spans = [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for row in table.rows for cell in row]
    assert spans == [
        ("Місто", 0, 0, 1, 1),
        ("Вересень і жовтень", 0, 1, 1, 2),
        ("Київ", 1, 0, 2, 1),
        ("12", 1, 1, 1, 1),
        ("14", 1, 2, 1, 1),
        ("9", 2, 1, 1, 1),
        ("8", 2, 2, 1, 1),
    ]
    assert table.rows[0][1].box == pytest.approx(Box(200, 90, 400, 115), abs=1.5)


def test_boxes_around_text_and_an_empty_grid_are_no_tables():
    frame = [(60, 80, 420, 80), (60, 300, 420, 300), (60, 80, 60, 300), (420, 80, 420, 300)]
    words = [word for n, line in enumerate(PROSE) for word in text(72, 100 + 12 * n, line, 9)]
    assert find_tables(words, SIZE, ruled(*frame)) == []
    grid = [(60, y, 420, y) for y in range(80, 301, 20)] + [(x, 80, x, 300) for x in range(60, 421, 40)]
    assert find_tables(text(72, 85, "Графік виторгу"), SIZE, ruled(*grid)) == []


def test_a_page_without_words_has_no_table():
    assert find_tables((), SIZE) == []
    assert find_tables((Word("ß", Box(5, 5, 5, 5), 0),), SIZE) == []


def test_tables_are_written_as_csv_markdown_and_json():
    rows = (
        ("Назва", "Ціна", "Нотатка"),
        ('Pumpe, "groß"', "12", "a|b"),
        ("<b>Öl</b>", "3", "[x](http://y)"),
        ("c", "4", "d"),
    )
    table = the_table(laid_out(rows, (72, 250, 350)))
    assert list(csv.reader(io.StringIO(table.to_csv()))) == [list(row) for row in rows]
    head, rule, first, second, _ = table.to_markdown().splitlines()
    assert (head, rule) == ("| Назва | Ціна | Нотатка |", "| --- | --- | --- |")
    assert first.endswith(r"| 12 | a\|b |")
    assert second.startswith(r"| \<b\>Öl\</b\> | 3 | \[x\]")
    entry = json.loads(json.dumps(table.to_dict()))
    assert entry["rows"][1][1] == {
        "text": "12", "box": [250, 120, 260, 130], "row": 1, "column": 1, "row_span": 1, "column_span": 1,
    }  # fmt: skip


def test_a_damaged_picture_leaves_the_words(library_copy: Library):
    page = library_copy.page("umsatz tabelle.pdf", 1)
    expected = [["Region", "Umsatz", "Anteil"], ["Bavaria", "120 €", "40 %"], ["Saxony", "60 €", "20 %"]]
    expected.append(["Thüringen", "120 €", "40 %"])
    assert [table.grid() for table in tables_of(library_copy, page)] == [expected]
    library_copy.image_path(page.document, 1).write_bytes(b"no picture")
    assert [table.grid() for table in tables_of(library_copy, page)] == [expected]


@pytest.fixture(scope="module")
def drawn() -> Iterator[dict[tuple[str, int], list[Sequence[Sequence[str]]]]]:
    """What some pages of the samples hold, from the constants that they are drawn from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(DATA), *sys.path])
        sheet = importlib.import_module("samples_src.data_sheet")
        inspection = importlib.import_module("samples_src.inspection_report")
        annual = importlib.import_module("samples_src.annual_figures")
        yield {
            ("data-sheet.pdf", 3): [sheet.PARTS, sheet.EXTRAS],
            ("inspection-report.pdf", 2): [inspection.DEFECTS],
            ("annual-report.pdf", 5): [annual.FLEET],
            ("invoice.pdf", 2): [],  # names and what they mean, in two columns
            ("paper.pdf", 3): [],
        }


def test_the_tables_of_the_samples_come_out_whole(drawn: dict[tuple[str, int], list[Sequence[Sequence[str]]]]):
    for (name, number), truth in drawn.items():
        with open_document(DATA / "samples" / name, options=ParseOptions(dpi=144, ocr="off")) as document:
            page = document.read_page(number)
        found = find_tables(page.words, (page.width, page.height), decode(page.image))
        assert [table.grid() for table in found] == [[list(row) for row in rows] for rows in truth], (name, number)
