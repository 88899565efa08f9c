"""Documents that are read from a PDF which was made of them: Office files, texts, mail, and PDFs written anew.

The PDF lies in a temporary folder for as long as the document is open. Its pages are read like any other's; what the
document is called, who wrote it and when comes from the document.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..retrieval.errors import DocumentUnreadable
from .archives import properties
from .kinds import Kind
from .libreoffice import CONVERT_SECONDS, LibreOffice
from .markup import Markup
from .ocr import OcrEngine
from .parsed import ParsedDocument, ParsedPage, ParseOptions
from .pdf import PdfDocument
from .pdf_metadata import own_metadata, stated_title
from .poppler import INFO_SECONDS, INSTALL, POPPLER_SECONDS, has_poppler, rewrite

OnWait = Callable[[float], None]
"""Is told before something that may take so many seconds."""

_WRITER = "HTML (StarWriter)"
"""HTML as a text with pages; LibreOffice's own choice would be a web page, which has none."""


class ConvertedDocument:
    """A document by way of a PDF. A context manager; use it in one thread."""

    def __init__(self, pdf: PdfDocument, folder: TemporaryDirectory[str], info: ParsedDocument) -> None:
        """Takes the PDF and its folder over, and away at the end."""
        self._pdf, self._folder = pdf, folder
        self.info = info

    def __enter__(self) -> ConvertedDocument:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._pdf.close()
        self._folder.cleanup()

    def read_page(self, number: int) -> ParsedPage:
        """Page `number`, from 1. Raises `DocumentUnreadable` for a page that cannot be read; others may be."""
        return self._pdf.read_page(number)


def by_libreoffice(
    path: Path, kind: Kind, options: ParseOptions, ocr: OcrEngine | None, on_wait: OnWait
) -> ConvertedDocument:
    """Make a PDF of a file of a kind that is known. Raises `DocumentUnreadable` with the reason alone."""
    folder = TemporaryDirectory(prefix="pagesight-")
    try:
        place = Path(folder.name)
        office = LibreOffice(place)
        on_wait(CONVERT_SECONDS)
        stated: dict[str, str] = {}
        if kind.form in ("html", "markdown", "mail", "plain"):
            markup = _markup(path, kind)
            source = place / "document.html"
            source.write_text(markup.page(), encoding="utf-8")
            made = office.convert(source, "pdf", reads=_WRITER)
            stated = {"Title": markup.title, **markup.properties}
        else:
            # A copy: nothing that lies beside the original is in its reach, and no lock file is laid there.
            source = place / f"document{kind.suffix}"
            shutil.copyfile(path, source)
            if kind.form == "sheets":
                source = _fitted(office.convert(source, "ods"), place)
            made = office.convert(source, "pdf")
            stated = properties(path)
        pdf = PdfDocument(made, None, options, ocr)
        if kind.suffix in (".doc", ".ppt", ".xls", ".rtf"):
            stated = pdf.stated(("Title", "Author", "Subject", "Keywords"))  # its date is that of the conversion
    except BaseException:
        folder.cleanup()
        raise
    info = ParsedDocument(
        stated_title(stated.get("Title", ""), path), pdf.info.pages, kind.media_type, own_metadata(stated.get)
    )
    return ConvertedDocument(pdf, folder, info)


def by_poppler(
    path: Path,
    password: str | None,
    options: ParseOptions,
    ocr: OcrEngine | None,
    on_wait: OnWait,
    refused: DocumentUnreadable,
) -> ConvertedDocument:
    """Read a PDF that PDFium `refused` the way Poppler understands it.

    Raises `DocumentUnreadable` with PDFium's reason, and what might help.
    """
    if not has_poppler():
        raise DocumentUnreadable(f"{refused}; Poppler may read it where PDFium does not ({INSTALL})") from refused
    folder = TemporaryDirectory(prefix="pagesight-")
    try:
        on_wait(INFO_SECONDS + POPPLER_SECONDS)
        made = Path(folder.name) / "document.pdf"
        stated = rewrite(path, made, password)
        if stated is None:
            raise refused
        try:
            pdf = PdfDocument(made, None, options, ocr)
        except DocumentUnreadable:
            raise refused from None
        if pdf.is_bare():  # Poppler makes a white page of some whose content it cannot read either
            pdf.close()
            raise refused
    except BaseException:
        folder.cleanup()
        raise
    info = replace(pdf.info, title=stated_title(stated.get("Title", ""), path), metadata=own_metadata(stated.get))
    return ConvertedDocument(pdf, folder, info)


def _markup(path: Path, kind: Kind) -> Markup:
    from .mail import mail_markup
    from .texts import decode, html_markup, markdown_markup, plain_markup

    data = path.read_bytes()
    if kind.form == "mail":
        return mail_markup(data)
    if kind.form == "html":
        return html_markup(data)
    text = decode(data)
    return markdown_markup(text) if kind.form == "markdown" else plain_markup(text)


def _fitted(sheets: Path, folder: Path) -> Path:
    from .sheets import fit_width

    fitted = folder / "document.ods"
    fit_width(sheets, fitted)
    return fitted
