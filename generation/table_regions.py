"""Where on a page a table may be: runs of lines whose chunks stand under each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ..retrieval.types import Box
from .table_layout import Chunk

Line = Sequence[Chunk]


class Block:
    """Lines that share columns, as they are gathered."""

    def __init__(self, line: Line) -> None:
        self.lines: list[Line] = [line]
        self.columns = [(chunk.box.x0, chunk.box.x1) for chunk in line]
        self.after: list[Line] = []
        """Lines of one chunk that follow, which may be further lines of cells."""

    @property
    def bottom(self) -> float:
        return max(chunk.box.y1 for line in self.lines[-3:] for chunk in line)

    def fits(self, line: Line) -> bool:
        """Whether the line's chunks stand in these columns, at most one in each."""
        over = [self._over(chunk) for chunk in line]
        if any(len(columns) > 1 for columns in over):
            return False
        taken = [columns[0] for columns in over if columns]
        return len(taken) == len(set(taken)) and len(taken) >= max(1, 0.6 * min(len(line), len(self.columns)))

    def take(self, line: Line) -> None:
        for chunk in line:
            over = self._over(chunk)
            x0, x1 = chunk.box.x0, chunk.box.x1
            if over:
                x0, x1 = min(x0, self.columns[over[0]][0]), max(x1, self.columns[over[-1]][1])
                self.columns[over[0] : over[-1] + 1] = [(x0, x1)]
            else:
                self.columns = sorted([*self.columns, (x0, x1)])
        self.lines.append(line)

    def spans(self, line: Line) -> bool:
        """Whether the line is a head of these columns: several chunks, each over whole columns."""
        if len(line) < 2:
            return False
        over = [self._over(chunk) for chunk in line]
        taken = [column for columns in over for column in columns]
        return all(over) and len(taken) == len(set(taken)) and len(taken) >= 0.5 * len(self.columns)

    def tail(self, lines: Sequence[Line]) -> list[Line]:
        """Of the lines after the last: those that go on in its cells, closer than rows are to each other."""
        steps = [_gap([above], below) for above, below in pairwise(lines)]
        found: list[Line] = []
        for line in self.after:
            box = line[0].box
            inside = any(x0 - 2 <= box.x0 and box.x1 <= x1 + 2 for x0, x1 in self.columns[1:])
            if not inside or _gap([found[-1] if found else lines[-1]], line) > 0.5 * max(steps, default=0.0):
                break
            found.append(line)
        return found

    def _over(self, chunk: Chunk) -> list[int]:
        return [i for i, (x0, x1) in enumerate(self.columns) if min(x1, chunk.box.x1) - max(x0, chunk.box.x0) > 1]


def find_regions(lines: Sequence[Line], prose: Sequence[Box]) -> list[list[Line]]:
    """Runs of lines that could be a table, top to bottom. `prose`: boxes of running text; no run goes through any."""
    blocks: list[Block] = []
    for line in lines:
        block = blocks[-1] if blocks else None
        if block is None:
            blocks.append(Block(line))
            continue
        waiting = block.after
        gap = _gap([*block.lines[-3:], *waiting], line)
        height = median(chunk.box.height for chunk in (*block.lines[-1], *line))
        if gap > 2.6 * height or _crosses(block, line, prose):
            blocks.append(Block(line))
        elif len(line) == 1 and not _overlaps(block.lines[-1], line):
            if len(waiting) >= 2 or len(block.columns) < 2:
                blocks.append(Block(line))
            else:
                waiting.append(line)
        elif block.fits(line) and _even(block, waiting, line):
            block.lines += waiting
            block.after = []
            block.take(line)
        elif len(block.lines) == 1 and not waiting and _under(block.lines[0], line):
            lower = Block(line)
            lower.lines.insert(0, block.lines[0])
            blocks[-1] = lower
        else:
            blocks.append(Block(line))
    return [trimmed for block in blocks if len(trimmed := _trimmed(block)) >= 2]


def _under(head: Line, line: Line) -> bool:
    """Whether `head` is a row of heads over several columns of `line`."""
    return _gap([head], line) < 1.5 * head[0].box.height and Block(line).spans(head)


def _even(block: Block, waiting: Sequence[Line], line: Line) -> bool:
    """Whether lines of one chunk between the block and this line are rows of it: titles of sections, further lines of
    cells. They stand no further apart than its rows do, and no wider than half of it, or inside one column.
    """
    if waiting and _overlaps(waiting[-1], line):  # the first line of a cell of this very row
        waiting = waiting[:-1]
    if not waiting:
        return True
    left, right = block.columns[0][0], block.columns[-1][1]
    for one in waiting:
        box = one[0].box
        inside = any(x0 - 2 <= box.x0 and box.x1 <= x1 + 2 for x0, x1 in block.columns)
        if not inside and (box.width > 0.5 * (right - left) or box.x0 < left - 2 or box.x1 > right + 2):
            return False
    steps = [_gap([above], below) for above, below in pairwise(block.lines)]
    widest = max([0.8 * line[0].box.height, *steps])
    parts = [block.lines[-1], *waiting, line]
    return all(_gap([above], below) <= 1.3 * widest for above, below in pairwise(parts))


def _trimmed(block: Block) -> list[Line]:
    lines = block.lines
    several = [i for i, line in enumerate(lines) if len(line) > 1]
    if not several:
        return []
    first, last = several[0], several[-1] + 1
    while first > 0 and _overlaps(lines[first], lines[first - 1]):  # a cell of more lines than its neighbours
        first -= 1
    while last < len(lines) and _overlaps(lines[last - 1], lines[last]):
        last += 1
    return [*lines[first:last], *block.tail(lines[:last])]


def joined_lines(lines: Sequence[Line]) -> list[Line]:
    """Lines that share height as one: those of a row with cells of one line and of two."""
    joined: list[Line] = []
    before: Line | None = None
    for line in lines:
        if before is not None and _overlaps(before, line):
            joined[-1] = [*joined[-1], *line]
        else:
            joined.append(list(line))
        before = line
    return joined


def _overlaps(one: Line, other: Line) -> bool:
    """Whether two lines share height: a cell of one line beside one of two."""
    shared = min(_bottom(one), _bottom(other)) - max(_top(one), _top(other))
    return shared > 0.25 * min(_bottom(one) - _top(one), _bottom(other) - _top(other))


def _gap(above: Sequence[Line], line: Line) -> float:
    return _top(line) - max(_bottom(one) for one in above)


def _top(line: Line) -> float:
    return min(chunk.box.y0 for chunk in line)


def _bottom(line: Line) -> float:
    return max(chunk.box.y1 for chunk in line)


def _crosses(block: Block, line: Line, prose: Sequence[Box]) -> bool:
    """Whether running text stands between a block and a line, over more than 40 points of their width."""
    above, below = _top(block.lines[-1]), _bottom(line)
    left = min(block.columns[0][0], line[0].box.x0)
    right = max(block.columns[-1][1], line[-1].box.x1)
    return any(above < box.center[1] < below and min(box.x1, right) - max(box.x0, left) > 40 for box in prose)
