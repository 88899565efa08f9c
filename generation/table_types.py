"""The nouns of tables, and how they are written down."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

from ..retrieval.types import Box


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell. A merged one stands once, where it begins; the places it covers besides have no cell."""

    text: str
    box: Box
    """Points, display frame: around its words, or the place where words would be."""
    row: int
    """0-based."""
    column: int
    """0-based, in reading order: the first column of a right-to-left table is the right one."""
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table on a page."""

    box: Box
    rows: tuple[tuple[Cell, ...], ...]
    columns: int
    heads: int
    """Rows at the top that name columns; 0 where there are none, or none can be told."""
    right_to_left: bool = False

    def grid(self) -> list[list[str]]:
        """Texts, rectangular: a merged cell's text stands in its first place, the others are empty."""
        texts = [[""] * self.columns for _ in self.rows]
        for row in self.rows:
            for cell in row:
                texts[cell.row][cell.column] = cell.text
        return texts

    def to_csv(self) -> str:
        """Comma-separated values, RFC 4180. Texts stay as they are: a spreadsheet may take `=…` for a formula."""
        out = io.StringIO()
        csv.writer(out).writerows(self.grid())
        return out.getvalue()

    def to_markdown(self) -> str:
        """A GitHub table; what would be markup is escaped. Markdown wants a head: the first row is taken for one."""
        first, *rest = [[escape_cell(text) for text in row] for row in self.grid()]
        lines = [first, ["---"] * self.columns, *rest]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. Boxes in points."""
        return {
            "box": [round(edge, 1) for edge in self.box],
            "columns": self.columns,
            "heads": self.heads,
            "right_to_left": self.right_to_left,
            "rows": [
                [
                    {
                        "text": cell.text,
                        "box": [round(edge, 1) for edge in cell.box],
                        "row": cell.row,
                        "column": cell.column,
                        "row_span": cell.row_span,
                        "column_span": cell.column_span,
                    }
                    for cell in row
                ]
                for row in self.rows
            ],
        }


def escape_cell(text: str) -> str:
    r"""Text for a cell of a Markdown table: nothing in it renders as markup.

    >>> print(escape_cell("a|b <b>größer</b>"))
    a\|b \<b\>größer\</b\>
    """
    return re.sub(r"([\\`*_{}\[\]<>#|!~&$])", r"\\\1", " ".join(text.split()))
