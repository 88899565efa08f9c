"""Tesseract, where it is installed: scripts that RapidOCR's own models do not know; and what is said without it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from drafts import empty_library
from PIL import Image, ImageDraw, ImageFont

from pagesight.ingest import add
from pagesight.ingest.ocr import Tesseract, read_picture
from pagesight.retrieval import Settings, tesseract
from pagesight.retrieval.errors import DocumentUnreadable, ModelUnavailable
from pagesight.ui.doctor import examine

LETTER = (612.0, 792.0)
LINES = ("Тарифи на воду", "Ціна зросла у 2024 році на 4,7 % до 1.234 гривень.")


def lacking() -> str:
    found = tesseract.installed()
    if found is None or "ukr" not in found[1]:
        return "Tesseract or its Ukrainian is not installed (apt install tesseract-ocr tesseract-ocr-ukr)"
    try:
        ImageFont.truetype("DejaVuSans.ttf")
    except OSError:
        return "there is no font with Ukrainian letters (apt install fonts-dejavu-core)"
    return ""


needs_tesseract = pytest.mark.skipif(bool(lacking()), reason=lacking())


@pytest.fixture(scope="module")
def scan() -> Image.Image:
    """A page at 150 dpi."""
    picture = Image.new("RGB", (1275, 1650), "white")
    for n, line in enumerate(LINES):
        font = ImageFont.truetype("DejaVuSans.ttf", 50 if n == 0 else 24)
        ImageDraw.Draw(picture).text((150, 150 + 100 * n), line, "black", font)
    return picture


@pytest.fixture
def nothing_known() -> Iterator[None]:
    """What is installed is looked up anew, before the test and after it."""
    tesseract.installed.cache_clear()
    yield
    tesseract.installed.cache_clear()


@needs_tesseract
@pytest.mark.parametrize("turns", range(4))
def test_a_script_that_rapidocr_does_not_know_is_read_whichever_way_it_lies(scan: Image.Image, turns: int):
    size = LETTER if turns % 2 == 0 else (LETTER[1], LETTER[0])
    page = read_picture(Tesseract("ukr+eng"), scan.rotate(90 * turns, expand=True), size)
    assert page.text.split("\n") == list(LINES)
    x0, y0, x1, y1 = next(word for word in page.words if word.text == "Ціна").box
    width, height = LETTER
    corner = [(x0, y0), (width - y1, x0), (width - x1, height - y1), (y0, height - x1)][turns]  # turned back
    assert corner == pytest.approx((150 * 72 / 150, 255 * 72 / 150), abs=4)


@needs_tesseract
def test_a_picture_in_a_library_and_a_picture_as_a_question_are_read(scan: Image.Image, tmp_path: Path):
    scan.save(tmp_path / "скан.png")
    library = empty_library(tmp_path / "бібліотека", ocr_engine="tesseract", ocr_languages="ukr+eng", dpi=72)
    (outcome,) = add(library, [tmp_path / "скан.png"])
    assert (outcome.state, outcome.reason) == ("indexed", None)
    assert library.retrieve("тарифи")[0].page.number == 1
    hit = library.retrieve(image=scan.crop((0, 0, 1275, 240)))[0]
    assert hit.channels["lexical"].score > 0
    (ocr,) = (found for found in examine(library.settings) if found.name == "ocr")
    assert ocr.ok
    assert "ukr+eng" in ocr.note


@pytest.mark.usefixtures("nothing_known")
def test_without_it_nothing_is_begun_and_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    Image.new("RGB", (300, 300)).save(tmp_path / "ä.png")
    library = empty_library(tmp_path / "бібліотека", ocr_engine="tesseract", dpi=72)
    with pytest.raises(ModelUnavailable, match=r"not installed.*apt install tesseract-ocr.*OCR_ENGINE=rapidocr"):
        list(add(library, [tmp_path / "ä.png"]))
    assert library.documents() == []
    assert [found.ok for found in examine(library.settings) if found.name == "ocr"] == [False]


@needs_tesseract
def test_a_language_that_is_not_here_is_named():
    with pytest.raises(ModelUnavailable, match=r"'xyz'.*apt install tesseract-ocr-xyz.*It has: .*ukr"):
        tesseract.require("ukr+xyz")


@pytest.mark.usefixtures("nothing_known")
def test_a_picture_it_gives_up_on_is_one_page_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "--version" in command:
            return subprocess.CompletedProcess(command, 0, "tesseract 5.3.0\n leptonica\n")
        if "--list-langs" in command:
            return subprocess.CompletedProcess(command, 0, "List of languages (1):\neng\n")
        raise subprocess.CalledProcessError(1, command, b"", b"Page is too strange\n")

    monkeypatch.setattr(tesseract.shutil, "which", lambda name: f"/{name}")
    monkeypatch.setattr(tesseract.subprocess, "run", run)
    with pytest.raises(DocumentUnreadable, match="Tesseract could not read the picture: Page is too strange"):
        Tesseract().read(Image.new("RGB", (300, 300)))


@pytest.mark.parametrize("languages", ["", "eng ukr", "-c x", "eng+"])
def test_languages_are_names_joined(languages: str):
    with pytest.raises(ValueError, match="ocr_languages"):
        Settings(ocr_languages=languages)
