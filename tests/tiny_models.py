"""Tiny random checkpoints of the real architectures, in the real formats: under 2 MB each, built from configurations.

`build(family, folder)` writes one with `save_pretrained`, its processor and tokenizer with it. Nothing is downloaded:
the tokenizer is a byte-level BPE trained on `CORPUS`. The same family is the same bytes every time (seeded).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HIDDEN = 32
CORPUS = (
    "tell me how much water do the pumps deliver per hour",
    "What was the revenue in Zürich? The revenue of the year rose by 12 % to 4,210 thousand.",
    "Die Größe der Fläche beträgt 12 m². Ventile und Pumpen; Wasser.",
    "Describe the image. Describe this image User Assistant Query user assistant model",
)
ROWS_AND_COLUMNS = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]


def tokenizer_of(special: list[str], **named: str) -> Any:
    """A fast byte-level BPE tokenizer; `special` are tokens of their own, `named` are those with a role (pad, bos…)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    tokens = [*dict.fromkeys([*special, *(value for name, value in named.items() if name.endswith("_token"))])]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def _qwen_tokenizer() -> Any:
    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    return tokenizer_of(special, pad_token="<|endoftext|>", eos_token="<|im_end|>")


def _qwen_ids(tokenizer: Any) -> dict[str, Any]:
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>"}
    names |= {"vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}


def _text(tokenizer: Any, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer) + 8,
        "hidden_size": HIDDEN,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "pad_token_id": tokenizer.pad_token_id,
        **more,
    }


def _qwen_pictures(patch: int) -> Any:
    from transformers import Qwen2VLImageProcessor

    unit = (2 * patch) ** 2
    return Qwen2VLImageProcessor(
        size={"shortest_edge": 4 * unit, "longest_edge": 24 * unit}, patch_size=patch, merge_size=2
    )


def colqwen2() -> tuple[Any, Any]:
    from colpali_engine.models import ColQwen2, ColQwen2Processor
    from transformers import Qwen2VLConfig, Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    config = Qwen2VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope),
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": HIDDEN, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
    )
    return ColQwen2(config), ColQwen2Processor(_qwen_pictures(14), tokenizer, Qwen2VLVideoProcessor())


def colqwen2_5() -> tuple[Any, Any]:
    from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
    from transformers import Qwen2_5_VLConfig, Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": HIDDEN}
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope),
        # windows of 2x2 merged patches: pages have several, so their order matters
        vision_config={**vision, "fullatt_block_indexes": [1], "window_size": 56},
        **_qwen_ids(tokenizer),
    )
    return ColQwen2_5(config), ColQwen2_5_Processor(_qwen_pictures(14), tokenizer, Qwen2VLVideoProcessor())


def _qwen3_vision() -> dict[str, Any]:
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": HIDDEN}
    return {**vision, "num_position_embeddings": 64, "patch_size": 16}


def colqwen3() -> tuple[Any, Any]:
    from colpali_engine.models import ColQwen3, ColQwen3Processor
    from transformers import Qwen3VLConfig, Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True, "rope_theta": 10000.0}
    config = Qwen3VLConfig(
        text_config=_text(tokenizer, head_dim=16, rope_parameters=rope),
        vision_config={**_qwen3_vision(), "deepstack_visual_indexes": [0, 1]},
        **_qwen_ids(tokenizer),
    )
    return ColQwen3(config), ColQwen3Processor(_qwen_pictures(16), tokenizer, Qwen3VLVideoProcessor())


def colqwen3_5() -> tuple[Any, Any]:
    from colpali_engine.models import ColQwen3_5, ColQwen3_5Processor
    from transformers import Qwen3_5Config, Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True, "rope_theta": 10000.0}
    linear = {"linear_key_head_dim": 8, "linear_value_head_dim": 8}
    linear |= {"linear_num_key_heads": 2, "linear_num_value_heads": 2}
    layers = ["linear_attention", "full_attention"]
    config = Qwen3_5Config(
        text_config=_text(
            tokenizer,
            head_dim=16,
            layer_types=layers,
            rope_parameters={**rope, "partial_rotary_factor": 0.5},
            **linear,
        ),
        vision_config=_qwen3_vision(),
        **_qwen_ids(tokenizer),
    )
    return ColQwen3_5(config), ColQwen3_5Processor(_qwen_pictures(16), tokenizer, Qwen3VLVideoProcessor())


def settings(kind: Any, **values: Any) -> Any:
    return kind(**values)  # the types of configurations do not name all that they take


def _tiles() -> Any:
    from transformers import Idefics3ImageProcessor

    return Idefics3ImageProcessor(size={"longest_edge": 4 * 56}, max_image_size={"longest_edge": 56})


def _idefics_tokenizer(start: str) -> Any:
    special = [start, "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    return tokenizer_of([*special, *ROWS_AND_COLUMNS], pad_token="<|im_end|>", eos_token="<end_of_utterance>")


def colidefics3() -> tuple[Any, Any]:
    from colpali_engine.models import ColIdefics3, ColIdefics3Processor
    from transformers import Idefics3Config

    tokenizer = _idefics_tokenizer("<|im_start|>")
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = settings(
        Idefics3Config,
        text_config={"model_type": "llama", **_text(tokenizer)},
        vision_config={**vision, "image_size": 56, "patch_size": 7},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    return ColIdefics3(config), ColIdefics3Processor(_tiles(), tokenizer, image_seq_len=16)


def colmodernvbert() -> tuple[Any, Any]:
    from colpali_engine.models import ColModernVBert, ColModernVBertProcessor

    config, tokenizer = _modernvbert()
    return ColModernVBert(config), ColModernVBertProcessor(_tiles(), tokenizer, image_seq_len=16)


def _modernvbert() -> tuple[Any, Any]:
    from transformers import ModernVBertConfig

    tokenizer = _idefics_tokenizer("<|begin_of_text|>")
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = dict.fromkeys(("bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id"), tokenizer.eos_token_id)
    text = {key: value for key, value in _text(tokenizer).items() if key != "num_key_value_heads"}
    config = ModernVBertConfig(
        text_config={"model_type": "modernbert", **text, **ids, "local_attention": 16},
        vision_config={"model_type": "siglip_vision_model", **vision, "image_size": 56, "patch_size": 7},
        pixel_shuffle_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    return config, tokenizer


def colpali() -> tuple[Any, Any]:
    from colpali_engine.models import ColPali, ColPaliProcessor
    from transformers import PaliGemmaConfig, SiglipImageProcessor

    tokenizer = tokenizer_of(["<image>"], pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")
    pictures: Any = SiglipImageProcessor(size={"height": 56, "width": 56})
    pictures.image_seq_length = 16
    processor = ColPaliProcessor(pictures, tokenizer)
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = settings(
        PaliGemmaConfig,
        text_config={"model_type": "gemma", **_text(tokenizer), "head_dim": 16},
        vision_config={
            "model_type": "siglip_vision_model",
            **vision,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        projection_dim=HIDDEN,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    return ColPali(config), processor


CHAT = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
)


def colgemma3() -> tuple[Any, Any]:
    from colpali_engine.models import ColGemma3, ColGemmaProcessor3
    from transformers import Gemma3Config, Gemma3ImageProcessor

    roles = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokenizer = tokenizer_of(
        ["<start_of_turn>", "<end_of_turn>", *roles.values()],
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        extra_special_tokens=roles,  # pyright: ignore[reportArgumentType]
    )
    tokenizer.chat_template = CHAT
    pictures = Gemma3ImageProcessor(size={"height": 56, "width": 56})
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config={**_text(tokenizer), "head_dim": 16, "layer_types": ["sliding_attention", "full_attention"]},
        vision_config={**vision, "image_size": 56, "patch_size": 7, "vision_use_head": False},
        mm_tokens_per_image=16,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )
    return ColGemma3(config), ColGemmaProcessor3(pictures, tokenizer, image_seq_length=16)


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "ColPali": colpali,
    "ColQwen2": colqwen2,
    "ColQwen2_5": colqwen2_5,
    "ColIdefics3": colidefics3,
    "ColModernVBert": colmodernvbert,
    "ColQwen3": colqwen3,
    "ColQwen3_5": colqwen3_5,
    "ColGemma3": colgemma3,
}


def build(family: str, folder: Path) -> Path:
    """Write a checkpoint of a colpali-engine family: what `from_pretrained` of its classes loads."""
    import torch

    torch.manual_seed(7)
    model, processor = FAMILIES[family]()
    spread_weights(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def spread_weights(model: Any) -> None:
    """Larger random numbers than the default initialisation has: with those all tokens of a page are alike.

    Attention in vision towers is kept weak: a patch shows mostly what is in it, as in a trained model.
    """
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weak = "vis" in name and ("out_proj" in name or "attn.proj" in name)
                weight.normal_(0, 0.02 if weak else 0.5 if "embed" in name else 0.3)


def edit_json(file: Path, **changes: Any) -> None:
    """Change keys of a JSON file; `None` removes one."""
    values = {**json.loads(file.read_text(encoding="utf-8")), **changes}
    file.write_text(json.dumps({k: v for k, v in values.items() if v is not None}), encoding="utf-8")
