"""Rerankers' checkpoints: what their files say of them, and loading them so that what is missing is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from .checkpoints import Checkpoint
from .encoders.device import Runtime
from .encoders.visual_loading import is_out_of_memory, quiet
from .errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Load: TypeAlias = "Callable[[Checkpoint, Runtime], CrossEncoder]"

YES_NO = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""Model types that are asked for yes or no when their checkpoint does not say how to rerank with it."""
INSTRUCTION = "Given a search query, retrieve relevant candidates that answer the query."
_RELEVANT = ("relevant", "yes", "true", "positive", "1", "label_1")

# The prompt that Qwen3-VL-Reranker was trained with (its model card), for the roles of sentence-transformers' pairs.
# Its newlines are written out: transformers drops one after a block, and Jinja one at the end.
YES_NO_TEMPLATE = (
    "<|im_start|>system\n"
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
    f"<Instruct>: {INSTRUCTION}"
    "{% for message in messages %}"
    "{% if message['role'] == 'query' %}<Query>:{% else %}{{ '\\n<Document>:' }}{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}<|im_end|>\n"
    "<|im_start|>assistant{{ '\\n' }}"
)


def sees(checkpoint: Checkpoint) -> bool:
    """Whether it is shown pages' pictures: it has an eye, and was not made a reranker of texts alone."""
    looks_at = checkpoint.read_json("sentence_bert_config.json").get("modality_config")
    return "vision_config" in _config(checkpoint) and (looks_at is None or "image" in json.dumps(list(looks_at)))


def brings_modules(checkpoint: Checkpoint) -> bool:
    """Whether sentence-transformers saved it, with what follows the model. Raises when a module is code of its own."""
    modules = _modules(checkpoint)
    foreign = [str(module.get("type")) for module in modules]
    foreign = [name for name in foreign if not name.startswith("sentence_transformers.")]
    if foreign:
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} brings code of its own ({foreign[0]}), which pagesight does not run; "
            "name a reranker that needs none."
        )
    return bool(modules)


def relevant_label(checkpoint: Checkpoint) -> int | None:
    """Which of two labels says that a text is relevant; `None` for a model of one score.

    Raises `ModelUnavailable` for more labels, for two of which none says it, and for what is no cross-encoder.
    """
    config, own = _config(checkpoint), brings_modules(checkpoint)
    if not own and not _architecture(config).endswith("ForSequenceClassification"):
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} ({_architecture(config)}) is no reranker that pagesight can run: it is "
            "no sequence classifier and has no modules.json of sentence-transformers. Try BAAI/bge-reranker-v2-m3."
        )
    if own and len(_modules(checkpoint)) > 1:
        return None  # the model's logits or states go through further modules, to one score
    names = {int(number): str(name) for number, name in (config.get("id2label") or {}).items()}
    # transformers leaves out what is its default, and its default is two labels
    if (len(names) or 2) == 1:
        return None
    names = names or {0: "LABEL_0", 1: "LABEL_1"}
    relevant = [number for number, name in names.items() if name.lower() in _RELEVANT]
    if sorted(names) != [0, 1] or len(relevant) != 1:
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} sorts pairs into {', '.join(names.values())}: it does not say "
            "which of two means relevant. Name a reranker, such as BAAI/bge-reranker-v2-m3."
        )
    return relevant[0]


def check_yes_no(checkpoint: Checkpoint) -> None:
    """Raises `ModelUnavailable` when it is not a vision-language model that can be asked for yes or no."""
    config = _config(checkpoint)
    if config.get("model_type") not in YES_NO or not _architecture(config).endswith("ForConditionalGeneration"):
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} ({_architecture(config)}) is no reranker of pictures that pagesight can "
            "run: it has no modules.json of sentence-transformers and is no Qwen-VL model. Try "
            "Qwen/Qwen3-VL-Reranker-2B."
        )


def load_whole(
    checkpoint: Checkpoint, runtime: Runtime, load: Load, labels: int, example: Callable[[], Any]
) -> CrossEncoder:
    """Load, and try it on an example. `labels`: how many scores it gives a pair, by its configuration.

    Raises `ModelUnavailable`, in one line, for whatever of its files is missing or does not fit.
    """
    try:
        with quiet():
            model = load(checkpoint, runtime)
            _check_weights(checkpoint, model)
            # a chat template that drops the question, or a processor that is not there, shows here
            found = model.eval().predict([example()], show_progress_bar=False)
    except ModelUnavailable:
        raise
    except (OSError, ValueError, RuntimeError, MemoryError, LookupError, TypeError, AttributeError) as error:
        raise _unavailable(checkpoint, runtime, error) from error
    except (ImportError, AssertionError) as error:
        raise _unavailable(checkpoint, runtime, error) from error
    if found.size != labels:
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} gives {found.size} scores a pair, not {labels}; name a reranker."
        )
    return model


def load_cross_encoder(checkpoint: Checkpoint, runtime: Runtime) -> CrossEncoder:
    from sentence_transformers import CrossEncoder

    # Flash attention only where it is known to be there: DeBERTa, of which rerankers are made, refuses even `sdpa`.
    attention = {"attn_implementation": runtime.attention} if sees(checkpoint) else {}
    return CrossEncoder(
        str(checkpoint.folder),
        device=runtime.device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": runtime.torch_dtype, **attention},
    )


def load_yes_no(checkpoint: Checkpoint, runtime: Runtime) -> CrossEncoder:
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    local = {"local_files_only": True, "trust_remote_code": False}
    body = Transformer(
        str(checkpoint.folder),
        transformer_task="any-to-any",
        model_kwargs={**local, "dtype": runtime.torch_dtype, "attn_implementation": runtime.attention},
        processor_kwargs={**local, "chat_template": YES_NO_TEMPLATE},
        config_kwargs=dict(local),
    )
    yes, no = (_piece(checkpoint, body.tokenizer, word) for word in ("yes", "no"))
    return CrossEncoder(modules=[body, LogitScore(yes, no)], device=runtime.device, local_files_only=True)


def _piece(checkpoint: Checkpoint, tokenizer: Any, word: str) -> int:
    pieces = tokenizer(word, add_special_tokens=False)["input_ids"]
    if len(pieces) != 1:
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} cannot be asked for yes or no: its tokenizer has no piece {word!r}."
        )
    return int(pieces[0])


def _check_weights(checkpoint: Checkpoint, model: CrossEncoder) -> None:
    """Refuse weights that were filled with random numbers: loading itself only warns of what is missing."""
    body: Any = next(iter(model))
    modules = _modules(checkpoint)
    folder = checkpoint.folder / (str(modules[0].get("path", "")) if modules else "")
    # on the `meta` device nothing is read but names and shapes
    _, info = type(body.model).from_pretrained(
        str(folder), config=body.model.config, device_map="meta", local_files_only=True, output_loading_info=True
    )
    if info["missing_keys"]:
        names = sorted(info["missing_keys"])
        raise ModelUnavailable(
            f"The model at {checkpoint.folder} is no reranker or not whole: {len(names)} tensors of it are not in its "
            f"weights ({', '.join(names[:3])}); fetch it again, or name one that was trained to rerank."
        )


def _unavailable(checkpoint: Checkpoint, runtime: Runtime, error: BaseException) -> ModelUnavailable:
    if is_out_of_memory(error):
        return ModelUnavailable(
            f"There is no room for the reranker {checkpoint.name} on {runtime.device}; free memory there, choose a "
            "smaller one, or set PAGESIGHT_RERANKER=off."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ModelUnavailable(
        f"The reranker at {checkpoint.folder} cannot be loaded: {(lines or [type(error).__name__])[0][:200]}; fetch it "
        "again, or name another."
    )


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    config = checkpoint.read_json("config.json")
    if not config:
        adapter = bool(checkpoint.read_json("adapter_config.json"))
        what = "is an adapter; merge it into its base model" if adapter else "has no config.json; name another"
        raise ModelUnavailable(f"The model at {checkpoint.folder} {what} to rerank with it.")
    return config


def _architecture(config: dict[str, Any]) -> str:
    return str((config.get("architectures") or [config.get("model_type", "of no known kind")])[0])


def _modules(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """What `modules.json` lists, `[]` when there is none."""
    file = checkpoint.folder / "modules.json"
    if not file.is_file():
        return []
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelUnavailable(f"{file} is damaged ({error}); fetch the model again.") from error
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelUnavailable(f"{file} is damaged (not a list of modules); fetch the model again.")
    return modules
