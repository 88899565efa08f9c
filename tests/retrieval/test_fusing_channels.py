"""How opinions of channels become one ranking, with channels that say what they are told to."""

from collections.abc import Collection
from dataclasses import dataclass

import pytest

from pagesight.retrieval.channels import Scope
from pagesight.retrieval.search import search

EVERYWHERE = Scope({"ä/1": "ä", "ä/2": "ä", "b/1": "b"}, None)


@dataclass
class Opinion:
    """A channel and its answer in one."""

    name: str
    scores: dict[str, float]
    coverage: float = 1.0
    puts_forward: int = 100

    def ask(self, question: str) -> "Opinion":
        return self

    def candidates(self, scope: Scope) -> dict[str, float]:
        best = sorted(self.scores, key=lambda page: -self.scores[page])
        return {page: self.scores[page] for page in best[: self.puts_forward] if self.coverage}

    def score(self, pages: Collection[str]) -> dict[str, float]:
        return {page: self.scores[page] for page in pages if page in self.scores}


def order(*channels: Opinion, weights: dict[str, float]) -> list[str]:
    return [one.page for one in search(channels, "Größe?", EVERYWHERE, weights)]


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
    (first, second) = search([narrow, Opinion("words", WORDS, puts_forward=1)], "Größe?", EVERYWHERE, {"lexical": 1.0})
    assert (first.page, second.page) == ("ä/1", "b/1")
    for one in (first, second):
        assert one.channels.keys() == {"lexical", "words"}
    assert (first.channels["words"].score, first.channels["words"].rank) == (0.1, 2)
    assert (second.channels["lexical"].score, second.channels["lexical"].rank) == (1.0, 2)


def test_a_page_that_a_channel_has_not_seen_has_no_score_of_it():
    (first, *_) = search([Opinion("lexical", LEXICAL), Opinion("words", {})], "Größe?", EVERYWHERE, {"lexical": 1.0})
    assert first.channels.keys() == {"lexical"}
    assert search([Opinion("words", {})], "Größe?", EVERYWHERE, {"words": 1.0}) == []
