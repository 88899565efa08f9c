"""HTML from strangers, written anew: text, tables and lists stay; what runs, loads or hides goes.

What comes out names no address at all, so that whatever reads it has nothing to fetch: only pictures that are in the
text itself (`data:`) are left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

DEEPEST = 60
"""Elements inside one another; deeper ones are left out, and their text stays. LibreOffice's own depth is its stack."""
MOST_OPEN = 4 * DEEPEST
"""Elements inside one another that are kept account of: each end looks for its beginning among them."""
DEEPEST_TABLE = 4
"""Tables inside tables; each multiplies the time that laying them out takes."""
MOST_SPAN = 200
MOST_PICTURE_LETTERS = 20_000_000


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BLOCKS = _tags(
    "address article aside blockquote center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 "
    "header hr li main nav ol p pre section summary table ul"
)
_KEPT = _tags(
    "blockquote center dd div dl dt h1 h2 h3 h4 h5 h6 li ol p pre ul table caption thead tbody tfoot tr td th "
    "b big cite code dfn em i kbd q s samp small span strike strong sub sup tt u var"
)
_AS = {"del": "s", "ins": "u", "abbr": "span", "mark": "b"} | dict.fromkeys(_BLOCKS - _KEPT - {"hr"}, "div")
_VOID = _tags("area base br col embed hr img input link meta param source track wbr")
_WITH_CONTENT = _tags(
    "applet audio button canvas datalist frameset iframe map math noembed noframes object option script select style "
    "svg template textarea video xml"
)
"""Left out with what is in them."""

# An element that begins ends open ones of these names, unless a table or list of their own stands between.
_ENDS = {
    "li": (("li",), ("ul", "ol", "table")),
    "dt": (("dt", "dd"), ("dl", "table")),
    "dd": (("dt", "dd"), ("dl", "table")),
    "td": (("td", "th"), ("table",)),
    "th": (("td", "th"), ("table",)),
    "tr": (("tr", "td", "th"), ("table",)),
    "tbody": (("tr", "thead", "tbody", "tfoot"), ("table",)),
    "tfoot": (("tr", "thead", "tbody", "tfoot"), ("table",)),
}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp|bmp);base64,[a-z0-9+/=\s]+", re.I)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,30})", re.I)

_PAGE = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{title}</title>
<style>
@page {{ size: 21cm 29.7cm; margin: 2cm }}
body, h1, h2, h3, h4, h5, h6 {{ font-family: "Liberation Sans", "DejaVu Sans", sans-serif }}
body {{ font-size: 11pt }}
pre, code, kbd, samp, tt {{ font-family: "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: 10pt }}
</style></head>
<body>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Markup:
    """A text as HTML that is safe to draw, and what it says of itself."""

    body: str
    title: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    """Under the names that PDFs have for them: `Author`, `CreationDate` as `D:YYYYMMDD`."""

    def page(self) -> str:
        """As a whole HTML file, on A4 paper."""
        return _PAGE.format(title=escape(self.title), body=self.body)


def clean_html(text: str) -> Markup:
    """
    >>> clean_html('<p onclick=x>a<script>b</script><img src="http://x/">').body
    '<p>a</p>'
    """
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    return cleaner.markup()


def declared_charset(data: bytes) -> str | None:
    """What an HTML file says that it is written in, if anything."""
    found = _CHARSET.search(data[:4096])
    return found.group(1).decode("ascii", "replace") if found else None


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[tuple[str, str]] = []
        """Elements that are open: their names as read, and as written; `""` for those that are not written."""
        self._skipped: list[str] = []
        """Open elements that are left out with their content, from the outermost in."""
        self._in_title = False
        self._title: list[str] = []
        self._properties: dict[str, str] = {}
        self._heading: list[str] | None = None
        self._headings: list[str] = []

    def markup(self) -> Markup:
        while self._open:
            self._close_last()
        title = " ".join("".join(self._title).split()) or next(filter(None, self._headings), "")
        return Markup("".join(self._out), title, self._properties)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(self._skipped) == 1 and _ends(tag, self._skipped[0]):
            self._skipped.clear()
        if self._skipped or tag in _WITH_CONTENT or _is_hidden(given):
            if tag not in _VOID and len(self._skipped) < MOST_OPEN:
                self._skipped.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "meta":
            self._meta(given)
        elif tag == "br":
            self._out.append("<br>")
        elif tag == "hr":
            self._end_open(("p",), ("td", "th", "li"))
            self._out.append("<hr>")
        elif tag == "img":
            self._picture(given)
        elif tag not in _VOID and tag not in ("html", "head", "body"):
            self._begin(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In HTML the slash says nothing; in XHTML, what it says matters where all that follows would be left out.
        self.handle_starttag(tag, attrs)
        if tag == "title" or (self._skipped and self._skipped[-1] == tag):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag in self._skipped:  # what was left open inside ends with it
                while self._skipped.pop() != tag:
                    pass
            return
        if tag == "title":
            self._in_title = False
        elif tag == "p" and not any(name == "p" for name, _ in self._open):
            return
        elif any(name == tag for name, _ in self._open):
            while self._close_last() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        if self._in_title:
            self._title.append(data)
            return
        if self._heading is not None:
            self._heading.append(data)
        self._out.append(escape(data, quote=False))

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        if len(self._open) >= MOST_OPEN:
            return
        if tag in _BLOCKS:
            self._end_open(("p",), ("td", "th", "li", "table"))
        if tag in _ENDS:
            self._end_open(*_ENDS[tag])
        written = tag if tag in _KEPT else _AS.get(tag, "")
        tables = sum(name == "table" for _, name in self._open)
        if len(self._open) >= DEEPEST or (tables >= DEEPEST_TABLE and tag in ("table", "tr", "td", "th", "tbody")):
            written = ""
        if tag in ("h1", "h2"):
            self._heading = []
        self._open.append((tag, written))
        if written:
            self._out.append(f"<{written}{_attributes(written, given)}>")
        elif tag in ("td", "th", "tr", "table"):
            self._out.append(" ")

    def _close_last(self) -> str:
        tag, written = self._open.pop()
        if written:
            self._out.append(f"</{written}>")
        if tag in ("h1", "h2") and self._heading is not None:
            self._headings.append(" ".join("".join(self._heading).split()))
            self._heading = None
        return tag

    def _end_open(self, names: tuple[str, ...], stop: tuple[str, ...]) -> None:
        """End the outermost open element of these names, with all inside of it, that no `stop` stands before."""
        last = None
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] in names:
                last = place
            elif self._open[place][0] in stop:
                break
        if last is not None:
            while len(self._open) > last:
                self._close_last()

    def _picture(self, given: dict[str, str]) -> None:
        source = given.get("src", "").strip()
        if len(source) <= MOST_PICTURE_LETTERS and _PICTURE.fullmatch(source):
            self._out.append(f'<img src="{"".join(source.split())}" alt="">')
        elif given.get("alt", "").strip():
            self._out.append(escape(given["alt"].strip(), quote=False))

    def _meta(self, given: dict[str, str]) -> None:
        name = {"author": "Author", "keywords": "Keywords", "description": "Subject"}.get(given.get("name", "").lower())
        if name is not None and given.get("content", "").strip():
            self._properties.setdefault(name, given["content"].strip())


def _ends(tag: str, before: str) -> bool:
    """Whether an element that begins ends one before it, whose end tag may be left out."""
    return (before == "p" and tag in _BLOCKS) or before in _ENDS.get(tag, ((),))[0]


def _is_hidden(given: dict[str, str]) -> bool:
    return "hidden" in given or _HIDDEN.search(given.get("style", "")) is not None


def _attributes(tag: str, given: dict[str, str]) -> str:
    kept = ""
    if given.get("dir", "").lower() in ("rtl", "ltr"):
        kept += f' dir="{given["dir"].lower()}"'
    if tag == "table":
        border = given.get("border", "0").strip()
        kept += f' cellspacing="0" cellpadding="3" border="{int(border not in ("", "0", "none"))}"'
    if tag in ("td", "th"):
        for name in ("colspan", "rowspan"):
            span = given.get(name, "")
            if span.isascii() and span.isdigit() and 1 < int(span[:6]) <= MOST_SPAN:
                kept += f' {name}="{int(span)}"'
    if tag == "ol" and re.fullmatch(r"[0-9]{1,6}", given.get("start", "")):
        kept += f' start="{given["start"]}"'
    return kept
