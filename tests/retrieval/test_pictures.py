"""Pictures: what survives copying, and what a person may hand in."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.pictures import COPY_BITS, cut, hash_similarities, open_picture, perceptual_hash
from pagesight.retrieval.types import Box


def chart(seed: int) -> Image.Image:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    for column, height in enumerate(np.random.default_rng(seed).integers(20, 250, 8).tolist()):
        draw.rectangle([20 + 45 * column, 290 - height, 55 + 45 * column, 290], fill=(30, 60 + 20 * column, 120))
    return image


def bits_apart(one: Image.Image, other: Image.Image) -> int:
    a, b = perceptual_hash(one), perceptual_hash(other)
    assert a is not None
    assert b is not None
    return (a ^ b).bit_count()


def copies(image: Image.Image) -> dict[str, Image.Image]:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    return {
        "half": image.resize((200, 150)),
        "jpeg": Image.open(stream),
        "margin": ImageOps.expand(image, 60, "white"),
        "grey": image.convert("L"),
        "wider": image.resize((500, 300)),
    }


@pytest.mark.parametrize("kind", ["half", "jpeg", "margin", "grey", "wider"])
def test_a_copy_hashes_nearly_the_same(kind: str):
    for seed in range(5):
        assert bits_apart(chart(seed), copies(chart(seed))[kind]) <= COPY_BITS // 2


def test_other_pictures_hash_otherwise():
    charts = [chart(seed) for seed in range(8)]
    apart = [bits_apart(a, b) for i, a in enumerate(charts) for b in charts[:i]]
    assert np.median(apart) >= COPY_BITS


def test_a_picture_of_one_colour_has_no_hash():
    assert perceptual_hash(Image.new("RGB", (50, 40), "white")) is None


def test_a_hash_with_its_highest_bit_set_is_compared_like_any_other():
    hashes = np.array([2**63, 2**63 + 1, 0], np.uint64)
    assert hash_similarities(2**63, hashes).tolist() == pytest.approx([1, 1 - 1 / COPY_BITS, 1 - 1 / COPY_BITS])


def test_a_cut_lies_where_its_box_lies_and_is_never_empty():
    page = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(page).rectangle([100, 50, 199, 99], fill="black")
    black = cut(page, Box(50, 25, 100, 50), (100, 50))
    assert (black.size, black.getextrema()) == ((100, 50), ((0, 0),) * 3)
    assert cut(page, Box(10, 10, 10.1, 10.1), (100, 50)).size == (1, 1)
    assert cut(page, Box(-5, -5, 500, 500), (100, 50)).size == (200, 100)


def test_a_picture_may_come_as_bytes_a_file_or_itself(tmp_path: Path):
    image = chart(1)
    file = tmp_path / "größe.png"
    image.save(file)
    for given in (image, file, str(file), file.read_bytes(), image.convert("RGBA"), image.convert("1")):
        opened = open_picture(given)
        assert (opened.mode, opened.size) == ("RGB", image.size)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(QueryError, match=r"größe\.png cannot be opened as a picture"):
        open_picture(file)
