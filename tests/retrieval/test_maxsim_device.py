"""Pages on a device score as they do on the processor, whatever their lengths and whichever are asked for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pagesight.retrieval.maxsim import collect, device, quantise, score
from pagesight.retrieval.maxsim.device import DevicePages

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
TOLERANCE = 0.002
"""A token, as `DevicePages` states."""


def unit(random: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    found = random.standard_normal((rows, dim)).astype(np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(1, 30),
)
def test_scores_are_those_of_the_processor(
    name: str, lengths: list[int], dim: int, tokens: int, seed: int, as_bytes: bool, chunk: int
):
    random = np.random.default_rng(seed)
    rows = [unit(random, length, dim) for length in lengths]
    pages = quantise(rows) if as_bytes else collect(rows)
    query, weights = unit(random, tokens, dim), random.uniform(0, 1, tokens)
    which = random.integers(0, len(lengths), 7)
    kept, device._CHUNK = device._CHUNK, chunk
    try:
        on_device, exact = DevicePages(pages, name), collect([pages.page(i) for i in range(len(pages))])
        for chosen in (None, which, np.array([], np.int64), random.random(len(lengths)) < 0.5):
            expected = score(query, exact, chosen)
            assert on_device.score(query, chosen) == pytest.approx(expected, abs=TOLERANCE * tokens)
        weighted = on_device.score(query, weights=weights)
        assert weighted == pytest.approx(score(query, collect(rows), weights=weights), abs=0.01 * tokens)
    finally:
        device._CHUNK = kept


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="no rows"):
        DevicePages(collect([np.zeros((0, 4))]), "cpu")
    pages = DevicePages(collect([np.ones((2, 4))]), "cpu")
    with pytest.raises(ValueError, match="3 dimensions"):
        pages.score(np.ones((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        pages.score(np.full((1, 4), np.nan))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_pages_lie_in_the_memory_of_the_gpu():
    before = torch.cuda.memory_allocated()
    pages = DevicePages(quantise([np.ones((1000, 128), np.float32)] * 10))
    assert torch.cuda.memory_allocated() - before >= 10 * 1000 * 128 * 2
    assert len(pages) == 10
