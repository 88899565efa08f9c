"""Loading weights through transformers, so that what is wrong with them is said and never papered over."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..checkpoints import tensor_shapes
from ..errors import ModelUnavailable
from .device import Runtime
from .visual_families import Source

if TYPE_CHECKING:
    from torch.nn import Module

_UNUSED = ("lm_head", "pooler")
"""Parts that no row passes through: checkpoints may come without them."""

_QUIET = RLock()

_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no room; torch says so in three ways."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _MEMORY)


def no_room(source: Source, runtime: Runtime) -> ModelUnavailable:
    return ModelUnavailable(
        f"There is no room for the model {source.checkpoint.name} on {runtime.device}; free memory there, choose a "
        "smaller model, or set PAGESIGHT_DEVICE=cpu."
    )


def free_cache() -> None:
    """Give back what torch keeps of a GPU's memory for later: pieces too small for what comes next."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load_model(model_class: Any, source: Source, runtime: Runtime, trust_remote_code: bool) -> Module:
    """A colpali-engine model with its weights, and its adapter, on its device, ready to infer.

    Raises `ModelUnavailable` when a weight is missing, has another shape than the configuration says, or finds no room.
    """
    checkpoint = source.base or source.checkpoint
    with explained(source, runtime):
        check_weights(model_class, checkpoint.folder, source, trust_remote_code)
        # With an adapter transformers is given the base and told where the adapter is: by itself it would look for
        # the base under the name that the adapter was trained with, on the hub.
        adapter = {"adapter_kwargs": {"_adapter_model_path": str(source.checkpoint.folder)}} if source.base else {}
        model, info = model_class.from_pretrained(
            str(checkpoint.folder),
            dtype=runtime.torch_dtype,
            attn_implementation=runtime.attention,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
            **adapter,
        )
        _refuse(source, info, supplied=())
        _drop_heads(model)
        return model.to(runtime.device).eval()


def check_weights(model_class: Any, folder: Path, source: Source, trust_remote_code: bool) -> None:
    """Compare the names and shapes of the weights with the model that the configuration describes.

    transformers fills what is missing with random numbers and warns in its log: a projection of random numbers ranks
    pages at random. On the `meta` device nothing is read but headers.
    """
    _, info = model_class.from_pretrained(
        str(folder),
        device_map="meta",
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=trust_remote_code,
        output_loading_info=True,
    )
    _refuse(source, info, supplied=_whole_weights(source) if source.base else ())


def _drop_heads(model: Module) -> None:
    """Take out language-model heads, which nobody reads here.

    ColPali computes logits of all tokens with its head: 1 GB a page at 257,000 words. And colpali-engine 0.3.18 does
    not tie it to the embeddings, so that after loading it still is on the `meta` device and `to` fails.
    """
    from torch.nn import Identity

    for name, _ in list(model.named_modules()):
        parent, _, last = name.rpartition(".")
        if last == "lm_head":
            setattr(model.get_submodule(parent), last, Identity())


def _refuse(source: Source, info: dict[str, Any], supplied: Collection[str]) -> None:
    missing = sorted(
        name
        for name in info["missing_keys"]
        if not any(part in name.split(".") for part in _UNUSED) and name.rpartition(".")[0] not in supplied
    )
    if missing or info["mismatched_keys"]:
        names = missing or sorted(str(key[0]) for key in info["mismatched_keys"])
        what = "are not in its weights" if missing else "have another shape in its weights"
        raise ModelUnavailable(
            f"The model at {source.checkpoint.folder} is not whole: {len(names)} tensors of its configuration {what} "
            f"({', '.join(names[:3])}{', …' if len(names) > 3 else ''}); fetch it again, or name a checkpoint that "
            "was trained for retrieval."
        )


def _whole_weights(source: Source) -> set[str]:
    """Modules that an adapter brings whole (peft's `modules_to_save`): its base need not have them."""
    names = {name for file in source.checkpoint.folder.glob("*.safetensors") for name in tensor_shapes(file)}
    whole = (name.removeprefix("base_model.model.") for name in names if ".lora_" not in name)
    return {name.replace("modules_to_save.", "").rpartition(".")[0] for name in whole}


@contextmanager
def explained(source: Source, runtime: Runtime) -> Iterator[None]:
    """Turn what transformers, peft and torch raise while loading into one line for people."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    with quiet():
        try:
            yield
        except ModelUnavailable:
            raise
        except ImportError as error:
            raise ModelUnavailable(
                f"The model {source.checkpoint.name} needs a library that is not here: {_line(error)}"
            ) from error
        except (
            # a damaged or foreign file surfaces as any of these, wherever transformers first trips over it
            *(OSError, ValueError, RuntimeError, MemoryError, KeyError, TypeError, AttributeError),
            *(StrictDataclassError, SafetensorError),
        ) as error:
            if is_out_of_memory(error):
                raise no_room(source, runtime) from error
            if runtime.on_gpu and any(sign in str(error).lower() for sign in ("cuda", "nvidia", "mps")):
                raise ModelUnavailable(
                    f"The model {source.checkpoint.name} cannot run on {runtime.device}: {_line(error)}; "
                    "set PAGESIGHT_DEVICE=cpu."
                ) from error
            raise ModelUnavailable(
                f"The model at {source.checkpoint.folder} cannot be loaded: {_line(error)}; its files do not fit each "
                "other or this version of transformers. Fetch it again."
            ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' and sentence-transformers' reports off the terminal: what matters in them is raised here.

    One thread at a time: filters of warnings and levels of loggers belong to the process, and two threads that set
    and restore them in turn would leave them set.
    """
    from transformers.utils import logging as their_logging

    with _QUIET:
        yield from _hushed(their_logging)


def _hushed(their_logging: Any) -> Iterator[None]:
    their_logging.disable_progress_bar()  # a bar for every file of weights, also where stderr is a log
    # "You are using a model of type …", the load report, and advice on kernels that are not installed
    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers", "peft")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # deprecations inside transformers and peft, of calls that they make themselves
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            # scipy takes the pooler's rows of similarities, which it means, for a matrix of distances
            warnings.filterwarnings("ignore", "The symmetric non-negative hollow observation")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _line(error: BaseException) -> str:
    """The first line of an error's message that says something, kept short."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in lines if "size mismatch" in line or "shape" in line), lines[0] if lines else "")
    return (text or type(error).__name__)[:200]
