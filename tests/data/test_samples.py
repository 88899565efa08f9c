"""The sample documents are what the script draws, and every question's answer stands where its box says."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from ctypes import byref, c_double
from pathlib import Path
from types import ModuleType
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest
from PIL import Image

DATA = Path(__file__).parents[2] / "data"
SAMPLES = DATA / "samples"
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
UNANSWERABLE = [question for question in QUESTIONS if not question["answerable"]]


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    """data/make_samples.py as a module; its folder is on sys.path only while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(DATA), *sys.path])
        yield importlib.import_module("make_samples")


@pytest.fixture(scope="module")
def made(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder written just now."""
    out = tmp_path_factory.mktemp("data")
    maker.main(["--out", str(out)])
    return out


def squash(text: str) -> str:
    return "".join(text.split())


def words(document: Path) -> list[tuple[float, float, str]]:
    """Every page's size and text; a picture has a size and no text."""
    if document.suffix != ".pdf":
        with Image.open(document) as picture:
            return [(*picture.size, "")]
    with pdfium.PdfDocument(document) as pdf:
        return [(*page.get_size(), squash(page.get_textpage().get_text_range())) for page in pdf]


def under(document: Path, number: int, box: list[float]) -> str:
    """The words inside a box of the displayed page, asked of PDFium.

    PDFium's own way from the screen to the page takes care of /Rotate and the crop box, so that this does not repeat
    the arithmetic by which the boxes were found. It counts in whole pixels: 100 to the point here.
    """
    with pdfium.PdfDocument(document) as pdf:
        page = pdf[number - 1]
        width, height = (round(side * 100) for side in page.get_size())
        corners: list[tuple[float, float]] = []
        for x, y in (box[:2], box[2:]):
            page_x, page_y = c_double(), c_double()
            pdfium_c.FPDF_DeviceToPage(
                page, 0, 0, width, height, 0, round(x * 100), round(y * 100), byref(page_x), byref(page_y)
            )
            corners.append((page_x.value, page_y.value))
        (x0, y0), (x1, y1) = corners
        return page.get_textpage().get_text_bounded(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def test_the_script_writes_the_committed_files_and_nothing_else_lies_beside_them(
    maker: ModuleType, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = {path.name for path in SAMPLES.iterdir()}
    assert committed == {path.name for path in (made / "samples").iterdir()}
    same_tools = maker.tools() == maker.MADE_WITH
    for name in sorted(committed):
        ours, theirs = made / "samples" / name, SAMPLES / name
        if same_tools:
            assert ours.read_bytes() == theirs.read_bytes(), f"{name}: run python data/make_samples.py"
        else:  # another compressor or rasterizer: the words must be the same, the bytes cannot be
            assert words(ours) == words(theirs), f"{name}: run python data/make_samples.py"
    if same_tools:
        assert (made / "questions.jsonl").read_bytes() == (DATA / "questions.jsonl").read_bytes()


def test_the_samples_are_small_enough_for_the_repository() -> None:
    sizes = {path.name: path.stat().st_size for path in SAMPLES.iterdir()}
    assert max(sizes.values()) < 1_000_000
    assert sum(sizes.values()) < 4_000_000


def test_the_scan_and_the_charts_of_the_deck_say_nothing_in_the_text_layer() -> None:
    assert [text for _, _, text in words(SAMPLES / "scanned-letter.pdf")] == ["", ""]
    pictures = [question for question in ANSWERABLE if question["document"] == "slide-deck.pdf"]
    pictures = [question for question in pictures if question["source"] == "picture"]
    assert len(pictures) >= 4
    for question in pictures:
        (place,) = question["boxes"]
        assert squash(under(SAMPLES / "slide-deck.pdf", place["page"], place["box"])) == ""


def test_one_page_is_stored_turned_and_one_is_cut_by_its_crop_box() -> None:
    with pdfium.PdfDocument(SAMPLES / "inspection-report.pdf") as pdf:
        assert [page.get_rotation() for page in pdf] == [0, 90, 0, 0]
        assert [page.get_cropbox() != page.get_mediabox() for page in pdf] == [False, False, True, False]
        width, height = pdf[1].get_size()
        assert width > height


def test_the_questions_cover_every_document_and_language() -> None:
    assert [question["id"] for question in QUESTIONS] == [f"q{n:03}" for n in range(1, len(QUESTIONS) + 1)]
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len(ANSWERABLE) >= 44
    assert len(UNANSWERABLE) >= 10
    asked = Counter(question["document"] for question in ANSWERABLE)
    assert set(asked) == {path.name for path in SAMPLES.iterdir()}
    assert min(asked.values()) >= 3
    assert {question["lang"] for question in ANSWERABLE} == {"en", "uk", "ko", "he"}
    assert {question["lang"] for question in UNANSWERABLE} == {"en", "uk", "ko", "he"}
    kinds = {"text", "table", "chart", "figure", "scan", "picture"}
    assert {question["source"] for question in ANSWERABLE} == kinds


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_the_answer_stands_under_its_boxes(question: dict[str, Any]) -> None:
    document = SAMPLES / question["document"]
    if document.suffix == ".pdf":
        sizes = [(width, height) for width, height, _ in words(document)]
    else:
        with Image.open(document) as picture:
            sizes = [(picture.width * 72 / picture.info["dpi"][0], picture.height * 72 / picture.info["dpi"][1])]
    assert question["answer"]
    assert question["boxes"]
    assert {place["page"] for place in question["boxes"]} == set(question["pages"])
    for place in question["boxes"]:
        assert 1 <= place["page"] <= len(sizes)
        width, height = sizes[place["page"] - 1]
        x0, y0, x1, y1 = place["box"]
        assert 0 <= x0 < x1 <= width + 0.05  # boxes are rounded to a tenth of a point
        assert 0 <= y0 < y1 <= height + 0.05
    if question["evidence"] is None:
        assert question["source"] in ("scan", "picture")
    else:
        found = "".join(under(document, place["page"], place["box"]) for place in question["boxes"])
        assert squash(question["evidence"]) in squash(found)


@pytest.mark.parametrize("question", UNANSWERABLE, ids=lambda question: question["id"])
def test_a_question_without_an_answer_points_nowhere(question: dict[str, Any]) -> None:
    assert (question["answer"], question["document"], question["evidence"]) == (None, None, None)
    assert question["pages"] == question["boxes"] == []
