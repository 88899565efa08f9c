"""Pictures and texts in one space: CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023), over open_clip 3."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoints import Checkpoint
from ..errors import ModelUnavailable
from ..types import EncoderId, Vectors
from .clip_files import CONFIG, check_files, check_shapes, find_clip, text_tower
from .device import Runtime, choose_runtime
from .sentence import unit_rows
from .visual_batches import Batches
from .visual_loading import is_out_of_memory, quiet

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

MOST_STRETCHED = 50
"""Longer side to shorter. A checkpoint that scales the shorter side to 224 would make 3 GB of a hairline 20,000 long,
to keep the square in its middle: what is longer is cut to this, around the middle, first."""
_PRECISION = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: Any
    prepare: Callable[[Image], torch.Tensor]
    tokenize: Callable[[list[str]], torch.Tensor]
    runtime: Runtime


class ClipEncoder:
    """A checkpoint in open_clip's format. Keeps the `ImageEncoder` contract; safe to share between threads.

    The model is loaded at its first use; the `id` needs its files alone.
    """

    def __init__(
        self, model: str, *, runtime: Runtime | None = None, folder: Path | None = None, batch: int | None = None
    ) -> None:
        """`model`: a folder that holds `open_clip_config.json` and weights; `owner/name[@revision]` or
        `hf-hub:owner/name[@revision]`, found below `folder` or in the hub's cache; or open_clip's
        `architecture/pretrained_tag`, which stands for a repository of the hub (saying which imports torch).

        `runtime`: `None` chooses when the model is loaded. `batch`: pictures or texts at once; `None` is 32. It is
        halved when memory runs out.
        """
        self._model, self._folder, self._runtime = model, folder, runtime
        self._batches = Batches(batch or 32)
        self._lock = Lock()
        self._found: tuple[Checkpoint, EncoderId] | None = None
        self._loaded: _Loaded | None = None

    @property
    def id(self) -> EncoderId:
        """Raises `ModelUnavailable` when the checkpoint is not there, not whole, or of another format."""
        return self._checkpoint[1]

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax; learnt, about 100. Loads the model."""
        return float(self._ready.model.logit_scale.detach().float().exp().max())

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """`(images, dim)` float32, unit rows. Pictures of any mode and size; transparency is shown on white."""
        if not images:
            return np.zeros((0, self.id.dim), np.float32)
        loaded = self._ready
        import torch

        dtype = loaded.runtime.torch_dtype

        def make(chosen: list[Image]) -> torch.Tensor:
            return torch.stack([loaded.prepare(_bounded(_rgb(image))) for image in chosen])

        return self._encode(images, make, lambda made: loaded.model.encode_image(made.to(dtype)))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """`(texts, dim)` float32, unit rows. What is past the model's window (64 or 77 pieces) is not read."""
        if not texts:
            return np.zeros((0, self.id.dim), np.float32)
        loaded = self._ready
        import torch

        with self._lock:  # a fast tokenizer's padding is its state
            pieces = loaded.tokenize(list(texts))
        known = getattr(loaded.model, "vocab_size", None)
        if known and int(pieces.max()) >= known:  # a row past the table is an abort on CUDA, not an exception
            raise ModelUnavailable(
                f"The model at {self._checkpoint[0].folder} has a tokenizer of another model: piece "
                f"{int(pieces.max())} of {known}; fetch it again."
            )
        return self._encode(list(pieces), torch.stack, loaded.model.encode_text)

    def _encode(
        self,
        items: Sequence[Any],
        make: Callable[[list[Any]], torch.Tensor],
        forward: Callable[[torch.Tensor], torch.Tensor],
    ) -> Vectors:
        import torch

        def run(made: torch.Tensor) -> list[Vectors]:
            with self._lock, torch.inference_mode():
                rows = forward(made.to(self._ready.runtime.device))
                return list(rows.float().cpu().numpy())

        try:
            rows = np.stack(self._batches.run(items, [1] * len(items), make, run))
        except ModelUnavailable:
            raise ModelUnavailable(
                f"There is no memory for a single picture or text of {self.id.model} on "
                f"{self._ready.runtime.device}; free memory there, choose a smaller model, or set PAGESIGHT_DEVICE=cpu."
            ) from None
        if not np.isfinite(rows).all():
            raise ModelUnavailable(
                f"The model {self.id.model} overflows in {self._ready.runtime.dtype}; set PAGESIGHT_DTYPE=float32."
            )
        return unit_rows(rows)

    @property
    def _checkpoint(self) -> tuple[Checkpoint, EncoderId]:
        if self._found is None:
            checkpoint = find_clip(self._model, self._folder)
            dim = check_files(checkpoint)
            self._found = checkpoint, EncoderId(checkpoint.name, checkpoint.revision, dim, "clip")
        return self._found

    @property
    def _ready(self) -> _Loaded:
        if self._loaded is None:
            checkpoint, _ = self._checkpoint
            with self._lock:
                if self._loaded is None:
                    self._loaded = _load(checkpoint, self._runtime or choose_runtime())
        return self._loaded


def _load(checkpoint: Checkpoint, runtime: Runtime) -> _Loaded:
    with _explained(checkpoint, runtime), _no_root_handler(), quiet():
        import open_clip

        where = f"local-dir:{checkpoint.folder}"
        config = open_clip.get_model_config(where) or {}
        text = config.get("text_cfg", {})
        model, _, prepare = open_clip.create_model_and_transforms(
            where,
            precision=_precision(runtime, text),
            device=runtime.device,
            require_pretrained=True,
            **text_tower(checkpoint, text),
        )
        check_shapes(checkpoint, model)
        offline: dict[str, Any] = (
            {"local_files_only": True, "trust_remote_code": False} if text.get("hf_tokenizer_name") else {}
        )
        tokenize = open_clip.get_tokenizer(where, **offline)
        return _Loaded(model.eval(), prepare, tokenize, runtime)  # pyright: ignore[reportArgumentType]


def _precision(runtime: Runtime, text: dict[str, Any]) -> str:
    """open_clip's word for the numbers. Its mixed ones keep norms in float32 and its text towers from transformers
    half converted (3.3: "mat1 and mat2 must have the same dtype"), so those are converted whole."""
    pure = runtime.dtype != "float32" and "hf_model_name" in text
    return ("pure_" if pure else "") + _PRECISION[runtime.dtype]


def _rgb(image: Image) -> Image:
    """Any picture as RGB, what is transparent on white, as on a page."""
    from PIL import Image as Pillow

    if image.has_transparency_data:
        above = image.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", above.size, "white"), above).convert("RGB")
    if image.mode.startswith(("I", "F")):
        # Pillow cuts every number above 255 to white: a scan of 16 bits would be a blank page
        numbers = np.asarray(image, np.float32)
        top = 65535 if image.mode.startswith("I;16") else max(float(numbers.max()), 255)
        image = Pillow.fromarray((numbers.clip(0) * (255 / top)).astype(np.uint8))
    return image.convert("RGB")


def _bounded(image: Image) -> Image:
    """The middle of a picture that is longer than `MOST_STRETCHED` times its width, or wider than its height."""
    width = min(image.width, image.height * MOST_STRETCHED)
    height = min(image.height, image.width * MOST_STRETCHED)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


@contextmanager
def _explained(checkpoint: Checkpoint, runtime: Runtime) -> Iterator[None]:
    """Turn what open_clip, torch and transformers raise while loading into one line for people."""
    try:
        yield
    except ModelUnavailable:
        raise
    except (OSError, ValueError, RuntimeError, MemoryError, LookupError, TypeError, AttributeError) as error:
        raise _unavailable(checkpoint, runtime, error) from error
    except (ImportError, AssertionError, EOFError, pickle.UnpicklingError) as error:
        raise _unavailable(checkpoint, runtime, error) from error


def _unavailable(checkpoint: Checkpoint, runtime: Runtime, error: BaseException) -> ModelUnavailable:
    if is_out_of_memory(error):
        return ModelUnavailable(
            f"There is no room for the model {checkpoint.name} on {runtime.device}; free memory there, choose a "
            "smaller model, or set PAGESIGHT_DEVICE=cpu."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "size mismatch" in line or "Missing key" in line or "Unexpected key" in line]
    said = (telling or lines or [type(error).__name__])[0][:200]
    return ModelUnavailable(
        f"The model at {checkpoint.folder} cannot be loaded: {said}; its weights do not fit its {CONFIG}, or were not "
        "fetched whole. Fetch it again."
    )


@contextmanager
def _no_root_handler() -> Iterator[None]:
    """Keep `logging.info(...)`, which open_clip calls, from configuring the program's logging behind its back."""
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    try:
        yield
    finally:
        root.removeHandler(silent)
