"""Heat of a page's patches: hot where the words are that the model found, and put together from its pieces."""

import numpy as np
import pytest

from pagesight.retrieval.heat import patch_heat
from pagesight.retrieval.regions import find_regions
from pagesight.retrieval.types import QueryVectors

QUESTION = "Wie groß ist die Fläche?"
TOKENS = ("", "Wie", "gr", "oß", "ist", "die", "Fläche", "?", "", "")
PATCHES = np.array([[x, y, x + 60, y + 80] for y in range(0, 800, 80) for x in range(0, 600, 60)], np.float32)
BOXES = np.vstack(([[0, 0, 0, 0]], PATCHES)).astype(np.float32)  # a special token's row comes first


def query(*tokens: str) -> QueryVectors:
    return QueryVectors(
        tokens, np.zeros((len(tokens), 4), np.float32), np.full(len(tokens), 1 / len(tokens), np.float32)
    )


def similar(**peaks: tuple[int, int]) -> np.ndarray:
    """`(rows, tokens)`: a token is like the patch at its column and row, and a little like all others."""
    found = np.full((len(BOXES), len(TOKENS)), 0.2, np.float32)
    found[0] = 1.0  # the special token's row is like everything
    for token, (column, row) in peaks.items():
        found[1 + row * 10 + column, TOKENS.index(token)] = 0.8
    return found


def hottest(strengths: np.ndarray, boxes: np.ndarray) -> list[float]:
    return boxes[strengths.argmax()].tolist()


def test_each_word_is_hot_where_it_was_found_and_all_together_where_most_was():
    found = patch_heat(QUESTION, query(*TOKENS), similar(gr=(2, 3), oß=(2, 3), Fläche=(7, 9)), BOXES)
    assert found is not None
    assert found.words == ("Wie", "groß", "ist", "die", "Fläche")
    assert len(found.boxes) == len(PATCHES)
    assert found.strengths.shape == (len(PATCHES), 5)
    assert hottest(found.strengths[:, 1], found.boxes) == [120, 240, 180, 320]
    assert hottest(found.strengths[:, 4], found.boxes) == [420, 720, 480, 800]
    assert found.strengths.max(0) == pytest.approx([0, 1, 0, 0, 1], abs=1e-3)
    assert np.count_nonzero(found.strengths[:, 4] > 1e-3) == 1
    assert (found.peaks[4], found.means[4]) == pytest.approx((0.8, 0.206))
    assert hottest(found.together, found.boxes) == [120, 240, 180, 320]  # two pieces there, one at the other place
    assert found.together.max() == pytest.approx(1)
    assert found.together[97] == pytest.approx(0.5)


def test_a_word_is_as_like_a_patch_as_its_pieces_are_on_average():
    found = patch_heat(QUESTION, query(*TOKENS), similar(gr=(2, 3), oß=(4, 4)), BOXES)
    assert found is not None
    assert found.peaks[1] == pytest.approx(0.5)
    assert np.flatnonzero(found.strengths[:, 1] > 0.99).tolist() == [32, 44]


def test_the_hottest_patch_is_in_the_strongest_evidence():
    asked, seen = query(*TOKENS), similar(gr=(2, 3), oß=(2, 3), Fläche=(7, 9))
    found = patch_heat(QUESTION, asked, seen, BOXES)
    assert found is not None
    place = find_regions(asked, seen, BOXES, ())[0]
    assert list(place.box) == hottest(found.together, found.boxes)


def test_what_stands_for_no_place_or_for_no_word_has_no_heat():
    assert patch_heat(QUESTION, query(*TOKENS), similar(), np.zeros_like(BOXES)) is None
    assert patch_heat("?", query("", "?", ""), np.ones((len(BOXES), 3), np.float32), BOXES) is None
    none = QueryVectors((), np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    assert patch_heat("", none, np.zeros((len(BOXES), 0), np.float32), BOXES) is None


def test_a_page_that_is_everywhere_alike_is_nowhere_hot():
    found = patch_heat(QUESTION, query(*TOKENS), np.full((len(BOXES), len(TOKENS)), 0.9, np.float32), BOXES)
    assert found is not None
    assert found.strengths.max() == pytest.approx(0, abs=0.01)
    assert found.together.max() == pytest.approx(0, abs=0.01)
    assert found.peaks == pytest.approx(found.means, abs=1e-5)


@pytest.mark.parametrize(
    ("question", "tokens", "words"),
    [
        ("the the PS-400?", ("the", "the", "PS", "-", "4", "00", "?"), ("the", "the", "PS-400")),
        ("Бюджет 2024", ("Б", "юдж", "ет", "", "2", "0", "2", "4"), ("Бюджет", "2024")),
        ("Über “Größe”", ("uber", "“", "Größe", "”"), ("uber", "Größe")),  # a tokenizer that writes small letters
    ],
)
def test_pieces_are_put_together_as_the_question_has_them(question, tokens, words):
    found = patch_heat(question, query(*tokens), np.ones((len(BOXES), len(tokens)), np.float32), BOXES)
    assert found is not None
    assert found.words == words
