"""Boxes of patches: a bright spot on a black page must change most the token whose box it lies in.

Nothing here knows a grid: the real processors cut the page up and the real vision towers look at it, with random
weights; what reaches the language model for each token is compared with and without the spot.
"""

from typing import Any

import numpy as np
import pytest
import tiny_encoders
import tiny_models
from PIL import Image, ImageDraw

from pagesight.retrieval.encoders import patches
from pagesight.retrieval.encoders.patches import grid, pooled, square, tiles
from pagesight.retrieval.errors import ModelUnavailable

SHAPES = {
    "portrait": (150, 200),
    "landscape": (300, 100),
    "square": (130, 130),
    "very tall": (60, 500),
    "tiny": (24, 31),
}
KINDS = [*tiny_models.FAMILIES, "ColPaliForRetrieval", "ColQwen2ForRetrieval", "ColModernVBertForRetrieval"]


def token_inputs(model: Any, picture: Image.Image) -> tuple[Any, Any]:
    """What the language model gets for each token of a page, `(tokens, hidden)`, and the tokens' boxes."""
    whole = model._model if hasattr(model, "_model") else model._first.model
    first = next(m for name, m in whole.named_modules() if name.endswith("layers.0") and "vision" not in name)
    caught = []

    def catch(_: Any, arguments: Any, named: Any) -> None:
        caught.append((arguments[0] if arguments else named["hidden_states"])[0].float().numpy())

    hook = first.register_forward_pre_hook(catch, with_kwargs=True)
    try:
        (encoded,) = model.run(model.image_inputs([picture]))
    finally:
        hook.remove()
    return caught[0], encoded.boxes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [*KINDS, "Qwen2-VL with a head"])
def test_a_spot_on_the_page_lies_in_the_box_of_the_token_that_sees_it(kind: str, shape: str):
    model = tiny_encoders.encoder(kind)._model
    find_spots(model, *SHAPES[shape])


def find_spots(model: Any, width: int, height: int) -> None:
    black = Image.new("RGB", (width, height))
    before, boxes = token_inputs(model, black)
    half = max(2.0, width / 24), max(2.0, height / 24)
    for x, y in [(0.12, 0.1), (0.87, 0.12), (0.6, 0.4), (0.1, 0.88), (0.9, 0.93)]:
        page = black.copy()
        spot = (x * width - half[0], y * height - half[1], x * width + half[0], y * height + half[1])
        ImageDraw.Draw(page).rectangle(spot, fill="white")
        after, same = token_inputs(model, page)
        assert (same == boxes).all()
        change = np.linalg.norm(after - before, axis=1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).round(5)
        assert set(areas) - {0} != set()
        for area in set(areas) - {0}:  # tiles and the whole page are two sizes of token, each with its own
            seen = np.where(areas == area, change, -1).argmax()
            x0, y0, x1, y1 = boxes[seen]
            near = half[0] / width, half[1] / height
            assert x0 - near[0] <= x <= x1 + near[0], (x, boxes[seen])
            assert y0 - near[1] <= y <= y1 + near[1], (y, boxes[seen])


@pytest.mark.parametrize("kind", [*KINDS, "Qwen2-VL with a head"])
@pytest.mark.parametrize("shape", SHAPES)
def test_patches_cover_the_page_once_and_special_tokens_have_no_box(kind: str, shape: str):
    encoder = tiny_encoders.encoder(kind)
    page = tiny_encoders.picture_page("a/1", tiny_encoders.noise(*SHAPES[shape]))
    (found,) = encoder.encode_pages([page])
    boxes = found.boxes.astype(np.float64)
    patch = boxes[:, 2] > boxes[:, 0]
    assert 0 < patch.sum() < len(boxes)  # prompts have tokens of their own
    assert (boxes[~patch] == 0).all()
    assert boxes.min() >= 0
    areas = np.prod(boxes[patch][:, 2:] - boxes[patch][:, :2], axis=1)
    layers = areas.sum() / (page.width * page.height)  # tiles and the whole page are two
    assert layers == pytest.approx(round(layers), abs=1e-4)
    assert round(layers) in (1, 2)
    assert boxes[:, 2].max() == pytest.approx(page.width)
    assert boxes[:, 3].max() == pytest.approx(page.height)


def test_rows_of_tiles_beyond_the_marks_a_tokenizer_knows_are_read_from_their_pieces():
    tokens = ["<", "row", "_7_col_", "1>", "", "", "", "", "\n", "<global-img>", "", "", "", ""]
    marks = np.array([False] * 4 + [True] * 4 + [False] * 2 + [True] * 4)
    boxes = tiles(marks, tokens)
    assert boxes[4] == pytest.approx([0, 6 / 7, 0.5, 6.5 / 7])
    assert boxes[10].tolist() == [0, 0, 0.5, 0.5]


def test_a_grid_that_does_not_fit_the_prompt_is_refused():
    with pytest.raises(ModelUnavailable, match=r"6 cells .* 5 image tokens"):
        patches.merged_patches(np.array([True] * 5), (1, 4, 6), 2)
    with pytest.raises(ModelUnavailable, match="5 tokens is no square"):
        square(np.array([True] * 5))
    with pytest.raises(ModelUnavailable, match="2 pictures"):
        square(np.array([True, False, True]))


def test_pooling_merges_patches_that_are_alike_and_leaves_the_others_alone():
    boxes = np.concatenate([np.zeros((2, 4), np.float32), grid(4, 4)])
    rows = np.zeros((18, 8), np.float32)
    rows[:2, 7] = 1
    for cell in range(16):
        rows[2 + cell, cell % 4] = 1  # columns are alike
    found, places = pooled(rows, boxes, 4)
    assert (found[:2] == rows[:2]).all()
    assert (places[:2] == 0).all()
    assert len(found) == 2 + 4
    assert sorted(map(tuple, places[2:].tolist())) == [(c / 4, 0, (c + 1) / 4, 1) for c in range(4)]
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)


def test_a_cluster_is_shown_where_most_of_it_hangs_together():
    boxes = grid(4, 4)
    rows = np.zeros((16, 2), np.float32)
    rows[:, 0] = 1
    rows[[0, 1, 5, 10, 15]] = [0, 1]  # 10 and 15 touch 5 and each other by their corners only
    _, places = pooled(rows, boxes, 8)
    assert sorted(map(tuple, places.tolist())) == [(0, 0, 0.5, 0.5), (0, 0.25, 0.75, 1)]


def test_pages_of_one_patch_and_factor_one_are_not_pooled():
    rows, boxes = np.eye(3, dtype=np.float32), np.concatenate([np.zeros((2, 4), np.float32), grid(1, 1)])
    for factor in (1, 5):
        assert pooled(rows, boxes, factor)[0] is rows
