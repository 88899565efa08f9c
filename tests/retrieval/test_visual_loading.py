"""Checkpoints that load, and those that must not: each says in one line what is wrong and what to do."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_encoders
import tiny_models
import tiny_multivector
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import noise, picture_page
from tiny_models import edit_json

from pagesight.retrieval.checkpoints import find_checkpoint
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.encoders.visual import visual_encoder
from pagesight.retrieval.encoders.visual_families import FAMILIES, recognise
from pagesight.retrieval.errors import ModelUnavailable

PAGE = picture_page("ä/1", noise(80, 60))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return copy("ColQwen2", tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tiny_encoders.checkpoint("ColQwen2").folder
    return tiny_multivector.adapter(base, tmp_path_factory.mktemp("adapter") / "lora")


def copy(kind: str, folder: Path) -> Path:
    return Path(shutil.copytree(tiny_encoders.checkpoint(kind).folder, folder / "модель"))


def load(place: Path, **options: Any) -> Any:
    encoder = visual_encoder(find_checkpoint(str(place)), Runtime(), **options)
    encoder.encode_query("water")
    return encoder


def refusal(place: Path, **options: Any) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        load(place, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


def change_weights(folder: Path, change: Any) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def test_making_an_encoder_imports_no_torch_and_no_transformers():
    folder = tiny_encoders.checkpoint("ColQwen2").folder
    code = (
        "import sys\n"
        "from pagesight.retrieval.checkpoints import find_checkpoint\n"
        "from pagesight.retrieval.encoders.visual import visual_encoder\n"
        "print(visual_encoder(find_checkpoint(sys.argv[1])).id.dim)\n"
        "print(sorted({'torch', 'transformers', 'colpali_engine', 'sentence_transformers', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["128", "[]"]


@pytest.mark.parametrize("kind", tiny_models.FAMILIES)
def test_a_family_is_told_by_the_files_whatever_the_folder_is_called(kind: str, tmp_path: Path):
    folder = copy(kind, tmp_path).rename(tmp_path / "colpali-colqwen2-idefics")
    source = recognise(find_checkpoint(str(folder)))
    assert source.family is FAMILIES[kind]
    edit_json(folder / "config.json", architectures=None)  # then by its processor
    source = recognise(find_checkpoint(str(folder)))
    assert source.family is FAMILIES[kind]
    assert source.dim == tiny_encoders.encoder(kind).id.dim


def test_unknown_families_are_named_with_those_that_are_known(copied: Path):
    edit_json(copied / "config.json", architectures=["Qwen2VLForConditionalGeneration"])
    for name in ("processor_config.json", "tokenizer_config.json"):
        edit_json(copied / name, processor_class="Qwen2VLProcessor")
    message = refusal(copied)
    assert "'Qwen2VLForConditionalGeneration'" in message
    assert "'qwen2_vl'" in message
    assert all(family in message for family in FAMILIES)


def test_a_sentence_transformer_without_a_head_is_not_given_a_random_one(tmp_path: Path):
    folder = copy("ColBERT", tmp_path)
    edit_json(folder / "config_sentence_transformers.json", model_type="SentenceTransformer")
    assert "of no known family" in refusal(folder)


def test_a_missing_projection_is_refused_and_not_made_up(copied: Path):
    change_weights(copied, lambda weights: [weights.pop(k) for k in list(weights) if "custom_text_proj" in k])
    assert "no trained projection" in refusal(copied)


@pytest.mark.parametrize("kind", ["ColQwen2", "ColPali", "ColQwen2ForRetrieval", "ColBERT", "Qwen2-VL with a head"])
def test_a_missing_weight_is_refused_and_not_made_up(kind: str, tmp_path: Path):
    folder = copy(kind, tmp_path)
    names = [name for name in load_file(folder / "model.safetensors") if "layers.1." in name or "layer.1." in name]
    change_weights(folder, lambda weights: [weights.pop(name) for name in names[:2]])
    message = refusal(folder)
    assert "is not whole: 2 tensors" in message
    assert "are not in its weights" in message


@pytest.mark.parametrize("kind", ["ColIdefics3", "ColModernVBertForRetrieval", "Qwen2-VL with a head"])
def test_weights_of_another_shape_are_refused(kind: str, tmp_path: Path):
    folder = copy(kind, tmp_path)

    def halve(weights: dict[str, torch.Tensor]) -> None:
        name = next(name for name in weights if name.endswith("layers.0.mlp.down_proj.weight") or "mlp.Wo" in name)
        weights[name] = weights[name][:, :20].contiguous()

    change_weights(folder, halve)
    message = refusal(folder)
    assert "cannot be loaded" in message or "another shape" in message


def test_a_projection_of_another_width_is_refused(copied: Path):
    def widen(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if "custom_text_proj" in name]:
            weights[name] = torch.cat([weights[name], weights[name]])

    change_weights(copied, widen)
    assert str(copied) in refusal(copied)


def test_a_configuration_of_another_model_is_refused(copied: Path):
    other = json.loads((tiny_encoders.checkpoint("ColQwen2_5").folder / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps(other), encoding="utf-8")
    assert "is not whole" in refusal(copied)


def test_weights_cut_short_are_refused(copied: Path):
    file = copied / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    assert "damaged or cut short" in refusal(copied)


@pytest.mark.parametrize("lost", ["tokenizer.json", "processor_config.json"])
def test_a_processor_that_is_missing_is_refused(copied: Path, lost: str):
    (copied / lost).unlink()
    assert "cannot be loaded" in refusal(copied)


def test_a_damaged_configuration_is_refused(copied: Path):
    edit_json(copied / "config.json", text_config="ä")
    assert "cannot be loaded" in refusal(copied)
    (copied / "config.json").write_text("{", encoding="utf-8")
    assert "is damaged" in refusal(copied)


def test_pickles_are_not_read(copied: Path):
    weights = load_file(copied / "model.safetensors")
    torch.save(weights, copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    assert "safetensors" in refusal(copied)


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    encoder = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime("cuda", "bfloat16"))
    with pytest.raises(ModelUnavailable, match=r"cannot run on cuda: .*PAGESIGHT_DEVICE=cpu"):
        encoder.encode_query("water")


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", tiny_models.FAMILIES)
def test_attention_is_computed_as_the_runtime_says(kind: str, attention: Any):
    encoder: Any = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(attention=attention))
    (found,), (usual,) = encoder.encode_pages([PAGE]), tiny_encoders.encoder(kind).encode_pages([PAGE])
    assert encoder._model.config._attn_implementation == attention
    assert found.rows == pytest.approx(usual.rows, abs=1e-4)


def test_half_precision_is_taken_from_the_runtime():
    encoder: Any = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime(dtype="bfloat16"))
    (found,), (usual,) = encoder.encode_pages([PAGE]), tiny_encoders.encoder("ColQwen2").encode_pages([PAGE])
    assert next(encoder._model._model.parameters()).dtype == torch.bfloat16
    assert found.rows.dtype == np.float32
    assert np.linalg.norm(found.rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert (found.rows * usual.rows).sum(axis=1).mean() > 0.98


class TestAdapters:
    def test_an_adapter_changes_what_its_base_computes(self, trained: Path):
        encoder, base = load(trained), tiny_encoders.encoder("ColQwen2")
        assert encoder.id.dim == 128
        assert base.id.revision in encoder.id.revision
        assert base.id.revision != encoder.id.revision
        (found,), (plain,) = encoder.encode_pages([PAGE]), base.encode_pages([PAGE])
        assert (found.boxes == plain.boxes).all()
        assert np.abs(found.rows - plain.rows).max() > 0.05

    def test_its_rows_are_those_that_peft_computes(self, trained: Path):
        from colpali_engine.models import ColQwen2, ColQwen2Processor
        from peft import PeftModel

        from pagesight.retrieval.encoders.visual_loading import quiet

        folder = tiny_encoders.checkpoint("ColQwen2").folder
        processor: Any = ColQwen2Processor.from_pretrained(folder)
        with quiet(), torch.inference_mode():
            model: Any = PeftModel.from_pretrained(ColQwen2.from_pretrained(folder), str(trained)).eval()
            expected = model(**processor.process_queries(["water"]))[0].numpy()
        assert load(trained).encode_query("water").rows == pytest.approx(expected, abs=1e-5)

    def test_its_base_is_looked_for_by_the_last_part_of_its_name(self, trained: Path, tmp_path: Path):
        copy("ColQwen2", tmp_path).rename(tmp_path / "colqwen2-base")
        moved = Path(shutil.copytree(trained, tmp_path / "adapter"))
        edit_json(moved / "adapter_config.json", base_model_name_or_path="vidore/colqwen2-base")
        named = load(moved, folder=tmp_path).encode_query("water")
        assert named.rows == pytest.approx(load(trained).encode_query("water").rows, abs=1e-6)

    @pytest.mark.parametrize("with_folder", [False, True])
    def test_a_missing_base_is_named_with_the_command_that_fetches_it(
        self, trained: Path, tmp_path: Path, with_folder: bool
    ):
        moved = Path(shutil.copytree(trained, tmp_path / "adapter"))
        edit_json(moved / "adapter_config.json", base_model_name_or_path="vidore/colqwen2-base")
        message = refusal(moved, folder=tmp_path if with_folder else None)
        assert "needs its base model vidore/colqwen2-base" in message
        assert "pagesight models pull vidore/colqwen2-base" in message

    def test_a_base_without_projection_is_refused_unless_the_adapter_brings_one(self, trained: Path, tmp_path: Path):
        base = copy("ColQwen2", tmp_path)
        whole = tiny_multivector.adapter(base, tmp_path / "whole", whole=("custom_text_proj",))
        shutil.copytree(trained, tmp_path / "lora")
        edit_json(tmp_path / "lora" / "adapter_config.json", base_model_name_or_path=str(base))
        before = load(whole).encode_query("water").rows
        change_weights(base, lambda weights: [weights.pop(k) for k in list(weights) if "custom_text_proj" in k])
        assert "is not whole: 2 tensors" in refusal(tmp_path / "lora")
        assert load(whole).encode_query("water").rows == pytest.approx(before, abs=1e-6)

    def test_an_adapter_cut_short_or_for_another_size_is_refused(self, trained: Path, tmp_path: Path):
        moved = Path(shutil.copytree(trained, tmp_path / "adapter"))
        file = moved / "adapter_model.safetensors"
        weights = load_file(file)
        name = next(name for name in weights if "layers.0" in name and "lora_A" in name)
        save_file({**weights, name: weights[name][:, :7].contiguous()}, file, metadata={"format": "pt"})
        assert str(moved) in refusal(moved)
        del weights[name]
        save_file(weights, file, metadata={"format": "pt"})
        assert "is not whole: 1 tensors" in refusal(moved)
