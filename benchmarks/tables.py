"""How many cells of the samples' tables come out whole, and how many that are none.

    python benchmarks/tables.py [--json FILE] [--errors]

The truth is what `data/samples_src` draws: every table is noted, with its page and its cells, while the documents are
built again in a temporary folder; the poster's programme, drawn line by line, is taken from its source. A cell counts
as found when a table on that page has its text in its row and column (rows and columns counted from the table's first);
tables are paired so that most cells agree. Lists of names and values without a head count as no tables. Measured with
and without the pictures of the pages.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pagesight.generation.tables import find_tables
from pagesight.ingest import add
from pagesight.retrieval import create_library
from pagesight.retrieval.pictures import decode

ROOT = Path(__file__).parents[1]
Grid = list[list[str]]


def true_tables() -> dict[tuple[str, int], list[Grid]]:
    """The tables of the samples by document and page, each cell's text in reading order."""
    sys.path.insert(0, str(ROOT / "data"))
    import make_samples  # type: ignore[import-not-found]
    from reportlab.platypus import Table
    from samples_src import guide_he, poster  # type: ignore[import-not-found]
    from samples_src.kit import Marks, register_fonts  # type: ignore[import-not-found]

    register_fonts()
    found: dict[tuple[str, int, int], Grid] = {}
    logical: list[Grid] = []
    draw, turned = Table.draw, guide_he._table
    name = ""

    def plain(value: Any) -> str:
        if isinstance(value, list | tuple):
            return " ".join(map(plain, value))
        text = value.getPlainText() if hasattr(value, "getPlainText") else str(value)
        return " ".join(text.split())

    def noted(self: Any) -> None:
        _, y = self.canv.absolutePosition(0, 0)
        grid = [[plain(cell) for cell in row] for row in self._cellvalues]
        if len(grid[0]) > 1:  # a table of contents is set as a table of one column
            # Documents with a table of contents are set twice: the second time takes the place of the first.
            found[name, self.canv.getPageNumber(), round(y)] = logical.pop() if logical else grid
        draw(self)

    def right_to_left(c: Any, y: float, rows: Any, widths: Any) -> float:
        logical.append([list(row) for row in rows])  # glyphs are set in the order seen; this is the order read
        return turned(c, y, rows, widths)

    Table.draw, guide_he._table = noted, right_to_left
    try:
        with tempfile.TemporaryDirectory() as folder:
            for source in make_samples.DOCUMENTS:
                name = source.NAME
                source.build(Path(folder) / name, Marks())
    finally:
        Table.draw, guide_he._table = draw, turned
    tables: dict[tuple[str, int], list[Grid]] = {}
    for (document, page, _), grid in found.items():
        tables.setdefault((document, page), []).append(grid)
    tables[poster.NAME, 1] = [[list(row) for row in poster.PROGRAMME]]
    return tables


def found_tables(*, pictures: bool) -> Iterator[tuple[tuple[str, int], list[Grid], float]]:
    """Every page of the samples: document and number, its tables, seconds."""
    with tempfile.TemporaryDirectory() as folder, create_library(Path(folder) / "library") as library:
        for outcome in add(library, [ROOT / "data" / "samples"]):
            assert outcome.state == "indexed", outcome
        for document in library.documents():
            for number in range(1, document.pages + 1):
                page = library.page(document.id, number)
                picture = decode(library.page_image(page)) if pictures else None
                words = library.page_words(page.id)
                begun = time.perf_counter()
                tables = find_tables(words, (page.width, page.height), picture)
                yield (
                    (Path(document.sources[0]).name, number),
                    [table.grid() for table in tables],
                    (time.perf_counter() - begun),
                )


def agreeing(one: Grid, other: Grid) -> int:
    """Cells with words that both have, in one place."""
    return sum(
        text != "" and row < len(other) and column < len(other[row]) and _bare(text) == _bare(other[row][column])
        for row, cells in enumerate(one)
        for column, text in enumerate(cells)
    )


def _bare(text: str) -> str:
    return "".join(text.split())


def compare(truth: list[Grid], found: list[Grid]) -> tuple[int, int, int, list[str]]:
    """Cells that agree, cells found, true cells, and what went wrong."""
    left, right, wrong = list(truth), list(found), 0
    errors: list[str] = []
    while left and right:
        true, mine = max(((one, other) for one in left for other in right), key=lambda pair: agreeing(pair[0], pair[1]))
        wrong += agreeing(true, mine)
        if agreeing(true, mine) < cells(true) or cells(true) != cells(mine):
            errors.append(f"differs: {agreeing(true, mine)} of {cells(true)} cells; {mine}")
        left.remove(true)
        right.remove(mine)
    errors += [f"missed: {grid[0]}" for grid in left] + [f"is none: {grid}" for grid in right]
    return wrong, sum(map(cells, found)), sum(map(cells, truth)), errors


def cells(grid: Grid) -> int:
    return sum(text != "" for row in grid for text in row)


def measure(*, pictures: bool, show: bool) -> dict[str, float]:
    truth = true_tables()
    agreed = found = true = pages = 0
    seconds = 0.0
    for place, grids, spent in found_tables(pictures=pictures):
        good, mine, there, errors = compare(truth.pop(place, []), grids)
        agreed, found, true, pages, seconds = agreed + good, found + mine, true + there, pages + 1, seconds + spent
        for error in errors if show else ():
            print(f"  {place[0]}, page {place[1]}: {error[:600]}")
    assert not truth, f"no such page: {list(truth)}"
    precision, recall = agreed / max(found, 1), agreed / max(true, 1)
    return {
        "cells": true,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "pages": pages,
        "ms_a_page": round(1000 * seconds / pages, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--errors", action="store_true", help="print every table that is not as drawn")
    arguments = parser.parse_args()
    figures = {
        name: measure(pictures=pictures, show=arguments.errors)
        for name, pictures in (("with pictures", True), ("words alone", False))
    }
    print(f"{platform.machine()}, Python {platform.python_version()}")
    for name, row in figures.items():
        print(
            f"{name:14} precision {row['precision']:.3f}  recall {row['recall']:.3f}  F1 {row['f1']:.3f}  "
            f"({row['cells']} cells on {row['pages']} pages, {row['ms_a_page']:.0f} ms a page)"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
