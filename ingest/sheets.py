"""Spreadsheets as pages that people can read: the columns of a row stay on one page, however many they are.

LibreOffice cuts a sheet into pages of A4, down and across: each row of a table of thirty columns is on three of them.
Here paper is as wide as the sheet, up to a limit, and what is wider still is drawn smaller. Only files that LibreOffice
has written itself come here.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import IO
from xml.parsers import expat

PAPER = ((21.0, 29.7), (29.7, 21.0), (42.0, 29.7), (59.4, 42.0), (84.1, 59.4))
"""Centimetres: A4 upright, A4, A3, A2 and A1 across. A picture of 16 million pixels shows A1 at 144 dots an inch, where
the small print of a sheet, 8 points, is as legible as on any page. On larger paper it would not be."""
MARGIN = 1.0
"""Centimetres, on all sides."""
COLUMN = 2.258
"""Centimetres: a column whose width nobody stated."""

_UNITS = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6}
_LENGTH = re.compile(r"(-?[0-9.]+)(cm|mm|in|pt|pc)")
_LAYOUT = re.compile(r'(<style:page-layout style:name="([^"]*)"[^>]*>\s*)<style:page-layout-properties\b([^>]*?)(/?)>')
_MASTER = re.compile(r'<style:master-page style:name="([^"]*)"[^>]*? style:page-layout-name="([^"]*)"')
_OURS = re.compile(
    r'\s(?:style:scale-to[\w-]*|fo:page-(?:width|height)|style:print-orientation|fo:margin(?:-\w+)?)="[^"]*"'
)


def fit_width(sheets: Path, fitted: Path) -> None:
    """Write an ODS file anew, with paper for each sheet on which its columns are side by side."""
    with zipfile.ZipFile(sheets) as source, zipfile.ZipFile(fitted, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        with source.open("content.xml") as content:
            widths = _Widths()
            widths.read(content)
        for member in source.infolist():
            with source.open(member) as read, made.open(member.filename, "w") as written:
                if member.filename == "styles.xml":
                    written.write(_with_paper(read.read().decode(), widths.by_master).encode())
                else:
                    shutil.copyfileobj(read, written)


def _with_paper(styles: str, widths: dict[str, float]) -> str:
    """The styles, with paper for the sheets' widths in centimetres, by the names of their master pages."""
    wanted: dict[str, float] = {}
    for master, layout in _MASTER.findall(styles):
        wanted[layout] = max(wanted.get(layout, 0.0), widths.get(master, 0.0))

    def papered(layout: re.Match[str]) -> str:
        before, name, properties, end = layout.groups()
        content = wanted.get(name, 0.0) + 2 * MARGIN
        width, height = next((paper for paper in PAPER if paper[0] >= content), PAPER[-1])
        ours = (
            f' fo:page-width="{width}cm" fo:page-height="{height}cm" style:scale-to-X="1" style:scale-to-Y="0"'
            f' style:print-orientation="{"landscape" if width > height else "portrait"}" fo:margin="{MARGIN}cm"'
        )
        ours += "".join(f' fo:margin-{side}="{MARGIN}cm"' for side in ("top", "bottom", "left", "right"))
        return f"{before}<style:page-layout-properties{_OURS.sub('', properties)}{ours}{end}>"

    return _LAYOUT.sub(papered, styles)


class _Widths:
    """How wide what is on the sheets is, read off `content.xml` as a stream: it may be larger than memory."""

    def __init__(self) -> None:
        self.by_master: dict[str, float] = {}
        """Centimetres, by the name of the master page: the widest sheet that has it."""
        self._columns: dict[str, float] = {}
        self._masters: dict[str, str] = {}
        self._style = ""
        self._tables = 0
        self._widths: list[tuple[int, float]] = []
        """Of the sheet's columns, from the left: how many, and how wide each."""
        self._master = ""
        self._place = self._used = 0
        self._right = 0.0
        self._cell = 0, 0

    def read(self, content: IO[bytes]) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.ParseFile(content)

    def _start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "table:table-cell" or tag == "table:covered-table-cell":
            many = int(given.get("table:number-columns-repeated", 1))
            self._cell = self._place, many
            self._place += many
            if "office:value-type" in given or "table:formula" in given:
                self._use(self._cell[0] + many)
        elif tag == "table:table-row":
            self._place = 0
        elif tag == "text:p":
            self._use(sum(self._cell))
        elif tag == "table:table-column":
            width = self._columns.get(given.get("table:style-name", ""), COLUMN)
            hidden = given.get("table:visibility", "visible") != "visible"
            self._widths.append((int(given.get("table:number-columns-repeated", 1)), 0.0 if hidden else width))
        elif "table:end-cell-address" in given:
            self._use(_column(given["table:end-cell-address"]))
        elif tag == "draw:frame":
            self._right = max(self._right, _length(given.get("svg:x")) + _length(given.get("svg:width")))
        elif tag == "style:style":
            self._style = given.get("style:name", "")
            self._masters[self._style] = given.get("style:master-page-name", "")
        elif tag == "style:table-column-properties":
            self._columns[self._style] = _length(given.get("style:column-width")) or COLUMN
        elif tag == "table:table":
            self._tables += 1
            if self._tables == 1:
                self._widths, self._used, self._right = [], 0, 0.0
                self._master = self._masters.get(given.get("table:style-name", "")) or "Default"

    def _end(self, tag: str) -> None:
        if tag == "table:table":
            self._tables -= 1
            if self._tables == 0:
                self.by_master[self._master] = max(self.by_master.get(self._master, 0.0), self._width())

    def _use(self, columns: int) -> None:
        if self._tables == 1:
            self._used = max(self._used, columns)

    def _width(self) -> float:
        left, inside = self._used, 0.0
        for many, width in self._widths:
            inside += min(many, left) * width
            left -= min(many, left)
        return max(inside, self._right)


def _length(stated: str | None) -> float:
    """Centimetres; 0 where nothing is stated."""
    found = _LENGTH.fullmatch(stated or "")
    return float(found.group(1)) * _UNITS[found.group(2)] if found else 0.0


def _column(address: str) -> int:
    """The column of a cell, counted from 1.

    >>> _column("Größen.AB20"), _column("$'A.b'.$C$4")
    (28, 3)
    """
    letters = re.search(r"\.\$?([A-Z]{1,3})\$?[0-9]+$", address)
    number = 0
    for letter in letters.group(1) if letters else "":
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
