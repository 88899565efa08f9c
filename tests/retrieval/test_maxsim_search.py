"""The best pages: exactly and in two stages, allowed and excluded; pooled rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagesight.retrieval.maxsim import Pages, collect, pool, quantise, score, search, top


def page(seed: int, rows: int = 60, dim: int = 32, subjects: int = 6) -> NDArray[np.float32]:
    """Unit rows around a few directions, as patches of a page are."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((subjects, dim))
    values = centres[random.integers(subjects, size=rows)] + 0.3 * random.standard_normal((rows, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


ROWS = [page(seed) for seed in range(300)]
PAGES, POOLED = quantise(ROWS), quantise(pool(rows, 8) for rows in ROWS)


def question(seed: int, about: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    noise = random.standard_normal((6, 32))
    return (ROWS[about][random.integers(60, size=6)] + 0.05 * noise).astype(np.float32)


def test_two_stages_find_what_exact_search_finds():
    for about in range(0, 300, 30):
        query = question(1000 + about, about)
        exact = search(query, PAGES, 5)
        staged = search(query, PAGES, 5, pooled=POOLED, exact_up_to=0, candidates=60)
        assert exact.pages[0] == staged.pages[0] == about
        assert len(set(exact.pages.tolist()) & set(staged.pages.tolist())) >= 4
        known = {int(number): float(value) for number, value in zip(*exact, strict=True)}
        assert all(known.get(int(number), value) == value for number, value in zip(*staged, strict=True)), "exact"


def test_the_first_stage_alone_decides_whom_the_second_sees():
    query = question(1, 7)
    candidates = top(score(query, POOLED), 20)
    staged = search(query, PAGES, 50, pooled=POOLED, exact_up_to=0, candidates=20)
    assert len(staged.pages) == 50, "never fewer candidates than pages asked for"
    staged = search(query, PAGES, 5, pooled=POOLED, exact_up_to=0, candidates=20)
    assert set(staged.pages.tolist()) <= set(candidates.tolist())


def test_few_allowed_pages_are_scored_exactly():
    query = question(2, 9)
    useless = collect([np.zeros((1, 32))] * 300)
    exact = search(query, PAGES, 10)
    assert search(query, PAGES, 10, pooled=useless).pages.tolist() == exact.pages.tolist()
    narrow = search(query, PAGES, 10, pooled=useless, which=range(50), candidates=60, exact_up_to=0)
    assert narrow.pages.tolist() == search(query, PAGES, 10, which=range(50)).pages.tolist()


@settings(max_examples=50, deadline=None)
@given(
    which=st.none() | st.lists(st.integers(0, 299), max_size=40),
    exclude=st.none() | st.lists(st.integers(0, 299), max_size=40),
    k=st.integers(1, 320),
    staged=st.booleans(),
)
def test_only_allowed_pages_are_found_each_once_best_first(
    which: list[int] | None, exclude: list[int] | None, k: int, staged: bool
):
    pooled, query = POOLED if staged else None, question(3, 11)
    found = search(query, PAGES, k, which=which, exclude=exclude, pooled=pooled, exact_up_to=0, candidates=300)
    allowed = sorted(set(range(300) if which is None else which) - set(exclude or ()))
    everything = score(query, PAGES)
    expected = sorted(allowed, key=lambda number: (-everything[number], number))[:k]
    assert found.pages.tolist() == expected
    assert np.array_equal(found.scores, everything[expected])


def test_masks_name_pages_too():
    mask = np.zeros(300, bool)
    mask[[4, 8]] = True
    assert sorted(search(question(4, 1), PAGES, which=mask).pages) == [4, 8]
    assert not set(search(question(4, 1), PAGES, 300, exclude=mask).pages.tolist()) & {4, 8}


def test_pages_without_rows_are_never_found():
    pages = quantise([np.zeros((0, 2)), [[-1.0, 0.0]], np.zeros((0, 2))])
    assert search([[1.0, 0.0]], pages, 3).pages.tolist() == [1]
    assert search([[1.0, 0.0]], pages, 3, which=[0, 2]).pages.tolist() == []


def test_weights_decide_which_word_counts():
    pages = quantise([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert search(np.eye(2), pages, 1, weights=[2, 1]).pages.tolist() == [0]
    assert search(np.eye(2), pages, 1, weights=[1, 2]).pages.tolist() == [1]
    assert search(np.eye(2), pages, 1, weights=[0, -1]).pages.tolist() == [0]


@settings(deadline=None)
@given(st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), max_size=30), st.integers(1, 35))
def test_the_best_of_equals_is_the_first(scores: list[float], k: int):
    expected = sorted((i for i, one in enumerate(scores) if one > -np.inf), key=lambda i: (-scores[i], i))[:k]
    assert top(np.array(scores, np.float32), k).tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "The best 0 of 200 candidates"),
        ({"candidates": 0}, "The best 10 of 0 candidates"),
        ({"pooled": quantise([np.ones((1, 32))])}, "pooled has 1 pages of 32 dimensions, pages 300 of 32"),
        ({"pooled": quantise([np.ones((1, 2))] * 300)}, "pooled has 300 pages of 2 dimensions"),
        ({"exclude": [300]}, "There are 300 pages"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        search(question(5, 1), PAGES, **arguments)


def test_pooled_rows_point_where_what_belongs_together_points():
    random = np.random.default_rng(1)
    subjects = np.eye(4, 16, dtype=np.float32)
    rows = np.repeat(subjects, 25, axis=0) + 0.01 * random.standard_normal((100, 16)).astype(np.float32)
    pooled = pool(rows, 4)
    pooled = pooled[pooled.argmax(axis=1).argsort()]
    assert np.abs(pooled - [rows[at : at + 25].mean(axis=0) for at in range(0, 100, 25)]).max() < 1e-3
    assert pool([[3.0, 4.0], [4.0, 3.0]], 1) == pytest.approx(np.full((1, 2), 5 / np.sqrt(2))), "as long as its rows"
    assert np.array_equal(pool(rows, 4), pool(rows, 4))


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(0, 60), dim=st.integers(1, 8), clusters=st.integers(1, 40), values=st.integers(1, 3))
def test_any_page_can_be_pooled(rows: int, dim: int, clusters: int, values: int):
    """Of few different values, most rows are equal, and clusters lose all theirs."""
    page = np.random.default_rng(rows).integers(0, values, (rows, dim)).astype(np.float32)
    pooled = pool(page, clusters)
    assert pooled.shape == (min(rows, clusters), dim)
    if rows:
        lengths = np.linalg.norm(page, axis=1)
        assert np.linalg.norm(pooled, axis=1).max() <= lengths.max() * 1.0001
        assert np.isfinite(pooled).all()


def test_what_cannot_be_pooled_is_refused():
    with pytest.raises(ValueError, match="0 clusters"):
        pool(np.ones((2, 2)), 0)
    with pytest.raises(ValueError, match="NaN"):
        pool([[np.nan]])


def test_float_pages_are_searched_too():
    floats = collect(ROWS)
    assert isinstance(floats, Pages)
    assert search(question(6, 42), floats, 1).pages.tolist() == [42]
    assert search(question(6, 42), floats, 1, pooled=POOLED, exact_up_to=0, candidates=50).pages.tolist() == [42]
