"""The figures of a library: their rows in the catalog, and what is asked of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .types import Box, Figure

if TYPE_CHECKING:
    from .catalog import Catalog, PageRow


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with its place in the library."""

    id: str
    page: str
    figure: Figure


def figure_id(page: str, number: int) -> str:
    """The id of a page's figure, from 0.

    >>> figure_id("ab12/3", 0)
    'ab12/3#0'
    """
    return f"{page}#{number}"


def figure_rows(document: str, pages: Iterable[PageRow]) -> Iterator[tuple[object, ...]]:
    """Rows of the table `figures`."""
    for page in pages:
        for number, figure in enumerate(page.figures):
            id_ = f"{document}/{page.number}"
            bits = None if figure.hash is None else figure.hash - (figure.hash >> 63 << 64)  # SQLite's are signed
            yield figure_id(id_, number), id_, figure.kind, *figure.box, bits, json.dumps(figure.tags)


def figures_of(catalog: Catalog, pages: Collection[str]) -> dict[str, list[FigureRow]]:
    """The figures of pages, by page, in the order they stand there."""
    found: dict[str, list[FigureRow]] = {page: [] for page in pages}
    wanted = list(pages)
    for begin in range(0, len(wanted), 500):  # SQLite's oldest limit of variables in a statement is 999
        part = wanted[begin : begin + 500]
        for id_, page, kind, x0, y0, x1, y1, bits, tags in catalog.rows(
            "SELECT id, page, kind, x0, y0, x1, y1, hash, tags FROM figures "
            f"WHERE page IN ({','.join('?' * len(part))}) ORDER BY rowid",
            part,
        ):
            figure = Figure(Box(x0, y0, x1, y1), kind, None if bits is None else bits % 2**64, tuple(json.loads(tags)))
            found[page].append(FigureRow(id_, page, figure))
    return found


def figure_hashes(catalog: Catalog) -> tuple[list[str], NDArray[np.uint64]]:
    """The pages of all hashed figures, and `(figures,)` their hashes."""
    rows = catalog.rows("SELECT page, hash FROM figures WHERE hash IS NOT NULL")
    return [page for page, _ in rows], np.array([bits for _, bits in rows], np.int64).view(np.uint64)


def set_tags(catalog: Catalog, tags: Mapping[str, Sequence[str]]) -> None:
    """Keep what figures show, by figure id."""
    with catalog.transaction() as connection:
        connection.executemany(
            "UPDATE figures SET tags = ? WHERE id = ?", [(json.dumps(list(found)), id_) for id_, found in tags.items()]
        )
