"""Profiles: facts that hold together, arithmetic of memory, and refusals before anything is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hub_server import safetensors

from pagesight.retrieval import profiles as module
from pagesight.retrieval.checkpoints import Checkpoint, find_checkpoint
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.retrieval.profiles import (
    ModelCard,
    Profile,
    card,
    check_fits,
    checkpoint_need,
    memory_need,
    model_cards,
    nearest_that_fits,
    pinned,
    profile,
    profiles,
)

TINY = ModelCard("größe/окуляр", "visual", "mit", "mit", 1_000_000_000, 2_000_000_000)


def test_the_models_that_profiles_name_may_be_used_by_anybody_and_are_pinned():
    for entry in profiles():
        for named in entry.models:
            assert named.permissive, named.name
            assert re.fullmatch("[0-9a-f]{40}", named.revision or ""), named.name


@pytest.mark.parametrize("entry", model_cards(), ids=lambda entry: entry.name)
def test_facts_of_a_model_hold_together(entry: ModelCard):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.name)
    assert entry.role in module.ACTIVATIONS
    assert (entry.revision is None) == (entry.revision_source is None)
    assert entry.revision is None or re.fullmatch("[0-9a-f]{40}", entry.revision)
    assert (entry.quality is None) == (entry.quality_source is None)
    assert 1.8 <= entry.download_bytes / entry.parameters <= 4.1, "weights are stored in 16 or 32 bits"
    assert entry.base is None or entry.note or "@" in entry.base


def test_a_profile_has_one_model_a_role_and_the_default_has_none():
    assert [entry.name for entry in profiles()] == ["embedded", "visual-small", "visual"]
    assert profile("embedded").models == ()
    assert profile("embedded").model("visual") is None
    for entry in profiles():
        roles = [named.role for named in entry.models]
        assert len(roles) == len(set(roles))
    small, large = profile("visual-small"), profile("visual")
    assert {named.role for named in small.models} == {"visual", "image"}
    assert {named.role for named in large.models} == {"visual", "image", "reranker", "generator"}
    assert small.models[0].parameters <= 1e9 < 3e9 <= large.models[0].parameters <= 5e9
    assert "@" in (small.model("visual") or "")


def test_an_unknown_profile_is_told_with_those_there_are():
    with pytest.raises(ModelUnavailable, match="There is no profile 'größer'; there are embedded, visual-small"):
        profile("größer")


def test_a_model_is_pinned_unless_its_revision_is_named_or_nobody_knows_it():
    known = model_cards()[0]
    assert pinned(known.name) == f"{known.name}@{known.revision}"
    assert pinned(f"{known.name}@main") == f"{known.name}@main"
    assert pinned("größe/окуляр") == "größe/окуляр"
    assert pinned("./models/größe") == "./models/größe"
    assert card(f"{known.name}@main") is None


def test_memory_is_parameters_times_bytes_and_activations():
    assert memory_need(TINY, "bfloat16") == 2_000_000_000 + 1_000_000_000
    assert memory_need(TINY, "float32") == 2 * memory_need(TINY, "float16")
    both = Profile("ä", "", (TINY, TINY))
    assert memory_need(both, "bfloat16") == 2 * 2_000_000_000 + 1_000_000_000, "activations are not there at once"
    assert memory_need(Profile("ä", "", ()), "float32") == 0


def test_the_large_profile_fits_a_gpu_of_16_gb_and_the_small_one_a_laptop():
    assert memory_need(profile("visual"), "bfloat16") < 16 * 2**30
    assert memory_need(profile("visual-small"), "float32") < 8e9


def test_the_nearest_profile_is_the_largest_that_fits():
    assert nearest_that_fits(80_000_000_000, "cuda") == "visual"
    assert nearest_that_fits(12_000_000_000, "cuda:1") == "visual-small"
    assert nearest_that_fits(12_000_000_000, "cpu") == "visual-small"
    assert nearest_that_fits(4_000_000_000, "cpu") == "embedded"
    assert nearest_that_fits(4_000_000_000, "mps") == "visual-small"
    assert nearest_that_fits(0, "cpu") == "embedded"


def checkpoint(folder: Path, **files: bytes) -> Checkpoint:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"назва": "Größe"}', encoding="utf-8")
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return find_checkpoint(str(folder))


def mixed_tensors() -> bytes:
    """1,000 numbers of 16 bits, 100 of 64-bit integers and 10 of 8-bit floats."""
    header = {
        "вага": {"dtype": "BF16", "shape": [10, 100], "data_offsets": [0, 2000]},
        "positions": {"dtype": "I64", "shape": [100], "data_offsets": [2000, 2800]},
        "quantised": {"dtype": "F8_E4M3", "shape": [10], "data_offsets": [2800, 2810]},
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    return len(text).to_bytes(8, "little") + text + bytes(2810)


def test_the_need_of_a_checkpoint_is_read_from_its_headers(tmp_path: Path):
    found = checkpoint(tmp_path / "größe", model__safetensors=mixed_tensors(), pytorch_model__bin=bytes(9999))
    base = 1_000_000_000
    assert checkpoint_need(found, "bfloat16") == base + 2000 + 800 + 10
    assert checkpoint_need(found, "float32") == 2 * base + 4000 + 800 + 10


def test_an_adapter_needs_its_base_too(tmp_path: Path):
    base = checkpoint(tmp_path / "основа-ä", model__safetensors=safetensors(1000))
    adapter = {"base_model_name_or_path": str(base.folder)}
    (tmp_path / "aufsatz").mkdir()
    (tmp_path / "aufsatz" / "adapter_config.json").write_text(json.dumps(adapter), encoding="utf-8")
    found = checkpoint(tmp_path / "aufsatz", adapter_model__safetensors=safetensors(10))
    assert checkpoint_need(found, "float32") == 2_000_000_000 + 4 * 1010


def test_weights_that_do_not_say_what_they_are_count_with_their_size(tmp_path: Path):
    found = checkpoint(tmp_path / "größe", pytorch_model__bin=bytes(1000))
    assert checkpoint_need(found, "float16", "image") == 200_000_000 + 1000
    assert checkpoint_need(found, "float32", "image") == 400_000_000 + 2000


def test_what_does_not_fit_is_refused_with_numbers_and_what_does_fit(tmp_path: Path):
    found = checkpoint(tmp_path / "größe", model__safetensors=safetensors(1000))
    cpu = Runtime("cpu", "float32")
    for model in (TINY, found, 6_000_000_000):
        check_fits(model, cpu, free_bytes=6_000_000_000)
    message = (
        "Not enough memory for größe/окуляр: it needs 6.0 GB in float32 on cpu, and 5.9 GB are free; "
        "what fits is the profile 'embedded', set with PAGESIGHT_PROFILE."
    )
    with pytest.raises(ModelUnavailable, match=f"^{re.escape(message)}$"):
        check_fits(TINY, cpu, free_bytes=5_900_000_000)
    with pytest.raises(ModelUnavailable, match=r"for größe: it needs 2\.0 GB"):
        check_fits(found, cpu, free_bytes=1_000_000_000)
    with pytest.raises(ModelUnavailable, match="for the model: it needs 7 kB"):
        check_fits(7000, cpu, free_bytes=6999)
    with pytest.raises(ModelUnavailable, match="profile 'visual-small'"):
        check_fits(profile("visual"), Runtime("cuda", "bfloat16"), free_bytes=8_000_000_000)


def test_free_memory_is_asked_from_the_device_when_nobody_says_it():
    check_fits(1, Runtime("cpu"))
    with pytest.raises(ModelUnavailable, match="are free"):
        check_fits(10**18, Runtime("cpu"))
