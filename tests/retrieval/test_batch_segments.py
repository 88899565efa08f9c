"""Multi-vector stores of older libraries are taken over as they are, whenever the taking over is interrupted."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from contracts_stores import brute_force
from fakes import random_page
from killing import survives

from pagesight.retrieval.errors import CorruptFile
from pagesight.retrieval.stores.batch_segments import convert
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.types import PageVectors, QueryVectors

QUERY = QueryVectors(("wie",) * 4, random_page("q", seed=3, rows=4).rows, np.full(4, 0.25, np.float32))
PAGES = {
    "dä-000000": [random_page("dä/1", seed=1, rows=20), random_page("dä/2", seed=2, rows=30)],
    "dä-000001": [random_page("dä/3", seed=3, rows=1)],
    "other-000000": [random_page("other/1", seed=4, rows=10)],
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for name, pages in PAGES.items():
        write_old(tmp_path / "größen" / name, pages)
    (tmp_path / "größen" / ".new-tot").mkdir()
    return tmp_path / "größen"


def write_old(folder: Path, pages: list[PageVectors]) -> None:
    """As libraries of the formats 2 and 3 were written."""
    folder.mkdir(parents=True)
    scales = np.array([np.abs(page.rows).max() / 127 for page in pages], np.float32)
    arrays = {
        "rows": np.concatenate([np.rint(p.rows / s).astype(np.int8) for p, s in zip(pages, scales, strict=True)]),
        "scales": scales,
        "offsets": np.cumsum([0, *(len(page.rows) for page in pages)], dtype=np.int64),
        "boxes": np.concatenate([page.boxes for page in pages]),
        "groups": np.concatenate([page.groups for page in pages]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    sums = {name: hashlib.sha256((folder / f"{name}.npy").read_bytes()).hexdigest() for name in arrays}
    (folder / "manifest.json").write_text(json.dumps({"pages": [page.id for page in pages], "sha256": sums}))


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
def test_damage_is_named_and_nothing_is_thrown_away(old: Path, name: str):
    file = old / "dä-000000" / name
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptFile, match="dä-000000"):
        convert(old, "a@1")
    assert file.is_file()
