"""Spelling: what is offered in place of words that no document has."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import words_of

from pagesight.retrieval.spelling import corrected
from pagesight.retrieval.stores.tantivy_index import TantivyIndex

TEXTS = {
    "de/1": "Revenues and the temperature of the ambient air",
    "de/2": "The revenue of PS-400, and the Pumping of pumps",
    "de/3": "місто Львів, бюджет на освіту 서울의 매출",
}


@pytest.fixture
def index(tmp_path: Path) -> TantivyIndex:
    index = TantivyIndex(tmp_path)
    index.add("de", {page: {"body": text} for page, text in TEXTS.items()})
    return index


@pytest.mark.parametrize(
    ("question", "offered"),
    [
        ("What is the temprature?", "What is the temperature?"),
        ("Temprature of the ambiant air", "Temperature of the ambient air"),
        ("бюжет", "бюджет"),
        ("reevnue", "revenue"),
        ("revenued", ""),
        ("What is the revenue of pumps?", ""),
        ("photosynthesis", ""),
        ("mtemperature", ""),
        ("міста", ""),
        ("PS-4000 in 2021, 매추", ""),
        ("aur", ""),
        ("company:temprature", ""),
        ("company:x temprature", "company:x temperature"),
        ("", ""),
    ],
)
def test_a_word_that_is_nearly_one_of_the_library_is_offered_as_it_is_written_there(
    index: TantivyIndex, question: str, offered: str
):
    assert corrected(question, index, lambda page: words_of(TEXTS[page])) == offered


def test_of_two_that_are_as_near_the_more_frequent_is_meant(tmp_path: Path):
    texts = {"a/1": "hearing", "a/2": "heating", "a/3": "heating"}
    index = TantivyIndex(tmp_path)
    index.add("a", {page: {"body": text} for page, text in texts.items()})
    assert corrected("heasing", index, lambda page: words_of(texts[page])) == "heating"


def test_an_index_that_is_not_there_offers_nothing(tmp_path: Path):
    assert corrected("temprature", TantivyIndex(tmp_path), lambda _: ()) == ""
