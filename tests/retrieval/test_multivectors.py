"""Segments of page multi-vectors on disk: exact within int8, whole or not there, and damage is named."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contracts_stores import MultiVectorStoreContract, brute_force
from fakes import MemoryMultiVectors, random_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from killing import survives

from pagesight.retrieval.errors import CorruptFile, EncoderMismatch
from pagesight.retrieval.maxsim import prepare
from pagesight.retrieval.stores import snapshot
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.segment import RECORD
from pagesight.retrieval.stores.segment_list import read_segment_list
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


def test_a_full_disk_leaves_what_was_there(filled: Path, query: QueryVectors, monkeypatch: pytest.MonkeyPatch):
    store = MultiVectorSegments(filled)
    before, flush, seen = store.score(query), os.fsync, []

    def full_disk(handle: int) -> None:
        seen.append(MultiVectorSegments(filled).score(query))
        if len(seen) == 3:
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.add("neu", [random_page("neu/1", seed=8, rows=2)])
    assert seen == [before] * 3, "what is being written is not seen"
    assert store.score(query) == before
    monkeypatch.undo()
    store.add("neu", [random_page("neu/1", seed=8, rows=2)])
    assert store.score(query).keys() == before.keys() | {"neu/1"}
    assert list(store.verify()) == []


def test_a_full_segment_is_sealed_and_the_next_one_begun(
    tmp_path: Path, query: QueryVectors, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pagesight.retrieval.stores.multivectors.SEALED_PAGES", 3)
    parts, whole = MultiVectorSegments(tmp_path / "parts"), MultiVectorSegments(tmp_path / "whole")
    pages = [random_page(f"ä/{n}", seed=n, rows=5 + n) for n in range(10)]
    for begin in range(0, 10, 2):
        parts.add("ä", pages[begin : begin + 2])
    monkeypatch.undo()
    whole.add("ä", pages)
    assert len([part for part in (tmp_path / "parts").iterdir() if part.is_dir()]) == 3
    assert parts.score(query) == whole.score(query)
    assert parts.search(query, 4) == whole.search(query, 4)
    assert parts.score(query, ["ä/9", "ä/0"]) == whole.score(query, ["ä/9", "ä/0"])


def test_among_many_pages_the_best_are_found_in_two_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Pages that match a query outright are found whatever their neighbours; scores are those of `score`."""
    store = MultiVectorSegments(tmp_path)
    store.add("ä", [random_page(f"ä/{n}", seed=n, rows=60) for n in range(120)])
    wanted = random_page("ä/77", seed=77, rows=60)
    query = QueryVectors(("wie",) * 5, wanted.rows[:5], np.full(5, 0.2, np.float32))
    exact = store.search(query, 10)
    monkeypatch.setattr("pagesight.retrieval.stores.multivectors.EXACT_UP_TO", 50)
    monkeypatch.setattr("pagesight.retrieval.stores.multivectors.CANDIDATES", 30)
    compared = []
    grouped = snapshot._grouped
    monkeypatch.setattr(snapshot, "_grouped", lambda *args: compared.append(args[2]) or grouped(*args))
    found = store.search(query, 10)
    assert [len(numbers) for numbers in compared] == [30], "only the candidates were compared by all their rows"
    assert next(iter(found)) == "ä/77"
    both = found.keys() & exact.keys()
    assert {page: found[page] for page in both} == {page: exact[page] for page in both}
    assert store.search(query, 10, exact=True) == exact
    assert "ä/77" not in store.search(query, 10, exclude=["ä/77"])


def test_a_reader_keeps_what_it_saw_while_a_writer_goes_on(filled: Path, query: QueryVectors):
    reader, writer = MultiVectorSegments(filled), MultiVectorSegments(filled)
    seen = reader._now()
    before = reader.score(query)
    writer.remove("dä")
    writer.add("neu", [random_page("neu/1", seed=8, rows=2)])
    writer.compact()
    numbers = seen.alive
    scores = seen.exact(prepare(query.rows, 16, query.weights), numbers)
    assert dict(zip(map(seen.id, numbers.tolist()), scores.tolist(), strict=True)) == before
    assert reader.score(query).keys() == {"neu/1", "other/1"}


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fakes import random_page
from pagesight.retrieval.stores.multivectors import MultiVectorSegments
writer = MultiVectorSegments(Path(sys.argv[1]))
for round_ in range(60):
    for name in "abc":
        writer.add(name, [random_page(f"{name}/{n}", seed=round_ + n, rows=4) for n in range(3)])
    writer.remove("b")
    if round_ % 5 == 0:
        writer.compact()
"""


def test_readers_see_whole_documents_while_another_process_writes(
    tmp_path: Path, query: QueryVectors, child: Callable[..., subprocess.Popen[str]]
):
    MultiVectorSegments(tmp_path).add("fest", [random_page("fest/1", seed=1, rows=3)])
    writer = child(WRITER, tmp_path, Path(__file__).parents[1])
    reader, reads, seen = MultiVectorSegments(tmp_path), 0, set()
    while writer.poll() is None:
        found = reader.search(query, 20)
        counts = Counter(page.partition("/")[0] for page in found)
        assert counts.pop("fest") == 1
        assert set(counts.values()) <= {3}
        fresh = MultiVectorSegments(tmp_path).score(query)
        assert Counter(page.partition("/")[0] for page in fresh)["fest"] == 1
        seen.add(frozenset(counts))
        reads += 1
    assert writer.returncode == 0
    assert reads > 10
    assert len(seen) > 1


def test_compaction_takes_removed_bytes_off_the_disk_and_changes_nothing_else(filled: Path, query: QueryVectors):
    store = MultiVectorSegments(filled)
    gone = store.similarities(query, "dä/2")
    assert gone is not None
    place = gone[1][0].tobytes()  # its first box
    store.remove("dä")
    before = store.score(query)
    assert any(place in file.read_bytes() for file in filled.rglob("*.f32"))
    store.compact()
    assert store.score(query) == MultiVectorSegments(filled).score(query) == before
    assert not any(
        place in file.read_bytes() or b"d\xc3\xa4/" in file.read_bytes() for file in filled.rglob("*") if file.is_file()
    )
    assert list(store.verify()) == []
    store.add("dä", [random_page("dä/1", seed=1, rows=20)])
    assert store.score(query).keys() == {"dä/1", "other/1"}


def test_compaction_of_everything_leaves_an_empty_store(filled: Path, query: QueryVectors):
    store = MultiVectorSegments(filled)
    store.remove("dä")
    store.remove("other")
    store.compact()
    assert [part.name for part in filled.iterdir()] == ["manifest.json"]
    assert store.score(query) == {}
    store.add("weit", [random_page("weit/1", seed=4, rows=3, dim=40)])
    assert store.stored(["weit/1"]) == {"weit/1"}, "an empty store takes vectors of another size"


def test_compaction_does_not_make_damage_look_whole(filled: Path):
    store = MultiVectorSegments(filled)
    store.remove("dä")
    rows = filled / "000001" / "rows.u8"
    data = bytearray(rows.read_bytes())
    data[-1] ^= 4
    rows.write_bytes(data)
    with pytest.raises(CorruptFile, match=r"rows\.u8 is damaged at the page other/1"):
        store.compact()
    assert rows.is_file()


def test_vectors_of_another_encoder_are_refused_until_the_store_is_empty(filled: Path, query: QueryVectors):
    folder = filled.parent / "store"
    MultiVectorSegments(folder, "a@1").add("dä", [random_page("dä/1", seed=1, rows=20)])
    assert MultiVectorSegments(folder).score(query)
    other = MultiVectorSegments(folder, "b@1")
    with pytest.raises(EncoderMismatch, match="built with a@1, not with b@1"):
        other.score(query)
    with pytest.raises(EncoderMismatch):
        other.add("neu", [random_page("neu/1", seed=2, rows=2)])
    with pytest.raises(EncoderMismatch, match="16 dimensions, not 8"):
        MultiVectorSegments(folder, "a@1").add("neu", [random_page("neu/1", seed=2, rows=2, dim=8)])
    MultiVectorSegments(folder).remove("dä")
    other.add("neu", [random_page("neu/1", seed=2, rows=2)])
    assert other.score(query).keys() == {"neu/1"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_without_a_place_in_a_ranking_are_refused(tmp_path: Path, query: QueryVectors, bad: float):
    page = random_page("ä/1", seed=1, rows=4)
    page.rows[2, 3] = bad
    store = MultiVectorSegments(tmp_path)
    with pytest.raises(ValueError, match="NaN, infinity"):
        store.add("ä", [random_page("ä/2", seed=2, rows=4), page])
    assert store.score(query) == {}


def test_a_page_under_the_wrong_document_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="ä/1 is no page of ö"):
        MultiVectorSegments(tmp_path).add("ö", [random_page("ä/1", seed=1, rows=4)])


ARRAYS = ("rows.u8", "pooled.u8", "boxes.f32", "groups.i64", "ids.utf8", "pages.bin")


def test_every_flipped_byte_is_found(filled: Path, query: QueryVectors):
    store = MultiVectorSegments(filled)
    assert list(store.verify()) == []
    assert {file.name for file in (filled / "000001").iterdir()} == set(ARRAYS)
    for name in ARRAYS:
        file = filled / "000001" / name
        whole = file.read_bytes()
        for place in {*range(0, len(whole), max(1, len(whole) // 40)), len(whole) - 1}:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            lines = list(MultiVectorSegments(filled).verify())
            assert lines, f"byte {place} of {name}"
            assert all("000001" in line for line in lines)
            if name in ARRAYS[:3]:
                assert all(str(file) in line for line in lines)
        file.write_bytes(whole)
    manifest = filled / "manifest.json"
    whole = manifest.read_bytes()
    for place in range(0, len(whole), 7):
        manifest.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CorruptFile, match=r"manifest\.json"):
            MultiVectorSegments(filled).score(query)
        assert list(MultiVectorSegments(filled).verify())
    manifest.write_bytes(whole)
    (filled / "000001" / "boxes.f32").unlink()
    (line,) = store.verify()
    assert "boxes.f32" in line
    with pytest.raises(CorruptFile, match="missing"):
        MultiVectorSegments(filled).score(query)


def test_of_a_page_every_damaged_array_is_named(filled: Path):
    for name in ARRAYS[:3]:
        file = filled / "000001" / name
        data = bytearray(file.read_bytes())
        data[0] ^= 1
        file.write_bytes(data)
    named = [line.split(" is damaged at the page dä/1")[0] for line in MultiVectorSegments(filled).verify()]
    assert named == [str(filled / "000001" / name) for name in ARRAYS[:3]]


def test_a_lost_manifest_is_named_and_nothing_is_thrown_away(filled: Path, query: QueryVectors):
    (filled / "manifest.json").unlink()
    store = MultiVectorSegments(filled)
    for work in (
        lambda: store.score(query),
        lambda: store.remove("niemand"),
        lambda: store.add("neu", [random_page("neu/1", seed=1, rows=2)]),
        store.compact,
    ):
        with pytest.raises(CorruptFile, match=r"manifest\.json is missing"):
            work()
    assert {file.name for file in (filled / "000001").iterdir()} == set(ARRAYS)


def test_a_document_whose_vectors_are_damaged_can_be_removed(filled: Path):
    rows = filled / "000001" / "rows.u8"
    rows.write_bytes(rows.read_bytes()[:-5])
    MultiVectorSegments(filled).remove("dä")
    assert read_segment_list(filled).segments[0].dead == ((0, 2),)


def test_a_damaged_page_is_not_shown(filled: Path, query: QueryVectors):
    boxes = filled / "000001" / "boxes.f32"
    data = bytearray(boxes.read_bytes())
    data[0] ^= 64
    boxes.write_bytes(data)
    store = MultiVectorSegments(filled)
    with pytest.raises(CorruptFile, match=r"boxes\.f32 is damaged at the page dä/1"):
        store.similarities(query, "dä/1")
    assert store.similarities(query, "dä/2") is not None


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("left", [0, 5, -9, -1])
def test_a_cut_array_is_named_and_never_served(filled: Path, query: QueryVectors, name: str, left: int):
    file = filled / "000001" / name
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(CorruptFile, match=name.replace(".", r"\.")):
        MultiVectorSegments(filled).score(query)
    assert list(MultiVectorSegments(filled).verify())


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"pa\xffges": []}', b"{}"])
def test_a_damaged_manifest_is_named_and_never_served(filled: Path, query: QueryVectors, damaged: bytes):
    store = MultiVectorSegments(filled)
    (filled / "manifest.json").write_bytes(damaged)
    with pytest.raises(CorruptFile, match=r"manifest\.json"):
        store.score(query)
    assert any("manifest.json" in line for line in store.verify())


HOSTILE = st.sampled_from((0, 1, -1, 3, 7, 2**31, 2**40, 2**62, -(2**62)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(("rows", "pooled", "groups", "ids", "scale", "ends")), st.integers(0, 2), HOSTILE),
        max_size=3,
    ),
    st.lists(st.tuples(st.sampled_from(("pages", "rows", "pooled", "groups", "ids")), HOSTILE), max_size=2),
    st.sampled_from((16, 0, 1, -16, 2**40)),
)
def test_files_that_somebody_made_up_are_refused_or_harmless(
    filled: Path, query: QueryVectors, records: list[tuple[str, int, int]], counts: list[tuple[str, int]], dim: int
):
    """Numbers that lead out of the arrays, under a manifest whose checksum is right."""
    copy = filled.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(filled, copy)
    file = copy / "000001" / "pages.bin"
    table = np.frombuffer(file.read_bytes(), RECORD).copy()
    ends = np.frombuffer((copy / "000001" / "groups.i64").read_bytes(), "<i8").copy()
    for name, at, value in records:
        (ends if name == "ends" else table[name])[at] = value
    file.write_bytes(table.tobytes())
    (copy / "000001" / "groups.i64").write_bytes(ends.tobytes())
    listed = read_segment_list(copy)
    entry = listed.segments[0]
    changed = replace(entry, counts=replace(entry.counts, **dict(counts)))
    replace(listed, dim=dim, segments=(changed,)).write(copy)
    store = MultiVectorSegments(copy)
    with suppress(CorruptFile, ValueError):  # ValueError: the query has another dimension than the store claims
        found = store.score(query)
        assert np.isfinite(list(found.values())).all()
        for page in found:
            store.similarities(query, page)
        store.compact()
    list(store.verify())


def test_a_writer_that_is_killed_has_done_all_or_nothing(
    tmp_path: Path, query: QueryVectors, monkeypatch: pytest.MonkeyPatch
):
    """SIGKILL before every step that reaches the disk: of appending, sealing, replacing, removing, and compacting."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr("pagesight.retrieval.stores.multivectors.SEALED_PAGES", 4)
    start = tmp_path / "start"
    store = MultiVectorSegments(start)
    for name in "abc":
        store.add(name, [random_page(f"{name}/{n}", seed=n, rows=4) for n in range(2)])
    store.remove("b")
    new = [random_page(f"a/{n}", seed=50 + n, rows=6) for n in range(3)]
    works: dict[str, Callable[[MultiVectorSegments], None]] = {
        "append": lambda one: one.add("d", [random_page("d/1", seed=9, rows=3)]),
        "begin a segment": begin_a_segment,
        "replace": lambda one: one.add("a", new),
        "remove": lambda one: one.remove("a"),
        "compact": lambda one: one.compact(),
    }
    for name, work in works.items():
        states = [store.score(query)]
        kills = 0
        while True:
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(start, copy)
            deadly = MultiVectorSegments(copy)
            finished = survives(kills, lambda work=work, deadly=deadly: work(deadly))
            opened = MultiVectorSegments(copy)
            found = opened.score(query)
            if found not in states:
                states.append(found)
            assert list(opened.verify()) == [], (name, kills)
            if finished:
                break
            work(opened)  # whoever comes next does it again
            opened.compact()
            assert list(opened.verify()) == []
            assert {part.name for part in copy.iterdir()} == {
                "manifest.json",
                *(entry.name for entry in read_segment_list(copy).segments),
            }
            kills += 1
        # A commit leads to each further state, and compaction changes nothing that can be seen.
        assert len(states) == {"append": 2, "begin a segment": 3, "replace": 2, "remove": 2, "compact": 1}[name], name
        assert kills >= 3, name


def begin_a_segment(store: MultiVectorSegments) -> None:
    for name in "de":  # the first one fills the segment at hand
        store.add(name, [random_page(f"{name}/1", seed=9, rows=3)])
