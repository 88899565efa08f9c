"""Vectors and full text on disk, and their stand-ins, under one contract."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts_stores import LexicalIndexContract, VectorStoreContract
from fakes import MemoryLexical, MemoryVectors

from pagesight.retrieval.stores import chroma_copy, chroma_store, text_rows
from pagesight.retrieval.stores.chroma_store import ChromaStore
from pagesight.retrieval.stores.faiss_store import FaissStore
from pagesight.retrieval.stores.tantivy_index import TantivyIndex


class TestMemoryVectors(VectorStoreContract):
    @pytest.fixture
    def opened(self) -> Callable[[], MemoryVectors]:
        store = MemoryVectors()
        return lambda: store


class TestChromaStore(VectorStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], ChromaStore]:
        return lambda: ChromaStore(tmp_path / "größen", "passages")


class TestFaissStore(VectorStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], FaissStore]:
        return lambda: FaissStore(tmp_path / "größen")


class TestMemoryLexical(LexicalIndexContract):
    @pytest.fixture
    def opened(self) -> Callable[[], MemoryLexical]:
        index = MemoryLexical()
        return lambda: index


class TestTantivyIndex(LexicalIndexContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], TantivyIndex]:
        return lambda: TantivyIndex(tmp_path / "größen")


@pytest.mark.parametrize("store", [ChromaStore, FaissStore, TantivyIndex])
def test_reading_leaves_an_empty_folder_empty(tmp_path: Path, store: type):
    if store is ChromaStore:
        ChromaStore(tmp_path, "passages").search(np.ones(2, np.float32), 5)
    elif store is FaissStore:
        FaissStore(tmp_path).search(np.ones(2, np.float32), 5)
    else:
        TantivyIndex(tmp_path).search("Größe")
    assert list(tmp_path.iterdir()) == []


def test_readers_of_chroma_open_it_once_until_something_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opening a client writes into the database; taken for news, it would make every other reader open one, too."""
    import chromadb

    writer = ChromaStore(tmp_path, "passages")
    writer.add("dä", ["dä/1"], ["dä/1#0"], np.eye(2, dtype=np.float32)[:1])
    opened: list[str] = []
    client = chromadb.PersistentClient
    monkeypatch.setattr(chromadb, "PersistentClient", lambda *given: opened.append("one more") or client(*given))
    readers, query = [ChromaStore(tmp_path, "passages") for _ in range(3)], np.ones(2, np.float32)
    for reader in readers * 3:
        assert [page for page, _ in reader.search(query, 5)] == ["dä/1"]
    assert len(opened) == 3
    writer.add("ё", ["ё/1"], ["ё/1#0"], np.eye(2, dtype=np.float32)[1:])
    for reader in readers * 2:
        assert {page for page, _ in reader.search(query, 5)} == {"dä/1", "ё/1"}
    writer.remove("dä")
    for reader in readers * 2:
        assert reader.score(query, ["dä/1", "ё/1"]).keys() == {"ё/1"}
    assert len(opened) <= 3 * 3 + 2


# A child that has searched once, waits for a line, and searches again.
READER = """
import sys
from pathlib import Path
import numpy as np
from pagesight.retrieval.stores.chroma_store import ChromaStore
reader = ChromaStore(Path(sys.argv[1]), "passages")
for _ in range(2):
    print([page for page, _ in reader.search(np.array([1, 0], np.float32), 5)], flush=True)
    sys.stdin.readline()
"""


def test_a_reader_of_chroma_sees_that_all_was_removed_and_as_much_was_added_again(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
):
    writer = ChromaStore(tmp_path / "passages", "passages")
    writer.add("dä", ["dä/1"], ["dä/1#0"], np.eye(2, dtype=np.float32)[:1])
    writer.remove("dä")
    writer.compact()
    writer.add("dä", ["dä/1"], ["dä/1#0"], np.eye(2, dtype=np.float32)[:1])
    reader = child(READER, tmp_path / "passages")
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "['dä/1']\n"
    writer.remove("dä")
    writer.compact()
    writer.add("ё", ["ё/1"], ["ё/1#0"], np.eye(2, dtype=np.float32)[:1])
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "['ё/1']\n", reader.communicate("\n")[1]


def test_compacting_chroma_runs_no_program_that_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = ChromaStore(tmp_path / "passages", "passages")
    store.add("dä", ["dä/1"], ["dä/1#0"], np.eye(2, dtype=np.float32)[:1])
    for name in ("json", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('this {name} is none of ours')")
    monkeypatch.chdir(tmp_path)
    store.compact()
    assert [page for page, _ in store.search(np.ones(2, np.float32), 5)] == ["dä/1"]


def test_what_keeps_a_store_from_compacting_is_an_oserror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import faiss
    from chromadb.errors import InternalError

    def full(error: Exception) -> Callable[..., None]:
        def fail(*_: object) -> None:
            raise error

        return fail

    rows = np.eye(3, dtype=np.float32)
    chroma, faiss_store = ChromaStore(tmp_path / "größen", "passages"), FaissStore(tmp_path / "faiss")
    for store in (chroma, faiss_store):
        store.add("dä", ["dä/1", "dä/2"], ["1", "2"], rows[:2])
        store.add("dä", ["dä/1"], ["1"], rows[2:])
    monkeypatch.setattr(chroma_store, "copy_collection", full(InternalError("database or disk is full")))
    monkeypatch.setattr(faiss, "write_index", full(RuntimeError("write error: No space left on device")))
    with pytest.raises(OSError, match=r"größen anew: database or disk is full"):
        chroma.compact()
    with pytest.raises(OSError, match=r"faiss could not write .*No space left"):
        faiss_store.compact()
    for store in (chroma, faiss_store):
        assert store.score(rows[2], ["dä/1"]) == {"dä/1": pytest.approx(1, abs=1e-5)}


def test_what_another_process_is_just_writing_to_chroma_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from chromadb.api.models.Collection import Collection

    store, rows = ChromaStore(tmp_path / "größen", "passages"), np.eye(2, dtype=np.float32)
    store.add("dä", ["dä/1", "dä/2"], ["1", "2"], rows)

    def half(whole: Callable[..., Any]) -> Callable[..., Any]:
        def read(*given: Any, **named: Any) -> Any:
            found = whole(*given, **named)
            metadatas = found["metadatas"][0] if whole is query else found["metadatas"]
            metadatas[[entry["page"] for entry in metadatas].index("dä/2")] = None
            return found

        return read

    query = Collection.query
    monkeypatch.setattr(Collection, "query", half(Collection.query))
    monkeypatch.setattr(Collection, "get", half(Collection.get))
    assert [page for page, _ in store.search(rows[1], 5)] == ["dä/1"]
    assert store.score(rows[0], ["dä/1", "dä/2"]) == {"dä/1": pytest.approx(1, abs=1e-5)}
    assert store.documents() == {"dä"}


def test_a_copy_of_chroma_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = ChromaStore(tmp_path / "passages", "passages")
    store.add("dä", ["dä/1"], ["dä/1#0"], np.eye(2, dtype=np.float32)[:1])
    monkeypatch.setattr(chroma_copy, "_COPY_SECONDS", 0.0)
    with pytest.raises(OSError, match="within 0 s"):
        store.compact()
    assert [folder.name for folder in tmp_path.iterdir()] == ["passages"]
    assert store.keys("dä") == {"dä/1#0"}


def test_the_full_text_can_be_narrowed_to_many_documents(tmp_path: Path):
    index = TantivyIndex(tmp_path)
    index.add("dä", {"dä/1": {"body": "Größe"}})
    documents = [f"viele/{n}" for n in range(40_000)]
    assert index.search("Größe", 9, documents) == {}
    assert index.search("Größe", 9, [*documents, "dä"]).keys() == {"dä/1"}


def test_a_reader_of_the_full_text_does_not_wait_for_a_writer_and_sees_what_is_committed(tmp_path: Path):
    writer, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    writer.add("dä", {"dä/1": {"body": "Größe"}})
    found: list[dict[str, float]] = []
    with writer._pages.writing() as half:
        half.delete_documents_by_term("document", "dä")
        reading = threading.Thread(target=lambda: found.append(reader.search("Größe")), daemon=True)
        reading.start()
        reading.join(20)
    assert [answer.keys() for answer in found] == [{"dä/1"}]
    assert reader.search("Größe") == {}
    writer.add("ё", {"ё/1": {"body": "Größe"}})
    assert reader.search("Größe").keys() == {"ё/1"}


def test_what_was_half_written_to_the_full_text_when_it_failed_is_not_committed_later(tmp_path: Path):
    index = TantivyIndex(tmp_path)

    def fail() -> None:
        with index._pages.writing() as half:
            text_rows.put_page(half, "dä/1", "dä", "", {"body": "halb", "headings": "", "title": "", "name": ""})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    index.add("dä", {"dä/2": {"body": "ganz"}})
    assert index.pages() == {"dä/2"}
    assert index.search("halb") == {}


def test_removed_text_is_not_left_in_the_files_of_the_full_text_once_they_are_compacted(tmp_path: Path):
    index = TantivyIndex(tmp_path)
    index.add("geheim", {"geheim/1": {"body": "Quarzuhrwerk " * 50, "title": "Quarzuhrwerk"}})
    index.add("offen", {f"offen/{n}": {"body": f"Wasserpumpe Größe{n} Straße", "language": "de"} for n in range(20)})
    for document in ("geheim", "offen"):
        index.seal(document)
    before = index.search("Größe7 strassen"), index.search_documents("Wasserpumpen")
    assert before[0] and before[1], "or this tests nothing"  # noqa: PT018
    index.remove("geheim")
    index.compact()
    data = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"wasserpump" in data
    assert b"quarzuhrwerk" not in data
    assert index.pages() == {f"offen/{n}" for n in range(20)}
    assert (index.search("Größe7 strassen").keys(), index.search_documents("Wasserpumpen").keys()) == (
        before[0].keys(),
        before[1].keys(),
    )


def test_who_only_reads_the_full_text_does_not_write_when_it_ends(tmp_path: Path):
    writer, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    writer.add("dä", {f"dä/{n}": {"body": "Größe"} for n in range(4)})
    with writer._pages.writing() as half:
        half.delete_documents_by_term("page", "dä/1")
    reader.settle()
    assert reader._pages.deleted() == 1
    writer.settle()
    assert reader._pages.deleted() == 0


def test_one_writes_to_the_full_text_after_another_has_settled(tmp_path: Path):
    first, second = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    first.add("dä", {"dä/1": {"body": "Größe"}})
    with pytest.raises(OSError, match="could not write"):
        second.add("ё", {"ё/1": {"body": "Größe"}})
    first.settle()
    second.add("ё", {"ё/1": {"body": "Größe"}})
    assert first.search("Größe").keys() == {"dä/1", "ё/1"}


@pytest.mark.parametrize("part", ["fast", "fieldnorm", "idx", "pos", "store", "term", "meta.json"])
@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_a_damaged_file_of_the_full_text_is_named_and_made_again(tmp_path: Path, part: str, harm: str):
    index = TantivyIndex(tmp_path)
    index.add("dä", {f"dä/{n}": {"body": f"Größe Länge {n}", "title": "Maße"} for n in range(100)})
    index.seal("dä")
    index.settle()
    assert list(index.verify()) == []
    (file,) = (tmp_path / "pages").glob(f"*{part}")
    data = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-5] if harm == "cut" else bytes([data[0] ^ 1]) + data[1:])
    again = TantivyIndex(tmp_path)
    if (part, harm) == ("meta.json", "gone"):
        assert again.pages() == set(), "without it there is no index, and all pages lack"
    else:
        said = list(again.verify())
        assert any(str(file if part != "meta.json" else file.parent) in line and "--repair" in line for line in said)
    again.drop_damaged()
    assert again.documents() == {"dä"}, "the other part is whole"
    again.add("dä", {"dä/1": {"body": "Größe"}})
    assert again.search("Größe").keys() == {"dä/1"}
    assert list(again.verify()) == []


def test_the_full_text_is_searched_from_many_threads(tmp_path: Path):
    index = TantivyIndex(tmp_path)
    index.add("dä", {"dä/1": {"body": "Größe"}})
    found: list[dict[str, float]] = []
    threads = [threading.Thread(target=lambda: found.append(index.search("Größe"))) for _ in range(8)]
    for n, thread in enumerate(threads):
        thread.start()
        index.add("mehr", {f"mehr/{n}": {"body": "Länge"}})
    for thread in threads:
        thread.join()
    assert [answer.keys() for answer in found] == [{"dä/1"}] * 8
