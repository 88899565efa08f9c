"""Pages and queries with the shape of ColPali's, made of random numbers; the same for the same seed.

A page is a grid of 32 × 32 patches after 6 special rows, 128-d unit rows. It has 24 subjects (a heading, a column of
text, a curve), each a direction; a patch belongs to the subject whose centre on the grid is nearest, and is its
direction with noise 0.4. 45 % of the patches are blank: near one of 4 directions that all pages have. Special rows are
near 6 more of those. The variance of the dimensions falls as 1 / i ** 0.7, as embeddings do not fill their space.

Pages come in documents of 20, which have 40 subjects between them; 20 of a page's 24 are its document's (noise 0.25),
so that the best ten pages for a query are those of its document that share most with it: they differ by more than
chance, and a ranking can be right or wrong. With `related=False` each subject is one of 2,000 that all pages share,
with noise 0.7: places 2 to 10 are then chance, which is the hardest thing to ask of a first stage.

A query has 20 rows, as a question of a line: 14 are written patches of one page with noise 0.6, 6 are near its special
rows, as the tokens of a prompt are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GRID, SPECIAL, DIM, TOKENS = 32, 6, 128, 20
ROWS = GRID * GRID + SPECIAL

_DOCUMENT, _ITS_SUBJECTS, _OWN, _SUBJECTS, _DIRECTIONS, _BLANKS = 20, 40, 20, 24, 2_000, 4

Floats = NDArray[np.float32]

_FALL = np.arange(1, DIM + 1) ** -0.35
_SPREAD: Floats = (_FALL * np.sqrt(DIM / np.square(_FALL).sum())).astype(np.float32)


def _unit(rows: NDArray[Any]) -> Floats:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _drawn(random: np.random.Generator, count: int) -> Floats:
    return _unit(random.standard_normal((count, DIM), np.float32) * _SPREAD)


def _near(random: np.random.Generator, directions: Floats, noise: float) -> Floats:
    """Unit rows near unit rows; the noise that is added is `noise` long."""
    size = _SPREAD * np.float32(noise / np.sqrt(DIM))
    return _unit(directions + size * random.standard_normal(directions.shape, np.float32))


def make_pages(count: int, *, related: bool = True, seed: int = 0) -> tuple[Floats, NDArray[np.bool_]]:
    """`(count, ROWS, DIM)` float32, half a megabyte a page, and `(count, GRID * GRID)`: which patches are blank."""
    shared = np.random.default_rng([seed, 0])
    directions, blanks, special = (_drawn(shared, number) for number in (_DIRECTIONS, _BLANKS, SPECIAL))
    places = np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID)), axis=-1).reshape(-1, 1, 2)
    pages, blank = np.empty((count, ROWS, DIM), np.float32), np.empty((count, GRID * GRID), np.bool_)
    for number in range(count):
        random = np.random.default_rng([seed, 1, number])
        document = np.random.default_rng([seed, 2, number // _DOCUMENT])
        its = document.integers(_DIRECTIONS, size=_ITS_SUBJECTS)
        own = random.choice(its, _OWN if related else 0, replace=False)
        chosen = np.concatenate([own, random.integers(_DIRECTIONS, size=_SUBJECTS - len(own))])
        subjects = _near(random, directions[chosen], 0.25 if related else 0.7)
        centres = random.uniform(0, GRID, (1, _SUBJECTS, 2))
        patches = _near(random, subjects[np.square(places - centres).sum(axis=-1).argmin(axis=1)], 0.4)
        blank[number] = random.random(len(patches)) < 0.45
        empty = random.integers(_BLANKS, size=int(blank[number].sum()))
        patches[blank[number]] = _near(random, blanks[empty], 0.4)
        pages[number, SPECIAL:], pages[number, :SPECIAL] = patches, _near(random, special, 0.3)
    return pages, blank


def make_queries(pages: Floats, blank: NDArray[np.bool_], count: int, seed: int = 0) -> Floats:
    """`(count, TOKENS, DIM)` float32."""
    queries = np.empty((count, TOKENS, DIM), np.float32)
    for number, query in enumerate(queries):
        random = np.random.default_rng([seed, 3, number])
        about = int(random.integers(len(pages)))
        written = random.choice(np.flatnonzero(~blank[about]), TOKENS - SPECIAL, replace=False)
        query[:SPECIAL] = _near(random, pages[about, :SPECIAL], 0.5)
        query[SPECIAL:] = _near(random, pages[about, SPECIAL:][written], 0.6)
    return queries
