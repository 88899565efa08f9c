"""CLIP and SigLIP through the real loading code, on tiny random checkpoints."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_clip
from PIL import Image

from pagesight.retrieval.encoders import clip
from pagesight.retrieval.encoders.clip import ClipEncoder, _rgb
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.encoders.figure_tags import tag
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.retrieval.types import Vectors

pytestmark = pytest.mark.usefixtures("no_network")

CPU = Runtime("cpu", "float32")
TEXTS = ("eine Karte von Österreich", "매출 차트", "", "a chart of the revenue 📈" * 30)
PICTURES = [tiny_clip.picture(seed) for seed in range(5)]
FAMILIES = ("clip", "siglip", "xlm_roberta")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modèles")
    return {family: getattr(tiny_clip, family)(folder / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def encoders(checkpoints: dict[str, Path]) -> dict[str, ClipEncoder]:
    return {family: ClipEncoder(str(folder), runtime=CPU) for family, folder in checkpoints.items()}


def cosines(one: Vectors, other: Vectors) -> Vectors:
    return (one * other).sum(axis=-1)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_picture_and_each_text_becomes_one_unit_row(encoders: dict[str, ClipEncoder], family: str):
    encoder = encoders[family]
    assert (encoder.id.model, encoder.id.dim, encoder.id.pooling) == (family, tiny_clip.DIM, "clip")
    for rows, count in ((encoder.encode_images(PICTURES), 5), (encoder.encode_texts(TEXTS), 4)):
        assert rows.dtype == np.float32
        assert rows.shape == (count, tiny_clip.DIM)
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.encode_images([]).shape == encoder.encode_texts([]).shape == (0, tiny_clip.DIM)


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_vectors_are_those_of_open_clip_itself(
    checkpoints: dict[str, Path], encoders: dict[str, ClipEncoder], family: str
):
    import open_clip
    import torch

    where = f"local-dir:{checkpoints[family]}"
    made: Any = open_clip.create_model_and_transforms(where)
    model, _, prepare = made
    model.eval()
    with torch.inference_mode():
        images = torch.stack([prepare(picture) for picture in PICTURES])
        expected = model.encode_image(images, normalize=True).numpy()
        texts = model.encode_text(open_clip.get_tokenizer(where)(list(TEXTS)), normalize=True).numpy()
    assert encoders[family].encode_images(PICTURES) == pytest.approx(expected, abs=1e-5)
    assert encoders[family].encode_texts(TEXTS) == pytest.approx(texts, abs=1e-5)
    assert encoders[family].logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_and_a_text_are_encoded_the_same_alone_and_in_company(
    checkpoints: dict[str, Path], encoders: dict[str, ClipEncoder], family: str
):
    encoder = encoders[family]
    small = ClipEncoder(str(checkpoints[family]), runtime=CPU, batch=2)
    together, texts = encoder.encode_images(PICTURES), encoder.encode_texts(TEXTS)
    assert small.encode_images(PICTURES) == pytest.approx(together, abs=1e-5)
    assert encoder.encode_images(PICTURES[3:4])[0] == pytest.approx(together[3], abs=1e-5)
    assert encoder.encode_texts(TEXTS[1:2])[0] == pytest.approx(texts[1], abs=1e-5)
    assert cosines(together[0], together[1]) < 0.99  # the checkpoint tells pictures apart


@pytest.mark.parametrize("family", FAMILIES)
def test_half_the_bits_give_nearly_the_same_rows(
    checkpoints: dict[str, Path], encoders: dict[str, ClipEncoder], family: str
):
    half = ClipEncoder(str(checkpoints[family]), runtime=Runtime("cpu", "bfloat16"))
    assert (cosines(half.encode_images(PICTURES), encoders[family].encode_images(PICTURES)) > 0.995).all()
    assert (cosines(half.encode_texts(TEXTS), encoders[family].encode_texts(TEXTS)) > 0.995).all()


def test_texts_that_are_not_utf8_are_read(encoders: dict[str, ClipEncoder]):
    for encoder in encoders.values():
        assert encoder.encode_texts(["Größe \udcff"]).shape == (1, tiny_clip.DIM)


MODES = ("1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16")


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_of_every_mode_and_size_are_encoded(encoders: dict[str, ClipEncoder], family: str):
    grey = PICTURES[0].convert("L")
    pictures = [grey.convert(mode) for mode in MODES if mode not in ("PA", "LA", "HSV")]
    pictures += [grey.convert("LA"), PICTURES[0].convert("RGBA").convert("PA"), PICTURES[0].convert("HSV")]
    pictures += [Image.new("RGB", size) for size in ((1, 1), (1, 30_000), (30_000, 1), (2, 900), (1, 60), (3000, 7))]
    rows = encoders[family].encode_images(pictures)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


def test_what_is_transparent_is_white_and_sixteen_bits_are_not_cut():
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((0, 0), (9, 8, 7, 255))
    assert np.asarray(_rgb(clear)).tolist() == [[[9, 8, 7], [255, 255, 255]]]
    palette = Image.new("P", (1, 1), 0)
    palette.info["transparency"] = 0
    assert np.asarray(_rgb(palette)).tolist() == [[[255, 255, 255]]]
    deep = np.array([[0, 32_768, 65_535]], np.uint16)
    assert np.asarray(_rgb(Image.fromarray(deep)))[0, :, 0].tolist() == [0, 127, 255]
    assert np.asarray(_rgb(Image.fromarray(deep.astype(np.int32))))[0, :, 0].tolist() == [0, 127, 255]
    assert np.asarray(_rgb(Image.fromarray(np.array([[0.0, 7.5, 255.0]], np.float32))))[0, :, 0].tolist() == [0, 7, 255]


def test_a_picture_means_the_same_in_grey_with_alpha_and_in_a_palette(encoders: dict[str, ClipEncoder]):
    grey = PICTURES[0].convert("L")
    rows = encoders["clip"].encode_images([grey.convert(mode) for mode in ("RGB", "L", "LA", "RGBA", "P")])
    assert (rows @ rows[0] > 0.9999).all()


def test_a_batch_that_finds_no_room_is_halved(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    import torch

    encoder = ClipEncoder(str(checkpoints["clip"]), runtime=CPU, batch=4)
    expected = encoder.encode_images(PICTURES)
    model, seen = encoder._ready.model, []
    real = model.encode_image

    def full(pictures: torch.Tensor) -> torch.Tensor:
        seen.append(len(pictures))
        if len(pictures) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(pictures)

    monkeypatch.setattr(model, "encode_image", full)
    room = 1
    assert encoder.encode_images(PICTURES) == pytest.approx(expected, abs=1e-5)
    assert seen == [4, 2, 1, 1, 1, 1, 1]
    room = 0
    with pytest.raises(ModelUnavailable, match="no memory for a single picture") as caught:
        encoder.encode_images(PICTURES)
    assert "\n" not in str(caught.value)
    assert "PAGESIGHT_DEVICE" in str(caught.value)


def test_numbers_that_overflow_are_said(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    import torch

    encoder = ClipEncoder(str(checkpoints["clip"]), runtime=CPU)
    monkeypatch.setattr(encoder._ready.model, "encode_image", lambda made: torch.full((len(made), 16), torch.nan))
    with pytest.raises(ModelUnavailable, match="overflows in float32"):
        encoder.encode_images(PICTURES)


def test_threads_share_an_encoder(
    checkpoints: dict[str, Path], encoders: dict[str, ClipEncoder], monkeypatch: pytest.MonkeyPatch
):
    loads = []
    monkeypatch.setattr(clip, "_load", lambda *arguments, load=clip._load: loads.append(1) or load(*arguments))
    encoder, found = ClipEncoder(str(checkpoints["siglip"]), runtime=CPU, batch=2), []
    threads = [
        threading.Thread(target=lambda: found.append((encoder.encode_images(PICTURES), encoder.encode_texts(TEXTS))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(loads)) == (4, 1)
    for images, texts in found:
        assert images == pytest.approx(encoders["siglip"].encode_images(PICTURES), abs=1e-5)
        assert texts == pytest.approx(encoders["siglip"].encode_texts(TEXTS), abs=1e-5)


def test_neither_making_an_encoder_nor_its_name_imports_torch(checkpoints: dict[str, Path]):
    code = (
        "import sys; from pagesight.retrieval.encoders import clip, figure_tags\n"
        "encoder = clip.ClipEncoder(sys.argv[1]); print(encoder.id)\n"
        "print(sorted({'torch', 'open_clip', 'transformers', 'timm'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(checkpoints["clip"])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    name, loaded = done.stdout.splitlines()
    assert (name[:5], loaded) == ("clip@", "[]")


def test_loading_leaves_the_programs_logging_alone(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    ClipEncoder(str(checkpoints["clip"]), runtime=CPU).encode_texts(["ä"])
    assert logging.getLogger().handlers == []


def test_weights_in_a_bin_file_are_read(tmp_path: Path, encoders: dict[str, ClipEncoder]):
    encoder = ClipEncoder(str(tiny_clip.clip(tmp_path / "ä", safe=False)), runtime=CPU)
    assert encoder.encode_images(PICTURES) == pytest.approx(encoders["clip"].encode_images(PICTURES), abs=1e-6)


def test_the_rows_on_cuda_are_those_on_the_cpu(checkpoints: dict[str, Path], encoders: dict[str, ClipEncoder]):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    for family, folder in checkpoints.items():
        for dtype in ("float32", "bfloat16", "float16"):
            encoder = ClipEncoder(str(folder), runtime=Runtime("cuda", dtype))
            assert (cosines(encoder.encode_images(PICTURES), encoders[family].encode_images(PICTURES)) > 0.99).all()
            assert (cosines(encoder.encode_texts(TEXTS), encoders[family].encode_texts(TEXTS)) > 0.99).all()


def test_tags_come_from_a_real_encoder_too(encoders: dict[str, ClipEncoder]):
    for encoder in encoders.values():
        found = tag(encoder, encoder.encode_images(PICTURES), ("Größe", "chart", "карта"))
        assert all(1 <= len(labels) <= 3 for labels in found)
