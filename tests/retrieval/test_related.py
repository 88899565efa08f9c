"""The thesaurus: names of what is computed to the words that pages have."""

from __future__ import annotations

import pytest

from pagesight.retrieval.analysis import terms
from pagesight.retrieval.related import _thesaurus, related


@pytest.mark.parametrize(
    ("question", "there"),
    [
        ("What is the FY2018 CAPEX of Größe AG?", "purchases of property plant and equipment"),
        ("gross margins", "cost of sales"),
        ("its EBITDA-margin", "depreciation and amortization"),
        ("R&D costs", "research and development"),
        ("capital expenditures of 2020", "investing activities"),
    ],
)
def test_names_are_known_in_any_form(question: str, there: str):
    assert there in related(question)


@pytest.mark.parametrize(
    "question", ["", "How fast is a cheetah?", "the ratio is quick", "\udce9", "бюджет", "capital"]
)
def test_nothing_is_added_to_other_questions(question: str):
    assert related(question) == ""


def test_the_longest_name_counts_and_words_come_once():
    assert related("the cost of goods sold") == related("COGS")
    assert "long term debt" not in related("debt to equity")
    both = related("quick ratio and working capital")
    assert both.count("total current assets") == 1


def test_every_line_of_the_file_is_understood():
    thesaurus, longest = _thesaurus()
    assert longest <= 5
    for name, words in thesaurus.items():
        assert name
        assert all(terms(word) for word in words), name
