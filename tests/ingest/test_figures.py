"""Figures of pages: found where they are drawn, in the display frame, and nowhere else."""

from pathlib import Path

import pdfs
import pytest

from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParsedPage, ParseOptions
from pagesight.retrieval.types import Box, Figure

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def read(file: Path, number: int = 1) -> ParsedPage:
    with open_document(file, options=ParseOptions(dpi=72, ocr="off")) as document:
        return document.read_page(number)


def figures(page: ParsedPage) -> list[Figure]:
    return [figure for figure in page.figures if figure.kind != "page"]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    shared = max(across, 0) * max(down, 0)
    return shared / (one.width * one.height + other.width * other.height - shared)


CHART = "\n".join(f"{100 + 30 * i} 400 20 {20 + 15 * i} re f" for i in range(9)) + "\n100 400 m 400 400 l S"
CHART_BOX = Box(100, 792 - 540, 360, 792 - 400)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_drawing_is_found_where_it_is_shown_however_the_page_is_turned(tmp_path: Path, rotation: int):
    file = tmp_path / "größe.pdf"
    file.write_bytes(pdfs.pdf(pdfs.Page(content=CHART.encode(), rotate=rotation)))
    page = read(file)
    (figure,) = figures(page)
    x0, y0, x1, y1 = CHART_BOX
    expected = {
        0: CHART_BOX,
        90: Box(792 - y1, x0, 792 - y0, x1),
        180: Box(612 - x1, 792 - y1, 612 - x0, 792 - y0),
        270: Box(y0, 612 - x1, y1, 612 - x0),
    }[rotation]
    assert figure.kind == "drawing"
    assert overlap(figure.box, expected) > 0.8


def test_a_page_of_text_has_no_figure_but_itself(tmp_path: Path):
    file = tmp_path / "größe.pdf"
    file.write_bytes(pdfs.pdf(pdfs.text_page(*["Die Größe der Fläche beträgt zwölf Meter."] * 20)))
    (whole,) = read(file).figures
    assert (whole.kind, whole.box) == ("page", Box(0, 0, 612, 792))


def test_rules_and_a_box_around_a_paragraph_are_no_figures(tmp_path: Path):
    lines = "\n".join(f"50 {700 - 40 * i} m 560 {700 - 40 * i} l S" for i in range(12))
    file = tmp_path / "größe.pdf"
    file.write_bytes(pdfs.pdf(pdfs.Page(content=(lines + "\n60 60 200 100 re S").encode())))
    assert figures(read(file)) == []


def test_the_samples_charts_are_found():
    found = {
        (name, number): figures(read(SAMPLES / name, number))
        for name, number in (
            ("slide-deck.pdf", 4),
            ("paper.pdf", 2),
            ("annual-report.pdf", 6),
            ("annual-report.pdf", 7),
        )
    }
    assert [figure.kind for figure in found["slide-deck.pdf", 4]] == ["picture"]
    assert len(found["paper.pdf", 2]) == 3
    assert len(found["annual-report.pdf", 6]) == 1
    assert found["annual-report.pdf", 7] == []


def test_a_picture_file_is_one_figure_and_a_scanned_page_is_itself():
    (poster,) = read(SAMPLES / "poster.png").figures
    assert poster.kind == "picture"
    assert poster.hash is not None
    assert [figure.kind for figure in read(SAMPLES / "scanned-letter.pdf").figures] == ["page"]


def test_what_pdfium_cannot_bound_is_left_out(tmp_path: Path):
    huge = f"{CHART}\n1e30 1e30 5 5 re f\n-1e9 -1e9 2e9 2e9 re f"
    file = tmp_path / "größe.pdf"
    file.write_bytes(pdfs.pdf(pdfs.Page(content=huge.encode())))
    for figure in figures(read(file)):
        assert 0 <= figure.box.x0 <= figure.box.x1 <= 612
        assert 0 <= figure.box.y0 <= figure.box.y1 <= 792
