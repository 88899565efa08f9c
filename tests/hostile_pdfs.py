"""Files that mean harm, made by code: graphs that loop, nests, bombs, crowds, programs. All of them are small on disk.

Each PDF has one page that says `GOOD`, unless told otherwise, so that a test can tell what of it was read.
"""

from __future__ import annotations

import io
import struct
import zlib

import pdfs
from PIL import Image

GOOD = "Wärmepumpe"
"""What the page of each file says, where it can be read."""

Body = bytes | tuple[bytes, bytes]

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
_SAYS = b"BT /F1 12 Tf 72 700 Td (%s) Tj ET\n" % GOOD.encode("cp1252")


def one_page(
    *more: Body,
    content: bytes = _SAYS,
    deflated: bool = False,
    filters: bytes = b"",
    page: bytes = b"",
    resources: bytes = b"",
    catalog: bytes = b"",
    font: bytes = FONT,
    parent: int = 2,
    box: tuple[float, float] = (612, 792),
) -> bytes:
    """A page with these entries beside the usual ones; `more` are objects from number 6 on."""
    return pdfs.write(
        one_page_objects(
            *more,
            content=zlib.compress(content, 1) if deflated else content,
            filters=b"/Filter /FlateDecode" if deflated else filters,
            page=page,
            resources=resources,
            catalog=catalog,
            font=font,
            parent=parent,
            box=box,
        )
    )


def one_page_objects(
    *more: Body,
    content: bytes = _SAYS,
    filters: bytes = b"",
    page: bytes = b"",
    resources: bytes = b"",
    catalog: bytes = b"",
    font: bytes = FONT,
    parent: int = 2,
    box: tuple[float, float] = (612, 792),
) -> list[Body]:
    return [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %g %g] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> %s >> %s >>" % (parent, *box, resources, page),
        (filters, content),
        font,
        *more,
    ]


# Graphs that loop


def pages_in_themselves() -> bytes:
    objects = one_page_objects()
    objects[1] = b"<< /Type /Pages /Kids [2 0 R 3 0 R 2 0 R] /Count 3 /Parent 2 0 R >>"
    return pdfs.write(objects)


def parents_in_a_circle() -> bytes:
    """The page's size is to be inherited, from parents without end."""
    objects = one_page_objects(b"<< /Type /Pages /Parent 3 0 R >>", parent=6)
    assert isinstance(objects[2], bytes)
    objects[2] = objects[2].replace(b"/MediaBox [0 0 612 792]", b"")
    return pdfs.write(objects)


def outline_in_a_circle() -> bytes:
    return one_page(
        b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>",
        b"<< /Title (a) /Parent 6 0 R /Next 8 0 R /First 7 0 R >>",
        b"<< /Title (b) /Parent 7 0 R /Next 7 0 R /Prev 8 0 R >>",
        catalog=b"/Outlines 6 0 R /PageMode /UseOutlines",
    )


def form_that_draws_itself() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X 6 0 R >> >>"
    return one_page((form, b"/X Do /X Do"), content=_SAYS + b"/X Do", resources=b"/XObject << /X 6 0 R >>")


def table_before_itself() -> bytes:
    """A cross-reference table whose `/Prev` is itself."""
    data = one_page()
    place = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    return data.replace(b"/Root 1 0 R", b"/Prev %d /Root 1 0 R" % place)


def object_stream_in_itself() -> bytes:
    """The page lies in an object stream, which by the table lies in itself."""
    head = b"%PDF-1.7\n"
    inside = (
        b"<< /Type /Catalog /Pages 2 0 R >> << /Type /Pages /Kids [3 0 R] /Count 1 >> << /Type /Page /Parent 2 0 R >>"
    )
    starts = [inside.index(b"<< /Type /Catalog"), inside.index(b"<< /Type /Pages"), inside.index(b"<< /Type /Page /")]
    index = b" ".join(b"%d %d" % pair for pair in zip((1, 2, 3), starts, strict=True)) + b" 4 0 "
    body = index + inside
    packed = (
        b"4 0 obj\n<< /Type /ObjStm /N 4 /First %d /Length %d /Extends 4 0 R >>\nstream\n%s\nendstream\nendobj\n"
        % (
            len(index),
            len(body),
            body,
        )
    )
    table_at = len(head) + len(packed)
    rows = struct.pack(">BHB", 0, 0, 0)
    rows += b"".join(struct.pack(">BHB", 2, 4, number) for number in range(4))  # 1 to 4: all in stream 4
    rows += struct.pack(">BHB", 1, table_at, 0)
    table = b"5 0 obj\n<< /Type /XRef /Size 6 /W [1 2 1] /Root 1 0 R /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (
        len(rows),
        rows,
    )
    return head + packed + table + b"startxref\n%d\n%%%%EOF\n" % table_at


# Nests


def nested_arrays(depth: int = 100_000) -> bytes:
    return one_page(b"[" * depth + b"]" * depth, page=b"/PieceInfo 6 0 R /Annots 6 0 R")


def nested_states(depth: int = 100_000) -> bytes:
    return one_page(content=b"q " * depth + _SAYS + b"Q " * depth, deflated=True)


def nested_forms(depth: int = 5_000) -> bytes:
    """A form that draws a form that draws a form."""

    def form(number: int) -> Body:
        inner = b"/Resources << /XObject << /X %d 0 R >> >>" % (number + 1) if number < depth + 5 else b""
        return b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] %s" % inner, b"/X Do" if inner else b""

    forms = [form(number) for number in range(6, depth + 6)]
    return one_page(*forms, content=_SAYS + b"/X Do", resources=b"/XObject << /X 6 0 R >>")


def many_forms(levels: int = 24) -> bytes:
    """Forms that draw the next one twice: sixteen million drawings in a file of a few kilobytes."""

    def form(number: int) -> Body:
        last = number == levels + 5
        inner = b"" if last else b"/Resources << /XObject << /X %d 0 R >> >>" % (number + 1)
        content = b"0 0 9 9 re f" if last else b"/X Do /X Do"
        return b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] %s" % inner, content

    forms = [form(number) for number in range(6, levels + 6)]
    return one_page(*forms, content=_SAYS + b"/X Do", resources=b"/XObject << /X 6 0 R >>")


def deep_page_tree(depth: int = 10_000) -> bytes:
    objects = one_page_objects(parent=depth + 5)
    objects[1] = b"<< /Type /Pages /Kids [6 0 R] /Count 1 >>"
    for number in range(6, depth + 6):
        kid = number + 1 if number < depth + 5 else 3
        objects.append(b"<< /Type /Pages /Kids [%d 0 R] /Count 1 /Parent %d 0 R >>" % (kid, max(number - 1, 2)))
    return pdfs.write(objects)


# Bombs


def zeros(megabytes: int) -> bytes:
    """A zlib stream of so many MB of zeros, a thousandth of their size; made without making them."""
    packer = zlib.compressobj(9)
    first = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = ((megabytes << 20) % 65521) << 16 | 1
    return first + again * (megabytes - 1) + b"\x03\x00" + adler.to_bytes(4, "big")


def content_bomb(megabytes: int = 4096) -> bytes:
    """The page's operators are gigabytes of zeros, compressed twice, in a few kilobytes."""
    packed = zlib.compress(zeros(megabytes), 9)
    return one_page(content=packed, filters=b"/Filter [/FlateDecode /FlateDecode]")


def huge_page() -> bytes:
    return one_page(box=(100_000, 100_000))


def huge_picture(side: int = 100_000) -> bytes:
    """A page with a picture of `side` x `side` pixels, a bit each: 1.25 GB of zeros in 1.2 MB, compressed again."""
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 1" % (
        side,
        side,
    )
    data = zlib.compress(zeros(-(-side * side // 8 >> 20)), 9)
    return one_page(
        (head + b" /Filter [/FlateDecode /FlateDecode]", data),
        content=b"q 500 0 0 500 50 50 cm /I Do Q\n" + _SAYS,
        resources=b"/XObject << /I 6 0 R >>",
    )


# Crowds


def many_annotations(count: int = 1_000_000) -> bytes:
    note = b"<< /Type /Annot /Subtype /Text /Rect [9 9 20 20] /Contents (x) >>"
    return one_page(note, page=b"/Annots [%s]" % (b"6 0 R " * count))


def many_words(count: int = 1_000_000) -> bytes:
    lines = b"".join(
        b"BT /F1 1 Tf 1 0 0 1 10 %.2f Tm (%s) Tj ET\n" % (780 - n * 0.7, b"wort " * (count // 1000))
        for n in range(1000)
    )
    return one_page(content=lines, deflated=True)


def many_paths(count: int = 500_000) -> bytes:
    lines = b"".join(b"%d %d m %d %d l S\n" % (n % 600, n % 790, (n * 7) % 600, (n * 13) % 790) for n in range(count))
    return one_page(content=_SAYS + lines, deflated=True)


def word_without_end(letters: int = 10_000_000) -> bytes:
    """A word from one side of the page to the other."""
    shown = b"(%s) Tj " % (b"x" * 10_000) * (letters // 10_000)  # PDFium takes 32,767 at a time
    return one_page(content=b"BT /F1 %.7f Tf 9 700 Td %s ET" % (1000 / letters, shown), deflated=True)


def marks_without_end(count: int = 1_000_000) -> bytes:
    """A million accents above and below nothing, in turns: putting them into order takes their square."""
    shown = b"(%s) Tj " % (b"ab" * 5_000) * (count // 10_000)
    meanings = b"<61> <0301>\n<62> <0323>"
    unicode = (
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 2 beginbfchar %s endbfchar endcmap" % meanings
    )
    return one_page(
        (b"", unicode),
        content=_SAYS.replace(b"a", b"A") + b"BT /F1 %.7f Tf 9 600 Td %s ET" % (1000 / count, shown),
        deflated=True,
        font=FONT.replace(b">>", b"/ToUnicode 6 0 R >>"),
    )


# Fonts and programs


def broken_font() -> bytes:
    """A TrueType font whose tables lie outside of it, overlap, and count to four billion."""
    tables = (b"cmap", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"post")
    rows = b"".join(
        name + struct.pack(">III", 0, 0xFFFFFFF0 if n % 2 else 12, 0xFFFFFFFF) for n, name in enumerate(tables)
    )
    program = b"\0\1\0\0" + struct.pack(">HHHH", len(tables), 128, 3, 0) + rows + b"\xff" * 4000
    return one_page(
        b"<< /Type /FontDescriptor /FontName /Bad /Flags 32 /FontBBox [-1e9 -1e9 1e9 1e9] /ItalicAngle 0 /Ascent 1e9 "
        b"/Descent -1e9 /CapHeight 0 /StemV 0 /FontFile2 7 0 R >>",
        (b"/Length1 %d" % len(program), program),
        font=b"<< /Type /Font /Subtype /TrueType /BaseFont /Bad /FirstChar 0 /LastChar 255 /Encoding /WinAnsiEncoding "
        b"/Widths [%s] /FontDescriptor 6 0 R >>" % (b"600 " * 256),
    )


def programs(command: str, address: str) -> bytes:
    """JavaScript, a program to be launched, a form to be sent and a file attached, on opening and on every page."""
    script = f"app.alert('x'); this.submitForm('{address}'); app.launchURL('{address}');".encode()
    launch = b"<< /S /Launch /F (%s) /Win << /F (%s) >> >>" % (command.encode(), command.encode())
    return one_page(
        b"<< /S /JavaScript /JS (%s) /Next 7 0 R >>" % script.replace(b"(", b"\\(").replace(b")", b"\\)"),
        launch,
        (b"/Type /EmbeddedFile", b"#!/bin/sh\n" + command.encode()),
        b"<< /Type /Filespec /F (../../x.sh) /UF (../../x.sh) /EF << /F 8 0 R >> >>",
        b"<< /Type /Annot /Subtype /Link /Rect [0 0 600 700] /A 7 0 R >>",
        catalog=b"/OpenAction 6 0 R /AA << /WC 7 0 R /DP 6 0 R >> "
        b"/Names << /EmbeddedFiles << /Names [(x) 9 0 R] >> /JavaScript << /Names [(x) 6 0 R] >> >>",
        page=b"/AA << /O 7 0 R /C 6 0 R >> /Annots [10 0 R]",
    )


def xfa_form() -> bytes:
    """A form in XML, with an entity that is a file of this machine, and what readers without XFA show instead."""
    xdp = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template xmlns="http://www.xfa.org/schema/xfa-template/3.3/">'
        b"<subform><field name='a'><value><text>&e;</text></value></field></subform></template></xdp:xdp>"
    )
    return one_page((b"", xdp), catalog=b"/NeedsRendering true /AcroForm << /Fields [] /XFA [(xdp) 6 0 R] >>")


def blank_pages(count: int) -> bytes:
    """Pages with nothing on them, in a tree of a hundred to a branch."""
    branches = -(-count // 100)
    objects: list[Body] = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    objects.append(
        b"<< /Type /Pages /Count %d /MediaBox [0 0 612 792] /Kids [%s] >>"
        % (count, b" ".join(b"%d 0 R" % (3 + n) for n in range(branches)))
    )
    for n in range(branches):
        kids = range(min(100, count - 100 * n))
        first = 3 + branches + 100 * n
        objects.append(
            b"<< /Type /Pages /Parent 2 0 R /Count %d /Kids [%s] >>"
            % (len(kids), b" ".join(b"%d 0 R" % (first + kid) for kid in kids))
        )
    objects += [b"<< /Type /Page /Parent %d 0 R >>" % (3 + n // 100) for n in range(count)]
    return pdfs.write(objects)


def titled(title: bytes) -> bytes:
    """A page in a file whose title is these bytes of UTF-16."""
    data = pdfs.pdf(pdfs.text_page(GOOD), title="x")
    return data.replace(b"<feff0078>", b"<feff%s>" % title.hex().encode())


# Pictures that say that they are 65,000 or 100,000 pixels wide and high


def huge_jpeg() -> bytes:
    """65,000 x 65,000: the format ends at 65,535."""
    data = saved("JPEG")
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", 65_000, 65_000) + data[frame + 9 :]


def huge_tiff(side: int = 100_000) -> bytes:
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, side), (279, side * side)]
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)


def huge_webp(side: int = 100_000) -> bytes:
    whole = (side - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", 10) + bytes(4) + whole + whole + saved("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def saved(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "white").save(stream, kind)
    return stream.getvalue()
