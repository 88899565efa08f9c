"""The figure or table that a citation stands in: an answer shows it, because half of what it says is how it looks."""

from __future__ import annotations

from ..generation.tables import tables_of
from ..retrieval.figures import figures_of
from ..retrieval.library import Library
from ..retrieval.types import Answer, Box, Page

MOST = 3
"""Crops of an answer."""
LARGEST = 0.7
"""Of the page's height: a figure or table that is taller is the page, which is shown below anyway."""


def crops(library: Library, answer: Answer) -> dict[int, Box]:
    """By the citation's place in the answer, the figure or table it stands in; points. Each is shown once."""
    found: dict[int, Box] = {}
    shown: set[tuple[str, Box]] = set()
    regions: dict[str, list[Box]] = {}
    for number, citation in enumerate(answer.citations):
        page = citation.page
        if len(found) == MOST or not citation.boxes or page.text is None:
            continue
        if page.id not in regions:
            regions[page.id] = _regions(library, page)
        around = [one for one in regions[page.id] if all(one.holds(box) for box in citation.boxes)]
        region = min(around, key=lambda one: one.width * one.height, default=None)
        if region is not None and (page.id, region) not in shown:
            shown.add((page.id, region))
            found[number] = region
    return found


def _regions(library: Library, page: Page) -> list[Box]:
    figures = [row.figure.box for row in figures_of(library.catalog, [page.id])[page.id] if row.figure.kind != "page"]
    tables = [table.box for table in tables_of(library, page)]
    return [one for one in (*figures, *tables) if one.height <= LARGEST * page.height]
