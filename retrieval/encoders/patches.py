"""Which place on the page each row of a page stands for: the grids that image processors cut pages into.

Boxes here are fractions of the page, `(rows, 4)` float32 of x0, y0, x1, y1 in 0 to 1, until `in_points` scales them.
Every processor known here stretches the whole picture onto its grid, aspect kept or not, without cropping or borders,
so a patch's share of the processed picture is its share of the page. The grid itself is read from what the processor
returned; a count that does not fit is refused, since boxes in the wrong place are worse than none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelUnavailable
from ..types import Vectors
from .sentence import unit_rows
from .visual_loading import quiet

Boxes = NDArray[np.float32]
PAGE = (0.0, 0.0, 1.0, 1.0)


def grid(rows: int, columns: int, inside: tuple[float, float, float, float] = PAGE) -> Boxes:
    """The cells of a grid over `inside`, row by row, left to right. `(rows * columns, 4)`.

    >>> grid(1, 2).tolist()
    [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]]
    """
    x = np.linspace(inside[0], inside[2], columns + 1)
    y = np.linspace(inside[1], inside[3], rows + 1)
    corners = [np.tile(x[:-1], rows), np.repeat(y[:-1], columns), np.tile(x[1:], rows), np.repeat(y[1:], columns)]
    return np.stack(corners, axis=1).astype(np.float32)


def merged_patches(pictures: NDArray[np.bool_], thw: Sequence[int], merge: int) -> Boxes:
    """Qwen-VL: one token for `merge` × `merge` patches, row by row (Wang et al. 2024, section 2.1). `(tokens, 4)`.

    `pictures`: `(tokens,)`, the tokens that are image; `thw`: frames, patch rows and patch columns of the picture.
    """
    return _spread(pictures, grid(int(thw[1]) // merge, int(thw[2]) // merge))


def tiles(pictures: NDArray[np.bool_], tokens: Sequence[str]) -> Boxes:
    """Idefics3: tiles row by row, each a square of tokens, then the whole page once more, coarsely. `(tokens, 4)`.

    The processor writes `<row_2_col_1>` before the tokens of a tile and another tag before the whole page (Laurençon
    et al. 2024, section 2.2); `tokens` are the pieces of the prompt. A page that was not split has the whole only.
    """
    boxes = np.zeros((len(pictures), 4), np.float32)
    places, last = [], 0
    for start, stop in _runs(pictures):
        tags = re.findall(r"<row_(\d+)_col_(\d+)>", "".join(tokens[last:start]))
        places.append((start, stop, (int(tags[-1][0]), int(tags[-1][1])) if tags else None))
        last = stop
    rows = max((tag[0] for _, _, tag in places if tag), default=1)
    columns = max((tag[1] for _, _, tag in places if tag), default=1)
    for start, stop, tag in places:
        row, column = tag or (1, 1)
        high, wide = (rows, columns) if tag else (1, 1)
        inside = ((column - 1) / wide, (row - 1) / high, column / wide, row / high)
        side = _side(stop - start)
        boxes[start:stop] = grid(side, side, inside)
    return boxes


def square(pictures: NDArray[np.bool_]) -> Boxes:
    """PaliGemma, Gemma 3: the page squeezed into one square of tokens. `(tokens, 4)`.

    Gemma 3 could add crops of a long page ("pan and scan"); its processor as colpali-engine calls it never does.
    """
    runs = _runs(pictures)
    if len(runs) != 1:
        raise ModelUnavailable(
            f"The processor made {len(runs)} pictures of a page where one was expected: switch off what cuts pages up "
            "(do_pan_and_scan) in this checkpoint's configuration."
        )
    side = _side(int(pictures.sum()))
    return _spread(pictures, grid(side, side))


def in_points(boxes: Boxes, width: float, height: float) -> Boxes:
    """Fractions of the page to points; empty boxes stay `(0, 0, 0, 0)`."""
    return boxes * np.array([width, height, width, height], np.float32)


def pooled(rows: Vectors, boxes: Boxes, factor: int) -> tuple[Vectors, Boxes]:
    """Merge the patches of a page that are alike: a row for `factor` of them on average; the others are kept, first.

    Ward's hierarchical clustering and the mean of each cluster, by colpali-engine (Clavié, Chaffin & Adams 2024).
    A cluster may be scattered over the page (white margins are); its box is around its largest connected part.
    """
    patch = boxes[:, 2] > boxes[:, 0]
    if factor <= 1 or patch.sum() < 2:  # the pooler refuses a single row
        return rows, boxes
    import torch
    from colpali_engine.compression.token_pooling import HierarchicalTokenPooler

    ours, places = torch.from_numpy(rows[patch]), boxes[patch]
    with quiet():
        output: Any = HierarchicalTokenPooler().pool_embeddings([ours], return_dict=True, pool_factor=factor)
    # Ties can leave a cluster empty; the pooler has no row for it.
    members = [found[0].numpy() for found in output.cluster_id_to_indices[0].values() if len(found[0])]
    merged = np.array([_largest_part(places[indices]) for indices in members], np.float32)
    means = unit_rows(output.pooled_embeddings[0].numpy())
    return np.concatenate([rows[~patch], means]), np.concatenate([boxes[~patch], merged])


def _largest_part(boxes: Boxes) -> tuple[float, float, float, float]:
    """Around those of the boxes that hang together by their sides and cover the most."""
    from scipy.sparse.csgraph import connected_components

    # Neighbours share a side exactly but for rounding: a thousandth of a patch is no gap.
    slack = 1e-3 * float((boxes[:, 2:] - boxes[:, :2]).min())
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    shared = np.minimum(high, high.transpose(1, 0, 2)) - np.maximum(low, low.transpose(1, 0, 2))  # (n, n, 2)
    touching = (shared > -slack).all(axis=2) & (shared > slack).any(axis=2)  # corners alone do not count
    count, parts = connected_components(touching, directed=False)
    areas = np.bincount(parts, np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), count)
    part = boxes[parts == areas.argmax()]
    return (*part[:, :2].min(axis=0).tolist(), *part[:, 2:].max(axis=0).tolist())


def _spread(pictures: NDArray[np.bool_], cells: Boxes) -> Boxes:
    if int(pictures.sum()) != len(cells):
        raise ModelUnavailable(
            f"The processor's grid has {len(cells)} cells and its prompt {int(pictures.sum())} image tokens: "
            "processor and tokenizer of this checkpoint do not belong together; fetch the model again."
        )
    boxes = np.zeros((len(pictures), 4), np.float32)
    boxes[pictures] = cells
    return boxes


def _runs(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where marked positions follow each other: starts and ends."""
    edges = np.flatnonzero(np.diff(np.r_[False, marks, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _side(count: int) -> int:
    side = math.isqrt(count)
    if side * side != count:
        raise ModelUnavailable(
            f"A picture of {count} tokens is no square: the processor of this checkpoint is of an unknown kind; "
            "use one of the families that pagesight knows."
        )
    return side
