"""Opening a file as a document, whatever it is, or saying in one line why not."""

from __future__ import annotations

import errno
import os
import re
import stat
from functools import lru_cache
from pathlib import Path

from ..retrieval.errors import DocumentEncrypted, DocumentUnreadable
from .converted import ConvertedDocument, OnWait, by_libreoffice, by_poppler
from .kinds import CONVERTED_SUFFIXES, TEXT_SUFFIXES, kind_of
from .ocr import OcrEngine, RapidOcr, Tesseract
from .parsed import ParseOptions
from .pdf import PdfDocument
from .pictures import PictureDocument

__all__ = [
    "SUPPORTED_SUFFIXES",
    "ConvertedDocument",
    "ParseOptions",
    "PdfDocument",
    "PictureDocument",
    "check_file",
    "display_path",
    "indexed_name",
    "open_document",
]

SUPPORTED_SUFFIXES = CONVERTED_SUFFIXES | {".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}
"""What a folder is searched for, in lower case. A file that is named by itself is opened by what is in it."""

_HEAD = 1024
"""Bytes. A PDF may have this much before its header, which PDFium tolerates as Acrobat does."""


def open_document(
    path: Path,
    *,
    password: str | None = None,
    options: ParseOptions | None = None,
    ocr: OcrEngine | None = None,
    on_wait: OnWait = lambda _: None,
) -> PdfDocument | PictureDocument | ConvertedDocument:
    """Open a PDF, a picture, or what LibreOffice makes a PDF of, told apart by what is in them. Close it, or use it in
    a `with` statement.

    `ocr` reads pages without a usable text layer; `None` takes what the options name, loaded when the first such page
    comes. `on_wait` is told before something that may take so many seconds. PDFium is not thread-safe: one
    thread of a process may use documents.

    Raises `DocumentEncrypted` or `DocumentUnreadable`, with a message that names the file.
    """
    options = options or ParseOptions()
    engine = None if options.ocr == "off" else ocr or _engine(options)
    try:
        head = _read_head(path)
        if _is_pdf(path, head):
            try:
                return PdfDocument(path, password, options, engine)
            except DocumentUnreadable as refused:
                return by_poppler(path, password, options, engine, on_wait, refused)
        if _is_picture(head):
            return PictureDocument(path, options, engine)
        return by_libreoffice(path, kind_of(path, head), options, engine, on_wait)
    except (DocumentEncrypted, DocumentUnreadable) as error:
        raise type(error)(f"Cannot read {display_path(path)}: {error}.") from error.__cause__
    except OSError as error:
        raise DocumentUnreadable(f"Cannot read {display_path(path)}: {_system_reason(error)}.") from error


def check_file(path: Path) -> None:
    """Raise `DocumentUnreadable`, with a message that names the file, when the system does not let it be read."""
    try:
        _read_head(path)
    except DocumentUnreadable as error:
        raise DocumentUnreadable(f"Cannot read {display_path(path)}: {error}.") from error
    except OSError as error:
        raise DocumentUnreadable(f"Cannot read {display_path(path)}: {_system_reason(error)}.") from error


def display_path(path: Path) -> str:
    r"""The path in a form that any terminal and JSON file takes: bytes of it that are not UTF-8 are escaped.

    >>> display_path(Path("caf\udce9.pdf"))
    'caf\\xe9.pdf'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def indexed_name(path: Path) -> str:
    """A file's name as the lexical index has it.

    >>> indexed_name(Path("/scans/net_income-2021.pdf"))
    'net income 2021'
    """
    return path.stem.replace("_", " ").replace("-", " ")


def _read_head(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode) and not os.access(path, os.R_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if stat.S_ISDIR(mode):
        raise DocumentUnreadable("it is a folder; give the files in it, or add the folder as a whole")
    if not stat.S_ISREG(mode):
        raise DocumentUnreadable("it is not a regular file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise DocumentUnreadable("it is empty (0 bytes); get another copy")
    return head


def _is_pdf(path: Path, head: bytes) -> bool:
    """A text about PDFs is none; and a file of that name that begins with an object has lost its first line."""
    suffix = path.suffix.lower()
    if b"%PDF" in head:
        return head.lstrip().startswith(b"%PDF") or suffix not in TEXT_SUFFIXES
    return suffix == ".pdf" and re.search(rb"\d \d+ obj\b", head) is not None


def _is_picture(head: bytes) -> bool:
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return True
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _system_reason(error: OSError) -> str:
    reasons = {
        errno.ENOENT: "there is no such file; check the path",
        errno.ENOTDIR: "there is no such file; check the path",
        errno.EACCES: "permission denied; make it readable for this user",
        errno.EPERM: "permission denied; make it readable for this user",
        errno.ENAMETOOLONG: "its name is too long; rename it",
        errno.ELOOP: "its symbolic links go round in a circle",
    }
    fallback = os.strerror(error.errno).lower() if error.errno else str(error)
    return reasons.get(error.errno or 0, f"{fallback}; try again")


@lru_cache(maxsize=4)
def _engine(options: ParseOptions) -> OcrEngine:
    if options.ocr_engine == "tesseract":
        return Tesseract(options.ocr_languages, options.ocr_threads)
    return RapidOcr(options.ocr_threads)
