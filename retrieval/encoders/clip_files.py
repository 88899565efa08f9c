"""Checkpoints in open_clip's format: which files a name stands for, and whether they fit each other."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from ..checkpoints import Checkpoint, find_checkpoint, tensor_shapes
from ..errors import ModelUnavailable

CONFIG = "open_clip_config.json"
_TOKENIZERS = (
    *("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"),
    *("vocab.txt", "vocab.json"),
)
_CLIP_PIECES = 49408
"""Pieces of the tokenizer that open_clip carries and takes where a configuration names none."""


def find_clip(model: str, folder: Path | None) -> Checkpoint:
    if not Path(model).expanduser().is_dir():
        model = model.removeprefix("hf-hub:") if model.startswith("hf-hub:") else _repository(model)
    return find_checkpoint(model, folder)


def _repository(model: str) -> str:
    """`ViT-B-32/laion2b_s34b_b79k`, open_clip's name of a checkpoint, as the hub repository that holds it."""
    architecture, _, tag = model.partition("/")
    spec = importlib.util.find_spec("open_clip")  # looks for the folder, imports nothing
    places = list(spec.submodule_search_locations or []) if spec else []
    if not tag or not any((Path(place) / "model_configs" / f"{architecture}.json").is_file() for place in places):
        return model
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    config = get_pretrained_cfg(architecture, tag)
    if not config:
        known = ", ".join(list_pretrained_tags_by_model(architecture)) or "none"
        raise ModelUnavailable(f"open_clip knows no weights {tag!r} of {architecture}; it knows: {known}.")
    repository = "/".join(config.get("hf_hub", "").split("/")[:2])
    if not repository:
        raise ModelUnavailable(f"open_clip's {model} is in no repository of the hub; name a folder that holds it.")
    return repository


def check_files(checkpoint: Checkpoint) -> int:
    """The length of the vectors, from the configuration. Raises `ModelUnavailable` when files are missing."""
    config = checkpoint.read_json(CONFIG)
    if not config:
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} has no {CONFIG}: it is not in open_clip's format. Name one that is, "
            "such as laion/CLIP-ViT-B-32-laion2B-s34B-b79K."
        )
    try:
        dim, text = int(config["model_cfg"]["embed_dim"]), dict(config["model_cfg"]["text_cfg"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"{checkpoint.folder / CONFIG} is damaged (embed_dim or text_cfg is missing); fetch the model again."
        ) from error
    named = text.get("hf_tokenizer_name")
    # open_clip looks for the tokenizer of a local folder in that folder only, whatever the name says
    if named and not any((checkpoint.folder / file).is_file() for file in _TOKENIZERS):
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} lacks its tokenizer; put the tokenizer files of {named} "
            "(tokenizer.json, tokenizer_config.json) beside its weights."
        )
    if not named and text.get("vocab_size", _CLIP_PIECES) != _CLIP_PIECES:
        raise ModelUnavailable(
            f"{checkpoint.folder / CONFIG} names no tokenizer (hf_tokenizer_name) for its {text['vocab_size']} pieces; "
            "fetch a newer revision of the model."
        )
    return dim


def text_tower(checkpoint: Checkpoint, text: dict[str, Any]) -> dict[str, Any]:
    """A text tower that is a transformers model, with its configuration from this machine: open_clip asks the hub."""
    named = text.get("hf_model_name")
    if not named:
        return {}
    place = checkpoint.folder
    if "model_type" not in checkpoint.read_json("config.json"):
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(named, "config.json")
        if not isinstance(cached, str):
            raise ModelUnavailable(
                f"The model at {checkpoint.folder} reads texts with {named}, whose config.json is not on this machine; "
                f"put it beside the weights, or fetch it with: pagesight models pull {named}"
            )
        place = Path(cached).parent
    return {"text_cfg": {**text, "hf_model_name": str(place), "hf_model_pretrained": False}}


def check_shapes(checkpoint: Checkpoint, model: Any) -> None:
    """Refuse weights of another size. open_clip loads strictly, except that it stretches position embeddings to fit."""
    stored = _stored_shapes(checkpoint)
    for name, weight in model.state_dict().items():
        shape = stored.get(name)
        if shape is not None and "positional_embedding" in name and shape != tuple(weight.shape):
            raise ModelUnavailable(
                f"The model at {checkpoint.folder} does not fit its {CONFIG}: {name} is {shape} in its weights and "
                f"{tuple(weight.shape)} by its configuration; fetch it again."
            )


def _stored_shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    from open_clip.factory import _find_checkpoint_in_dir, load_state_dict

    file = Path(_find_checkpoint_in_dir(checkpoint.folder) or "")
    if file.suffix == ".safetensors":
        return {name: shape for name, (_, shape) in tensor_shapes(file).items()}
    weights: Any = load_state_dict(str(file), device="meta")  # `meta`: tensors have a shape and no numbers
    return {name: tuple(weight.shape) for name, weight in weights.items()}
