"""Opening a file as a document, whatever it is, or saying in one line why not."""

from __future__ import annotations

import errno
import os
import stat
from functools import lru_cache
from pathlib import Path

from ..retrieval.errors import DocumentEncrypted, DocumentUnreadable
from .ocr import OcrEngine, RapidOcr
from .parsed import ParseOptions
from .pdf import PdfDocument
from .pictures import PictureDocument

__all__ = ["SUPPORTED_SUFFIXES", "ParseOptions", "PdfDocument", "PictureDocument", "display_path", "open_document"]

SUPPORTED_SUFFIXES = frozenset((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"))
"""What a folder is searched for, in lower case. A file that is named by itself is opened by what is in it."""

_HEAD = 1024
"""Bytes. A PDF may have this much before its header, which PDFium tolerates as Acrobat does."""
_KINDS = (
    (b"PK\x03\x04", "a ZIP archive or an Office file; save it as PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Office file; save it as PDF"),
    (b"{\\rtf", "an RTF text; save it as PDF"),
    (b"%!PS", "PostScript; convert it to PDF"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"GIF8", "a GIF; save it as PNG"),
    (b"BM", "a BMP picture; save it as PNG"),
    (b"<!DOCTYPE", "a web page; print it to PDF"),
    (b"<html", "a web page; print it to PDF"),
    (b"\x7fELF", "a program"),
)


def open_document(
    path: Path,
    *,
    password: str | None = None,
    options: ParseOptions | None = None,
    ocr: OcrEngine | None = None,
) -> PdfDocument | PictureDocument:
    """Open a PDF or a picture, told apart by their first bytes. Close it, or use it in a `with` statement.

    `ocr` reads pages without a usable text layer; `None` takes this process's `RapidOcr`, loaded when the first
    such page comes. PDFium is not thread-safe: one thread of a process may use documents.

    Raises `DocumentEncrypted` or `DocumentUnreadable`, with a message that names the file.
    """
    options = options or ParseOptions()
    engine = None if options.ocr == "off" else ocr or _rapid_ocr(options.ocr_threads)
    try:
        head = _read_head(path)
        if b"%PDF" in head:
            return PdfDocument(path, password, options, engine)
        if _is_picture(head):
            return PictureDocument(path, options, engine)
        raise DocumentUnreadable(_unknown_reason(head))
    except (DocumentEncrypted, DocumentUnreadable) as error:
        raise type(error)(f"Cannot read {display_path(path)}: {error}.") from error.__cause__
    except OSError as error:
        raise DocumentUnreadable(f"Cannot read {display_path(path)}: {_system_reason(error)}.") from error


def display_path(path: Path) -> str:
    r"""The path in a form that any terminal and JSON file takes: bytes of it that are not UTF-8 are escaped.

    >>> display_path(Path("caf\udce9.pdf"))
    'caf\\xe9.pdf'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


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


def _is_picture(head: bytes) -> bool:
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return True
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _unknown_reason(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in _KINDS:
        if start[: len(magic)].lower() == magic.lower():
            return f"it is {kind}"
    if b" obj" in head and b"<<" in head:
        return "it is a PDF without its beginning, broken or cut short; get another copy"
    if not head.strip(b"\0"):
        return "it holds nothing but zeros; get another copy"
    return "it is neither a PDF nor a PNG, JPEG, TIFF or WebP picture; save it as PDF"


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
def _rapid_ocr(threads: int | None) -> RapidOcr:
    return RapidOcr(threads)
