"""A second opinion on PDFs that PDFium refuses."""

from __future__ import annotations

from pathlib import Path

import office
import pdfs
import pytest

from pagesight.ingest import converted
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.retrieval.errors import DocumentEncrypted, DocumentUnreadable

NO_OCR = ParseOptions(dpi=72, ocr="off")
HEADLESS = pdfs.pdf(pdfs.text_page("Größe der Pumpe"), title="Звіт про насоси").partition(b"\n")[2]
"""Without its first line, which PDFium insists on and Poppler does not."""


def save(folder: Path, data: bytes) -> Path:
    (folder / "ä.pdf").write_bytes(data)
    return folder / "ä.pdf"


@office.needs_poppler
def test_a_pdf_that_pdfium_refuses_is_read_as_poppler_understands_it(tmp_path: Path) -> None:
    with open_document(save(tmp_path, HEADLESS), options=NO_OCR) as document:
        assert document.info.title == "Звіт про насоси"
        assert document.info.media_type == "application/pdf"
        page = document.read_page(1)
        assert page.text == "Größe der Pumpe"
        assert len(page.words) == 3


@office.needs_poppler
def test_what_neither_can_read_is_refused_for_pdfiums_reason(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        open_document(save(tmp_path, b"%PDF-1.7\nnothing"), options=NO_OCR)
    assert str(caught.value).endswith(
        "ä.pdf: it is broken or cut short; get another copy, or save it again with a PDF program."
    )


@office.needs_poppler
def test_white_pages_are_no_reading(tmp_path: Path) -> None:
    empty = pdfs.pdf(pdfs.Page()).partition(b"\n")[2]
    with pytest.raises(DocumentUnreadable):
        open_document(save(tmp_path, empty), options=NO_OCR)


def test_without_poppler_the_reason_says_what_may_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted, "has_poppler", lambda: False)
    with pytest.raises(DocumentUnreadable, match=r"it is broken .*; Poppler may read it .*apt install poppler-utils"):
        open_document(save(tmp_path, b"%PDF-1.7\nnothing"), options=NO_OCR)


def test_a_password_is_asked_for_before_anybody_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("Poppler was asked")

    monkeypatch.setattr(converted, "rewrite", never)
    with pytest.raises(DocumentEncrypted):
        open_document(save(tmp_path, pdfs.pdf(pdfs.text_page("ß"), password="x")), options=NO_OCR)
