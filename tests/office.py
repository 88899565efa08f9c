"""Small documents of many formats, built from text: what LibreOffice reads. All hold the same words in other shapes."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

OOXML = "http://schemas.openxmlformats.org"
CORE = (
    f'<cp:coreProperties xmlns:cp="{OOXML}/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
    "<dc:title>Звіт про насоси</dc:title><dc:creator>Олена Коваль</dc:creator>"
    "<dcterms:created>2021-03-04T05:06:07Z</dcterms:created></cp:coreProperties>"
)
W = f'xmlns:w="{OOXML}/wordprocessingml/2006/main" xmlns:r="{OOXML}/officeDocument/2006/relationships"'
ODF = "urn:oasis:names:tc:opendocument:xmlns:"

needs_libreoffice = pytest.mark.skipif(
    shutil.which("soffice") is None and shutil.which("libreoffice") is None,
    reason="LibreOffice is not installed (apt install libreoffice-writer-nogui libreoffice-calc-nogui)",
)
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftocairo") is None, reason="Poppler is not installed (apt install poppler-utils)"
)


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP file; `mimetype` comes first and is not compressed, as OpenDocument wants it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else None)
    return stream.getvalue()


def ooxml(
    main: str, content_type: str, parts: Mapping[str, str | bytes], relations: Mapping[str, str] | None = None
) -> bytes:
    """An Office file whose `main` part is among `parts`. `relations` are elements of a part's `.rels` file, by name."""
    types = f'<Override PartName="/{main}" ContentType="{content_type}"/>'
    sheets = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    types += "".join(
        f'<Override PartName="/{name}" ContentType="{sheets}"/>' for name in parts if "/worksheets/" in name
    )
    start = f'<Relationship Id="r0" Type="{OOXML}/officeDocument/2006/relationships/officeDocument" Target="{main}"/>'
    start += (
        f'<Relationship Id="r9" Type="{OOXML}/package/2006/relationships/metadata/core-properties" '
        'Target="docProps/core.xml"/>'
    )
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{OOXML}/package/2006/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
            'PartName="/docProps/core.xml" '
            f'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>{types}</Types>',
            "_rels/.rels": _relations(start),
            "docProps/core.xml": CORE,
            **{name: _relations(elements) for name, elements in (relations or {}).items()},
            **parts,
        }
    )


def _relations(elements: str) -> str:
    return f'<Relationships xmlns="{OOXML}/package/2006/relationships">{elements}</Relationships>'


def relation(name: str, kind: str, target: str, *, external: bool = False) -> str:
    mode = ' TargetMode="External"' if external else ""
    kind = f"{OOXML}/officeDocument/2006/relationships/{kind}"
    return f'<Relationship Id="{name}" Type="{kind}" Target="{escape(target)}"{mode}/>'


def docx(*paragraphs: str, body: str = "", relations: str = "") -> bytes:
    """A text; `body` is WordprocessingML after the paragraphs."""
    text = "".join(f"<w:p><w:r><w:t>{escape(line)}</w:t></w:r></w:p>" for line in paragraphs)
    return ooxml(
        "word/document.xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        {"word/document.xml": f"<w:document {W}><w:body>{text}{body}</w:body></w:document>"},
        {"word/_rels/document.xml.rels": relations},
    )


def xlsx(rows: Sequence[Sequence[str]], *, name: str = "Größen") -> bytes:
    def cells(row: int, values: Sequence[str]) -> str:
        return "".join(
            f'<c r="{column(i)}{row}" {f"><f>{escape(v[1:])}</f>" if v.startswith("=") else _inline(v)}</c>'
            for i, v in enumerate(values)
        )

    main = f'xmlns="{OOXML}/spreadsheetml/2006/main" xmlns:r="{OOXML}/officeDocument/2006/relationships"'
    data = "".join(f'<row r="{n}">{cells(n, values)}</row>' for n, values in enumerate(rows, start=1))
    return ooxml(
        "xl/workbook.xml",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        {
            "xl/workbook.xml": f'<workbook {main}><sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
            "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{data}</sheetData></worksheet>",
        },
        {"xl/_rels/workbook.xml.rels": relation("r1", "worksheet", "worksheets/sheet1.xml")},
    )


def _inline(value: str) -> str:
    return f't="inlineStr"><is><t>{escape(value)}</t></is>'


def column(index: int) -> str:
    """The letters of a column, from 0."""
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def odf(kind: str, body: str) -> bytes:
    """An OpenDocument file; `body` is what is in `office:body`."""
    spaces = "".join(
        f' xmlns:{name}="{ODF}{rest}:1.0"'
        for name, rest in {
            "office": "office",
            "text": "text",
            "table": "table",
            "draw": "drawing",
            "svg": "svg-compatible",
            "presentation": "presentation",
            "meta": "meta",
        }.items()
    )
    spaces += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    media = f"application/vnd.oasis.opendocument.{kind}"
    return archive(
        {
            "mimetype": media,
            "content.xml": f'<office:document-content{spaces} office:version="1.2"><office:body>{body}</office:body>'
            "</office:document-content>",
            "meta.xml": f'<office:document-meta{spaces} office:version="1.2"><office:meta>'
            "<meta:initial-creator>Олена Коваль</meta:initial-creator><dc:creator>Хтось Інший</dc:creator>"
            "<dc:title>Звіт про насоси</dc:title><meta:creation-date>2021-03-04T05:06:07</meta:creation-date>"
            "</office:meta></office:document-meta>",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{ODF}manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{media}"/>'
            '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
            '<manifest:file-entry manifest:full-path="meta.xml" manifest:media-type="text/xml"/>'
            "</manifest:manifest>",
        }
    )


def odt(*paragraphs: str, body: str = "") -> bytes:
    text = "".join(f"<text:p>{escape(line)}</text:p>" for line in paragraphs)
    return odf("text", f"<office:text>{text}{body}</office:text>")


def ods(rows: Sequence[Sequence[str]]) -> bytes:
    data = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(v)}</text:p></table:table-cell>' for v in row
        )
        + "</table:table-row>"
        for row in rows
    )
    return odf(
        "spreadsheet",
        f'<office:spreadsheet><table:table table:name="Größen">{data}</table:table></office:spreadsheet>',
    )


def odp(*slides: str) -> bytes:
    pages = "".join(
        f'<draw:page draw:name="p{n}"><draw:frame svg:x="2cm" svg:y="2cm" svg:width="20cm" svg:height="4cm">'
        f"<draw:text-box><text:p>{escape(line)}</text:p></draw:text-box></draw:frame></draw:page>"
        for n, line in enumerate(slides)
    )
    return odf("presentation", f"<office:presentation>{pages}</office:presentation>")


def saved_as(data: bytes, name: str, file: Path) -> None:
    """A document of that name, written by LibreOffice as the kind that the file's name says."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / name
        given.write_bytes(data)
        profile, made = Path(folder) / "profile", Path(folder) / "made"
        command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to"]
        command += [file.suffix[1:], "--outdir", str(made), str(given)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        (made / given.with_suffix(file.suffix).name).rename(file)


def rtf(*paragraphs: str) -> bytes:
    def coded(text: str) -> str:
        return "".join(c if c.isascii() and c not in "\\{}" else f"\\u{ord(c)}?" for c in text)

    return ("{\\rtf1\\ansi " + "\\par ".join(map(coded, paragraphs)) + "}").encode("ascii")


def eml(text: str = "", html: str = "", *, attachment: str | None = None) -> bytes:
    message = EmailMessage()
    message["From"] = "Jürgen Groß <juergen@example.org>"
    message["To"] = "Олена Коваль <olena@example.org>"
    message["Date"] = "Tue, 02 Mar 2021 10:20:30 +0100"
    message["Subject"] = "Größe der Pumpe"
    if text:
        message.set_content(text)
    if html and text:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    if attachment is not None:
        message.add_attachment(b"secret content", maintype="application", subtype="pdf", filename=attachment)
    return message.as_bytes()
