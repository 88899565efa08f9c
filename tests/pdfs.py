"""Small PDFs built from bytes: rotated, cropped, encrypted, broken, without text, right to left.

Positions here are PDF's own: points, origin at the bottom left of the page, y up, before rotation.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@dataclass(frozen=True)
class Text:
    """A string drawn in Helvetica. Characters that Helvetica lacks are drawn as other letters, and say in the
    text layer what they are meant to be."""

    x: float
    y: float
    string: str
    size: float = 12
    turn: int = 0
    """Quarter turns against the clock."""


@dataclass(frozen=True)
class Picture:
    """A picture drawn over a part of the page."""

    x: float
    y: float
    width: float
    height: float
    image: Image.Image


@dataclass(frozen=True)
class Page:
    """A page, Letter unless told otherwise."""

    marks: Sequence[Text | Picture] = ()
    box: tuple[float, float, float, float] = (0, 0, 612, 792)
    crop: tuple[float, float, float, float] | None = None
    rotate: int = 0
    content: bytes = b""
    """Further drawing operators."""
    fields: Sequence[tuple[float, float, str]] = field(default=())
    """Filled-in text fields of a form."""


def pdf(
    *pages: Page,
    title: str | None = None,
    info: Mapping[str, str] | None = None,
    password: str | None = None,
    unicode_of: Callable[[str], str] = str,
) -> bytes:
    """The file. `unicode_of` is what the text layer says of a character, by default the character."""
    codes = _codes("".join(mark.string for page in pages for mark in page.marks if isinstance(mark, Text)))
    objects: list[bytes | tuple[bytes, bytes]] = [b"", b"", _font(4), (b"", _to_unicode(codes, unicode_of))]
    kids = []
    widgets = []
    for page in pages:
        content, resources = page.content, b""
        for n, mark in enumerate(page.marks):
            if isinstance(mark, Text):
                content += _text_operators(mark, codes)
            else:
                objects.append(_image(mark.image))
                resources += b" /P%d %d 0 R" % (n, len(objects))
                content += b"q %g 0 0 %g %g %g cm /P%d Do Q\n" % (mark.width, mark.height, mark.x, mark.y, n)
        objects.append((b"", content))
        stream = len(objects)
        annotations = []
        for n, (x, y, value) in enumerate(page.fields):
            look = b"/Tx BMC q BT /F1 12 Tf 2 4 Td (%s) Tj ET Q EMC" % value.encode("cp1252")
            form = b"/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F1 3 0 R >> >>"
            objects.append((form, look))
            objects.append(
                b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (field%d) /V (%s) /F 4 /Rect [%g %g %g %g] "
                b"/DA (/F1 12 Tf) /AP << /N %d 0 R >> >>"
                % (n, value.encode("cp1252"), x, y, x + 200, y + 20, len(objects))
            )
            annotations.append(b"%d 0 R" % len(objects))
        widgets += annotations
        crop = b"/CropBox [%g %g %g %g]" % page.crop if page.crop else b""
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%g %g %g %g] %s /Rotate %d /Contents %d 0 R /Annots [%s] "
            b"/Resources << /Font << /F1 3 0 R >> /XObject << %s >> >> >>"
            % (*page.box, crop, page.rotate, stream, b" ".join(annotations), resources)
        )
        kids.append(b"%d 0 R" % len(objects))
    form = b"/AcroForm << /Fields [%s] /DR << /Font << /F1 3 0 R >> >> >>" % b" ".join(widgets) if widgets else b""
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R %s >>" % form
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(pages))
    stated = {"Title": title, **(info or {})}
    return write(objects, {name: text for name, text in stated.items() if text is not None}, password)


def text_page(*lines: str, x: float = 72, y: float = 700, size: float = 12, **page: object) -> Page:
    """A page of lines, 1.2 times the size of the print apart."""
    marks = [Text(x, y - n * size * 1.2, line, size) for n, line in enumerate(lines)]
    return Page(marks, **page)  # type: ignore[arg-type]


def table_page(*rows: Sequence[str], x: float = 72, y: float = 700, pitch: float = 120) -> Page:
    """A ruled table; its cells are drawn one straight after the other, without spaces between them."""
    marks = [Text(x + pitch * c, y - 20 * r, cell) for r, row in enumerate(rows) for c, cell in enumerate(row)]
    rules = [
        b"%g %g m %g %g l S\n" % (x - 4, y - 6 - 20 * r, x + pitch * len(rows[0]), y - 6 - 20 * r)
        for r in range(len(rows))
    ]
    return Page(marks, content=b"".join(rules))


def scan_page(image: Image.Image, *marks: Text) -> Page:
    """A page that is one picture, with a little text on top."""
    return Page([Picture(0, 0, 612, 792, image), *marks])


def drawn(page: Page, dpi: float = 150) -> Image.Image:
    """The page as a picture: what a scanner would see of it."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf(page)) as document:
        scale: Any = dpi / 72  # pypdfium2's stub says int
        return document[0].render(scale=scale).to_pil().convert("RGB")


def no_pages() -> bytes:
    """A whole PDF of no pages."""
    return write([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"])


def lost_page() -> bytes:
    """Two pages, the second of which is not in the file."""
    return pdf(text_page("Première page")).replace(b"0 R] /Count 1 >>", b"0 R 99 0 R] /Count 2 >>")


def truncated() -> bytes:
    """The first bytes of a PDF, up to its first page."""
    whole = pdf(text_page("Hälfte"))
    return whole[: whole.index(b"3 0 obj")]


def write(
    objects: Sequence[bytes | tuple[bytes, bytes]], info: Mapping[str, str] | None = None, password: str | None = None
) -> bytes:
    """A PDF of these objects, numbered from 1; a stream is a dictionary's inside and its data.

    With a password, streams and `info` are encrypted with RC4, 40 bits (standard security handler, revision 2).
    """
    identity = hashlib.md5(b"pagesight tests").digest()
    key = owner = user = b""
    if password is not None:
        padded = (password.encode("latin-1") + PADDING)[:32]
        owner = rc4(hashlib.md5(padded).digest()[:5], padded)
        key = hashlib.md5(padded + owner + (0xFFFFFFFC).to_bytes(4, "little") + identity).digest()[:5]
        user = rc4(key, PADDING)

    def sealed(number: int, data: bytes) -> bytes:
        if password is None:
            return data
        return rc4(hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10], data)

    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    bodies = list(objects)
    trailer = b"/Root 1 0 R /ID [<%s><%s>]" % (identity.hex().encode(), identity.hex().encode())
    if info:
        number = len(bodies) + 1
        entries = [
            b"/%s <%s>" % (name.encode(), sealed(number, b"\xfe\xff" + text.encode("utf-16-be")).hex().encode())
            for name, text in info.items()
        ]
        bodies.append(b"<< %s >>" % b" ".join(entries))
        trailer += b" /Info %d 0 R" % number
    if password is not None:
        bodies.append(
            b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (owner.hex().encode(), user.hex().encode())
        )
        trailer += b" /Encrypt %d 0 R" % len(bodies)
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        if isinstance(body, tuple):
            data = sealed(number, body[1])
            body = b"<< %s /Length %d >>\nstream\n%s\nendstream" % (body[0], len(data), data)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(bodies) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        count,
        table,
        count,
        trailer,
        len(out),
    )
    return bytes(out)


def rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def _codes(text: str) -> dict[str, int]:
    """A byte for each character: its own in Windows-1252, or that of a printable letter which is not in use."""
    codes: dict[str, int] = {}
    strangers = []
    for character in dict.fromkeys(text):
        try:
            codes[character] = character.encode("cp1252")[0]
        except UnicodeEncodeError:
            strangers.append(character)
    free = (
        code for code in [*range(0x61, 0x7B), *range(0x41, 0x5B), *range(0xC0, 0x100)] if code not in codes.values()
    )
    return codes | dict(zip(strangers, free, strict=False))


def _font(to_unicode: int) -> bytes:
    return (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode %d 0 R >>"
        % to_unicode
    )


def _to_unicode(codes: dict[str, int], unicode_of: Callable[[str], str]) -> bytes:
    pairs = [
        b"<%02x> <%s>" % (code, unicode_of(character).encode("utf-16-be").hex().encode())
        for character, code in codes.items()
    ]
    # a section of a CMap has at most 100 entries
    sections = [pairs[i : i + 100] for i in range(0, len(pairs), 100)]
    body = b"".join(b"%d beginbfchar\n%s\nendbfchar\n" % (len(part), b"\n".join(part)) for part in sections)
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <ff> endcodespacerange\n" + body + b"endcmap end end"
    )


def _text_operators(mark: Text, codes: dict[str, int]) -> bytes:
    a, b = ((1, 0), (0, 1), (-1, 0), (0, -1))[mark.turn]
    string = bytes(codes[character] for character in mark.string).hex().encode()
    return b"BT /F1 %g Tf %d %d %d %d %g %g Tm <%s> Tj ET\n" % (mark.size, a, b, -b, a, mark.x, mark.y, string)


def _image(image: Image.Image) -> tuple[bytes, bytes]:
    image = image.convert("RGB")
    head = (
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8" % image.size
    )
    return head + b" /Filter /FlateDecode", zlib.compress(image.tobytes())
