"""Pages of many vectors in Qdrant: the contract on its client's local mode, two stages, and servers that fail."""

import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from contracts_stores import MultiVectorStoreContract, brute_force
from drafts import EVERYWHERE, empty_library, traces, write
from fakes import FakePageEncoder, random_page, unit_rows

from pagesight.retrieval import Settings, open_library, vector_stores
from pagesight.retrieval.checkup import check
from pagesight.retrieval.errors import EncoderMismatch, LibraryError
from pagesight.retrieval.stores import qdrant_store
from pagesight.retrieval.stores.qdrant_store import QdrantStore, connect
from pagesight.retrieval.types import PageVectors, QueryVectors

qdrant_client = pytest.importorskip("qdrant_client", reason="needs the extra `qdrant`: pip install 'pagesight[qdrant]'")


@pytest.fixture
def opened() -> Iterator[Callable[[], QdrantStore]]:
    client = qdrant_client.QdrantClient(":memory:")
    yield lambda: QdrantStore(client, "größen words")
    client.close()


class TestQdrantStore(MultiVectorStoreContract):
    TOLERANCE = 1e-4

    @pytest.fixture
    def opened(self, opened: Callable[[], QdrantStore]) -> Callable[[], QdrantStore]:
        return opened


@pytest.fixture
def query() -> QueryVectors:
    return QueryVectors(
        ("wie", "groß", "ist", "es"), unit_rows(4, seed=1000), np.array([0.4, 0.1, 0.2, 0.3], np.float32)
    )


@pytest.fixture
def pages() -> list[PageVectors]:
    """Forty of four groups, forty of one."""
    found = [random_page(f"ä/{n}", seed=n, rows=12) for n in range(80)]
    one = np.zeros(12, np.int32)
    return found[:40] + [PageVectors(page.id, page.rows, page.boxes, one) for page in found[40:]]


def best(pages: list[PageVectors], query: QueryVectors, limit: int) -> dict[str, float]:
    scores = {page.id: brute_force(page, query) for page in pages}
    return {page: scores[page] for page in sorted(scores, key=lambda page: -scores[page])[:limit]}


@pytest.mark.parametrize("limit", [1, 7, 80, 500])
def test_a_search_ranks_as_scores_do(
    opened: Callable[[], QdrantStore], pages: list[PageVectors], query: QueryVectors, limit: int
):
    store = opened()
    store.add("ä", pages)
    for within, chosen in ((None, pages), ([page.id for page in pages[::3]], pages[::3])):
        found, expected = store.search(query, limit, within), best(chosen, query, limit)
        assert list(found) == list(expected)
        assert found == pytest.approx(expected, abs=1e-4)
    assert store.search(query, limit, ["nobody/1"]) == store.search(query, limit, []) == {}


def test_two_stages_compare_only_what_the_first_puts_forward(
    opened: Callable[[], QdrantStore], query: QueryVectors, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(qdrant_store, "EXACT_PAGES", 20)
    store = opened()
    # Pages of more rows than are pooled; one has the question's own.
    pages = [random_page(f"ä/{n}", seed=n, rows=60) for n in range(60)]
    near = pages[33].rows.copy()
    near[5:25] = np.repeat(query.rows, 5, axis=0)
    pages[33] = PageVectors("ä/33", near, pages[33].boxes, pages[33].groups)
    store.add("ä", pages)
    found = store.search(query, 3)
    exact = best(pages, query, 60)
    assert next(iter(found)) == "ä/33"
    assert found == pytest.approx({page: exact[page] for page in found}, abs=1e-4)
    worst = list(exact)[-25:]
    assert len(store.search(query, 5, worst)) == 5, "the first stage looks among the pages asked for"
    assert store.search(query, 5, worst).keys() <= set(worst)


def test_a_page_that_matches_in_one_place_is_found_behind_many_that_match_all_over(
    opened: Callable[[], QdrantStore], query: QueryVectors
):
    boxes, apart = np.zeros((4, 4), np.float32), np.arange(4, dtype=np.int32)
    scattered = [PageVectors(f"weit/{n}", query.rows, boxes, apart) for n in range(30)]
    near = (query.rows + 0.2 * unit_rows(4, seed=7)).astype(np.float32)
    store = opened()
    store.add("ä", [*scattered, PageVectors("nah/1", near, boxes, np.zeros(4, np.int32))])
    assert store.search(query, 1).keys() == {"nah/1"}


def test_rows_are_fetched_for_the_few_best_only(
    opened: Callable[[], QdrantStore], pages: list[PageVectors], query: QueryVectors, monkeypatch: pytest.MonkeyPatch
):
    store, fetched = opened(), []
    fetch = store._fetch
    monkeypatch.setattr(store, "_fetch", lambda some, what: fetched.extend(some) or fetch(some, what))
    near = [PageVectors(f"nah/{n}", np.repeat(query.rows, 3, axis=0), page.boxes, np.arange(12, dtype=np.int32) // 12)
            for n, page in enumerate(pages[:3])]  # fmt: skip
    store.add("ä", [*pages, *near])
    assert store.search(query, 3).keys() == {"nah/0", "nah/1", "nah/2"}
    assert len(fetched) <= qdrant_store._FETCHED


def test_adding_a_page_again_replaces_it(opened: Callable[[], QdrantStore], query: QueryVectors):
    store = opened()
    store.add("ä", [random_page("ä/1", seed=1, rows=30)])
    new = random_page("ä/1", seed=2, rows=5)
    store.add("ä", [new])
    assert store.score(query) == {"ä/1": pytest.approx(brute_force(new, query), abs=1e-4)}


def test_a_batch_that_is_too_large_for_a_request_is_sent_in_several(
    opened: Callable[[], QdrantStore], pages: list[PageVectors], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(qdrant_store, "_PER_REQUEST", 12 * 16 * 10)
    store, sizes = opened(), []
    upsert = store._client.upsert
    monkeypatch.setattr(store._client, "upsert", lambda name, points, **rest: (
        sizes.append(len(points)), upsert(name, points, **rest)))  # fmt: skip
    store.add("ä", [*pages[:25], random_page("groß/1", seed=1, rows=200)])
    assert sizes == [10, 10, 5, 1]
    assert len(store.stored([*(page.id for page in pages), "groß/1", "nobody/1"])) == 26


class Refusing(BaseHTTPRequestHandler):
    status = 403

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b'{"x": "y"')

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(("status", "told"), [(401, "wants a key"), (403, "wants a key"), (500, "answered 500")])
def test_a_server_that_refuses_is_named_and_the_key_is_not(
    query: QueryVectors, monkeypatch: pytest.MonkeyPatch, status: int, told: str
):
    monkeypatch.setattr(Refusing, "status", status)
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
            client = connect(f"http://nutzer:geheim@127.0.0.1:{server.server_port}", "schlüssel-geheim".encode().hex())
        with pytest.raises(LibraryError, match=told) as failed:
            QdrantStore(client, "words").search(query, 5)
        client.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert f"127.0.0.1:{server.server_port}" in str(failed.value)
    assert "geheim" not in str(failed.value)
    assert "schlüssel-geheim".encode().hex() not in str(failed.value)


def test_a_server_that_is_down_is_named(query: QueryVectors):
    client = connect("http://127.0.0.1:1")
    store = QdrantStore(client, "words")
    for act in (
        lambda: store.score(query),
        lambda: store.add("ä", [random_page("ä/1", seed=1, rows=3)]),
        lambda: store.remove("ä"),
        lambda: store.stored(["ä/1"]),
    ):
        with pytest.raises(LibraryError, match=r"No Qdrant server answers at http://127\.0\.0\.1:1; start it"):
            act()
    client.close()


def test_vectors_of_another_size_are_refused_until_the_store_is_empty(
    opened: Callable[[], QdrantStore], query: QueryVectors
):
    opened().add("ä", [random_page("ä/1", seed=1, rows=5, dim=8)])
    with pytest.raises(EncoderMismatch, match="8 dimensions, not 16"):
        opened().add("ö", [random_page("ö/1", seed=2, rows=5)])
    opened().remove("ä")
    opened().add("ö", [random_page("ö/1", seed=2, rows=5)])
    assert opened().score(query).keys() == {"ö/1"}


def test_a_library_keeps_its_pages_on_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    client, asked = qdrant_client.QdrantClient(":memory:"), []

    def connect_here(url: str, key: str | None) -> object:
        asked.append((url, key))
        return client

    monkeypatch.setattr(vector_stores, "connect", connect_here)
    with empty_library(tmp_path / "größen", qdrant_url="http://там:6333", qdrant_key="schlüssel") as library:
        with library.writer() as writer:
            write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft", "und Größe")
            write(writer, "bb", "/b.pdf", "Tarif steigt")
        assert traces(library, "aa", "Wärmepumpe") == EVERYWHERE
    assert not list((tmp_path / "größen").glob("multivectors/*/*"))
    assert all("schlüssel".encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    own = empty_library(tmp_path / "zweite", qdrant_url="http://там:6333").words
    assert own.score(FakePageEncoder(384).encode_query("Tarif")) == {}, "each library has collections of its own"
    with open_library(tmp_path / "größen", Settings(qdrant_url="http://деінде:6333")) as library:
        assert library.words.score(FakePageEncoder(384).encode_query("Tarif")).keys() == {"aa/1", "aa/2", "bb/1"}
        with library.writer() as writer:
            writer.remove_sources(["/ä.pdf"])
        assert traces(library, "aa", "Wärmepumpe") == []
        library.words.add("fremd", [random_page("fremd/1", seed=1, rows=3, dim=384)])
        assert "words: fremd" in next(found.note for found in check(library) if found.name == "orphans")
        library.words.remove("fremd")
        library.words.remove("bb")
        notes = {found.name: found.note for found in check(library) if not found.ok}
        assert "1 pages lack the channel words: b.pdf, page 1" in notes["words"]
        assert list(vector_stores.verify([library.words])) == []
    assert dict.fromkeys(asked) == dict.fromkeys(
        [("http://там:6333", "schlüssel"), ("http://там:6333", None), ("http://деінде:6333", None)]
    )


def test_without_its_server_a_library_opens_and_says_what_is_missing(tmp_path: Path):
    library = empty_library(tmp_path / "größen", qdrant_url="http://127.0.0.1:1")
    with (
        pytest.raises(LibraryError, match=r"No Qdrant server answers at http://127\.0\.0\.1:1"),
        library.writer() as writer,
    ):
        write(writer, "aa", "/ä.pdf", "Wärmepumpe läuft")
    assert library.documents() == []
    assert any("No Qdrant server answers" in found.note for found in check(library) if not found.ok)
    (tmp_path / "größen" / "qdrant.json").write_text("{")
    with pytest.raises(LibraryError, match=r"qdrant\.json is damaged"):
        open_library(tmp_path / "größen")
