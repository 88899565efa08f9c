"""Plain text, Markdown and web pages as HTML that LibreOffice draws: in which letters they are written, and how."""

from __future__ import annotations

import codecs
from html import escape
from itertools import takewhile

from ..retrieval.errors import DocumentUnreadable
from .markup import Markup, clean_html, declared_charset

MOST_TEXT_BYTES = 20_000_000
"""About 6,000 pages."""
SAMPLE_BYTES = 65_536
"""Of a text whose letters have to be guessed."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, stated: str | None = None) -> str:
    """Bytes as text: what their mark says, what the file has `stated`, UTF-8, or the likeliest of the old code pages.

    Raises `DocumentUnreadable`, with the reason alone, for what is no text, or too much of it.
    """
    if len(data) > MOST_TEXT_BYTES:
        raise DocumentUnreadable(
            f"it is a text of {len(data) / 1e6:.0f} MB, more than {MOST_TEXT_BYTES / 1e6:.0f} MB; split it"
        )
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    for name in filter(None, (marked, "utf-8", stated)):
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
        break
    else:
        text = data.decode(_likeliest(data), "replace")
    if "\0" in text:
        raise DocumentUnreadable("it is neither text nor any other kind of file that can be read; save it as PDF")
    return "\n".join("".join(filter(_is_shown, text)).replace("\r\n", "\n").split("\r"))


def plain_markup(text: str) -> Markup:
    """Lines as they stand, in letters of one width; a form feed begins a page.

    >>> plain_markup("a  <b>\\fc").body
    '<pre>a  &lt;b&gt;</pre><pre style="page-break-before: always">c</pre>'
    """
    pages = [page.strip("\n").expandtabs() for page in text.split("\f")]
    pages = [page for i, page in enumerate(pages) if page.strip() or i == 0]
    first, *rest = (escape(page, quote=False) for page in pages)
    return Markup(
        f"<pre>{first}</pre>" + "".join(f'<pre style="page-break-before: always">{page}</pre>' for page in rest)
    )


def markdown_markup(text: str) -> Markup:
    """Markdown with tables; HTML in it is text, and what stands in front of it (YAML) stays as it is."""
    from markdown_it import MarkdownIt

    front, text = _front_matter(text)
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    drawn = clean_html(parser.render(text).replace("<table>", '<table border="1">'))
    return Markup((plain_markup(front).body if front else "") + drawn.body, drawn.title, drawn.properties)


def html_markup(data: bytes) -> Markup:
    return clean_html(decode(data, declared_charset(data)))


def _front_matter(text: str) -> tuple[str, str]:
    first, *rest = text.split("\n")
    if first.rstrip() != "---":
        return "", text
    front = list(takewhile(lambda line: line.rstrip() not in ("---", "..."), rest))
    if len(front) == len(rest):  # it has no end: a line across the page
        return "", text
    return "\n".join(front), "\n".join(rest[len(front) + 1 :])


def _likeliest(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:SAMPLE_BYTES]).best()
    return "cp1252" if best is None else best.encoding


def _is_shown(letter: str) -> bool:
    """Whether a letter may stand in HTML; escapes of terminals and the like may not."""
    return letter >= " " or letter in "\t\n\r\f\0"
