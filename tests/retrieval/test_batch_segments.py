"""Multi-vector stores of older libraries are taken over as they are, whenever the taking over is interrupted."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from contracts_stores import brute_force
from fakes import random_page
from killing import survives
from old_formats import write_batch

from pagesight.retrieval.stores.batch_segments import convert
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.segment import pack
from pagesight.retrieval.types import QueryVectors

QUERY = QueryVectors(("wie",) * 4, random_page("q", seed=3, rows=4).rows, np.full(4, 0.25, np.float32))
PAGES = {
    "dä-000000": [random_page("dä/1", seed=1, rows=20), random_page("dä/2", seed=2, rows=30)],
    "dä-000001": [random_page("dä/3", seed=3, rows=1)],
    "other-000000": [random_page("other/1", seed=4, rows=10)],
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for name, pages in PAGES.items():
        write_batch(tmp_path / "größen" / name, [pack(page) for page in pages])
    (tmp_path / "größen" / ".new-tot").mkdir()
    return tmp_path / "größen"


def test_pages_score_as_before_with_their_boxes(old: Path):
    convert(old, "a@1")
    store = MultiVectorSegments(old, "a@1")
    scores = store.score(QUERY)
    for page in (page for pages in PAGES.values() for page in pages):
        assert scores.pop(page.id) == pytest.approx(brute_force(page, QUERY), abs=0.005)
        found = store.similarities(QUERY, page.id)
        assert found is not None
        assert (found[1] == page.boxes).all()
        assert found[0] == pytest.approx(page.rows @ QUERY.rows.T, abs=0.005)
    assert scores == {}
    assert list(store.verify()) == []
    assert {part.name for part in old.iterdir()} == {"000001", "manifest.json"}


def test_what_is_not_there_has_nothing_to_take_over(tmp_path: Path):
    convert(tmp_path / "nichts", "a@1")
    assert MultiVectorSegments(tmp_path / "nichts").score(QUERY) == {}


def test_killed_at_any_step_it_goes_on(old: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    copy = old.parent / "copy"
    kills = 0
    while True:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(old, copy)
        finished = survives(kills, lambda: convert(copy, "a@1"))
        convert(copy, "a@1")
        store = MultiVectorSegments(copy, "a@1")
        assert store.score(QUERY).keys() == {page.id for pages in PAGES.values() for page in pages}
        assert list(store.verify()) == []
        assert {part.name for part in copy.iterdir()} == {"000001", "manifest.json"}
        if finished:
            break
        kills += 1
    assert kills >= 10


@pytest.mark.parametrize("name", ["rows.npy", "boxes.npy", "manifest.json"])
def test_damage_is_named_and_costs_only_its_pages(old: Path, name: str):
    file = old / "dä-000000" / name
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    (line,) = convert(old, "a@1")
    assert "dä-000000 was damaged" in line
    assert "remove the document dä" in line
    assert MultiVectorSegments(old).score(QUERY).keys() == {"dä/3", "other/1"}
