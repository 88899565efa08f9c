"""Which model a checkpoint holds, said by its own files; nothing here imports torch or reads a weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..checkpoints import Checkpoint, find_checkpoint, tensor_shapes
from ..errors import ModelUnavailable

Geometry = Literal["grid", "tiles", "square"]
"""How an image processor lays a page out; see `patches.py`."""

GEOMETRIES: Mapping[str, Geometry] = {
    "paligemma": "square",
    "gemma3": "square",
    "qwen2_vl": "grid",
    "qwen2_5_vl": "grid",
    "qwen3_vl": "grid",
    "qwen3_5": "grid",
    "idefics3": "tiles",
    "smolvlm": "tiles",
    "modernvbert": "tiles",
}
"""By the `model_type` of the vision-language model."""


@dataclass(frozen=True, slots=True)
class Family:
    """A late-interaction model over pages, as colpali-engine has it."""

    model: str
    """Class in `colpali_engine.models`."""
    processor: str
    model_type: str
    """Of the vision-language model it is made from."""
    forward: Mapping[str, Any] = field(default_factory=dict)
    """What its `forward` takes beyond the processor's output, to leave work undone that nobody reads."""

    @property
    def geometry(self) -> Geometry:
        return GEOMETRIES[self.model_type]


FAMILIES: Mapping[str, Family] = {
    family.model: family
    for family in (
        Family("ColPali", "ColPaliProcessor", "paligemma", {"use_cache": False}),
        Family("ColQwen2", "ColQwen2Processor", "qwen2_vl"),
        Family("ColQwen2_5", "ColQwen2_5_Processor", "qwen2_5_vl"),
        Family("ColIdefics3", "ColIdefics3Processor", "idefics3", {"use_cache": False}),
        Family("ColModernVBert", "ColModernVBertProcessor", "modernvbert"),
        Family("ColQwen3", "ColQwen3Processor", "qwen3_vl"),
        Family("ColQwen3_5", "ColQwen3_5Processor", "qwen3_5"),
        Family("ColGemma3", "ColGemmaProcessor3", "gemma3"),
    )
}
NATIVE = ("ColPaliForRetrieval", "ColQwen2ForRetrieval", "ColModernVBertForRetrieval")
"""Classes of transformers that sentence-transformers loads without a configuration of its own."""

_PROJECTIONS = ("custom_text_proj", "linear", "embedding_proj_layer")


@dataclass(frozen=True, slots=True)
class Source:
    """What there is to load, known from files alone."""

    checkpoint: Checkpoint
    base: Checkpoint | None
    """The model that an adapter was trained on."""
    family: Family | None
    """`None`: sentence-transformers knows how to load it."""
    native: bool
    """A `…ForRetrieval` model of transformers."""
    images: bool
    """It sees pages; else it reads their words."""
    dim: int
    resizes: bool
    """The size of the processed picture follows the page, so that it can be capped."""

    @property
    def revision(self) -> str:
        """Of the adapter and of its base: both are in the vectors."""
        return self.checkpoint.revision + (f"-{self.base.revision}" if self.base else "")


def recognise(checkpoint: Checkpoint, folder: Path | None = None) -> Source:
    """Say what a checkpoint holds. Raises `ModelUnavailable` when it is of no known family or lacks its projection."""
    adapter = checkpoint.read_json("adapter_config.json")
    base = _base_of(checkpoint, adapter, folder) if adapter else None
    config = (base or checkpoint).read_json("config.json")
    family = _family(checkpoint, base, adapter, config)
    if family:
        dim = _projection(checkpoint) or (_projection(base) if base else None)
        if dim is None:
            raise ModelUnavailable(
                f"The model at {checkpoint.folder} has no trained projection (custom_text_proj): it is a plain "
                f"{family.model_type} model or was not saved as safetensors; name a checkpoint trained for retrieval."
            )
        return Source(checkpoint, base, family, False, True, dim, family.geometry != "square")
    native = any(name in NATIVE for name in _names(config, "architectures"))
    if not adapter and (native or _is_multi_vector(checkpoint, config)):
        backbone = str(config.get("vlm_config", config).get("model_type"))
        modes = checkpoint.read_json("sentence_bert_config.json").get("modality_config") or {}
        images = native or (any("image" in mode or "message" in mode for mode in modes) and backbone in GEOMETRIES)
        resizes = images and GEOMETRIES.get(backbone) != "square"
        return Source(checkpoint, None, None, native, images, _sentence_dim(checkpoint, config), resizes)
    said = ", ".join(
        f"{key} {config[key]!r}" for key in ("architectures", "model_type", "processor_class") if config.get(key)
    )
    raise ModelUnavailable(
        f"The model at {checkpoint.folder} is of no known family (its config.json says {said or 'nothing'}); known are "
        f"{', '.join(FAMILIES)} of colpali-engine, {', '.join(NATIVE)} of transformers, and checkpoints that "
        "sentence-transformers saved as MultiVectorEncoder."
    )


def _base_of(checkpoint: Checkpoint, adapter: dict[str, Any], folder: Path | None) -> Checkpoint:
    name = adapter.get("base_model_name_or_path")
    if not name:
        raise ModelUnavailable(
            f"The adapter at {checkpoint.folder} does not name its base model (base_model_name_or_path in "
            "adapter_config.json); fetch it again, or merge it into its base."
        )
    at = f"@{adapter['revision']}" if adapter.get("revision") else ""
    try:
        return find_checkpoint(str(name), folder)
    except ModelUnavailable as error:
        try:
            if folder is not None:  # the hub's cache may have it all the same
                return find_checkpoint(f"{name}{at}")
        except ModelUnavailable:
            pass
        raise ModelUnavailable(
            f"The adapter {checkpoint.name} needs its base model {name}, which is not on this machine; "
            f"fetch it with: pagesight models pull {name}{at}"
        ) from error


def _family(
    checkpoint: Checkpoint, base: Checkpoint | None, adapter: dict[str, Any], config: dict[str, Any]
) -> Family | None:
    """By class name wherever files give one, else by processor; by model type only where an adapter trains it."""
    for name in (*_names(config, "architectures"), str((adapter.get("auto_mapping") or {}).get("base_model_class"))):
        if name in FAMILIES:
            return FAMILIES[name]
    model_type = config.get("model_type")
    alike = [family for family in FAMILIES.values() if family.model_type == model_type]
    named = {name for place in (checkpoint, base) if place for name in _processors(place)}
    if alike and (adapter or not _is_multi_vector(checkpoint, config)):
        return next((family for family in alike if adapter or family.processor in named), None)
    return None


def _processors(checkpoint: Checkpoint) -> Iterator[str]:
    for file in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json", "config.json"):
        yield str(checkpoint.read_json(file).get("processor_class"))


def _names(config: dict[str, Any], key: str) -> tuple[str, ...]:
    found = config.get(key)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _is_multi_vector(checkpoint: Checkpoint, config: dict[str, Any]) -> bool:
    said = checkpoint.read_json("config_sentence_transformers.json").get("model_type")
    # Others would get a projection of random numbers from sentence-transformers. PyLate writes "ColBERT".
    return said in ("MultiVectorEncoder", "ColBERT") or "HF_ColBERT" in _names(config, "architectures")


def _projection(checkpoint: Checkpoint) -> int | None:
    """Width of the rows: the projection's outputs, from the headers of the weights; an adapter has its second factor.

    Names come with prefixes that depend on who saved them: `base_model.model.custom_text_proj.weight`.
    """
    for file in sorted(checkpoint.folder.glob("*.safetensors")):
        for name, (_, shape) in tensor_shapes(file).items():
            parts = [part for part in name.split(".") if part not in ("base_model", "model", "default")]
            if parts[0] in _PROJECTIONS and len(shape) == 2 and "lora_A" not in parts:
                return int(shape[0])
    return None


def _sentence_dim(checkpoint: Checkpoint, config: dict[str, Any]) -> int:
    """Width of a sentence-transformers model's rows: its last dense layer's outputs, else its own projection's."""
    import json

    listing = checkpoint.folder / "modules.json"
    modules = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else []
    for module in reversed(modules):
        if str(module.get("type")).endswith("Dense"):
            return int(checkpoint.read_json(f"{module.get('path')}/config.json")["out_features"])
    dim = _projection(checkpoint) or config.get("embedding_dim") or config.get("hidden_size")
    if not isinstance(dim, int):
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} does not say how wide its rows are; save it anew with "
            "sentence-transformers 6."
        )
    return dim
