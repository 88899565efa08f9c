"""Tiny random checkpoints that sentence-transformers loads: a ColBERT, models of transformers, a model with a head.

Like `tiny_models.py`, which has those of colpali-engine, and the adapter.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_models
import torch
from tiny_models import CORPUS, HIDDEN, spread_weights

from pagesight.retrieval.encoders.visual_loading import quiet

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
)


def build(kind: str, folder: Path) -> Path:
    """Write a checkpoint of one of `KINDS`."""
    torch.manual_seed(7)
    KINDS[kind](folder)
    return folder


def native(family: str, folder: Path) -> None:
    """A `…ForRetrieval` model of transformers, as `save_pretrained` writes it."""
    import transformers

    theirs, processor = tiny_models.FAMILIES[family]()
    config = getattr(transformers, f"{family}Config")(vlm_config=theirs.config, embedding_dim=48)
    more = {"image_seq_len": 16} if family == "ColModernVBert" else {}
    own = getattr(transformers, f"{family}Processor")(processor.image_processor, processor.tokenizer, **more)
    own.tokenizer.padding_side = "left"
    model = getattr(transformers, f"{family}ForRetrieval")(config)
    spread_weights(model)
    model.save_pretrained(folder)
    own.save_pretrained(folder)


def colbert(folder: Path) -> None:
    """BERT with a head of 24 numbers: `[Q]` and `[D]`, questions filled up to 16 pieces, documents without commas."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore[reportAttributeAccessIssue]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[Q]", "[D]"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    template = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.post_processor = template  # pyright: ignore[reportAttributeAccessIssue]
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    )
    config = BertConfig(
        vocab_size=len(fast),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
    )
    bert = BertModel(config, add_pooling_layer=False)
    expansion = {"strategy": "fixed", "length": 16, "attend": False}
    marks = {"query_length": 16, "document_length": 40, "query_expansion": expansion}
    _save(folder, bert, fast, marks, {"query": "[Q] ", "document": "[D] "}, list(string.punctuation))


def with_head(folder: Path) -> None:
    """Qwen2-VL under sentence-transformers' own head, its pages in a chat template."""
    from transformers import Qwen2VLModel, Qwen2VLProcessor

    theirs, processor = tiny_models.FAMILIES["ColQwen2"]()
    pictures, videos = processor.image_processor, processor.video_processor
    _save(
        folder,
        Qwen2VLModel(theirs.config),
        Qwen2VLProcessor(pictures, processor.tokenizer, videos, chat_template=CHAT),
        {},
        {},
        [],
    )


def _save(folder: Path, model: Any, processor: Any, options: Any, prompts: Any, skiplist: list[str]) -> None:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    spread_weights(model)
    plain = folder.parent / f"{folder.name}-backbone"
    model.save_pretrained(plain)
    processor.save_pretrained(plain)
    tokens = "token_embeddings"
    head = Dense(HIDDEN, 24, bias=False, activation_function=torch.nn.Identity(), module_input_name=tokens)
    modules = [Transformer(str(plain), **options), head, MultiVectorMask(skiplist), Normalize(module_input_name=tokens)]
    MultiVectorEncoder(modules=modules, prompts=prompts, device="cpu").save_pretrained(str(folder))


def adapter(base: Path, folder: Path, *, whole: tuple[str, ...] = (), name: str | None = None) -> Path:
    """LoRA on a colpali-engine checkpoint of the ColQwen2 kind; `whole`: modules that it brings in full."""
    import colpali_engine.models
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(11)
    family = json.loads((base / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    model = getattr(colpali_engine.models, family).from_pretrained(base, local_files_only=True)
    targets = r".*language_model.*(q_proj|v_proj|down_proj)" + ("" if whole else "|custom_text_proj")
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False, modules_to_save=list(whole) or None
    )
    with quiet():  # peft 0.20 asks transformers 5.23 by an old name, which warns
        trained = get_peft_model(model, config)
    for weight in (w for n, w in trained.named_parameters() if "modules_to_save" in n):
        torch.nn.init.normal_(weight, 0, 0.3)
    trained.save_pretrained(str(folder))
    tiny_models.edit_json(folder / "adapter_config.json", base_model_name_or_path=name or str(base))
    return folder


KINDS: dict[str, Callable[[Path], None]] = {
    "ColPaliForRetrieval": lambda folder: native("ColPali", folder),
    "ColQwen2ForRetrieval": lambda folder: native("ColQwen2", folder),
    "ColModernVBertForRetrieval": lambda folder: native("ColModernVBert", folder),
    "ColBERT": colbert,
    "Qwen2-VL with a head": with_head,
}
