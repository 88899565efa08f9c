"""Scoring and fusion, against the definitions and against other libraries."""

import numpy as np
import pytest
from contracts_stores import brute_force
from fakes import random_page

from pagesight.retrieval.fusion import default_weights, fuse, ranks
from pagesight.retrieval.scoring import grouped_maxsim, maxsim
from pagesight.retrieval.types import QueryVectors


@pytest.fixture
def query() -> QueryVectors:
    return QueryVectors(("a", "ä", "b"), random_page("q", seed=1, rows=3).rows, np.array([0.2, 0.5, 0.3], np.float32))


def test_maxsim_is_what_sentence_transformers_computes(query: QueryVectors):
    torch = pytest.importorskip("torch")
    from sentence_transformers import util

    pages = [random_page(f"ä/{n}", seed=n, rows=rows) for n, rows in enumerate((5, 1, 30), start=10)]
    theirs = util.maxsim([torch.tensor(query.rows)], [torch.tensor(page.rows) for page in pages])
    assert [maxsim(query.rows, page.rows) for page in pages] == pytest.approx(theirs[0].tolist(), abs=1e-5)


def test_maxsim_takes_the_best_row_for_each_word_also_below_zero():
    words = np.array([[1, 0], [0, 1]], np.float32)
    page = np.array([[-1, 0], [-0.5, 0.8]], np.float32)
    assert maxsim(words, page) == pytest.approx(-0.5 + 0.8)
    assert maxsim(words, page, np.array([1, 0.5], np.float32)) == pytest.approx(-0.5 + 0.4)


def test_many_pages_at_once_score_as_one_by_one(query: QueryVectors):
    pages = [random_page(f"ä/{n}", seed=n, rows=rows) for n, rows in enumerate((1, 50, 7, 2, 300), start=20)]
    scores = grouped_maxsim(
        np.concatenate([page.rows for page in pages]) @ query.rows.T,
        np.concatenate([page.groups for page in pages]),
        np.repeat(np.arange(len(pages), dtype=np.int32), [len(page.rows) for page in pages]),
        query.weights,
    )
    assert scores.tolist() == pytest.approx([brute_force(page, query) for page in pages], abs=1e-5)


def test_no_rows_score_nothing():
    nothing = np.zeros(0, np.int32)
    assert grouped_maxsim(np.zeros((0, 2), np.float32), nothing, nothing, np.ones(2, np.float32)).shape == (0,)


def test_channels_on_different_scales_count_the_same():
    scores = {"lexical": {"ä": 30.0, "b": 10.0, "c": 20.0}, "dense": {"ä": 0.1, "b": 0.3, "c": 0.2}}
    assert fuse(scores, {"lexical": 1, "dense": 1}) == pytest.approx({"ä": 0, "b": 0, "c": 0}, abs=1e-9)
    assert fuse(scores, {"lexical": 2, "dense": 1})["ä"] > 0
    assert max(fuse(scores, {"dense": 1}).items(), key=lambda one: one[1])[0] == "b"


def test_a_page_that_a_channel_missed_takes_its_worst_score():
    fused = fuse({"lexical": {"ä": 2.0, "b": 1.0}, "dense": {"c": 0.9}}, {"lexical": 1, "dense": 0})
    assert fused["c"] == fused["b"] < fused["ä"]


def test_a_channel_without_weight_or_without_pages_changes_nothing():
    alone = fuse({"lexical": {"ä": 2.0, "b": 1.0}}, {"lexical": 1})
    assert fuse({"lexical": {"ä": 2.0, "b": 1.0}, "dense": {}}, {"lexical": 1, "dense": 5}) == alone
    assert fuse({"lexical": {"ä": 2.0, "b": 1.0}, "dense": {"ä": 1.0, "b": 9.0}}, {"lexical": 1}) == alone
    assert fuse({}, {"lexical": 1}) == {}


def test_a_channel_that_tells_no_pages_apart_has_no_say():
    fused = fuse({"lexical": {"ä": 2.0, "b": 1.0}, "words": {"ä": 0.5, "b": 0.5}}, {"lexical": 1, "words": 9})
    assert fused["ä"] > fused["b"]


def test_places_are_dense_and_ties_keep_the_order_of_their_names():
    assert ranks({"b": 1.0, "ä": 0.5, "a": 1.0}) == {"a": 1, "b": 2, "ä": 3}


def test_the_weights_in_use_belong_to_channels_and_do_not_change_under_a_caller():
    assert default_weights().keys() == {"lexical", "dense", "words", "document", "visual", "image"}
    assert default_weights(picture=True).keys() == default_weights().keys() | {"perceptual"}
    assert all(weight > 0 for weight in default_weights(picture=True).values())
    with pytest.raises(TypeError):
        default_weights()["lexical"] = 0.0  # type: ignore[index]
