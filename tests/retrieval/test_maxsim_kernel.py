"""Every path of the MaxSim kernel against a slow loop: the same whole numbers, the same rows, never a crash."""

import ctypes
import mmap
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagesight.retrieval.maxsim import Pages, best_rows, best_values, paths, prepare, score
from pagesight.retrieval.maxsim.dispatch import fault, find_run

COMPILED = [path for path in paths() if path not in ("int_mm", "numpy")]
NOTHING = np.iinfo(np.int32).min


def slow(pages: Pages, query: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(pages, tokens)` best products and their rows, one page and token at a time."""
    values = np.full((len(pages), len(query)), NOTHING, np.int64)
    rows = np.full((len(pages), len(query)), -1, np.int64)
    for page in range(len(pages)):
        for token in range(len(query)):
            for row in range(pages.offsets[page], pages.offsets[page + 1]):
                product = int(np.dot(pages.rows[row].astype(np.int64) - 128, query[token].astype(np.int64)))
                if product > values[page, token]:
                    values[page, token], rows[page, token] = product, row - pages.offsets[page]
    return values, rows


def random_pages(seed: int, lengths: list[int], dim: int, steps: int = 255) -> Pages:
    """Bytes of `steps` different values: of few, many products are equal."""
    random = np.random.default_rng(seed)
    palette = np.unique(np.linspace(0, 255, steps).round().astype(np.uint8))
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    rows = random.choice(palette, (int(offsets[-1]), dim))
    return Pages(rows, offsets, (10 ** random.uniform(-6, 3, len(lengths))).astype(np.float32))


def random_query(seed: int, tokens: int, dim: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (random.standard_normal((tokens, dim)) * 10 ** random.uniform(-6, 3, (tokens, 1))).astype(np.float32)


@pytest.fixture(params=[*COMPILED, "int_mm", "numpy"])
def path(request: pytest.FixtureRequest) -> str:
    if request.param == "int_mm" and fault("int_mm"):
        pytest.skip("torch has no fast int8 product here")
    return request.param


def compare(pages: Pages, query: NDArray[np.float32], path: str) -> None:
    prepared = prepare(query, pages.dim)
    values, rows = slow(pages, prepared.bytes_)
    found = best_rows(query, pages, path=path)
    assert found.rows.tolist() == rows.tolist()
    assert pages.scales is not None
    expected = np.where(values == NOTHING, -np.inf, values * prepared.scales * pages.scales[:, None])
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    assert np.array_equal(best_values(query, pages, path=path), found.values)
    weights = np.linspace(-1, 2, len(query))
    sums = np.array([(row * prepared.scales * weights).sum() for row in values]) * pages.scales
    sums[np.diff(pages.offsets) == 0] = -np.inf
    size = np.abs(np.where(values == NOTHING, 0, values) * prepared.scales * weights).sum(axis=1) * pages.scales
    scores = score(query, pages, weights=weights, path=path)
    filled = np.isfinite(sums)
    assert np.isneginf(scores[~filled]).all()
    assert (np.abs(scores[filled] - sums[filled]) <= 1e-6 * size[filled] + 1e-30).all()
    assert np.array_equal(scores, score(query, pages, weights=weights, path="numpy")), "to the last bit"


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    dim=st.one_of(st.integers(1, 9), st.integers(55, 70), st.sampled_from([96, 127, 128, 130, 320])),
    tokens=st.integers(1, 20),
    steps=st.sampled_from([2, 3, 255]),
)
def test_every_path_gives_the_numbers_of_a_slow_loop(
    path_names: list[str], seed: int, lengths: list[int], dim: int, tokens: int, steps: int
):
    pages = random_pages(seed, lengths, dim, steps)
    for path in path_names:
        compare(pages, random_query(seed, tokens, dim), path)


@pytest.fixture(scope="module")
def path_names() -> list[str]:
    return [*COMPILED, "numpy", *([] if fault("int_mm") else ["int_mm"])]


@pytest.mark.parametrize("tokens", [1, 7, 8, 9, 512])
def test_queries_from_one_to_many_tokens(path: str, tokens: int):
    compare(random_pages(1, [5, 0, 33], 24), random_query(2, tokens, 24), path)


def test_the_largest_products_do_not_overflow(path: str):
    dim = 65_536
    pages = Pages(np.array([[255] * dim, [1] * dim], np.uint8), np.array([0, 1, 2]), np.ones(2, np.float32))
    query = np.ones((1, dim), np.float32)
    assert score(query, pages, path=path).tolist() == [127 * dim, -127 * dim]


def test_a_page_whose_every_row_fits_badly_scores_below_zero(path: str):
    pages = Pages(np.zeros((3, 4), np.uint8), np.array([0, 3]), np.array([1 / 128], np.float32))
    assert score(np.ones((2, 4), np.float32), pages, path=path) == pytest.approx([-8.0])


def test_of_equal_rows_the_first_is_the_best(path: str):
    rows = np.full((100, 16), 200, np.uint8)
    rows[:40] = 100
    found = best_rows(np.ones((3, 16), np.float32), Pages(rows, np.array([0, 100]), np.ones(1, np.float32)), path=path)
    assert found.rows.tolist() == [[40, 40, 40]]


def test_pages_are_scored_in_any_order_and_more_than_once(path: str):
    pages, query = random_pages(3, [20, 0, 7, 50, 1], 30), random_query(4, 5, 30)
    everything = score(query, pages, path=path)
    which = [4, 0, 0, 3, 1]
    assert np.array_equal(score(query, pages, which, path=path), everything[which])
    assert np.array_equal(score(query, pages, np.isin(range(5), which), path=path), everything[[0, 1, 3, 4]])
    assert score(query, pages, [], path=path).shape == (0,)
    assert np.array_equal(
        best_rows(query, pages, which, path=path).rows, best_rows(query, pages, path=path).rows[which]
    )


@pytest.mark.parametrize("threads", [2, 3, 1000])
def test_threads_change_nothing(path: str, threads: int):
    pages, query = random_pages(5, [200, 3, 0, *[100] * 120], 128), random_query(6, 20, 128)
    assert np.array_equal(score(query, pages, threads=threads, path=path), score(query, pages, threads=1, path="numpy"))


def guarded(size: int, at_end: bool) -> tuple[mmap.mmap, NDArray[np.uint8]]:
    """Memory with a page before it and one after it that nobody may read, and `size` bytes at one end of it."""
    page, protect = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True).mprotect
    inside = (size + page - 1) // page * page
    memory = mmap.mmap(-1, inside + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for wall in (start, start + page + inside):
        assert protect(ctypes.c_void_p(wall), ctypes.c_size_t(page), 0) == 0
    first = page + inside - size if at_end else page
    return memory, np.frombuffer(memory, np.uint8, size, first)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mprotect"), reason="needs mprotect")
@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 33])
@pytest.mark.parametrize("dim", [1, 3, 63, 64, 65, 128])
def test_nothing_outside_the_rows_is_read(path: str, rows: int, dim: int, at_end: bool):
    _, memory = guarded(rows * dim, at_end)
    memory[:] = random_pages(7, [rows], dim).rows.ravel()
    pages = Pages(memory.reshape(rows, dim), np.array([0, rows]), np.ones(1, np.float32))
    copy = Pages(pages.rows.copy(), pages.offsets, pages.scales)
    query = random_query(8, 9, dim)
    assert np.array_equal(score(query, pages, path=path), score(query, copy, path="numpy"))
    assert best_rows(query, pages, path=path).rows.tolist() == best_rows(query, copy, path="numpy").rows.tolist()


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled here")
def test_other_python_threads_run_while_pages_are_scored():
    pages, query = random_pages(9, [1000] * 100, 128), random_query(10, 64, 128)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    ticking = threading.Thread(target=tick)
    ticking.start()
    start = time.perf_counter()
    score(query, pages, threads=1, path="portable")
    end = time.perf_counter()
    done.set()
    ticking.join()
    assert sum(start < moment < end for moment in ticks) >= 5, "the interpreter was let go"


def kernel_arguments() -> dict[str, object]:
    return {
        "dim": 4,
        "threads": 1,
        "rows": np.zeros((6, 4), np.uint8),
        "offsets": np.array([0, 2, 6]),
        "scales": np.ones(2, np.float32),
        "which": np.array([1, 0, 1]),
        "query": np.zeros((2, 4), np.int8),
        "factors": np.ones(2),
        "scores": np.zeros(3, np.float32),
        "best": np.zeros((3, 2), np.int32),
        "best_rows": np.zeros((3, 2), np.int32),
    }


def read_only(size: int) -> NDArray[np.float32]:
    array = np.zeros(size, np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("path", COMPILED)
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("dim", 0, ValueError),
        ("dim", -4, ValueError),
        ("dim", 2**40, ValueError),
        ("dim", 5, ValueError),
        ("dim", 8, ValueError),
        ("threads", 0, ValueError),
        ("threads", 2**40, OverflowError),
        ("rows", None, TypeError),
        ("rows", "ä", TypeError),
        ("rows", np.zeros((6, 4), np.float32), ValueError),
        ("rows", np.zeros((6, 8), np.uint8)[:, ::2], (ValueError, BufferError)),
        ("rows", np.zeros((5, 4), np.uint8), ValueError),
        ("offsets", np.array([0, 2, 7]), ValueError),
        ("offsets", np.array([0, 5, 3]), ValueError),
        ("offsets", np.array([-1, 2, 6]), ValueError),
        ("offsets", np.array([0, 2**62, 6]), ValueError),
        ("offsets", np.array([0, 2]), ValueError),
        ("offsets", np.array([0, 2, 6], np.int32), ValueError),
        ("scales", np.ones(3, np.float32), ValueError),
        ("which", np.array([0, 1, 2]), IndexError),
        ("which", np.array([0, 1, -1]), IndexError),
        ("which", np.array([0, 1, 2**62]), IndexError),
        ("which", np.array([0]), ValueError),
        ("query", np.zeros((1, 4), np.int8), ValueError),
        ("factors", np.zeros(0), ValueError),
        ("factors", np.zeros(3), ValueError),
        ("scores", np.zeros(2, np.float32), ValueError),
        ("scores", read_only(3), (ValueError, BufferError)),
        ("best", np.zeros((3, 3), np.int32), ValueError),
        ("best_rows", np.zeros((2, 2), np.int32), ValueError),
    ],
)
def test_arguments_out_of_range_are_errors(path: str, name: str, value: object, error: type[Exception]):
    run = find_run(path)
    run(*kernel_arguments().values())
    with pytest.raises(error):
        run(*(kernel_arguments() | {name: value}).values())


def test_a_path_that_is_not_here_is_an_error():
    with pytest.raises(ValueError, match="has no path 'wärme'; it has"):
        score(random_query(1, 1, 4), random_pages(1, [1], 4), path="wärme")
