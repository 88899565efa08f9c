"""Where a model runs, and in which numbers. torch is imported on first use."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

Dtype = Literal["float32", "bfloat16", "float16"]
Attention = Literal["eager", "sdpa", "flash_attention_2"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """The device of a model, the type of its weights, and how it computes attention."""

    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:1`, `mps`."""
    dtype: Dtype = "float32"
    attention: Attention = "sdpa"

    @property
    def torch_dtype(self) -> torch.dtype:
        import torch

        return getattr(torch, self.dtype)

    @property
    def on_gpu(self) -> bool:
        return not self.device.startswith("cpu")


def choose_runtime(
    device: str = "auto", dtype: Dtype | Literal["auto"] = "auto", attention: Attention | Literal["auto"] = "auto"
) -> Runtime:
    """Fill in what is `auto`: the best device there is, the numbers that it is fast with, the attention it has.

    Raises `ModelUnavailable` for a device that this machine does not have.
    """
    import torch

    chosen = device
    if device == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    elif device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if not torch.cuda.is_available() or number >= torch.cuda.device_count():
            raise ModelUnavailable(f"The device {device!r} is not there: {_no_cuda()}; set PAGESIGHT_DEVICE=cpu.")
    elif device == "mps" and not torch.backends.mps.is_available():
        raise ModelUnavailable("The device 'mps' is not there: this is no Apple GPU; set PAGESIGHT_DEVICE=cpu.")
    elif device not in ("cpu", "mps"):
        raise ModelUnavailable(f"There is no device {device!r}; PAGESIGHT_DEVICE is auto, cpu, cuda, cuda:N or mps.")
    return Runtime(
        chosen,
        _best_dtype(chosen) if dtype == "auto" else dtype,
        _best_attention(chosen) if attention == "auto" else attention,
    )


def free_memory(device: str) -> int:
    """Bytes that a model could still take there."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(torch.device(device))[0]
    import psutil

    return int(psutil.virtual_memory().available)  # of Apple's GPUs too: they share it


def _best_dtype(device: str) -> Dtype:
    import torch

    if device.startswith("cuda"):
        # bfloat16 has the range of float32; cards older than Ampere compute it slowly
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return "float16" if device == "mps" else "float32"


def _best_attention(device: str) -> Attention:
    flash = device.startswith("cuda") and importlib.util.find_spec("flash_attn") is not None
    return "flash_attention_2" if flash else "sdpa"


def _no_cuda() -> str:
    import torch

    if torch.version.cuda is None:
        return "this build of torch is without CUDA"
    count = torch.cuda.device_count()
    return f"there are {count} CUDA devices" if count else "torch finds no CUDA device"
