"""Tiny random rerankers of the real architectures, in the formats that are on the hub: under 1 MB each.

The same function writes the same checkpoint every time.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tiny_models
from PIL import Image


def bert(folder: Path, labels: list[str] | None = None, *, head: bool = True) -> Path:
    """A BERT cross-encoder as most are: `config.json`, weights, tokenizer. `labels`: their names; one, when `None`.

    Without a `head` it is the bare encoder, which was not trained to rerank.
    """
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    roles = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = tiny_models.tokenizer_of([], **roles, model_max_length=128)  # pyright: ignore[reportArgumentType]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.convert_tokens_to_ids(token)) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    sizes: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 2, "vocab_size": len(tokenizer), "max_position_embeddings": 128}
    config = BertConfig(**sizes, pad_token_id=tokenizer.pad_token_id, id2label=dict(enumerate(labels or ["LABEL_0"])))
    _save(BertForSequenceClassification(config) if head else BertModel(config), folder)
    tokenizer.save_pretrained(folder)
    return folder


def qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL with pieces for yes and no, as Qwen3-VL-Reranker came out first: without `modules.json`."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor

    tokenizer = tiny_models._qwen_tokenizer()
    tokenizer.add_tokens(["yes", "no"])
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True, "rope_theta": 10000.0}
    config = Qwen3VLConfig(
        text_config=tiny_models._text(tokenizer, head_dim=16, rope_parameters=rope),
        vision_config={**tiny_models._qwen3_vision(), "deepstack_visual_indexes": [0, 1]},
        tie_word_embeddings=True,
        **tiny_models._qwen_ids(tokenizer),
    )
    _save(Qwen3VLForConditionalGeneration(config), folder)
    Qwen3VLProcessor(
        tiny_models._qwen_pictures(16), tokenizer, Qwen3VLVideoProcessor(), chat_template="{{ messages[0]['content'] }}"
    ).save_pretrained(folder)
    return folder


def all_of(folder: Path) -> dict[str, Path]:
    """By kind, below `folder`; `…-saved` is what sentence-transformers makes of the one without."""
    from sentence_transformers import CrossEncoder

    from pagesight.retrieval.checkpoints import find_checkpoint
    from pagesight.retrieval.encoders.device import Runtime
    from pagesight.retrieval.reranker_loading import load_yes_no

    made = {
        "bert": bert(folder / "bert"),
        "bert2": bert(folder / "bert2", ["irrelevant", "relevant"]),
        "qwen": qwen3_vl(folder / "qwen"),
    }
    CrossEncoder(str(made["bert"]), device="cpu").save_pretrained(str(folder / "bert-saved"))
    load_yes_no(find_checkpoint(str(made["qwen"])), Runtime("cpu")).save_pretrained(str(folder / "qwen-saved"))
    return made | {name: folder / name for name in ("bert-saved", "qwen-saved")}


def webp(seed: int, width: int = 96, height: int = 128) -> bytes:
    """A picture of coarse noise, as a page's file."""
    numbers = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), np.uint8)
    saved = io.BytesIO()
    Image.fromarray(numbers).resize((width, height)).save(saved, "WEBP", lossless=True)
    return saved.getvalue()


def _save(model: Any, folder: Path) -> None:
    import torch

    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():  # the default initialisation is so small that all pages would score alike
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=generator)
    model.save_pretrained(folder)
