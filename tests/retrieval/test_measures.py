"""Measures of rankings and what chance explains, against their definitions."""

from __future__ import annotations

import sys
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagesight.retrieval.errors import PagesightError
from pagesight.retrieval.evaluation import (
    ALL_MEASURES,
    Wanted,
    difference_of,
    mean_of,
    measure,
    measure_boxes,
    measure_documents,
    measures,
)
from pagesight.retrieval.types import Box

PAGES = [f"ä/{number}" for number in range(1, 31)]
ORDERS = st.lists(st.sampled_from(PAGES), unique=True, max_size=30)
GRADES = st.dictionaries(st.sampled_from([*PAGES, "lost/1"]), st.integers(0, 3), max_size=8)


def wanted(*pages: str, every: bool = True) -> Wanted:
    return Wanted(dict.fromkeys(pages, 1), every)


def gains(order: list[str], grades: dict[str, int], depth: int) -> float:
    return sum(grades.get(page, 0) / log2(place + 2) for place, page in enumerate(order[:depth]))


@given(ORDERS, GRADES)
def test_measures_are_those_of_the_textbook(order: list[str], grades: dict[str, int]):
    found = measure(order, Wanted(grades))
    relevant = {page for page, grade in grades.items() if grade > 0}
    first = next((place for place, page in enumerate(order, start=1) if page in relevant), None)
    assert found["mrr"] == pytest.approx(1 / first if first else 0)
    assert found["success@5"] == float(first is not None and first <= 5)
    for depth in (1, 5, 10, 20):
        share = len(relevant & set(order[:depth])) / len(relevant) if relevant else 0
        assert found[f"recall@{depth}"] == pytest.approx(share)
    for depth in (1, 5, 10):
        ideal = gains(sorted(relevant, key=lambda page: -grades[page]), grades, depth)
        assert found[f"ndcg@{depth}"] == pytest.approx(gains(order, grades, depth) / ideal if ideal else 0)


@given(ORDERS, GRADES)
def test_where_each_page_alone_answers_the_first_one_found_is_all_there_is(order: list[str], grades: dict[str, int]):
    found = measure(order, Wanted(grades, every=False))
    first = next((place for place, page in enumerate(order, start=1) if grades.get(page, 0) > 0), None)
    assert found["recall@5"] == found["success@5"] == float(first is not None and first <= 5)
    assert found["ndcg@10"] == pytest.approx(1 / log2(first + 1) if first and first <= 10 else 0)


def test_grades_count_more_pages_cut_off_count_nothing():
    order = ["b", "ä", "c", "d"]
    assert measure(order, Wanted({"ä": 2, "b": 1}))["ndcg@5"] == pytest.approx((1 + 2 / log2(3)) / (2 + 1 / log2(3)))
    assert measure(order, wanted("d"))["ndcg@1"] == 0
    assert measure(order, wanted("b", "x", "y"))["ndcg@1"] == 1, "one place can hold one page"
    assert set(measure([], wanted("b")).values()) == {0.0}
    assert set(measure(order, wanted()).values()) == {0.0}


def test_places_decide_however_many_pages_there_are():
    order = [f"ä/{number}" for number in range(5_000)]
    assert measure(order, wanted("ä/4999"))["mrr"] == pytest.approx(1 / 5_000)
    assert measure(order, wanted("ä/0", "ä/19"))["recall@20"] == 1
    assert measure(order, wanted("ä/20"))["recall@20"] == 0


def test_a_right_document_is_found_with_any_of_its_pages():
    order = ["b", "b", "ä", "c", "c", "d"]
    assert measure_documents(order, {"ä", "d"}) == {"document@1": 0.0, "document@5": 1.0}
    assert measure_documents(order, {"d"}) == {"document@1": 0.0, "document@5": 0.0}
    assert measure_documents([], {"d"}) == {"document@1": 0.0, "document@5": 0.0}


def test_a_box_hits_with_its_middle_and_the_best_of_three_overlaps_count():
    gold = [Box(0, 0, 10, 10), Box(50, 50, 60, 60)]
    found = [Box(8, 0, 20, 10), Box(50, 50, 60, 65), Box(90, 90, 99, 99), Box(0, 0, 10, 10)]
    assert measure_boxes(found, gold) == {"box_hit": 0.0, "box_iou": pytest.approx(2 / 3)}
    assert measure_boxes([Box(4, 0, 16, 10)], gold)["box_hit"] == 1
    assert measure_boxes([Box(0, 0, 200, 40)], gold)["box_hit"] == 0, "around the right place is not in it"
    assert measure_boxes([], gold) == {"box_hit": 0.0, "box_iou": 0.0}
    assert measure_boxes([Box(3, 3, 3, 3)], [Box(3, 3, 3, 3)])["box_iou"] == 0, "nothing overlaps nothing"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_lies_around_its_mean_and_stays_the_same(values: list[float]):
    found = mean_of(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= max(values) + 1e-9
    assert found == mean_of(values)


def test_an_interval_narrows_as_questions_come_in():
    few, many = mean_of([0, 1] * 10), mean_of([0, 1] * 500)
    assert few.high - few.low == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.15)
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.5 / 1000**0.5, rel=0.15)


def test_the_test_on_pairs_finds_what_is_there_and_nothing_else():
    same = difference_of([0.5, 1, 0], [0.5, 1, 0])
    assert (same.change.mean, same.p) == (0, 1)
    # Five of five better by as much: 2 of 32 ways to put the signs are as far from none.
    better = difference_of([0.0] * 5, [0.3] * 5)
    assert better.change.mean == pytest.approx(0.3)
    assert better.p == pytest.approx(2 / 32, abs=0.01)
    worse = difference_of([0.3] * 5, [0.0] * 5)
    assert (worse.change.mean, worse.p) == (pytest.approx(-0.3), better.p)
    random = np.random.default_rng(1)
    noise = difference_of(random.random(200).tolist(), random.random(200).tolist())
    assert noise.p > 0.05
    assert noise.change.low < 0 < noise.change.high


def test_a_test_on_very_many_questions_fits_into_memory():
    values = [0.0, 1.0] * 10_000
    assert difference_of(values, values[::-1]).p > 0.05


def test_every_measure_has_one_name():
    assert len(set(ALL_MEASURES)) == len(ALL_MEASURES)


def test_without_trec_evals_code_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pytrec_eval", None)
    measures._trec_eval.cache_clear()
    with pytest.raises(PagesightError, match="pip install pytrec-eval-terrier"):
        measure(["ä"], wanted("ä"))
