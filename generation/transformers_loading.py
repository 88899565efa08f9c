"""Loading a vision-language model that writes, so that what is wrong with its files is said."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

from ..retrieval.checkpoints import Checkpoint
from ..retrieval.encoders.device import Runtime
from ..retrieval.encoders.visual_families import Source
from ..retrieval.encoders.visual_loading import explained
from ..retrieval.errors import GeneratorError, ModelUnavailable
from ..retrieval.profiles import ACTIVATIONS, check_fits, checkpoint_need

Bits = Literal[4, 8]

_UNUSED = ("pooler",)
"""Parts of vision towers that no answer passes through: checkpoints may come without them."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads prompts for a model: small, and enough to count with."""

    processor: Any
    config: Any

    @property
    def model_type(self) -> str:
        return str(self.config.model_type)

    @property
    def context(self) -> int | None:
        """Tokens that its positions reach to; `None` where they are relative."""
        found = getattr(self.config.get_text_config(decoder=True), "max_position_embeddings", None)
        return int(found) if found else None


def check_kind(checkpoint: Checkpoint, bits: Bits | None) -> None:
    """Refuse, by its files alone, what cannot be asked. Raises `ModelUnavailable`, `GeneratorError` for `bits`."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN

    config = checkpoint.read_json("config.json")
    kind = str(config.get("model_type", "of no known kind"))
    if not config and checkpoint.read_json("adapter_config.json"):
        raise ModelUnavailable(f"The model at {checkpoint.folder} is an adapter; merge it into its base model.")
    if kind not in KNOWN:
        own = "; it brings code of its own, which pagesight does not run" if "auto_map" in config else ""
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} ({kind}) is no vision-language model that transformers has{own}. Name "
            "another, such as Qwen/Qwen3-VL-4B-Instruct."
        )
    if bits is not None and importlib.util.find_spec("bitsandbytes") is None:
        raise GeneratorError(
            f"Running {checkpoint.name} in {bits} bits needs bitsandbytes, which is not installed; install it with: "
            "pip install bitsandbytes, or use the model's own numbers."
        )


def load_reader(checkpoint: Checkpoint, runtime: Runtime) -> Reader:
    """The checkpoint's processor and configuration. Raises `ModelUnavailable`."""
    from transformers import AutoConfig, AutoProcessor

    local = {"local_files_only": True, "trust_remote_code": False}
    with explained(_source(checkpoint), runtime):
        config = AutoConfig.from_pretrained(str(checkpoint.folder), **local)
        processor: Any = AutoProcessor.from_pretrained(str(checkpoint.folder), **local)
        if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
            raise ModelUnavailable(
                f"The model at {checkpoint.folder} has no processor for texts and pictures; fetch it again."
            )
        return Reader(processor, config)


def load_model(checkpoint: Checkpoint, runtime: Runtime, bits: Bits | None = None) -> Any:
    """The model with its weights on its device, set to write what it thinks likeliest.

    Raises `ModelUnavailable` when a weight is missing or has another shape than the configuration says, or when the
    memory that is free is not enough; that is said before anything is loaded.
    """
    from transformers import AutoModelForImageTextToText

    check_fits(_need(checkpoint, runtime, bits), runtime, role="generator", name=checkpoint.name)
    local = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    # transformers chooses SDPA by itself where a model has it, and refuses models without it when it is asked for
    how: dict[str, Any] = {} if runtime.attention == "sdpa" else {"attn_implementation": runtime.attention}
    if bits is not None:
        how |= {"quantization_config": _quantized(bits, runtime), "device_map": {"": runtime.device}}
    with explained(_source(checkpoint), runtime):
        # names and shapes first: missing weights are filled with random numbers and only warned of
        checked: Any = AutoModelForImageTextToText.from_pretrained(
            str(checkpoint.folder), device_map="meta", output_loading_info=True, ignore_mismatched_sizes=True, **local
        )
        _refuse(checkpoint, checked[1])
        model: Any = AutoModelForImageTextToText.from_pretrained(
            str(checkpoint.folder), dtype=runtime.torch_dtype, **how, **local
        )
        if bits is None:
            model = model.to(runtime.device)
        _decode_greedily(model)
        return model.eval()


def _refuse(checkpoint: Checkpoint, info: dict[str, Any]) -> None:
    missing = sorted(name for name in info["missing_keys"] if not set(_UNUSED) & set(name.split(".")))
    names = missing or sorted(str(key[0]) for key in info["mismatched_keys"])
    if names:
        what = "are not in its weights" if missing else "have another shape in its weights"
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} is not whole: {len(names)} tensors of its configuration {what} "
            f"({', '.join(names[:3])}{', …' if len(names) > 3 else ''}); fetch it again."
        )


def _decode_greedily(model: Any) -> None:
    """The likeliest token each time; what the checkpoint says of sampling would only be warned of."""
    chosen = model.generation_config
    chosen.do_sample, chosen.num_beams = False, 1
    for name in ("temperature", "top_p", "top_k", "min_p", "typical_p", "max_length", "max_new_tokens"):
        setattr(chosen, name, None)
    if chosen.pad_token_id is None:
        end = chosen.eos_token_id
        chosen.pad_token_id = end[0] if isinstance(end, list) and end else end


def _need(checkpoint: Checkpoint, runtime: Runtime, bits: Bits | None) -> int:
    """Bytes in memory; quantised weights take their share of those in 16 bits."""
    if bits is None:
        return checkpoint_need(checkpoint, runtime.dtype, "generator")
    passing = int(ACTIVATIONS["generator"])
    return (checkpoint_need(checkpoint, "bfloat16", "generator") - passing) * bits // 16 + passing


def _quantized(bits: Bits, runtime: Runtime) -> Any:
    from transformers import BitsAndBytesConfig

    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=runtime.torch_dtype)


def _source(checkpoint: Checkpoint) -> Source:
    """What `explained` names in its errors."""
    return Source(checkpoint, None, None, native=False, images=True, dim=0, resizes=False)
