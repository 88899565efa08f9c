"""Tiny random vision-language models that write, of the real architectures and in the real formats: under 1 MB each.

`build(family, folder)` writes one with its processor, tokenizer and a chat template of its family's kind; BLIP-2 and
InstructBLIP have none. The same family is the same bytes every time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_models
from tiny_models import HIDDEN, settings, spread_weights, tokenizer_of

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# LLaVA's kind: pictures before texts, roles as words
ROLES = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'].upper() }}: "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }} {% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_VISION: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}


def _text(tokenizer: Any, **more: Any) -> dict[str, Any]:
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    return {**tiny_models._text(tokenizer), **ends, **more}


def qwen2_5_vl() -> tuple[Any, Any]:
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = tiny_models._qwen_tokenizer()
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": HIDDEN}
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope),
        vision_config={**vision, "fullatt_block_indexes": [1], "window_size": 56},
        **tiny_models._qwen_ids(tokenizer),
    )
    template = CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    pictures = tiny_models._qwen_pictures(14)
    processor = Qwen2_5_VLProcessor(pictures, tokenizer, Qwen2VLVideoProcessor(), chat_template=template)
    return Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> tuple[Any, Any]:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor

    tokenizer = tiny_models._qwen_tokenizer()
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True, "rope_theta": 10000.0}
    config = Qwen3VLConfig(
        text_config=_text(tokenizer, head_dim=16, rope_parameters=rope),
        vision_config={**tiny_models._qwen3_vision(), "deepstack_visual_indexes": [0, 1]},
        tie_word_embeddings=True,
        **tiny_models._qwen_ids(tokenizer),
    )
    # Thinking checkpoints' kind: the prompt begins the thought
    template = CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    template = template.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
    pictures = tiny_models._qwen_pictures(16)
    processor = Qwen3VLProcessor(pictures, tokenizer, Qwen3VLVideoProcessor(), chat_template=template)
    return Qwen3VLForConditionalGeneration(config), processor


def llava() -> tuple[Any, Any]:
    from tokenizers.processors import TemplateProcessing
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = tokenizer_of(["<image>"], pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    # Llama's puts its first token before every text, which the chat template has done already
    start = ("<s>", tokenizer.convert_tokens_to_ids("<s>"))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[start])
    config = settings(
        LlavaConfig,
        text_config={"model_type": "llama", **_text(tokenizer)},
        vision_config={"model_type": "clip_vision_model", **_VISION, "num_hidden_layers": 3, "image_size": 56}
        | {"patch_size": 14, "projection_dim": 16},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    processor: Any = LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=14,  # pyright: ignore[reportArgumentType]
        vision_feature_select_strategy="default",  # pyright: ignore[reportArgumentType]
        num_additional_image_tokens=1,
        chat_template=ROLES,  # pyright: ignore[reportArgumentType]
    )
    return LlavaForConditionalGeneration(config), processor


IDEFICS = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
_TILES: dict[str, Any] = {"size": {"longest_edge": 4 * 56}, "max_image_size": {"longest_edge": 56}}


def _idefics_config(kind: Any, tokenizer: Any) -> Any:
    return settings(
        kind,
        text_config={"model_type": "llama", **_text(tokenizer)},
        vision_config={**_VISION, "num_hidden_layers": 1, "image_size": 56, "patch_size": 7},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )


def idefics3() -> tuple[Any, Any]:
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor

    tokenizer = tiny_models._idefics_tokenizer("<|im_start|>")
    processor: Any = Idefics3Processor(tiny_models._tiles(), tokenizer, image_seq_len=16, chat_template=IDEFICS)
    return Idefics3ForConditionalGeneration(_idefics_config(Idefics3Config, tokenizer)), processor


def smolvlm() -> tuple[Any, Any]:
    """Its processor needs `num2words`."""
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    tokenizer = tiny_models._idefics_tokenizer("<|im_start|>")
    seconds = {"fps": 1, "max_frames": 4, "video_size": {"longest_edge": 56}}
    processor: Any = SmolVLMProcessor(
        SmolVLMImageProcessor(**_TILES),
        tokenizer,
        settings(SmolVLMVideoProcessor, **_TILES, video_sampling=seconds),
        image_seq_len=16,
        chat_template=IDEFICS,
    )
    return SmolVLMForConditionalGeneration(_idefics_config(SmolVLMConfig, tokenizer)), processor


def internvl() -> tuple[Any, Any]:
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    roles = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    roles |= {"video_token": "<video>"}
    tokenizer = tokenizer_of(
        ["<|im_start|>", *roles.values()],
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        extra_special_tokens=roles,  # pyright: ignore[reportArgumentType]
    )
    config = settings(
        InternVLConfig,
        text_config={"model_type": "qwen2", **_text(tokenizer)},
        vision_config={**_VISION, "num_hidden_layers": 1, "image_size": [56, 56], "patch_size": [14, 14]},
        image_seq_length=4,
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
    )
    tiles: dict[str, Any] = {"size": {"height": 56, "width": 56}, "max_patches": 4}
    processor: Any = InternVLProcessor(
        GotOcr2ImageProcessor(**tiles),
        tokenizer,
        InternVLVideoProcessor(size=tiles["size"]),
        image_seq_length=4,
        chat_template=CHATML.replace("IMAGE", "<IMG_CONTEXT>\n"),
    )
    return InternVLForConditionalGeneration(config), processor


def _blip_parts(kind: str) -> tuple[Any, dict[str, Any]]:
    tokenizer = tokenizer_of(["<image>"], pad_token="<pad>", bos_token="</s>", eos_token="</s>")
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2}
    return tokenizer, {
        "vision_config": {**_VISION, "num_hidden_layers": 1, "image_size": 56, "patch_size": 14},
        "qformer_config": {**sizes, "vocab_size": 600, "encoder_hidden_size": 32, "cross_attention_frequency": 1},
        "num_query_tokens": 8,
        "image_token_index": tokenizer.convert_tokens_to_ids("<image>"),
        "text_config": {"model_type": kind, **_text(tokenizer)},
    }


def blip_2() -> tuple[Any, Any]:
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    tokenizer, parts = _blip_parts("opt")
    parts["text_config"] |= {"ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": 2048}
    pictures = BlipImageProcessor(size={"height": 56, "width": 56})
    return Blip2ForConditionalGeneration(settings(Blip2Config, **parts)), Blip2Processor(pictures, tokenizer, 8)


def instructblip() -> tuple[Any, Any]:
    from transformers import (
        BlipImageProcessor,
        InstructBlipConfig,
        InstructBlipForConditionalGeneration,
        InstructBlipProcessor,
    )

    tokenizer, parts = _blip_parts("llama")
    look = tokenizer_of([], pad_token="[PAD]")
    pictures = BlipImageProcessor(size={"height": 56, "width": 56})
    model = InstructBlipForConditionalGeneration(settings(InstructBlipConfig, **parts))
    return model, InstructBlipProcessor(pictures, tokenizer, look, 8)


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "llava": llava,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "internvl": internvl,
    "blip_2": blip_2,
    "instructblip": instructblip,
}


def build(family: str, folder: Path) -> Path:
    """Write a checkpoint: what `from_pretrained` of transformers' `Auto` classes loads."""
    import torch

    torch.manual_seed(7)
    model, processor = FAMILIES[family]()
    spread_weights(model)
    model.generation_config.do_sample = True  # as most checkpoints say
    model.generation_config.temperature = 0.7
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
