"""Tables of a page, from where its words stand and, where there is one, its picture. No model.

    tables = find_tables(library.page_words(page.id), (page.width, page.height), decode(library.page_image(page)))
    print(tables[0].to_csv())

Tables ruled both ways are read off their rules. All others are lines whose chunks stand in columns; rules across and
coloured bands say where rows end. Two columns without any rule need a head over figures: otherwise they are a form.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from ..retrieval.errors import CorruptFile
from ..retrieval.evidence import around
from ..retrieval.library import Library
from ..retrieval.pictures import decode
from ..retrieval.types import Box, Page, Word
from .table_checks import head_rows, is_table, straight
from .table_layout import Chunk, chunks_of, columns_of, lines_of, right_to_left, rows_of, running_text
from .table_regions import find_regions, joined_lines
from .table_rules import Edges, Frame, find_edges, find_frames
from .table_types import Cell, Table

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Cell", "Table", "find_tables", "tables_of"]


def find_tables(words: Sequence[Word], size: tuple[float, float], picture: Image | None = None) -> list[Table]:
    """The tables of a page, top to bottom.

    `words` in reading order, their boxes and `size` (width, height) in points, display frame. `picture` shows the whole
    page at any resolution from 72 dpi; without it, rules and stripes are unknown, and tables that only they tell from
    forms are left out.
    """
    words = [word for word in words if word.box.width > 0 and word.box.height > 0 and word.text.strip()]
    if not words:
        return []
    edges = find_edges(picture, size) if picture is not None else Edges()
    tables = []
    inside: set[int] = set()
    for frame in find_frames(edges):
        table, used = _framed(frame, words, inside)
        if table is not None:
            tables.append(table)
            inside |= used
    rest = [word for i, word in enumerate(words) if i not in inside]
    height = median(word.box.height for word in words)
    cuts = [(edge.at, edge.start, edge.end) for edge in edges.standing if edge.length > 2 * height]
    chunks = chunks_of(rest, cuts)
    # 40 points: what is shorter may underline words
    walls = [(edge.at, edge.start, edge.end) for edge in edges.lying if edge.length > 40]
    prose = running_text(chunks, walls)
    lines = lines_of([chunk for i, chunk in enumerate(chunks) if i not in prose])
    solid = [chunks[i].box for i in prose]
    for region in find_regions(lines, solid):
        table = _unframed(region, edges)
        if table is not None:
            tables.append(table)
    return sorted(tables, key=lambda table: (table.box.y0, table.box.x0))


def tables_of(library: Library, page: Page) -> list[Table]:
    """The tables of a page of a library; by its words alone where its picture is damaged."""
    try:
        picture = decode(library.page_image(page))
    except CorruptFile:
        picture = None
    return find_tables(library.page_words(page.id), (page.width, page.height), picture)


def _framed(frame: Frame, words: Sequence[Word], taken: set[int]) -> tuple[Table | None, set[int]]:
    """The table of a grid of rules; `None` when less than half of the cells have words: a chart, a form, a drawing."""
    contents: dict[tuple[int, int, int, int], list[int]] = {span: [] for span in frame.spans}
    covering = {
        (row, column): span
        for span in frame.spans
        for row in range(span[0], span[0] + span[2])
        for column in range(span[1], span[1] + span[3])
    }
    for i, word in enumerate(words):
        x, y = word.box.center
        if i not in taken and frame.xs[0] < x < frame.xs[-1] and frame.ys[0] < y < frame.ys[-1]:
            place = bisect_right(frame.ys, y) - 1, bisect_right(frame.xs, x) - 1
            contents[covering[place]].append(i)
    filled = sum(bool(members) for members in contents.values())
    if filled < 4 or filled < 0.5 * len(contents):
        return None, set()
    used = {i for members in contents.values() for i in members}
    turned = right_to_left([words[i] for i in used])
    columns = len(frame.xs) - 1
    rows: list[list[Cell]] = [[] for _ in frame.ys[1:]]
    for (row, column, high, wide), members in contents.items():
        box = Box(frame.xs[column], frame.ys[row], frame.xs[column + wide], frame.ys[row + high])
        place = columns - column - wide if turned else column
        text = _text([words[i] for i in members])
        rows[row].append(Cell(text, box, row, place, high, wide))
    ordered = tuple(tuple(sorted(row, key=lambda cell: cell.column)) for row in rows)
    return Table(frame.box, ordered, columns, head_rows(ordered, columns), turned), used


def _unframed(region: Sequence[Sequence[Chunk]], edges: Edges) -> Table | None:
    """The table in a run of lines; `None` when it is none."""
    # Heads over several columns hide where these part: one or two lines of them are looked past.
    lines = joined_lines(region)
    separators = max((columns_of(lines[skip:]) for skip in (0, 1, 2) if len(lines) - skip >= 2), key=len, default=[])
    if not separators:
        return None
    chunks = [chunk for line in region for chunk in line]
    box = around([word for chunk in chunks for word in chunk.words])
    height = median(chunk.box.height for chunk in chunks)
    walls = edges.across(box.x0, box.x1, box.y0 - 2 * height, box.y1 + 2 * height)
    turned = right_to_left([word for chunk in chunks for word in chunk.words])
    inner = [wall for wall in walls if box.y0 < wall < box.y1]
    rows = rows_of(chunks, separators, inner, turned=turned)
    bounds = [box.x0, *separators, box.x1]
    cells = tuple(_cells(row, number, rows, bounds, turned) for number, row in enumerate(rows))
    table = Table(box, cells, len(separators) + 1, head_rows(cells, len(separators) + 1, inner), turned)
    return table if is_table(table, ruled=len(walls) >= 3) and straight(rows) else None


def _cells(
    row: Sequence[Chunk], number: int, rows: Sequence[Sequence[Chunk]], bounds: Sequence[float], turned: bool
) -> tuple[Cell, ...]:
    """A row's cells: chunks that cross a separator span, places without words are empty cells."""
    columns = len(bounds) - 1
    spans: list[tuple[int, int, list[Chunk]]] = []
    for chunk in sorted(row, key=lambda chunk: chunk.box.x0):
        first = max(i for i in range(columns) if i == 0 or bounds[i] <= chunk.box.x0 + 1)
        last = min(i for i in range(columns) if i == columns - 1 or bounds[i + 1] >= chunk.box.x1 - 1)
        last = max(first, last)
        if spans and first <= spans[-1][1]:
            begin, end, members = spans.pop()
            spans.append((min(begin, first), max(end, last), [*members, chunk]))
        else:
            spans.append((first, last, [chunk]))
    top = min(chunk.box.y0 for chunk in row)
    bottom = max(chunk.box.y1 for chunk in row)
    covered = {column for first, last, _ in spans for column in range(first, last + 1)}
    cells = [
        Cell("", Box(bounds[i], top, bounds[i + 1], bottom), number, columns - 1 - i if turned else i)
        for i in range(columns)
        if i not in covered
    ]
    for first, last, members in spans:
        words = [word for chunk in sorted(members, key=lambda chunk: chunk.order) for word in chunk.words]
        place = columns - 1 - last if turned else first
        cells.append(Cell(_text(words), around(words), number, place, 1, last - first + 1))
    return tuple(sorted(cells, key=lambda cell: cell.column))


def _text(words: Sequence[Word]) -> str:
    """Words of a cell, line by line; inside a line in reading order, so that right-to-left text stays logical."""
    if not words:
        return ""
    lines = lines_of(chunks_of(words))
    return " ".join(" ".join(c.text for c in sorted(line, key=lambda chunk: chunk.order)) for line in lines)
