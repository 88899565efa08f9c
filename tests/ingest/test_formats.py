"""Office files, texts, web pages and mail, from the file to the words on its pages, by LibreOffice."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import office
import pytest
from PIL import Image

from pagesight.ingest import add, libreoffice
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParsedDocument, ParsedPage, ParseOptions
from pagesight.ingest.worker import Reader
from pagesight.retrieval import create_library
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import DocumentUnreadable

NO_OCR = ParseOptions(dpi=72, ocr="off")
LINES = ("Größe der Pumpe", "Тиск 25 бар")
ROWS = [["Größe", "Тиск"], ["Насос", "25"]]
WIDE = [[f"r{row}c{column}" for column in range(40)] for row in range(60)]
HTML = "<!doctype html><title>Звіт про насоси</title><h1>Größe der Pumpe</h1><p>Тиск <b>25</b> бар<script>x</script>"
DOCUMENTS = {
    "text.docx": office.docx(*LINES),
    "text.odt": office.odt(*LINES),
    "text.rtf": office.rtf(*LINES),
    "sheet.xlsx": office.xlsx(ROWS),
    "wide.xlsx": office.xlsx(WIDE),
    "sheet.ods": office.ods(ROWS),
    "slides.odp": office.odp(*LINES),
    "page.html": HTML.encode(),
    "text.md": "# Größe der Pumpe\n\nТиск **25** бар\n".encode(),
    "text.txt": "Größe der Pumpe\n\fТиск 25 бар\n".encode("utf-16"),
    "mail.eml": office.eml("Тиск 25 бар"),
}


OLD = {"old.doc": "text.odt", "slides.pptx": "slides.odp", "old.ppt": "slides.odp", "old.xls": "sheet.ods"}
"""Kinds that nobody writes by hand: LibreOffice makes them of these."""


@dataclass(frozen=True)
class Read:
    document: ParsedDocument
    pages: list[ParsedPage]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Read]]:
    """What one reader makes of each of `DOCUMENTS`; each is read once, when it is first asked for."""
    folder, done = tmp_path_factory.mktemp("документи"), dict[str, Read]()

    def read(name: str) -> Read:
        if name not in done:
            if name in OLD:
                office.saved_as(DOCUMENTS[OLD[name]], OLD[name], folder / name)
            else:
                (folder / name).write_bytes(DOCUMENTS[name])
            document, *pages = reader.read(folder / name)
            assert isinstance(document, ParsedDocument)
            done[name] = Read(document, [page for page in pages if isinstance(page, ParsedPage)])
        return done[name]

    with Reader(NO_OCR, page_seconds=60, memory_bytes=6_000_000_000) as reader:
        yield read


@office.needs_libreoffice
@pytest.mark.parametrize("name", [*DOCUMENTS, *OLD])
def test_every_format_has_pages_with_words_in_their_places(read: Callable[[str], Read], name: str) -> None:
    found = read(name)
    assert len(found.pages) == found.document.pages
    text = " ".join(page.text for page in found.pages)
    wanted = ("r0c0", "r59c39") if name == "wide.xlsx" else ("Größe", "25", "Тиск")
    assert [word for word in wanted if word not in text] == []
    for page in found.pages:
        assert Image.open(io.BytesIO(page.image)).size == page.image_size
        for word in page.words:
            assert page.text[word.start : word.start + len(word.text)] == word.text
            assert 0 <= word.box.x0 < word.box.x1 <= page.width
            assert 0 <= word.box.y0 < word.box.y1 <= page.height


@office.needs_libreoffice
@pytest.mark.parametrize("name", ["text.docx", "text.odt", "sheet.xlsx", "slides.odp"])
def test_title_author_and_date_are_the_documents_own(read: Callable[[str], Read], name: str) -> None:
    document = read(name).document
    assert document.title == "Звіт про насоси"
    assert document.metadata == {"author": "Олена Коваль", "created": date(2021, 3, 4)}
    assert "pdf" not in document.media_type


@office.needs_libreoffice
def test_texts_pages_and_mail_say_what_they_are_called(read: Callable[[str], Read]) -> None:
    names = ("page.html", "text.md", "text.txt", "mail.eml", "text.rtf")
    assert [read(name).document.title for name in names] == [
        *("Звіт про насоси", "Größe der Pumpe", None, "Größe der Pumpe", None)
    ]
    assert read("mail.eml").document.metadata["created"] == date(2021, 3, 2)
    assert "created" not in read("text.rtf").document.metadata, "the day of the conversion is nobody's business"
    assert [read(name).document.media_type for name in names[1:4]] == ["text/markdown", "text/plain", "message/rfc822"]


@office.needs_libreoffice
def test_texts_have_pages_of_paper_and_a_form_feed_ends_one(read: Callable[[str], Read]) -> None:
    assert [page.text for page in read("text.txt").pages] == list(LINES)
    for name in ("text.txt", "page.html", "text.md"):
        assert {(round(page.width), round(page.height)) for page in read(name).pages} == {(595, 842)}


@office.needs_libreoffice
def test_the_columns_of_a_wide_sheet_stay_side_by_side(read: Callable[[str], Read]) -> None:
    pages = read("wide.xlsx").pages
    first = {word.text: word.box for word in pages[0].words}
    assert abs(first["r0c0"].y0 - first["r0c39"].y0) < 2
    assert len(pages) == 1
    assert first["r0c0"].height > 5, "legible: on larger paper, not in smaller letters"
    assert round(read("sheet.xlsx").pages[0].width) == 595, "a narrow one is on A4"


@office.needs_libreoffice
def test_what_breaks_libreoffice_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ä.docx").write_bytes(office.archive({"[Content_Types].xml": "x", "word/document.xml": "x"}))
    with pytest.raises(DocumentUnreadable, match=r"ä\.docx: LibreOffice cannot open it: it is broken or protected"):
        open_document(tmp_path / "ä.docx", options=NO_OCR)


def test_without_libreoffice_the_reason_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "_PROGRAMS", ("kein-büro",))
    (tmp_path / "ä.txt").write_text("Größe", encoding="utf-8")
    with pytest.raises(DocumentUnreadable) as caught:
        open_document(tmp_path / "ä.txt", options=NO_OCR)
    said = str(caught.value)
    for part in ("ä.txt", "LibreOffice is not installed", "apt install", "brew install", "--retry-failed"):
        assert part in said
    assert "\n" not in said


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "файли"
    folder.mkdir()
    for name in ("text.docx", "mail.eml"):
        (folder / name).write_bytes(DOCUMENTS[name])
    return folder


@office.needs_libreoffice
def test_what_is_added_is_found_with_its_place(files: Path, tmp_path: Path, minilm: SentenceEncoder) -> None:
    with create_library(tmp_path / "бібліотека") as library:
        library.text_encoder._loaded = minilm._model
        assert {outcome.state for outcome in add(library, [files])} == {"indexed"}
        assert {outcome.state for outcome in add(library, [files])} == {"unchanged"}
        hit = library.retrieve("Größe der Pumpe", k=1, where={"type": "eml"})[0]
        assert Path(hit.page.source).name == "mail.eml"
        assert any("Größe" in place.text for place in hit.evidence)
        assert {document.title for document in library.documents()} == {"Звіт про насоси", "Größe der Pumpe"}
