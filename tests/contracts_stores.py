"""What every store must do, in memory or on disk: vectors, pages of many vectors, full text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes import random_page, unit

from pagesight.retrieval.protocols import LexicalIndex, MultiVectorStore, VectorStore
from pagesight.retrieval.types import PageVectors, QueryVectors, Vectors


class VectorStoreContract:
    @pytest.fixture
    def opened(self) -> Callable[[], VectorStore]:
        """Opens the store, each time the same one."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, opened: Callable[[], VectorStore]) -> VectorStore:
        store = opened()
        store.add("dä", ["dä/1", "dä/1", "dä/2"], ["1a", "1b", "2a"], self.rows([1, 0], [0.6, 0.8], [0, 1]))
        store.add("other", ["other/1"], ["o"], self.rows([-1, 0]))
        return store

    @staticmethod
    def rows(*vectors: Sequence[float]) -> Vectors:
        return np.array(vectors, np.float32)

    QUERY = np.array([1, 0], np.float32)

    def test_the_best_come_first_with_their_inner_product(self, store: VectorStore):
        found = store.search(self.QUERY, 3)
        assert [page for page, _ in found] == ["dä/1", "dä/1", "dä/2"]
        assert [score for _, score in found] == pytest.approx([1, 0.6, 0], abs=1e-5)

    def test_a_search_can_be_narrowed_to_documents(self, store: VectorStore):
        assert [page for page, _ in store.search(self.QUERY, 10, {"other"})] == ["other/1"]
        assert store.search(self.QUERY, 10, {"unknown"}) == []
        assert store.search(self.QUERY, 10, set()) == []

    def test_a_page_scores_as_its_best_vector_and_unknown_pages_are_left_out(self, store: VectorStore):
        scores = store.score(self.QUERY, ["other/1", "dä/1", "nobody/1"])
        assert scores == pytest.approx({"dä/1": 1.0, "other/1": -1.0}, abs=1e-5)
        assert store.score(self.QUERY, []) == {}

    def test_adding_a_key_again_replaces_its_vector(self, store: VectorStore):
        store.add("dä", ["dä/1"], ["1a"], self.rows([0, 1]))
        assert store.score(self.QUERY, ["dä/1"]) == pytest.approx({"dä/1": 0.6}, abs=1e-5)
        assert len(store.search(self.QUERY, 10)) == 4

    def test_a_removed_document_is_gone_and_the_others_stay(self, store: VectorStore):
        store.remove("dä")
        assert [page for page, _ in store.search(self.QUERY, 10)] == ["other/1"]
        assert store.score(self.QUERY, ["dä/1", "dä/2"]) == {}

    def test_a_search_can_be_narrowed_to_more_documents_than_a_statement_takes_variables(self, store: VectorStore):
        documents = {f"viele/{n}" for n in range(33_000)}
        assert store.search(self.QUERY, 3, documents) == []
        assert store.search(self.QUERY, 3, {*documents, "dä", "other"}) == store.search(self.QUERY, 3)

    def test_an_empty_store_takes_vectors_of_another_size(self, store: VectorStore, opened: Callable[[], VectorStore]):
        reader, query = opened(), np.array([0, 0, 1], np.float32)
        assert len(reader.search(self.QUERY, 9)) == 4
        for document in ("dä", "other"):
            store.remove(document)
        store.add("neu", ["neu/1", "neu/2"], ["1", "2"], self.rows([0, 0, 1], [1, 0, 0]))
        store.add("neu", ["neu/3"], ["3"], self.rows([0, 0.8, 0.6]))
        for seen in (reader, store, opened()):
            found = seen.search(query, 9)
            assert [page for page, _ in found] == ["neu/1", "neu/3", "neu/2"]
            assert [score for _, score in found] == pytest.approx([1, 0.6, 0], abs=1e-5)
            assert seen.keys("neu") == {"1", "2", "3"}

    def test_removing_what_is_not_there_is_no_error(self, opened: Callable[[], VectorStore]):
        opened().remove("niemand ä")

    def test_an_empty_store_finds_nothing(self, opened: Callable[[], VectorStore]):
        assert opened().documents() == set(opened().verify()) == set()
        opened().add("dä", [], [], np.zeros((0, 2), np.float32))
        assert opened().search(self.QUERY, 5) == []
        assert opened().score(self.QUERY, ["dä/1"]) == {}

    def test_opened_again_it_holds_what_was_added(self, store: VectorStore, opened: Callable[[], VectorStore]):
        assert opened().search(self.QUERY, 10) == store.search(self.QUERY, 10)

    def test_it_knows_what_it_holds_of_a_document(self, opened: Callable[[], VectorStore]):
        store = opened()
        assert store.keys("dä") == set()
        store.add("dä", ["dä/1", "dä/1"], ["dä/1#0", "dä/1#1"], np.eye(2, dtype=np.float32))
        store.add("other", ["other/1"], ["other/1#0"], np.eye(2, dtype=np.float32)[:1])
        assert store.keys("dä") == {"dä/1#0", "dä/1#1"}
        assert store.documents() == opened().documents() == {"dä", "other"}
        store.remove("dä")
        assert store.documents() == opened().documents() == {"other"}

    def test_what_is_sound_is_not_dropped(self, store: VectorStore):
        assert list(store.verify()) == []
        store.drop_damaged()
        assert store.documents() == {"dä", "other"}
        assert len(store.search(self.QUERY, 10)) == 4

    def test_more_pages_than_a_statement_takes_variables_are_scored(self, opened: Callable[[], VectorStore]):
        store = opened()
        pages = [f"dä/{n}" for n in range(1100)]
        angles = np.linspace(0, np.pi, len(pages))
        rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        store.add("dä", pages, pages, rows)
        expected = dict(zip(pages, rows[:, 0].tolist(), strict=True))
        assert store.score(self.QUERY, pages) == pytest.approx(expected, abs=1e-5)


class MultiVectorStoreContract:
    TOLERANCE = 0.005
    """Of a score against float32 arithmetic: the promise of `stores/multivectors.py`."""

    @pytest.fixture
    def opened(self) -> Callable[[], MultiVectorStore]:
        """Opens the store, each time the same one."""
        raise NotImplementedError

    @pytest.fixture
    def pages(self) -> list[PageVectors]:
        return [random_page(f"dä/{n}", seed=n, rows=rows) for n, rows in enumerate((7, 1, 40, 300), start=1)]

    @pytest.fixture
    def query(self) -> QueryVectors:
        rows = np.array([unit(row) for row in np.random.default_rng(99).standard_normal((3, 16))], np.float32)
        return QueryVectors(("Größe", "der", "Fläche"), rows, np.array([0.5, 0.1, 0.4], np.float32))

    @pytest.fixture
    def store(self, opened: Callable[[], MultiVectorStore], pages: list[PageVectors]) -> MultiVectorStore:
        store = opened()
        store.add("dä", pages[:2])
        store.add("dä", pages[2:])
        store.add("other", [random_page("other/1", seed=50, rows=5)])
        return store

    def test_it_knows_what_it_holds(self, store: MultiVectorStore):
        asked = ["dä/1", "dä/4", "dä/5", "other/1", "niemand/1"]
        assert store.stored(asked) == {"dä/1", "dä/4", "other/1"}
        assert store.stored([]) == set()
        assert store.pages() == {"dä/1", "dä/2", "dä/3", "dä/4", "other/1"}
        store.remove("dä")
        assert store.stored(asked) == store.pages() == {"other/1"}

    def test_what_is_sound_is_not_dropped(self, store: MultiVectorStore, query: QueryVectors):
        before = store.score(query)
        assert list(store.verify()) == []
        store.drop_damaged()
        assert store.score(query) == before

    def test_a_score_is_exact_maxsim(self, store: MultiVectorStore, pages: list[PageVectors], query: QueryVectors):
        scores = store.score(query)
        assert scores.keys() == {"dä/1", "dä/2", "dä/3", "dä/4", "other/1"}
        for page in pages:
            assert scores[page.id] == pytest.approx(brute_force(page, query), abs=self.TOLERANCE)

    def test_below_a_floor_a_token_counts_nothing(
        self, store: MultiVectorStore, pages: list[PageVectors], query: QueryVectors
    ):
        lowered = replace(query, floor=0.1)
        expected = {page.id: brute_force(page, lowered) for page in pages}
        assert 0 < max(expected.values()) < max(store.score(query).values()), "or this tests nothing"
        scores = store.score(lowered)
        for page in pages:
            assert scores[page.id] == pytest.approx(expected[page.id], abs=self.TOLERANCE)
        assert store.search(lowered, 9) == pytest.approx(scores, abs=self.TOLERANCE)
        assert min(store.score(replace(query, floor=0.99)).values()) == 0

    def test_a_page_scores_the_same_whatever_is_scored_beside_it(self, store: MultiVectorStore, query: QueryVectors):
        together = store.score(query)
        for page in ("dä/1", "dä/3", "other/1"):
            assert store.score(query, [page])[page] == pytest.approx(together[page], abs=1e-6)
        assert store.score(query, ["dä/4", "nobody/1", "dä/2"]) == pytest.approx(
            {"dä/2": together["dä/2"], "dä/4": together["dä/4"]}, abs=1e-6
        )

    def test_a_search_gives_the_best_with_their_scores(self, store: MultiVectorStore, query: QueryVectors):
        scores = store.score(query)
        order = sorted(scores, key=lambda page: -scores[page])
        assert list(store.search(query, 3).items()) == [
            (page, pytest.approx(scores[page], abs=1e-6)) for page in order[:3]
        ]
        assert list(store.search(query, 9, exact=True)) == order

    def test_a_search_can_be_narrowed(self, store: MultiVectorStore, query: QueryVectors):
        assert store.search(query, 9, ["dä/2", "nobody/1", "other/1"]).keys() == {"dä/2", "other/1"}
        assert store.search(query, 9, ["dä/2", "other/1"], exclude=["other/1", "nobody/1"]).keys() == {"dä/2"}
        assert store.search(query, 9, exclude=["dä/1", "dä/2", "dä/3"]).keys() == {"dä/4", "other/1"}
        assert store.search(query, 9, []) == {}

    def test_adding_a_page_again_replaces_it(
        self, store: MultiVectorStore, pages: list[PageVectors], query: QueryVectors
    ):
        new = random_page("dä/1", seed=77, rows=9)
        store.add("dä", [new])
        scores = store.score(query)
        assert scores.keys() == {"dä/1", "dä/2", "dä/3", "dä/4", "other/1"}
        assert scores["dä/1"] == pytest.approx(brute_force(new, query), abs=self.TOLERANCE)
        assert scores["dä/2"] == pytest.approx(brute_force(pages[1], query), abs=self.TOLERANCE)

    def test_the_similarities_of_a_page_come_with_its_boxes(
        self, store: MultiVectorStore, pages: list[PageVectors], query: QueryVectors
    ):
        found = store.similarities(query, "dä/3")
        assert found is not None
        assert found[0] == pytest.approx(pages[2].rows @ query.rows.T, abs=self.TOLERANCE)
        assert (found[1] == pages[2].boxes).all()
        assert store.similarities(query, "nobody/1") is None

    def test_a_page_without_rows_is_not_stored(self, opened: Callable[[], MultiVectorStore], query: QueryVectors):
        store = opened()
        store.add("leer", [random_page("leer/1", seed=1, rows=0)])
        store.add("leer", [])
        assert store.score(query) == {}
        assert store.score(query, ["leer/1"]) == {}
        assert store.similarities(query, "leer/1") is None

    def test_a_query_without_words_tells_no_pages_apart(self, store: MultiVectorStore):
        empty = QueryVectors((), np.zeros((0, 16), np.float32), np.zeros(0, np.float32))
        assert set(store.score(empty).values()) == {0.0}

    def test_a_removed_document_is_gone_and_the_others_stay(self, store: MultiVectorStore, query: QueryVectors):
        store.remove("dä")
        store.remove("niemand")
        assert store.score(query).keys() == {"other/1"}
        assert store.similarities(query, "dä/1") is None

    def test_opened_again_it_holds_what_was_added(
        self, store: MultiVectorStore, opened: Callable[[], MultiVectorStore], query: QueryVectors
    ):
        assert opened().score(query) == store.score(query)


def brute_force(page: PageVectors, query: QueryVectors) -> float:
    """The definition, one number at a time: MaxSim over the page and, for more, over its best group."""

    def over(rows: Vectors) -> float:
        best = [max(float(np.dot(row, token)) for row in rows) for token in query.rows]
        if query.floor is not None:
            best = [max(0.0, value - query.floor) for value in best]
        return sum(float(weight) * value for value, weight in zip(best, query.weights, strict=True))

    groups = [over(page.rows[page.groups == group]) for group in set(page.groups.tolist())]
    return 0.4 * over(page.rows) + 0.6 * max(groups)


class LexicalIndexContract:
    @pytest.fixture
    def opened(self) -> Callable[[], LexicalIndex]:
        """Opens the index, each time the same one."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, opened: Callable[[], LexicalIndex]) -> LexicalIndex:
        index = opened()
        index.add(
            "de",
            {
                "de/1": {"body": "Übersicht der Größen, mit Straßen", "title": "Jahresbericht", "headings": ""},
                "de/2": {"body": "The pump PS-400 delivers water", "title": "Jahresbericht", "headings": ""},
                "de/3": {"body": "PS marks the 400 series of pumps in water", "title": "Jahresbericht"},
            },
        )
        index.add("ko", {"ko/1": {"body": "서울의 매출은 2021년에 증가했다"}})
        index.add("uk", {"uk/1": {"body": "Бюджет міста на освіту", "headings": "water"}})
        return index

    @pytest.mark.parametrize(
        ("query", "page"),
        [
            ("ÜBERSICHT", "de/1"),
            ("u\u0308bersicht", "de/1"),
            ("STRASSEN", "de/1"),
            ("매출", "ko/1"),
            ("서울", "ko/1"),
            ("бюджет", "uk/1"),
            ("2021", "ko/1"),
        ],
    )
    def test_a_word_is_found_in_any_case_form_and_script(self, index: LexicalIndex, query: str, page: str):
        assert list(index.search(query)) == [page]

    @pytest.mark.parametrize(
        ("language", "text", "query"),
        [("de", "Die alten Häuser stehen leer", "Haus"), ("ru", "Полка с книгами", "книга"), ("", "Houses", "house")],
    )
    def test_a_word_is_found_in_another_form_in_the_language_of_its_page(
        self, index: LexicalIndex, language: str, text: str, query: str
    ):
        assert index.search(query) == {}
        index.add("neu", {"neu/1": {"body": text, "language": language}, "neu/2": {"body": "Нічого", "language": "uk"}})
        assert index.search(query).keys() == {"neu/1"}
        assert index.search(f'"{text}"').keys() >= {"neu/1"}
        assert index.rarity([query])[query] < index.rarity(["Pinguine"])["Pinguine"]

    def test_numbers_and_dates_are_found_however_they_are_written(self, index: LexicalIndex):
        index.add("neu", {"neu/1": {"body": "Am 31.12.2019 waren es 1.577.000 Euro"}})
        for query in ("December 31, 2019", "31 грудня 2019", "1,577,000", "1 577 000"):
            assert "neu/1" in index.search(query), query
        assert "neu/1" not in index.search("30.12.2018")

    def test_related_words_count_half(self, index: LexicalIndex):
        water, pumps = index.search("water"), index.search("pump")
        found = index.search("water", related="pump")
        assert found.keys() == {"de/2", "de/3", "uk/1"}
        for page, score in found.items():
            assert score == pytest.approx(water.get(page, 0) + pumps.get(page, 0) / 2, rel=1e-4)

    def test_a_score_does_not_depend_on_what_else_may_be_found(self, index: LexicalIndex):
        everywhere = index.search("water PS-400")
        assert index.search("water PS-400", 9, None, ["de/3", "uk/1", "niemand/1"]) == pytest.approx(
            {page: score for page, score in everywhere.items() if page != "de/2"}
        )
        assert index.search("water", 9, None, []) == {}

    def test_it_knows_its_terms(self, index: LexicalIndex):
        assert index.terms("p") == {"ps": 2, "ps400": 1, "pump": 2}
        assert index.terms("ps4") == {"ps400": 1}
        assert index.terms("qu") == {}

    def test_a_part_number_is_found_without_its_hyphen(self, index: LexicalIndex):
        found = index.search("PS400")
        assert found["de/2"] > 1.5 * found.get("de/3", 0)

    def test_a_part_number_outranks_its_parts(self, index: LexicalIndex):
        found = index.search("PS-400")
        assert list(found) == ["de/2", "de/3"]
        assert found["de/2"] > found["de/3"] > 0

    def test_words_in_quotes_rank_higher_where_they_stand_together(self, index: LexicalIndex):
        index.add("zi", {"zi/1": {"body": "water pumps deliver heat"}, "zi/2": {"body": "pumps water deliver heat"}})
        loose, quoted = index.search("pumps water heat"), index.search('"water pumps" heat')
        assert loose["zi/1"] == pytest.approx(loose["zi/2"])
        assert quoted["zi/1"] > quoted["zi/2"] > 0
        assert index.search("„water pumps“ heat")["zi/1"] == pytest.approx(quoted["zi/1"])

    def test_a_heading_outranks_running_text(self, index: LexicalIndex):
        assert next(iter(index.search("water"))) == "uk/1"

    def test_the_document_title_speaks_for_each_page_within_the_documents_asked_for(self, index: LexicalIndex):
        assert index.search("jahresbericht").keys() == {"de/1", "de/2", "de/3"}
        assert index.search("jahresbericht water", 9, {"uk"}).keys() == {"uk/1"}
        assert index.search("water", 9, set()) == {}

    def test_the_best_come_first_and_a_limit_keeps_them(self, index: LexicalIndex):
        found = index.search("PS-400 water pumps")
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert list(index.search("PS-400 water pumps", 2)) == list(found)[:2]

    def test_a_sealed_document_is_found_as_one_text(self, index: LexicalIndex):
        assert index.search_documents("Größen pump") == {}, "not before it is whole"
        for document in ("de", "ko"):
            index.seal(document)
        assert index.search_documents("Übersicht pump").keys() == {"de"}
        assert index.search_documents("Jahresbericht 서울").keys() == {"de", "ko"}
        assert index.search_documents("Jahresbericht 서울", 9, {"ko", "uk"}).keys() == {"ko"}
        index.seal("de")
        index.remove("ko")
        index.seal("niemand")
        assert index.search_documents("Jahresbericht 서울").keys() == {"de"}

    def test_a_document_is_named_by_its_title_its_file_and_its_front_pages(self, index: LexicalIndex):
        for name in ("Größenwahn", "Nachbar", "Wasserwerk"):
            texts = [f"{name} AG", "Vorwort", "Wir danken der Nachbar AG", "Nachbar und Wasserwerk sind Kunden"]
            pages = {f"{name}/{n}": {"body": text, "name": f"{name[:3]} 2022"} for n, text in enumerate(texts, start=1)}
            for page in ("10", "2", "1") if name == "Nachbar" else ("1", "2"):  # in whatever order they came
                index.add(name, {f"{name}/{page}": pages.get(f"{name}/{page}", {"body": "Ende"})})
            index.add(name, {page: texts for page, texts in pages.items() if page[-2:] not in ("/1", "/2")})
            index.seal(name)
        assert index.search_identities("Nachbar Gewinn").keys() == {"Nachbar"}, "others speak of it, and not first"
        assert index.search_identities("grö").keys() == {"Größenwahn"}, "by its file"
        assert index.search_identities("Nachbar Größenwahn", 9, {"Größenwahn"}).keys() == {"Größenwahn"}
        assert index.search_identities("2022 AG") == {}, "what all have names none"
        index.remove("Nachbar")
        assert index.search_identities("Nachbar") == {}

    def test_the_pages_of_a_short_document_are_not_its_front(self, index: LexicalIndex):
        for document in ("de", "ko", "uk"):
            index.seal(document)
        assert index.search_identities("pump") == {}
        assert index.search_identities("Jahresbericht").keys() == {"de"}

    def test_a_question_of_nothing_but_small_words_is_still_asked(self, index: LexicalIndex):
        assert index.search("the").keys() == {"de/2", "de/3"}

    @pytest.mark.parametrize(
        "query",
        [
            '"',
            '"Größen" OR "',
            "Größen AND",
            "NEAR(Größen Straßen)",
            "Größen*",
            "body:Größen",
            "-Größen",
            "^Größen",
            "Größen\0x",
            "'; DROP TABLE pages; --Größen",
            "{Größen}",
            "(Größen",
            "Größen " * 3000,
            "Größen \udce9",
            "Größen 1,577.0",
            "%",
            "NOT",
            "\0",
            "",
            "…",
            "_",
        ],
    )
    def test_a_query_is_text_whatever_it_looks_like(self, index: LexicalIndex, query: str):
        found = index.search(query)
        assert ("de/1" in found) == ("Größen" in query)
        assert index.search("매출").keys() == {"ko/1"}, "the index is still there"

    @pytest.mark.parametrize(
        "text", ['"', "a\0b", "'); DROP TABLE pages; --", "NEAR AND * OR NOT", "\udce9", "\x1a\x02"]
    )
    def test_a_text_is_indexed_whatever_it_looks_like(self, index: LexicalIndex, text: str):
        index.add("böse", {"böse/1": {"body": f"vorher {text} nachher", "title": text, "headings": text}})
        assert index.search("vorher").keys() == index.search("nachher").keys() == {"böse/1"}

    def test_adding_a_page_again_replaces_it(self, index: LexicalIndex):
        index.add("de", {"de/1": {"body": "Neuer Text über Brücken"}})
        assert index.search("Übersicht jahresbericht").keys() == {"de/2", "de/3"}
        assert index.search("Brücken").keys() == {"de/1"}

    def test_a_removed_document_is_gone_and_the_others_stay(self, index: LexicalIndex):
        index.remove("de")
        index.remove("niemand")
        assert index.search("Größen Jahresbericht pump") == {}
        assert index.search("water").keys() == {"uk/1"}

    def test_opened_again_it_holds_what_was_added(self, index: LexicalIndex, opened: Callable[[], LexicalIndex]):
        assert opened().search("Größen water") == index.search("Größen water")

    def test_a_rarer_word_says_more(self, index: LexicalIndex):
        rarity = index.rarity(["water", "Größen", "Pinguine", "—"])
        assert rarity["Pinguine"] > rarity["Größen"] > rarity["water"] > 0
        assert rarity["—"] == 0

    def test_it_knows_what_it_holds(self, index: LexicalIndex, opened: Callable[[], LexicalIndex]):
        assert index.pages() == {"de/1", "de/2", "de/3", "ko/1", "uk/1"}
        assert index.documents() == set()
        for document in ("de", "ko", "uk"):
            index.seal(document)
        index.remove("ko")
        assert opened().pages() == {"de/1", "de/2", "de/3", "uk/1"}
        assert opened().documents() == {"de", "uk"}

    def test_what_is_sound_is_not_dropped(self, index: LexicalIndex):
        assert list(index.verify()) == []
        index.drop_damaged()
        assert list(index.search("ÜBERSICHT")) == ["de/1"]

    def test_an_empty_index_finds_nothing(self, opened: Callable[[], LexicalIndex]):
        assert opened().pages() == opened().documents() == set(opened().verify()) == set()
        assert opened().search("Größe") == {}
        assert opened().rarity(["Größe"])["Größe"] > 0
        opened().remove("niemand")
