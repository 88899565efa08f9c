"""What channels put forward: the pages they may, also where others crowd the best places."""

from pathlib import Path

import numpy as np
import pytest
from fakes import FakePageEncoder, FakeTextEncoder, MemoryMultiVectors, MemoryVectors

from pagesight.retrieval import channels
from pagesight.retrieval.channels import (
    CANDIDATES,
    DenseChannel,
    DocumentChannel,
    LateInteractionChannel,
    LexicalChannel,
    Scope,
)
from pagesight.retrieval.stores.tantivy_index import TantivyIndex
from pagesight.retrieval.types import PageVectors

QUESTION = "size"


def test_pages_on_their_way_take_no_places():
    """While a large document is added its pages are in the store, and not yet in the catalog."""
    encoder, store = FakePageEncoder(), MemoryMultiVectors()
    exact = encoder.encode_query(QUESTION).rows
    boxes, one = np.zeros((1, 4), np.float32), np.zeros(1, np.int32)
    store.add("neu", [PageVectors(f"neu/{n}", exact, boxes, one) for n in range(CANDIDATES + 50)])
    other = encoder.encode_query("Fläche").rows
    store.add("alt", [PageVectors(f"alt/{n}", other, boxes, one) for n in range(20)])
    scope = Scope({f"alt/{n}": "alt" for n in range(20)}, None, whole=True)
    assert LateInteractionChannel("words", encoder, store).ask(QUESTION).candidates(scope).keys() == scope.pages.keys()


@pytest.mark.parametrize("few", [2_000, 10])
def test_pages_of_another_language_in_the_same_documents_take_no_places(monkeypatch: pytest.MonkeyPatch, few: int):
    monkeypatch.setattr(channels, "SCORED_PAGES", few)
    text, store = FakeTextEncoder(), MemoryVectors()
    near, far = text.encode_document([QUESTION])[0], text.encode_document(["Fläche"])[0]
    for kind, vector, count in (("nah", near, CANDIDATES + 50), ("fern", far, 20)):
        names = [f"beide/{kind}{n}" for n in range(count)]
        store.add("beide", names, names, np.array([vector] * count))
    scope = Scope({f"beide/fern{n}": "beide" for n in range(20)}, None)
    found = DenseChannel(text, store, FakePageEncoder()).ask(QUESTION).candidates(scope)
    assert found.keys() == scope.pages.keys()


STATEMENTS = Scope({f"b/{n}": "b" for n in range(4)}, None)
BALANCE = "Inventories. Total current assets. Total current liabilities"
PAGES = ("The quick brown fox has a ratio", BALANCE, "Penguins breed in winter", "Wasser")


def test_what_a_ratio_is_computed_from_is_looked_for_too(tmp_path: Path):
    index = TantivyIndex(tmp_path)
    index.add("b", {f"b/{n}": {"body": text} for n, text in enumerate(PAGES)})
    found = LexicalChannel(index).ask("What is the quick ratio?").candidates(STATEMENTS)
    assert found.keys() == {"b/0", "b/1"}
    assert LexicalChannel(index).ask("What is the quick fox?").candidates(STATEMENTS).keys() == {"b/0"}


@pytest.mark.parametrize("thesaurus", [True, False])
def test_late_interaction_looks_for_related_words_where_it_is_told_to(thesaurus: bool):
    encoder, store = FakePageEncoder(), MemoryMultiVectors()
    for n, text in enumerate(PAGES):
        query = encoder.encode_query(text)
        boxes, group = np.zeros((len(query.rows), 4), np.float32), np.zeros(len(query.rows), np.int32)
        store.add("b", [PageVectors(f"b/{n}", query.rows, boxes, group)])
    asked = LateInteractionChannel("words", encoder, store, thesaurus=thesaurus).ask("quick ratio")
    scores = asked.score(list(STATEMENTS.pages))
    assert max(scores, key=lambda page: scores[page]) == "b/0"
    assert (scores["b/1"] > 2 * scores["b/2"]) is thesaurus


def test_the_document_that_is_named_best_is_worth_most_and_nothing_is_where_none_is(tmp_path: Path):
    index = TantivyIndex(tmp_path)
    for name in ("Wasserwerk Zürich", "Stromwerk Zürich", "Bahn", "Post", "Bäckerei"):
        index.add(name[:3], {f"{name[:3]}/{n}": {"title": name, "body": "Gewinn"} for n in (1, 2)})
        index.seal(name[:3])
    scope = Scope({f"{name}/{n}": name for name in ("Was", "Str", "Bah", "Pos", "Bäc") for n in (2, 1)}, None)
    asked = DocumentChannel(index).ask("Gewinn des Wasserwerk in Zürich")
    assert list(asked.candidates(scope)) == ["Was/1", "Str/1"], "first pages"
    scores = asked.score(["Was/1", "Str/1", "Bah/1"])
    assert scores.keys() == {"Was/1", "Str/1"}
    assert 1 >= scores["Was/1"] > 2 * scores["Str/1"] > 0
    nobody = DocumentChannel(index).ask("Gewinn")
    assert nobody.candidates(scope) == {}
    assert nobody.score(["Was/1", "Bah/1"]) == {}
