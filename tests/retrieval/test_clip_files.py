"""Which checkpoint a name stands for, and what is said of one that is not whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_clip

from pagesight.retrieval.encoders.clip import ClipEncoder
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.errors import ModelUnavailable

pytestmark = pytest.mark.usefixtures("no_network")

CPU = Runtime("cpu", "float32")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modèles")
    return {family: getattr(tiny_clip, family)(folder / family) for family in ("clip", "siglip", "xlm_roberta")}


def message(model: str | Path, **arguments: Any) -> str:
    """What an encoder says when it cannot be used, at the latest when it encodes."""
    encoder = ClipEncoder(str(model), runtime=CPU, **arguments)
    with pytest.raises(ModelUnavailable) as caught:
        _ = encoder.id, encoder.encode_texts(["Größe"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_name_of_a_checkpoint_depends_on_its_weights(copy: Any, checkpoints: dict[str, Path]):
    other = copy("clip")
    file = other / "open_clip_model.safetensors"
    before = ClipEncoder(str(other)).id.revision
    assert before == ClipEncoder(str(checkpoints["clip"])).id.revision
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert ClipEncoder(str(other)).id.revision != before


@pytest.mark.parametrize("model", ["hf-hub:laion/clip", "laion/clip", "clip"])
def test_a_name_is_looked_for_in_the_folder_of_models(checkpoints: dict[str, Path], model: str):
    encoder = ClipEncoder(model, runtime=CPU, folder=checkpoints["clip"].parent)
    assert encoder.id == ClipEncoder(str(checkpoints["clip"])).id


@pytest.mark.parametrize("model", ["laion/clip", "hf-hub:laion/clip", f"laion/clip@{'a' * 40}"])
def test_a_name_is_found_in_the_cache_of_the_hub(
    checkpoints: dict[str, Path], tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--laion--clip"
    shutil.copytree(checkpoints["clip"], place / "snapshots" / ("a" * 40))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("a" * 40)
    encoder = ClipEncoder(model, runtime=CPU)
    assert encoder.id == ClipEncoder(str(checkpoints["clip"])).id
    assert encoder.encode_texts(["Größe"]).shape == (1, tiny_clip.DIM)


def test_a_tag_of_open_clip_stands_for_its_repository(checkpoints: dict[str, Path], tmp_path: Path):
    shutil.copytree(checkpoints["clip"], tmp_path / "CLIP-ViT-B-32-laion2B-s34B-b79K")
    found = ClipEncoder("ViT-B-32/laion2b_s34b_b79k", folder=tmp_path)
    assert found.id.model == "CLIP-ViT-B-32-laion2B-s34B-b79K"
    assert "laion400m_e31" in message("ViT-B-32/größe", folder=tmp_path)


def test_a_tag_without_a_repository_asks_for_a_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("open_clip.get_pretrained_cfg", lambda *_: {"url": "https://example.com/größe.pt"})
    assert "name a folder" in message("ViT-B-32/openai")


def test_a_model_that_is_not_here_says_how_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "There is no model at" in message("laion/größe", folder=tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    said = message("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@1a25a44")
    assert "pagesight models pull laion/CLIP-ViT-B-32-laion2B-s34B-b79K@1a25a44" in said


def test_a_siglip_without_its_tokenizer_says_which_it_needs(copy: Any):
    folder = copy("siglip")
    (folder / "tokenizer.json").unlink()
    said = message(folder)
    assert "lacks its tokenizer" in said
    assert "timm/ViT-B-16-SigLIP" in said


def test_a_siglip_that_names_no_tokenizer_is_not_read_with_clips(copy: Any):
    folder = copy("siglip")
    tiny_clip.edit_config(folder, "text_cfg", hf_tokenizer_name=None)
    assert "names no tokenizer" in message(folder)


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(copy: Any):
    folder = copy("siglip")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {piece: number + 40_000 for piece, number in vocabulary.items()}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "tokenizer of another model" in message(folder)


def test_a_text_tower_of_transformers_is_not_fetched(copy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = copy("xlm_roberta")
    (folder / "config.json").unlink()
    assert "pagesight models pull xlm-roberta-base" in message(folder)


def test_a_checkpoint_of_another_format_is_refused(copy: Any):
    folder = copy("clip")
    (folder / "open_clip_config.json").rename(folder / "config.json")
    assert "not in open_clip's format" in message(folder)


def test_a_damaged_configuration_is_refused(copy: Any):
    folder = copy("clip")
    tiny_clip.edit_config(folder, "", embed_dim=None)
    assert "embed_dim" in message(folder)
    (folder / "open_clip_config.json").write_text("{ä")
    assert "is damaged" in message(folder)


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("vision_cfg", {"width": 96}, "size mismatch"),
        ("vision_cfg", {"layers": 3}, "Missing key"),
        ("vision_cfg", {"layers": 1}, "Unexpected key"),
        ("vision_cfg", {"image_size": 64}, "visual.positional_embedding is (17, 64)"),  # open_clip would stretch it
        ("text_cfg", {"context_length": 64}, "positional_embedding is (77, 16)"),
        ("vision_cfg", {"größe": 1}, "größe"),
        ("", {"embed_dim": 24}, "size mismatch"),
    ],
)
@pytest.mark.parametrize("safe", [True, False])
def test_weights_that_do_not_fit_their_configuration_are_refused(
    tmp_path: Path, part: str, change: dict[str, int], said: str, safe: bool
):
    folder = tiny_clip.clip(tmp_path / "ä", safe=safe)
    tiny_clip.edit_config(folder, part, **change)
    assert said in message(folder)


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("kept", [0.5, 0.0001])
def test_weights_that_were_cut_short_are_refused(tmp_path: Path, safe: bool, kept: float):
    folder = tiny_clip.clip(tmp_path / "ä", safe=safe)
    (file,) = (file for file in folder.iterdir() if file.suffix in (".safetensors", ".bin"))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    assert "etch" in message(folder)


def test_a_checkpoint_without_weights_is_refused(copy: Any):
    folder = copy("clip")
    (folder / "open_clip_model.safetensors").unlink()
    assert "no weights" in message(folder)
