"""Places on a page's picture, from what late interaction said of its patches."""

import numpy as np
import pytest
from fakes import words_of

from pagesight.retrieval.regions import find_regions
from pagesight.retrieval.types import Box, QueryVectors

SIDE = 10
PATCHES = np.array([[x, y, x + 60, y + 80] for y in range(0, 800, 80) for x in range(0, 600, 60)], np.float32)
BOXES = np.vstack(([[0, 0, 0, 0]], PATCHES)).astype(np.float32)  # a special token's row comes first
WORDS = words_of("Größe der Fläche", x=120, y=165, size=10)


def query(*tokens: str) -> QueryVectors:
    return QueryVectors(
        tokens, np.zeros((len(tokens), 4), np.float32), np.full(len(tokens), 1 / len(tokens), np.float32)
    )


def similar(*peaks: tuple[int, int]) -> np.ndarray:
    """`(rows, tokens)`: each token is like the patch at its column and row, and a little like all others."""
    found = np.full((len(BOXES), len(peaks)), 0.2, np.float32)
    for token, (column, row) in enumerate(peaks):
        found[1 + row * SIDE + column, token] = 0.9
    return found


def test_patches_that_touch_are_one_place_with_the_words_in_it():
    (place,) = find_regions(query("Größe", "Fläche"), similar((2, 2), (3, 2)), BOXES, WORDS)
    assert place.box == Box(120, 160, 240, 240)
    assert place.text == "Größe der Fläche"
    assert place.matched == ("Größe", "Fläche")
    assert place.strength == pytest.approx(1)
    assert place.channel == "visual"


def test_places_apart_come_strongest_first():
    places = find_regions(query("a", "ä", "b"), similar((0, 0), (9, 9), (9, 9)), BOXES, ())
    assert [place.box for place in places] == [Box(540, 720, 600, 800)]
    places = find_regions(query("a", "ä", "b", "c"), similar((0, 0), (0, 0), (9, 9), (9, 9)), BOXES, ())
    assert {place.box for place in places} == {Box(0, 0, 60, 80), Box(540, 720, 600, 800)}
    assert [place.strength for place in places] == pytest.approx([0.5, 0.5])


def test_what_stands_for_no_place_or_for_no_word_is_no_evidence():
    found = similar((2, 2), (9, 9))
    found[0] = 1.0  # the special token's row is the best of all
    (place,) = find_regions(query("ä", ""), found, BOXES, ())  # the second token is not one of the person's
    assert place.box == Box(120, 160, 180, 240)
    assert find_regions(query("", " "), found, BOXES, ()) == ()
    assert find_regions(query("ä", "b"), found, np.zeros_like(BOXES), ()) == ()


def test_a_token_that_is_like_every_patch_points_nowhere():
    found = np.hstack((similar((4, 4)), np.full((len(BOXES), 1), 0.95, np.float32)))
    (place,) = find_regions(query("Größe", "the"), found, BOXES, ())
    assert place.box == Box(240, 320, 300, 400)
