"""Telling tables from what only looks like one: forms, lists, columns of text, charts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .table_layout import Chunk, is_mark, is_numeric
from .table_types import Cell, Table


def head_rows(rows: Sequence[Sequence[Cell]], columns: int, walls: Sequence[float] = ()) -> int:
    """How many rows at the top name columns: those above the first rule, else a row of words above figures."""
    if len(rows) < 2:
        return 0
    first_wall = min(walls, default=None)
    if first_wall is not None:
        above = sum(all(cell.box.center[1] < first_wall for cell in row) for row in rows)
        if 0 < above <= min(3, len(rows) - 1):
            return above
    heads = 0
    while heads < min(3, len(rows) - 1):
        row = [cell for cell in rows[heads] if cell.text]
        if not row or any(is_numeric(cell.text) and not _is_year(cell.text) for cell in row):
            break
        heads += 1
        if not any(cell.column_span > 1 for cell in row):  # a head over several columns has their names below it
            break
    body = [cell for row in rows[heads:] for cell in row if cell.text and cell.column]
    figures = sum(is_numeric(cell.text) for cell in body)
    return heads if heads and figures >= 0.3 * max(len(body), 1) and columns > 1 else 0


def _is_year(text: str) -> bool:
    return text.isdigit() and 1500 <= int(text) <= 2199


def is_table(table: Table, *, ruled: bool) -> bool:
    """Whether rows and columns are a table's. `ruled`: three rules or borders run under its whole width."""
    grid = table.grid()
    filled = [[bool(text) for text in row] for row in grid]
    for row in table.rows:
        for cell in row:
            for column in range(cell.column, cell.column + cell.column_span):
                filled[cell.row][column] |= bool(cell.text)
    rows, columns = len(grid), table.columns
    if columns < 2 or rows < (2 if ruled else 3):
        return False
    texts = [text for row in grid for text in row if text]
    several = sum(sum(map(bool, row)) > 1 for row in grid)
    if several < 0.6 * rows or sum(map(sum, filled)) < 0.55 * rows * columns:
        return False
    labelled = sum(any(text.endswith((":", "：", "…")) or "___" in text for text in row) for row in grid)
    marked = sum(is_mark(row[0]) for row in grid)
    if labelled >= 0.4 * rows or (marked >= 0.7 * rows and columns == 2):
        return False
    if ruled:
        return columns > 2 or table.heads > 0  # lines of a sum, or of a form, have no head
    if median(len(text) for text in texts) > 30:
        return False
    body = grid[table.heads :]
    figures = [
        sum(is_numeric(row[column]) for row in body) >= 0.7 * max(sum(bool(row[column]) for row in body), 1)
        for column in range(columns)
    ]
    if columns == 2:
        return table.heads > 0 and figures[1 - figures[0]] and rows >= 4 and not any(map(is_numeric, grid[0]))
    if table.heads > 0 or sum(figures) >= 2:
        return True
    # Words only: texts in three columns that leave no place empty.
    return rows >= 4 and sum(map(sum, filled)) >= 0.95 * rows * columns


def straight(rows: Sequence[Sequence[Chunk]]) -> bool:
    """Whether cells beside each other stand on one line: blocks of text beside each other drift apart."""
    checked = good = 0
    for row in rows:
        if len(row) < 2:
            continue
        height = median(chunk.box.height for chunk in row)
        middles = sorted(chunk.box.center[1] for chunk in row)
        if middles[-1] - middles[0] > 0.8 * height:
            continue  # cells of several lines
        checked += 1
        good += middles[-1] - middles[0] < 0.2 * height
    return good >= 0.6 * checked
