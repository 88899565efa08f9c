"""Tiny random checkpoints in open_clip's format: a ViT CLIP, a SigLIP and a CLIP that reads with XLM-RoBERTa.

Each function writes the folder that `open_clip.push_to_hf_hub.save_for_hf` writes, under 4 MB, the same every time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tiny_models
from PIL import Image

DIM = 16
PREPROCESS = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.26, 0.27], "interpolation": "bicubic"}


def clip(folder: Path, *, safe: bool = True) -> Path:
    """ViT and CLIP's own tokenizer, which open_clip carries. The preprocessing crops the middle."""
    config = {
        "embed_dim": DIM,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
    }
    return _save(folder, config, {**PREPROCESS, "resize_mode": "shortest"}, safe=safe)


def siglip(folder: Path) -> Path:
    """A timm tower, a tokenizer of transformers in the folder, a bias. The preprocessing squashes."""
    tokenizer = _tokenizer(pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    config = {
        "embed_dim": DIM,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 32,
            "timm_model_name": "test_vit",
            "timm_model_pretrained": False,
            "timm_pool": "token",
            "timm_proj": "linear",
        },
        "text_cfg": {
            "context_length": 24,
            "vocab_size": len(tokenizer),
            "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": 16,
            "heads": 2,
            "layers": 2,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
        },
    }
    tokenizer.save_pretrained(folder)
    return _save(folder, config, {**PREPROCESS, "resize_mode": "squash"})


def xlm_roberta(folder: Path) -> Path:
    """A text tower of transformers, whose configuration lies beside the weights as `config.json`."""
    from transformers import XLMRobertaConfig

    roles = {"pad_token": "<pad>", "eos_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>"}
    tokenizer = _tokenizer(**roles)
    sizes: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
    sizes |= {"num_attention_heads": 2, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    folder.mkdir(parents=True, exist_ok=True)
    XLMRobertaConfig(**sizes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = {
        "embed_dim": DIM,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8, "head_width": 32},
        "text_cfg": {
            "hf_model_name": "xlm-roberta-base",
            "hf_tokenizer_name": "xlm-roberta-base",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "mean_pooler",
        },
    }
    return _save(folder, config, {**PREPROCESS, "resize_mode": "longest"}, text_config=str(folder))


def _tokenizer(**roles: str) -> Any:
    """Ends every text with `</s>`, as T5's, Gemma's and XLM-RoBERTa's do: no text is without a piece."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = tiny_models.tokenizer_of([], **roles)
    end = tokenizer.convert_tokens_to_ids("</s>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    return tokenizer


def _save(
    folder: Path, config: dict[str, Any], preprocess: dict[str, Any], *, safe: bool = True, text_config: str = ""
) -> Path:
    import torch
    from open_clip.model import CLIP, CustomTextCLIP
    from safetensors.torch import save_file

    torch.manual_seed(7)
    parts = {key: value for key, value in config.items() if key != "custom_text"}
    if text_config:
        parts["text_cfg"] = {**parts["text_cfg"], "hf_model_name": text_config, "hf_model_pretrained": False}
    model = (CustomTextCLIP if "custom_text" in config or text_config else CLIP)(**parts)
    with torch.no_grad():  # the default initialisation is so small that all pictures would be alike
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    folder.mkdir(parents=True, exist_ok=True)
    if safe:
        save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    else:
        torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    saved = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(saved), encoding="utf-8")
    return folder


def edit_config(folder: Path, part: str, **changes: Any) -> None:
    """Change keys of `model_cfg[part]`, or of `model_cfg` itself; `None` removes one."""
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    place = config["model_cfg"][part] if part else config["model_cfg"]
    place.update(changes)
    for key in [key for key, value in place.items() if value is None]:
        del place[key]
    file.write_text(json.dumps(config), encoding="utf-8")


def picture(seed: int, width: int = 60, height: int = 40) -> Image.Image:
    """RGB noise in coarse patches."""
    numbers = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), np.uint8)
    return Image.fromarray(numbers).resize((width, height), Image.Resampling.NEAREST)
