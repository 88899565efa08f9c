"""Which kind of file it is that is made into a PDF before it is read, told by what is in it; and why another is not.

A text says nothing of what it is written in: only of texts does the suffix decide between Markdown, mail and plain.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..retrieval.errors import DocumentEncrypted, DocumentUnreadable
from .archives import archive_parts

Form = Literal["text", "sheets", "slides", "html", "markdown", "mail", "plain"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that LibreOffice reads, or that is written out as HTML for it."""

    form: Form
    suffix: str
    """The name by which LibreOffice gets it ends so; with the dot."""
    media_type: str


_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
KINDS = {
    kind.suffix: kind
    for kind in (
        Kind("text", ".docx", f"{_OOXML}.wordprocessingml.document"),
        Kind("slides", ".pptx", f"{_OOXML}.presentationml.presentation"),
        Kind("sheets", ".xlsx", f"{_OOXML}.spreadsheetml.sheet"),
        Kind("text", ".odt", f"{_ODF}.text"),
        Kind("slides", ".odp", f"{_ODF}.presentation"),
        Kind("sheets", ".ods", f"{_ODF}.spreadsheet"),
        Kind("text", ".doc", "application/msword"),
        Kind("slides", ".ppt", "application/vnd.ms-powerpoint"),
        Kind("sheets", ".xls", "application/vnd.ms-excel"),
        Kind("text", ".rtf", "application/rtf"),
        Kind("html", ".html", "text/html"),
        Kind("markdown", ".md", "text/markdown"),
        Kind("mail", ".eml", "message/rfc822"),
        Kind("plain", ".txt", "text/plain"),
    )
}
_ALSO = {".htm": ".html", ".xhtml": ".html", ".markdown": ".md"}

CONVERTED_SUFFIXES = frozenset((*KINDS, ".htm", ".markdown"))
"""Of files that a folder is searched for, in lower case."""

TEXT_SUFFIXES = frozenset((".html", ".htm", ".xhtml", ".md", ".markdown", ".eml", ".txt"))

_OOXML_FOLDERS = {"word/": ".docx", "xl/": ".xlsx", "ppt/": ".pptx"}
_OLE_STREAMS = {"WordDocument": ".doc", "Workbook": ".xls", "Book": ".xls", "PowerPoint Document": ".ppt"}
_NEVER_TEXT = frozenset((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"))
_ENCRYPTED = "it is encrypted; save it without its password"

_REFUSED = (
    (b"%!PS", "PostScript; convert it to PDF"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"GIF8", "a GIF; save it as PNG"),
    (b"BM", "a BMP picture; save it as PNG"),
    (b"\x7fELF", "a program"),
)
_UNKNOWN = "it is neither a PDF nor a picture, an Office file or text that can be read; save it as PDF"


def kind_of(path: Path, head: bytes) -> Kind:
    """What a file is that is neither a PDF nor a picture; `head` is how it begins.

    Raises `DocumentEncrypted` or `DocumentUnreadable` with the reason alone.
    """
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PK\x03\x04"):
        return _archive_kind(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(path)
    if start.startswith(b"{\\rtf"):
        return KINDS[".rtf"]
    for magic, name in _REFUSED:
        if head.startswith(magic) and not (magic == b"BM" and is_text(head)):
            raise DocumentUnreadable(f"it is {name}")
    if not is_text(head):
        reason = "it holds nothing but zeros; get another copy" if not head.strip(b"\0") else _UNKNOWN
        raise DocumentUnreadable(reason)
    suffix = path.suffix.lower()
    is_html = start[:14].lower().startswith((b"<!doctype html", b"<html"))
    if suffix in _NEVER_TEXT:  # most likely what a server said instead of sending the file
        kind = "a web page" if is_html else "text"
        raise DocumentUnreadable(f"it is {kind}, and its name ends in {suffix}; get another copy, or rename it")
    suffix = _ALSO.get(suffix, suffix)
    if is_html and suffix not in (".md", ".eml"):
        suffix = ".html"
    kind = KINDS.get(suffix)
    return kind if kind is not None and kind.form in ("html", "markdown", "mail", "plain") else KINDS[".txt"]


def is_text(head: bytes) -> bool:
    """Whether bytes may be text: in UTF-16 when they say so, else without the signs that no text has.

    >>> is_text("Größe\\n".encode()), is_text(b"\\xff\\xfeG\\0"), is_text(b"MZ\\x90\\0\\x03\\0")
    (True, True, False)
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    odd = sum(byte < 32 and byte not in b"\t\n\r\f\x08\x1b" for byte in head)
    return b"\0" not in head and odd <= len(head) // 100  # a stray byte in a log is no reason to lose it


def _archive_kind(path: Path) -> Kind:
    parts = archive_parts(path)
    if parts.encrypted:
        raise DocumentEncrypted(_ENCRYPTED)
    if parts.mimetype is not None:
        stated = parts.mimetype.removesuffix("-template")
        for kind in KINDS.values():
            if kind.media_type == stated:
                return kind
    if "[Content_Types].xml" in parts.names:
        for folder, suffix in _OOXML_FOLDERS.items():
            if any(name.startswith(folder) for name in parts.names):
                return KINDS[suffix]
    raise DocumentUnreadable("it is a ZIP archive, and no Office file that is known; unpack it or save it as PDF")


def _ole_kind(path: Path) -> Kind:
    """Old Office files are file systems in a file; which program's, their directory says, in UTF-16."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise DocumentEncrypted(_ENCRYPTED)
        # A whole name: "Book" is also in "Bookmark".
        there = [s for name, s in _OLE_STREAMS.items() if data.find(f"\0{name}\0".encode("utf-16-le")[1:]) >= 0]
    if not there:
        raise DocumentUnreadable("it is an old Office file of a kind that is not known; save it as PDF")
    # A document may have others inside of it.
    return KINDS[path.suffix.lower() if path.suffix.lower() in there else there[0]]
