"""Which files of a model on the hub running it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_UNWANTED_FOLDERS = ("onnx", "openvino", "coreml", "flax", "tf", "gguf", "original", "checkpoint-", "runs", ".")
_WANTED = re.compile(r"\.(json|txt|model|jinja|tiktoken|safetensors|bin)$|^(LICEN[CS]E|NOTICE)", re.IGNORECASE)
_UNWANTED = re.compile(r"^(optimizer|scheduler|rng_state|training_args|trainer_state|consolidated)|^results?[._]")
_OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a model as the hub lists it."""

    path: str
    size: int
    sha256: str | None = None
    """`None` for small files, which the hub keeps in git itself."""


def needed(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """Those of a model's files that running it needs: one copy of the weights, configuration, tokenizer, licence.

    Many repositories hold the same weights for several frameworks (ONNX, TensorFlow, Flax, .bin beside .safetensors,
    CLIP for transformers beside CLIP for open_clip). Weights come last; see the top of this module.
    """
    kept = [file for file in files if _is_wanted(file.path)]
    names = {file.path for file in kept}
    safe = {PurePosixPath(name).parent for name in names if name.endswith(".safetensors")}
    if "open_clip_config.json" in names:
        ours = (
            "open_clip_model.safetensors" if "open_clip_model.safetensors" in names else "open_clip_pytorch_model.bin"
        )
        if ours in names:
            kept = [file for file in kept if not is_weights(file.path) or file.path == ours]
    kept = [file for file in kept if not (".bin" in file.path and PurePosixPath(file.path).parent in safe)]
    return sorted(kept, key=lambda file: (is_weights(file.path), file.path))


def _is_wanted(path: str) -> bool:
    *folders, name = path.split("/")
    if any(folder.startswith(_UNWANTED_FOLDERS) for folder in folders) or name.startswith("."):
        return False
    return bool(_WANTED.search(name)) and not _UNWANTED.search(name)


def is_weights(path: str) -> bool:
    return path.endswith((".safetensors", ".bin"))
