"""Inverted lists, the stage before all others in large stores: they find what a full scan finds, and are made again."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import random_page
from killing import survives

from pagesight.retrieval import Settings
from pagesight.retrieval.errors import CorruptFile
from pagesight.retrieval.stores import lists, multivectors
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.segment_list import read_segment_list
from pagesight.retrieval.types import PageVectors, QueryVectors
from pagesight.retrieval.vector_stores import open_multivectors


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of 200 pages is large."""
    monkeypatch.setattr(multivectors, "SEALED_PAGES", 60)
    monkeypatch.setattr(multivectors, "EXACT_UP_TO", 10)
    monkeypatch.setattr(multivectors, "CANDIDATES", 20)
    monkeypatch.setattr(lists, "LISTS_FROM", 100)
    monkeypatch.setattr(lists, "SHORTLIST", 40)
    monkeypatch.setattr(lists, "PROBED", 4)


def page(number: int) -> PageVectors:
    return random_page(f"{'abcd'[number % 4]}/{number}", seed=number, rows=12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = MultiVectorSegments(tmp_path / "größen")
    for begin in range(0, 200, 20):
        for name in "abcd":
            store.add(name, [page(n) for n in range(begin, begin + 20) if "abcd"[n % 4] == name])
    return tmp_path / "größen"


def asking_for(number: int) -> QueryVectors:
    return QueryVectors(("wie",) * 5, page(number).rows[:5], np.full(5, 0.2, np.float32))


def test_a_page_is_found_through_the_lists_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    store = MultiVectorSegments(folder)
    before = {n: next(iter(store.search(asking_for(n), 3).items())) for n in (3, 70, 130, 199)}
    store.tend()
    listed = read_segment_list(folder)
    assert [bool(entry.lists) for entry in listed.segments] == [True, True, True, False]
    looked = []
    near = store._now().near
    monkeypatch.setattr(store._now(), "near", lambda *args: looked.append(near(*args)) or looked[-1])
    for n, (best, score) in before.items():
        assert next(iter(store.search(asking_for(n), 3).items())) == (best, pytest.approx(score, abs=1e-6))
    assert [len(numbers) for numbers in looked] == [60] * 4, "40 by the lists, and the 20 of the segment at hand"
    assert list(store.verify()) == []


def test_what_was_removed_or_excluded_stays_out(folder: Path):
    store = MultiVectorSegments(folder)
    store.tend()
    store.remove("d")  # 3 and 199
    assert not any(found.startswith("d/") for found in store.search(asking_for(3), 50))
    assert "c/70" not in store.search(asking_for(70), 50, exclude=["c/70"])
    assert next(iter(store.search(asking_for(70), 50))) == "c/70"


def test_new_segments_get_lists_and_old_centres_are_replaced_when_the_store_has_grown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    store = MultiVectorSegments(folder)
    store.tend()
    centres = read_segment_list(folder).centres
    store.add("e", [random_page(f"e/{n}", seed=n, rows=3) for n in range(60)])
    store.tend()
    listed = read_segment_list(folder)
    assert listed.centres == centres
    assert [bool(entry.lists) for entry in listed.segments] == [True] * 4
    monkeypatch.setattr(multivectors, "_OUTGROWN", 1.2)
    store.tend()
    listed = read_segment_list(folder)
    assert listed.centres != centres
    assert {part.name for part in folder.iterdir() if part.is_file()} == {"manifest.json", listed.centres}
    assert all(len(list((folder / entry.name).glob("lists-*"))) == 1 for entry in listed.segments)
    assert next(iter(store.search(asking_for(130), 3))) == "c/130"


def test_a_compacted_segment_gets_new_lists(folder: Path):
    store = MultiVectorSegments(folder)
    store.tend()
    store.remove("a")
    store.compact()
    assert not any(entry.lists for entry in read_segment_list(folder).segments)
    assert next(iter(store.search(asking_for(130), 3))) == "c/130"
    store.tend()
    assert [bool(entry.lists) for entry in read_segment_list(folder).segments] == [True, True, True, False]
    assert next(iter(store.search(asking_for(130), 3))) == "c/130"
    assert list(store.verify()) == []


def test_pages_that_join_a_listed_segment_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lists, "LISTS_FROM", 30)
    store = MultiVectorSegments(tmp_path)
    for document, numbers in (("a", range(50)), ("b", range(50, 60)), ("c", range(60, 80))):
        store.add(document, [random_page(f"{document}/{n}", seed=n, rows=12) for n in numbers])
    store.remove("b")
    store.compact()  # the segment is not full any more, and not the last
    store.tend()
    store.remove("c")
    store.compact()  # now it is the last, which is added to
    (entry,) = read_segment_list(tmp_path).segments
    assert entry.lists
    store.add("d", [random_page(f"d/{n}", seed=n, rows=12) for n in range(80, 85)])
    assert len(read_segment_list(tmp_path).segments) == 1
    assert next(iter(store.search(asking_for(82), 3))) == "d/82"
    store.add("e", [random_page(f"e/{n}", seed=n, rows=12) for n in range(85, 96)])
    store.tend()
    assert [bool(entry.lists) for entry in read_segment_list(tmp_path).segments] == [True]
    assert next(iter(store.search(asking_for(82), 3))) == "d/82"
    assert list(store.verify()) == []


def test_a_small_store_has_none(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lists, "LISTS_FROM", 201)
    MultiVectorSegments(folder).tend()
    assert not list(folder.rglob("lists-*"))


def test_damage_is_named_and_never_read_past(folder: Path):
    store = MultiVectorSegments(folder)
    store.tend()
    listed = read_segment_list(folder)
    file = folder / listed.segments[1].name / listed.segments[1].lists
    whole = file.read_bytes()
    file.write_bytes(whole[:-4] + np.array([60], "<i4").tobytes())
    (line,) = store.verify()
    assert str(file) in line
    store = MultiVectorSegments(folder)
    refused = 0
    for n in range(60, 120):  # some of these look into the list that names a page too many
        try:
            store.search(asking_for(n), 3)
        except CorruptFile as error:
            refused += "lists-" in str(error)
    assert refused
    for data in (b"", whole[:-1], whole[:-4], np.array([2**40], "<i8").tobytes() + whole[8:]):
        file.write_bytes(data)
        with pytest.raises(CorruptFile, match="lists-"):
            MultiVectorSegments(folder).search(asking_for(3), 3)
    file.write_bytes(whole)
    centres = folder / listed.centres
    centres.write_bytes(centres.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptFile, match="centres-"):
        MultiVectorSegments(folder).search(asking_for(3), 3)
    assert any("centres-" in line for line in MultiVectorSegments(folder).verify())
    store = MultiVectorSegments(folder)
    pages = len(read_segment_list(folder).segments[1].alive())
    store.drop_damaged()
    assert list(store.verify()) == []
    assert len(read_segment_list(folder).segments[1].alive()) == pages, "only lists were damaged"
    store.tend()
    made = read_segment_list(folder).segments[1].lists
    (folder / listed.segments[1].name / made).write_bytes(whole[:-1])
    store.drop_damaged()
    assert list(store.verify()) == []


def test_killed_at_any_step_it_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    # Training is not what is killed here, and threads of faiss do not outlive a fork.
    centres = page(0).rows
    monkeypatch.setattr(lists, "train", lambda pools, **_: centres)
    monkeypatch.setattr(lists, "make", lambda pool, centres, **_: np.full(len(centres), 0, "<i8").tobytes())
    expected = MultiVectorSegments(folder).score(asking_for(3))
    copy, kills = folder.parent / "copy", 0
    while True:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        deadly = MultiVectorSegments(copy)
        finished = survives(kills, deadly.tend)
        store = MultiVectorSegments(copy)
        assert store.score(asking_for(3)) == expected
        assert list(store.verify()) == []
        store.tend()
        assert [bool(entry.lists) for entry in read_segment_list(copy).segments] == [True, True, True, False]
        assert list(store.verify()) == []
        if finished:
            break
        kills += 1
    assert kills >= 8


@pytest.mark.parametrize("device", ["cpu", "auto", "cuda:0"])
def test_a_gpu_is_used_only_where_the_settings_let_it(device: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    import faiss

    kmeans, asked = faiss.Kmeans, []

    def on_the_processor(*shape: int, gpu: bool, **options: Any) -> Any:
        asked.append(gpu)
        return kmeans(*shape, **options)

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "Kmeans", on_the_processor)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", lambda _, __, index: index, raising=False)
    shutil.copytree(folder, folder.parent / "multivectors" / "words")
    store = open_multivectors(folder.parent, "words", None, Settings(device=device))
    assert isinstance(store, MultiVectorSegments)
    store.tend()
    assert asked == [device != "cpu"]
