"""The figure or table that a citation stands in: an answer shows it, because half of what it says is how it looks."""

from __future__ import annotations

from collections.abc import Sequence

from ..generation.tables import tables_of
from ..retrieval.figures import figures_of
from ..retrieval.library import Library
from ..retrieval.types import Answer, Box, Citation

MOST = 3
"""Crops of an answer."""
LARGEST = 0.7
"""Of the page's height: a figure or table that is taller is the page, which is shown below anyway."""


def crops(library: Library, answer: Answer) -> dict[int, Box]:
    """By the citation's place in the answer, the figure or table it stands in; points. Each is shown once."""
    found: dict[int, Box] = {}
    shown: set[tuple[str, Box]] = set()
    for number, citation in enumerate(answer.citations):
        region = _region(library, citation) if len(found) < MOST else None
        if region is not None and (citation.page.id, region) not in shown:
            shown.add((citation.page.id, region))
            found[number] = region
    return found


def _region(library: Library, citation: Citation) -> Box | None:
    page = citation.page
    if not citation.boxes or page.text is None:
        return None
    figures = [row.figure.box for row in figures_of(library.catalog, [page.id])[page.id] if row.figure.kind != "page"]
    regions = [*figures, *(table.box for table in tables_of(library, page))]
    around = [one for one in regions if one.height <= LARGEST * page.height and _holds(one, citation.boxes)]
    return min(around, key=lambda one: one.width * one.height, default=None)


def _holds(region: Box, boxes: Sequence[Box]) -> bool:
    centers = [box.center for box in boxes]
    return all(region.x0 <= x <= region.x1 and region.y0 <= y <= region.y1 for x, y in centers)
