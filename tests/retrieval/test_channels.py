"""What channels put forward: the pages they may, also where others crowd the best places."""

import numpy as np
import pytest
from fakes import FakePageEncoder, FakeTextEncoder, MemoryMultiVectors, MemoryVectors

from pagesight.retrieval import channels
from pagesight.retrieval.channels import CANDIDATES, DenseChannel, LateInteractionChannel, Scope
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
