"""Segments of page multi-vectors on disk: exact within int8, whole or not there, and damage is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contracts_stores import MultiVectorStoreContract, brute_force
from fakes import MemoryMultiVectors, random_page

from pagesight.retrieval.errors import CorruptFile
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.types import PageVectors, QueryVectors


class TestMemoryMultiVectors(MultiVectorStoreContract):
    TOLERANCE = 1e-5

    @pytest.fixture
    def opened(self) -> Callable[[], MemoryMultiVectors]:
        store = MemoryMultiVectors()
        return lambda: store


class TestMultiVectorSegments(MultiVectorStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], MultiVectorSegments]:
        return lambda: MultiVectorSegments(tmp_path / "größen")


@pytest.fixture
def query() -> QueryVectors:
    page = random_page("q", seed=3, rows=4)
    return QueryVectors(("wie", "groß", "ist", "es"), page.rows, np.full(4, 0.25, np.float32))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = MultiVectorSegments(tmp_path / "größen")
    store.add("dä", [random_page("dä/1", seed=1, rows=20), random_page("dä/2", seed=2, rows=30)])
    store.add("other", [random_page("other/1", seed=3, rows=10)])
    return tmp_path / "größen"


def test_pages_of_any_length_score_as_by_definition(tmp_path: Path, query: QueryVectors):
    """Runs of neighbouring pages are scored as one matrix: a page longer than a run, gaps, and single rows included."""
    lengths = [1, 20_000, 3, 17_000, 1, 40, 9]
    pages = [random_page(f"ä/{n}", seed=n, rows=rows) for n, rows in enumerate(lengths)]
    store = MultiVectorSegments(tmp_path)
    store.add("ä", pages)
    chosen = [pages[n].id for n in (0, 1, 3, 4, 6)]
    scores = store.score(query, chosen)
    assert scores.keys() == set(chosen)
    for n in (0, 4, 6):
        assert scores[pages[n].id] == pytest.approx(brute_force(pages[n], query), abs=0.005)
    assert store.score(query, [pages[1].id])[pages[1].id] == pytest.approx(scores[pages[1].id], abs=1e-6)


def test_rows_of_zeros_are_stored_as_zeros(tmp_path: Path, query: QueryVectors):
    store = MultiVectorSegments(tmp_path)
    zeros = np.zeros((2, 16), np.float32)
    store.add("ä", [PageVectors("ä/1", zeros, np.zeros((2, 4), np.float32), np.zeros(2, np.int32))])
    assert store.score(query) == {"ä/1": 0.0}


def test_removing_a_document_takes_its_bytes_off_the_disk(filled: Path):
    store = MultiVectorSegments(filled)
    store.remove("dä")
    assert [folder.name.partition("-")[0] for folder in filled.iterdir()] == ["other"]


def test_a_document_whose_name_begins_like_another_is_not_removed_with_it(filled: Path, query: QueryVectors):
    store = MultiVectorSegments(filled)
    store.add("oth", [random_page("oth/1", seed=9, rows=3)])
    store.remove("oth")
    assert store.score(query, ["other/1"])


def test_an_open_store_follows_what_another_adds_and_removes(filled: Path, query: QueryVectors):
    reader, writer = MultiVectorSegments(filled), MultiVectorSegments(filled)
    assert reader.score(query).keys() == {"dä/1", "dä/2", "other/1"}
    writer.add("neu", [random_page("neu/ё", seed=8, rows=2)])
    assert "neu/ё" in reader.score(query)
    writer.remove("dä")
    assert reader.score(query).keys() == {"neu/ё", "other/1"}


def test_what_is_being_written_is_not_seen_and_what_failed_leaves_nothing(
    filled: Path, query: QueryVectors, monkeypatch: pytest.MonkeyPatch
):
    store, save, seen = MultiVectorSegments(filled), np.save, []

    def full_disk(file: Path, array: np.ndarray) -> None:
        seen.append(MultiVectorSegments(filled).score(query).keys())
        if len(seen) == 3:
            raise OSError(28, "No space left on device")
        save(file, array)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.add("neu", [random_page("neu/1", seed=8, rows=2)])
    assert all(keys == {"dä/1", "dä/2", "other/1"} for keys in seen)
    assert len(list(filled.iterdir())) == 2


def test_every_flipped_byte_is_found(filled: Path):
    store = MultiVectorSegments(filled)
    assert list(store.verify()) == []
    files = sorted(file for file in filled.glob("dä-*/*") if file.name != "manifest.json")
    assert len(files) == 5
    for file in files:
        whole = file.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            (line,) = store.verify()
            assert str(file) in line
        file.write_bytes(whole)
    next(filled.glob("other-*/rows.npy")).unlink()
    (line,) = store.verify()
    assert "other" in line


@pytest.mark.parametrize("name", ["rows", "scales", "offsets", "boxes", "groups"])
@pytest.mark.parametrize("left", [0, 5, 100, -1])
def test_a_cut_array_is_named_and_never_served(filled: Path, query: QueryVectors, name: str, left: int):
    file = next(filled.glob(f"dä-*/{name}.npy"))
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(CorruptFile, match="dä-"):
        MultiVectorSegments(filled).score(query)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"null", b'{"pages": 3}', b'{"pages": ["d\xc3\xa4/1"]}', b'{"pa\xffges": []}', b"{}"],
)
def test_a_damaged_manifest_is_named_and_never_served(filled: Path, query: QueryVectors, damaged: bytes):
    store = MultiVectorSegments(filled)
    next(filled.glob("dä-*/manifest.json")).write_bytes(damaged)
    with pytest.raises(CorruptFile, match="dä-"):
        store.score(query)
    assert any("dä-" in line for line in store.verify())


def test_a_segment_that_is_half_removed_is_not_there(filled: Path, query: QueryVectors):
    """A writer that is killed while it removes leaves some files of a segment."""
    next(filled.glob("dä-*/manifest.json")).unlink()
    assert MultiVectorSegments(filled).score(query).keys() == {"other/1"}
