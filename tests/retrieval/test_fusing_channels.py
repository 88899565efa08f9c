"""How opinions of channels become one ranking, with channels that say what they are told to."""

from collections.abc import Collection
from dataclasses import dataclass

import pytest

from pagesight.retrieval.channels import Scope
from pagesight.retrieval.search import Ranked, rerank, search

EVERYWHERE = Scope({"ä/1": "ä", "ä/2": "ä", "b/1": "b"}, None)


@dataclass
class Opinion:
    """A channel and its answer in one."""

    name: str
    scores: dict[str, float]
    coverage: float = 1.0
    puts_forward: int = 100
    neutral: bool = False
    scaled: bool = False

    def candidates(self, scope: Scope) -> dict[str, float]:
        best = sorted(self.scores, key=lambda page: -self.scores[page])
        return {page: self.scores[page] for page in best[: self.puts_forward] if self.coverage}

    def score(self, pages: Collection[str]) -> dict[str, float]:
        return {page: self.scores[page] for page in pages if page in self.scores}


def ranked(*opinions: Opinion, weights: dict[str, float]) -> list[Ranked]:
    return search({one.name: one for one in opinions}, EVERYWHERE, weights)


def order(*opinions: Opinion, weights: dict[str, float]) -> list[str]:
    return [one.page for one in ranked(*opinions, weights=weights)]


def scores(*opinions: Opinion, weights: dict[str, float]) -> dict[str, float]:
    return {one.page: one.score for one in ranked(*opinions, weights=weights)}


LEXICAL = {"ä/1": 3.0, "ä/2": 2.0, "b/1": 1.0}
WORDS = {"ä/1": 0.1, "ä/2": 0.2, "b/1": 0.3}


@pytest.mark.parametrize(("coverage", "first"), [(1.0, "b/1"), (0.2, "ä/1"), (0.0, "ä/1")])
def test_a_channel_counts_as_far_as_it_knows_the_language(coverage: float, first: str):
    weights = {"lexical": 1.0, "words": 1.5}
    assert order(Opinion("lexical", LEXICAL), Opinion("words", WORDS, coverage), weights=weights)[0] == first


def test_what_nobody_understands_is_ranked_by_everybody():
    assert order(Opinion("lexical", LEXICAL), weights={"words": 1.0}) == ["ä/1", "ä/2", "b/1"]


def test_a_page_that_one_channel_puts_forward_is_scored_by_all():
    narrow = Opinion("lexical", LEXICAL, puts_forward=1)
    (first, second) = ranked(narrow, Opinion("words", WORDS, puts_forward=1), weights={"lexical": 1.0})
    assert (first.page, second.page) == ("ä/1", "b/1")
    for one in (first, second):
        assert one.channels.keys() == {"lexical", "words"}
    assert (first.channels["words"].score, first.channels["words"].rank) == (0.1, 2)
    assert (second.channels["lexical"].score, second.channels["lexical"].rank) == (1.0, 2)


def test_a_page_that_a_channel_has_not_seen_has_no_score_of_it():
    (first, *_) = ranked(Opinion("lexical", LEXICAL), Opinion("words", {}), weights={"lexical": 1.0})
    assert first.channels.keys() == {"lexical"}
    assert ranked(Opinion("words", {}), weights={"words": 1.0}) == []


def test_a_channel_that_has_not_seen_a_page_yet_speaks_neither_for_nor_against_it():
    lexical = {"ä/1": 2.0, "ä/2": 1.9, "b/1": 0.0}
    seen = {"ä/2": 0.1, "b/1": 0.9}
    weights = {"lexical": 1.0, "visual": 0.5}
    late = Opinion("visual", seen, neutral=True)
    assert order(Opinion("lexical", lexical), late, weights=weights)[0] == "ä/1"
    late.neutral = False
    unseen = scores(Opinion("lexical", lexical), late, weights=weights)
    late.neutral = True
    assert scores(Opinion("lexical", lexical), late, weights=weights)["ä/1"] > unseen["ä/1"]


def test_a_reranker_orders_the_pages_it_read_and_leaves_the_others():
    before = ranked(Opinion("lexical", LEXICAL), weights={"lexical": 1.0})
    after = rerank(before, [0.2, 0.9])
    assert [one.page for one in after] == ["ä/2", "ä/1", "b/1"]
    assert [one.score for one in after] == [one.score for one in before]
    assert (after[0].channels["reranker"].score, after[0].channels["reranker"].rank) == (0.9, 1)
    assert "reranker" not in after[2].channels


def test_scores_that_are_scaled_count_as_they_are():
    """One page of many that a document's name speaks for is not lifted above everything else."""
    lexical = {f"ä/{n}": float(n) for n in range(100)}
    named = Opinion("document", {"ä/0": 1.0}, scaled=True)
    deviating = Opinion("document", dict.fromkeys(lexical, 0.0) | {"ä/0": 1.0})
    weights = {"lexical": 1.0, "document": 1.0}
    assert order(Opinion("lexical", lexical), named, weights=weights)[:2] == ["ä/99", "ä/98"]
    assert order(Opinion("lexical", lexical), deviating, weights=weights)[0] == "ä/0"
    found = scores(Opinion("lexical", {"ä/0": 1.0, "ä/1": 1.0}), named, weights=weights)
    assert found["ä/0"] - found["ä/1"] == pytest.approx(0.5)
