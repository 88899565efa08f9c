"""Vectors in faiss: merged segments, inverted lists, real deletes, kills, damage, and readers beside a writer."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drafts import empty_library, write
from fakes import put_vectors, unit_rows

from pagesight.retrieval.errors import CorruptFile
from pagesight.retrieval.stores import faiss_segment, faiss_store
from pagesight.retrieval.stores.faiss_list import read_list
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.stores.listing import write_summed
from pagesight.retrieval.vector_stores import built_with, described, verify


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inverted lists from 500 rows on; k-means does not complain of few rows, as it does of 500."""
    monkeypatch.setattr(faiss_segment, "INVERTED", 500)


def test_many_small_additions_become_few_segments_and_each_vector_is_written_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    written: list[int] = []
    write = faiss_store.write_segment

    def counted(folder: Path, entries: faiss_segment.Entries) -> faiss_segment.Sums:
        written.append(len(entries))
        return write(folder, entries)

    monkeypatch.setattr(faiss_store, "write_segment", counted)
    store = FaissStore(tmp_path)
    added = [put_vectors(store, f"dä{n}", 10) for n in range(80)]
    assert len(read_list(tmp_path).parts) < 2 * faiss_store.MERGED
    assert {folder.name for folder in tmp_path.iterdir() if folder.is_dir()} == {
        part.name for part in read_list(tmp_path).parts
    }
    assert sum(written) < 4 * 800
    query = added[70][4]
    scores = np.concatenate(added) @ query
    found = store.search(query, 5)
    assert found[0][0] == "dä70/4"
    assert [score for _, score in found] == pytest.approx(np.sort(scores)[::-1][:5].tolist(), abs=1e-5)


@pytest.mark.usefixtures("few")
def test_inverted_lists_find_the_nearest_and_filters_and_scores_stay_exact(tmp_path: Path):
    store = FaissStore(tmp_path)
    random = np.random.default_rng(5)
    subjects = unit_rows(20, seed=6)
    vectors = subjects[random.integers(0, 20, 2000)] + 0.1 * random.standard_normal((2000, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    pages = [f"dä/{n}" for n in range(2000)]
    store.add("dä", pages[:1900], pages[:1900], vectors[:1900])
    store.add("klein", pages[1900:], pages[1900:], vectors[1900:])
    recalls = []
    for query in vectors[::100]:
        scores = vectors @ query
        best = {pages[i] for i in np.argsort(-scores)[:10]}
        recalls.append(len(best & {page for page, _ in store.search(query, 10)}) / 10)
        inside = store.search(query, 2000, {"dä"})
        assert [score for _, score in inside] == pytest.approx(np.sort(scores[:1900])[::-1].tolist(), abs=1e-5)
        assert store.score(query, pages) == pytest.approx(dict(zip(pages, scores.tolist(), strict=True)), abs=1e-5)
    assert np.mean(recalls) > 0.9


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("rows", [50, 1000], ids=["flat", "inverted lists"])
def test_a_removed_vector_is_out_of_results_at_once_and_off_the_disk_after_compacting(tmp_path: Path, rows: int):
    store, reader = FaissStore(tmp_path), FaissStore(tmp_path)
    vectors = {"geheim": unit_rows(rows // 5, seed=1), "offen": unit_rows(rows - rows // 5, seed=2)}
    # One segment holds both documents: merged, as if they had been added in small parts.
    for name, own in vectors.items():
        store.add(name, [f"{name}/{n}" for n in range(len(own))], [f"{name}/{n}#0" for n in range(len(own))], own)
    store._rewrite(read_list(tmp_path).parts)

    secret, other = vectors["geheim"][7], vectors["offen"][7]
    assert reader.search(secret, 1) == [("geheim/7", pytest.approx(1, abs=1e-5))]
    store.add("klein", ["klein/1"], ["klein/1#0"], unit_rows(1, seed=9))
    store.add("offen", ["offen/7"], ["offen/7#0"], -other[None])
    store.remove("geheim")
    store.remove("klein")
    for seen in (reader, FaissStore(tmp_path)):
        found = seen.search(secret, rows)
        assert found
        assert all(page.startswith("offen/") for page, _ in found)
        assert seen.search(secret, 5, {"geheim"}) == []
        assert seen.score(secret, ["geheim/7"]) == {}
        assert seen.keys("geheim") == set()
        assert seen.score(other, ["offen/7"]) == {"offen/7": pytest.approx(-1, abs=1e-5)}

    store.compact()
    left = bytes_of(tmp_path)
    assert vectors["offen"][8].tobytes() in left
    assert secret.tobytes() not in left
    assert other.tobytes() not in left, "the vector that another replaced"
    assert b"geheim" not in left
    assert all(not part.dead for part in read_list(tmp_path).parts)
    assert [page for page, _ in reader.search(vectors["offen"][8], 1)] == ["offen/8"]
    assert list(store.verify()) == []


def test_a_segment_that_is_mostly_dead_is_written_anew_without_being_asked(tmp_path: Path):
    store = FaissStore(tmp_path)
    vectors = [put_vectors(store, name, 20) for name in ("a", "b", "ё")]
    store._rewrite(read_list(tmp_path).parts)
    store.remove("a")
    assert vectors[0][3].tobytes() in bytes_of(tmp_path), "a third is not worth it"
    store.remove("b")
    assert vectors[0][3].tobytes() not in bytes_of(tmp_path)
    assert store.keys("ё") == {f"ё/{n}#0" for n in range(20)}


def test_a_key_is_replaced_whatever_document_and_segment_it_is_in(tmp_path: Path):
    store = FaissStore(tmp_path)
    put_vectors(store, "dä", 5)
    one, two = np.eye(16, dtype=np.float32)[:2]
    store.add("другий", ["другий/1", "другий/2"], ["dä/3#0", "dä/3#0"], np.stack([one, two]))
    assert store.keys("dä") == {"dä/0#0", "dä/1#0", "dä/2#0", "dä/4#0"}
    assert store.search(two, 1) == [("другий/2", 1.0)]
    assert store.score(one, ["dä/3", "другий/1"]) == {}


def test_vectors_of_another_length_are_refused(tmp_path: Path):
    store = FaissStore(tmp_path)
    put_vectors(store, "dä")
    with pytest.raises(ValueError, match="8 dimensions"):
        store.add("ö", ["ö/1"], ["ö/1#0"], unit_rows(1, seed=1, dim=8))


# A child that is killed at the place that sys.argv[3] names, while it adds, merges, removes or compacts.
KILLED = """
import os, shutil, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import numpy as np
from pagesight.retrieval.stores import faiss_list, faiss_store
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.stores.listing import write_summed
from fakes import put_vectors

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

what, place = sys.argv[3].split(": ")
store = FaissStore(Path(sys.argv[1]))
if what == "merge":
    faiss_store.MERGED = 3
if place == "half of the segment":
    np.save = die
if place in ("segment without list", "second list"):
    writes, real = [], faiss_list.SegmentList.write
    def write(self, folder):
        writes.append(1)
        die() if len(writes) == (2 if what == "merge" or place == "second list" else 1) else real(self, folder)
    faiss_list.SegmentList.write = write
if place == "list under its temporary name":
    replaces, replace = [], Path.replace
    def renamed(self, to):
        replaces.append(to)
        die() if len(replaces) == (2 if what == "merge" else 1) else replace(self, to)
    Path.replace = renamed
if place == "list without sweeping":
    faiss_store.FaissStore._sweep = lambda self, kept: die() if store._now().list.next > 2 + (what == "merge") else None
if place == "half swept":
    shutil.rmtree = lambda folder: (next(Path(folder).iterdir()).unlink(), die())
if what in ("add", "merge"):
    put_vectors(store, "neu", 4)
elif what == "remove":
    store.remove("alt")
else:
    store.compact()
"""


@pytest.mark.parametrize(
    ("place", "new"),
    [
        ("add: half of the segment", False),
        ("add: segment without list", False),
        ("add: list under its temporary name", False),
        ("add: list without sweeping", True),
        ("merge: segment without list", True),
        ("merge: list under its temporary name", True),
        ("merge: list without sweeping", True),
        ("merge: half swept", True),
    ],
)
def test_a_writer_killed_while_adding_leaves_all_of_it_or_nothing(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]], place: str, new: bool
):
    folder = tmp_path / "größen"
    store = FaissStore(folder)
    alt, other = put_vectors(store, "alt"), put_vectors(store, "other")
    before = store.search(alt[0], 10)
    _, errors = (process := child(KILLED, folder, Path(__file__).parents[1], place)).communicate(timeout=120)
    assert process.returncode == -9, errors

    for seen in (store, FaissStore(folder)):
        assert seen.keys("neu") == ({f"neu/{n}#0" for n in range(4)} if new else set())
        assert seen.keys("alt") == {f"alt/{n}#0" for n in range(3)}
        assert [one for one in seen.search(alt[0], 10) if not one[0].startswith("neu")] == before
        assert list(seen.verify()) == []
    put_vectors(FaissStore(folder), "neu", 4)
    assert len(store.search(other[0], 20)) == 10
    named = {part.name for part in read_list(folder).parts}
    assert {one.name for one in folder.iterdir()} == named | {"segments.json"}, "what the killed writer left is gone"


def test_a_writer_killed_at_its_first_segment_leaves_an_empty_store(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
):
    place = "add: second list"
    _, errors = (process := child(KILLED, tmp_path, Path(__file__).parents[1], place)).communicate(timeout=120)
    assert process.returncode == -9, errors
    assert (tmp_path / "000000").is_dir()
    store = FaissStore(tmp_path)
    assert store.search(np.ones(16, np.float32), 5) == []
    put_vectors(store, "neu", 4)
    assert len(store.keys("neu")) == 4


@pytest.mark.parametrize(
    ("place", "there"),
    [
        ("remove: list under its temporary name", True),
        ("remove: half swept", False),
        ("compact: half of the segment", False),
        ("compact: segment without list", False),
        ("compact: half swept", False),
    ],
)
def test_a_writer_killed_while_removing_leaves_all_of_it_or_nothing(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]], place: str, there: bool
):
    folder = tmp_path / "größen"
    store = FaissStore(folder)
    alt = put_vectors(store, "alt")
    if place.startswith("compact"):
        kept = put_vectors(store, "other", 9)
        store._rewrite(read_list(folder).parts)
        store.remove("alt")
    else:
        kept = put_vectors(store, "other", 9)
    _, errors = (process := child(KILLED, folder, Path(__file__).parents[1], place)).communicate(timeout=120)
    assert process.returncode == -9, errors

    for seen in (store, FaissStore(folder)):
        assert bool(seen.keys("alt")) == bool(seen.score(alt[0], ["alt/0"])) == there
        assert [page for page, _ in seen.search(kept[2], 1)] == ["other/2"]
        assert list(seen.verify()) == []
    store = FaissStore(folder)
    store.remove("alt")
    store.compact()
    assert alt[0].tobytes() not in bytes_of(folder)
    assert store.keys("other") == {f"other/{n}#0" for n in range(9)}


# Adds and removes documents of three vectors each for as long as it is let, and merges and compacts all the while.
WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from pagesight.retrieval.stores import faiss_store
from fakes import put_vectors

faiss_store.MERGED = 3
store = faiss_store.FaissStore(Path(sys.argv[1]))
print("begun", flush=True)
for n in range(60):
    put_vectors(store, f"neu{n}")
    if n % 3 == 2:
        store.remove(f"neu{n - 1}")
    if n % 7 == 6:
        store.compact()
print("done", flush=True)
"""


def test_readers_see_whole_documents_while_another_process_writes(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
):
    store = FaissStore(tmp_path)
    alt = put_vectors(store, "alt")
    writer = child(WRITER, tmp_path, Path(__file__).parents[1])
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    sizes: set[int] = set()
    looks = 0
    while writer.poll() is None or looks < 5:
        looks += 1
        reader = store if looks % 2 else FaissStore(tmp_path)
        found = reader.search(alt[0], 1000)
        assert found[0] == ("alt/0", pytest.approx(1, abs=1e-5))
        assert len(found) % 3 == 0, "half of a document"
        assert len(reader.keys("neu59")) in (0, 3)
        assert reader.score(alt[0], ["alt/0", "alt/1", "alt/2"]).keys() == {"alt/0", "alt/1", "alt/2"}
        sizes.add(len(found))
    assert writer.wait() == 0, writer.stderr and writer.stderr.read()
    assert len(sizes) > 3, "nothing was written meanwhile"
    assert len(store.search(alt[0], 1000)) == 3 * (1 + 60 - 20)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = FaissStore(tmp_path)
    put_vectors(store, "dä", 600)
    put_vectors(store, "other", 2)
    store.remove("niemand")
    return tmp_path


@pytest.mark.usefixtures("few")
def test_every_flipped_byte_is_found_and_named(filled: Path):
    store = FaissStore(filled)
    assert list(store.verify()) == []
    files = [file for file in filled.rglob("*") if file.is_file()]
    assert len(files) == 1 + 2 * len(faiss_segment.FILES)
    for file in files:
        whole = file.read_bytes()
        for place in {0, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            lines = list(store.verify())
            assert len(lines) == 1
            assert str(file) in lines[0]
        file.unlink()
        assert any(str(file) in line for line in store.verify())
        file.write_bytes(whole)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", ["vectors.faiss", "rows.json"])
@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "first byte", "byte 40", "missing"])
def test_damage_that_would_be_read_wrongly_is_named_and_not_served(filled: Path, name: str, damage: str):
    file = filled / "000000" / name
    whole = file.read_bytes()
    damaged = {
        "cut": whole[:-1],
        "longer": whole + b"\0",
        "empty": b"",
        "first byte": bytes([whole[0] ^ 1]) + whole[1:],
        "byte 40": whole[:40] + bytes([whole[40] ^ 64]) + whole[41:],
    }
    file.unlink()
    if damage in damaged:
        file.write_bytes(damaged[damage])
    with pytest.raises(CorruptFile, match=name):
        FaissStore(filled).search(np.ones(16, np.float32), 5)


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"null", b'{"sha256": "", "content": {}}', None])
def test_a_damaged_or_missing_list_is_named_and_nothing_is_written_over_it(filled: Path, damaged: bytes | None):
    (filled / "segments.json").unlink()
    if damaged is not None:
        (filled / "segments.json").write_bytes(damaged)
    store, before = FaissStore(filled), bytes_of(filled)
    for act in (lambda: store.search(np.ones(16, np.float32), 5), lambda: put_vectors(store, "neu"), store.compact):
        with pytest.raises(CorruptFile, match=r"segments\.json"):
            act()
    assert any("segments.json" in line for line in store.verify())
    assert bytes_of(filled) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "./000000"},
        {"rows": 0},
        {"rows": 9999},
        {"dead": [[5, 601]]},
        {"dead": [[-4, -1]]},
        {"dead": [[8, 9], [2, 3]]},
        {"dead": [[3, 3]]},
    ],
)
def test_a_list_that_somebody_else_wrote_leads_to_nothing_that_is_not_there(filled: Path, changed: dict[str, object]):
    file = filled / "segments.json"
    content = json.loads(file.read_bytes())["content"]
    content["parts"][0] |= changed
    write_summed(file, content)
    with pytest.raises(CorruptFile):
        FaissStore(filled).score(np.ones(16, np.float32), ["dä/3"])


def test_a_full_disk_leaves_the_store_as_it_was(filled: Path, monkeypatch: pytest.MonkeyPatch):
    store = FaissStore(filled)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", full_disk)
        with pytest.raises(OSError, match="No space"):
            put_vectors(store, "neu")
    assert store.keys("neu") == set()
    assert len(store.keys("dä")) == 600
    put_vectors(store, "neu")
    assert len(store.keys("neu")) == 3


# Searches in threads beside torch's own, each with its OpenMP runtime, torch loaded first or last.
BESIDE = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import numpy as np
if sys.argv[3] == "torch first":
    import torch
from pagesight.retrieval.stores import faiss_segment
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.stores.listing import write_summed
from fakes import put_vectors, unit_rows

faiss_segment.INVERTED = 1000
store = FaissStore(Path(sys.argv[1]))
vectors = put_vectors(store, "d", 3000)
import torch
torch.set_num_threads(4)
wrong = []

def search(seed):
    weights = torch.from_numpy(unit_rows(256, seed=seed, dim=256))
    for n in range(15):
        if store.search(vectors[n], 1)[0][0] != f"d/{n}":
            wrong.append(n)
        if not torch.allclose(weights @ weights.T @ weights, weights @ (weights.T @ weights), atol=1e-4):
            wrong.append("torch")

threads = [threading.Thread(target=search, args=(seed,)) for seed in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("wrong:", wrong)
"""


@pytest.mark.parametrize("order", ["torch first", "torch last"])
def test_faiss_and_torch_get_on_in_one_process(tmp_path: Path, child: Callable[..., subprocess.Popen[str]], order: str):
    output, errors = child(BESIDE, tmp_path, Path(__file__).parents[1], order).communicate(timeout=200)
    assert output == "wrong: []\n", errors


@pytest.mark.usefixtures("few")
def test_a_gpu_without_room_leaves_the_work_to_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import faiss

    tried: list[object] = []

    def full(*_: object) -> None:
        tried.append(1)
        raise RuntimeError("Error in cudaMalloc: out of memory")

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", full, raising=False)
    store = FaissStore(tmp_path)
    vectors = put_vectors(store, "dä", 1000)
    for n in (3, 4):
        assert store.search(vectors[n], 1)[0][0] == f"dä/{n}"
    assert len(tried) == 1, "asked once"
    FaissStore(tmp_path, gpu=False).search(vectors[0], 1)
    assert len(tried) == 1


@pytest.mark.usefixtures("few")
def test_a_gpu_finds_exactly_what_is_alive(tmp_path: Path):
    import faiss

    if not faiss.get_num_gpus():
        pytest.skip("faiss finds no GPU here; with one, and faiss-gpu installed, this compares it with the definition")
    store = FaissStore(tmp_path)
    vectors, others = put_vectors(store, "dä", 1000), put_vectors(store, "other", 600)
    store._rewrite(read_list(tmp_path).parts)
    store.remove("other")
    for n in (3, 900):
        found = store.search(vectors[n], 10)
        assert [score for _, score in found] == pytest.approx(
            np.sort(vectors @ vectors[n])[::-1][:10].tolist(), abs=1e-3
        )
    assert all(page.startswith("dä") for page, _ in store.search(others[0], 10))


def test_a_library_keeps_the_store_it_was_built_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    library = empty_library(tmp_path / "größen", vector_store="faiss")
    with library.writer() as writer:
        for n in range(5):
            write(writer, f"offen{n}", f"/{n}.pdf", "Wasserpumpe läuft", "und läuft")
        write(writer, "geheim", "/geheim.pdf", "Quarzuhrwerk")
    assert not (tmp_path / "größen" / "chroma").exists()
    monkeypatch.setenv("PAGESIGHT_VECTOR_STORE", "chroma")
    library = empty_library(tmp_path / "größen")
    assert isinstance(library.dense, FaissStore)
    assert library.dense.keys("geheim") == {"geheim/1#0"}

    with library.writer() as writer:
        writer.remove_sources(["/geheim.pdf"])
        assert library.dense.keys("geheim") == set()
    assert b"geheim" not in bytes_of(tmp_path / "größen" / "faiss")
    assert library.dense.keys("offen1") == {"offen1/1#0", "offen1/2#0"}
    assert described(built_with(library.path), library.settings).startswith("faiss")
    assert list(verify([library.dense])) == []
    file = next((tmp_path / "größen" / "faiss").glob("passages/0*/keys.json"))
    file.write_bytes(file.read_bytes()[:-1] + b"}")
    (line,) = verify([library.dense])
    assert str(file) in line
