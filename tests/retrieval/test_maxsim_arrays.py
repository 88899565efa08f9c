"""Pages as arrays, quantised, refused, scored in float32; and the choice of a path."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagesight.retrieval.maxsim import (
    Pages,
    best_rows,
    best_values,
    chosen_path,
    collect,
    dispatch,
    paths,
    prepare,
    quantise,
    quantise_page,
    score,
    similarities,
)
from pagesight.retrieval.scoring import maxsim
from pagesight.ui import doctor

LENGTHS = (30, 1, 0, 17, 100)


def unit(seed: int, *shape: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal(shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def rows() -> list[NDArray[np.float32]]:
    return [unit(number, length, 48) for number, length in enumerate(LENGTHS)]


@pytest.fixture
def query() -> NDArray[np.float32]:
    return unit(99, 11, 48)


def test_float_pages_score_as_one_by_one(rows: list[NDArray[np.float32]], query: NDArray[np.float32]):
    weights = np.linspace(0, 1, 11).astype(np.float32)
    expected = [maxsim(query, page, weights) if len(page) else -np.inf for page in rows]
    assert score(query, collect(rows), weights=weights).tolist() == pytest.approx(expected, abs=1e-5)
    assert score(query, collect(rows), [4, 2, 4], weights=weights).tolist() == pytest.approx(
        [expected[4], -np.inf, expected[4]], abs=1e-5
    )


def test_bytes_score_nearly_as_floats_do(rows: list[NDArray[np.float32]], query: NDArray[np.float32]):
    exact, rounded = best_rows(query, collect(rows)), best_rows(query, quantise(rows))
    some = [0, 1, 3, 4]
    assert np.abs(score(query, collect(rows), some) - score(query, quantise(rows), some)).max() < 0.02
    filled = exact.rows >= 0
    assert (filled == (rounded.rows >= 0)).all()
    assert not filled[2].any()
    assert np.abs(exact.values[filled] - rounded.values[filled]).max() < 0.005
    assert np.isneginf(rounded.values[2]).all()
    assert np.array_equal(best_values(query, collect(rows)), exact.values)


def test_a_heat_map_holds_the_best_rows(rows: list[NDArray[np.float32]], query: NDArray[np.float32]):
    pages = quantise(rows)
    found = best_rows(query, pages, [4])
    heat = similarities(query, pages, 4)
    assert heat.shape == (100, 11)
    assert np.abs(heat.max(axis=0) - found.values[0]).max() < 0.003
    assert np.abs(heat[found.rows[0], range(11)] - heat.max(axis=0)).max() < 0.006
    assert similarities(query, pages, 2).shape == (0, 11)
    with pytest.raises(IndexError, match="There are 5 pages, and none with the number 5"):
        similarities(query, pages, 5)


@settings(max_examples=50, deadline=None)
@given(size=st.sampled_from([0.0, 1e-44, 1e-30, 1e-3, 1.0, 3e9]), rows=st.integers(0, 20), dim=st.integers(1, 20))
def test_a_quantised_value_is_off_by_half_a_scale_at_most(size: float, rows: int, dim: int):
    values = (np.random.default_rng(rows).uniform(-1, 1, (rows, dim)) * size).astype(np.float32)
    pages = quantise([values])
    assert pages.scales is not None
    assert pages.scales[0] > 0
    assert np.abs(pages.page(0) - values).max(initial=0) <= pages.scales[0] * 0.5001
    if size >= 1e-30 and rows:
        assert pages.scales[0] * 127 == pytest.approx(np.abs(values).max())


def test_memory_mapped_arrays_are_used_in_place(
    tmp_path: Path, rows: list[NDArray[np.float32]], query: NDArray[np.float32]
):
    pages = quantise(rows)
    names = ("rows", "offsets", "scales")
    for name in names:
        np.save(tmp_path / f"{name}-é.npy", getattr(pages, name))
    mapped = Pages(*(np.load(tmp_path / f"{name}-é.npy", mmap_mode="r") for name in names))
    assert isinstance(mapped.rows, np.memmap)
    for path in [path for path in paths() if dispatch.fault(path) is None]:
        assert np.array_equal(score(query, mapped, path=path), score(query, pages))


def test_the_offsets_of_passages_score_passages(rows: list[NDArray[np.float32]], query: NDArray[np.float32]):
    pages = quantise(rows)
    assert pages.scales is not None
    parts = Pages(pages.rows, np.array([0, 10, 30, 31, 40]), pages.scales[[0, 0, 1, 3]])
    whole, of_parts = best_values(query, pages, [0, 1]), best_values(query, parts)
    assert np.array_equal(np.maximum.reduceat(of_parts, [0, 2], axis=0)[0], whole[0])
    assert np.array_equal(of_parts[2], whole[1])


def test_a_prepared_query_scores_the_same(rows: list[NDArray[np.float32]], query: NDArray[np.float32]):
    weights = np.linspace(1, 2, 11)
    prepared = prepare(query, 48, weights)
    assert np.array_equal(score(prepared, quantise(rows)), score(query, quantise(rows), weights=weights))
    with pytest.raises(ValueError, match="prepared with its weights"):
        score(prepared, quantise(rows), weights=weights)
    with pytest.raises(ValueError, match="The query has 48 dimensions, the pages have 3"):
        score(prepared, collect([np.zeros((1, 3))]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, -1e11])
def test_what_is_no_number_is_refused_everywhere(bad: float, rows: list[NDArray[np.float32]], query: Any):
    broken = np.array(rows[0], np.float64)
    broken[3, 2] = bad
    message = "NaN, infinity and values beyond 1e\\+10 have no place in a ranking"
    for refuse in (
        lambda: quantise_page(broken),
        lambda: quantise([rows[0], broken]),
        lambda: collect([broken]),
        lambda: score(broken, quantise(rows)),
        lambda: score(broken, collect(rows)),
        lambda: score(query, quantise(rows), weights=[bad] + [1] * 10),
    ):
        with pytest.raises(ValueError, match=message):
            refuse()
    with pytest.raises(ValueError, match="A scale is not positive and finite"):
        Pages(np.zeros((1, 2), np.uint8), np.array([0, 1]), np.array([min(bad, 3e38)], np.float32))


BYTES, OFFSETS, SCALES = np.zeros((3, 2), np.uint8), np.array([0, 1, 3]), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((BYTES[0], OFFSETS, SCALES), "rows: uint8 of shape"),
        ((BYTES.astype(np.float32), OFFSETS, SCALES), "rows: float32 of shape .*, not uint8"),
        ((BYTES, OFFSETS), "rows: uint8 of shape .*, not float32"),
        ((np.asfortranarray(BYTES), OFFSETS, SCALES), "C-contiguous"),
        ((np.zeros((3, 0), np.uint8), OFFSETS, SCALES), "0 dimensions, not 1 to 65536"),
        ((BYTES, OFFSETS.astype(np.int32), SCALES), "offsets: int32"),
        ((BYTES, np.array([0, 1, 4]), SCALES), "offsets do not lie inside the 3 rows"),
        ((BYTES, np.array([-1, 1, 3]), SCALES), "offsets do not lie inside the 3 rows"),
        ((BYTES, np.array([], np.int64), SCALES), "offsets do not lie inside the 3 rows"),
        ((BYTES, np.array([0, 3, 1]), SCALES), "offsets are not in ascending order"),
        ((BYTES, OFFSETS, np.ones(3, np.float32)), "3 scales for 2 pages"),
        ((BYTES, OFFSETS, np.ones(2)), "scales: float64"),
        ((BYTES, OFFSETS, np.zeros(2, np.float32)), "A scale is not positive"),
        ((np.full((3, 2), np.nan, np.float32), OFFSETS), "NaN, infinity"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: Any, message: str):
    with pytest.raises(ValueError, match=message):
        Pages(*arrays)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": np.zeros((0, 2))}, "The query has no tokens"),
        ({"query": np.zeros((1, 3))}, "The query has 3 dimensions, the pages have 2"),
        ({"query": np.zeros(2)}, "query: the shape is"),
        ({"which": [2]}, "There are 2 pages, and not all of the numbers 2 to 2"),
        ({"which": [-1]}, "There are 2 pages"),
        ({"which": [0.5]}, "whole numbers or a mask, not float64"),
        ({"which": [[0]]}, "whole numbers or a mask"),
        ({"which": [True]}, "A mask of the shape"),
        ({"weights": [1, 2]}, "not \\(1,\\), one a token"),
        ({"threads": 0}, "0 threads cannot score"),
        ({"path": "wärme"}, "has no path 'wärme'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str):
    arguments = {"query": np.ones((1, 2)), "pages": Pages(BYTES, OFFSETS, SCALES)} | arguments
    with pytest.raises(ValueError, match=message):
        score(**arguments)


def test_there_must_be_pages_of_one_dimension():
    with pytest.raises(ValueError, match="There are no pages"):
        quantise([])
    with pytest.raises(ValueError, match=r"Pages have different dimensions: \[2, 3\]"):
        collect([np.zeros((1, 2)), np.zeros((1, 3))])
    with pytest.raises(ValueError, match="rows: the shape is"):
        quantise_page(np.zeros(3))


@pytest.fixture
def fresh_choice():
    """What is remembered about this machine is forgotten before and after."""
    remembered = (dispatch.chosen_path, dispatch.fault, dispatch._compiled)
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


@pytest.mark.usefixtures("fresh_choice")
def test_a_path_with_wrong_numbers_is_passed_over_and_refused(monkeypatch: pytest.MonkeyPatch):
    def off_by_one(*arguments: Any) -> None:
        dispatch._NUMPY(*arguments)
        arguments[-2][0, 0] += 1

    runs = {"broken": off_by_one, "sound": dispatch._NUMPY}
    monkeypatch.setattr(dispatch, "_compiled", lambda: tuple(runs))
    monkeypatch.setattr(dispatch, "_run", runs.__getitem__)
    choice = chosen_path()
    assert choice.path == "sound"
    assert choice.passed_over == ("broken: its numbers differ from numpy's at 1 dimensions and 2 tokens",)
    with pytest.raises(ValueError, match="The path 'broken' cannot be used here: its numbers differ"):
        dispatch.find_run("broken")


@pytest.mark.parametrize(
    ("passed_over", "sound"), [((), True), ((dispatch.NOT_COMPILED, "int_mm: slow"), True), (("avx2: wrong",), False)]
)
def test_the_doctor_names_the_path(passed_over: tuple[str, ...], sound: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "chosen_path", lambda: dispatch.KernelChoice("portable", passed_over))
    finding = doctor._kernel()
    assert (finding.name, finding.ok) == ("maxsim", sound)
    assert finding.note == "; ".join(("portable, checked against numpy", *passed_over))


@pytest.mark.usefixtures("fresh_choice")
def test_without_a_compiled_kernel_the_scores_are_the_same(
    monkeypatch: pytest.MonkeyPatch, rows: list[NDArray[np.float32]], query: NDArray[np.float32]
):
    expected = score(query, quantise(rows))
    monkeypatch.setattr(dispatch, "_kernel", lambda: None)
    for one in (dispatch.chosen_path, dispatch._compiled):
        one.cache_clear()
    assert paths() == ("int_mm", "numpy")
    assert chosen_path().path in paths()
    assert chosen_path().passed_over[0].startswith("not compiled")
    assert np.array_equal(score(query, quantise(rows)), expected)


@pytest.mark.usefixtures("fresh_choice")
def test_with_nothing_but_numpy_it_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dispatch, "_kernel", lambda: None)
    monkeypatch.setattr(dispatch, "_no_int_mm", lambda: "not today")
    assert chosen_path() == dispatch.KernelChoice(
        "numpy", ("not compiled: install a C compiler, then pagesight again", "int_mm: not today")
    )
