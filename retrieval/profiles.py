"""Profiles and the models they name: facts from `profiles.json`, what fits in memory, and refusal of what does not.

The facts were read where each entry says (`revision_source`, `quality_source`); speeds come from
`benchmarks/encoders.py` only. Memory is computed: parameters times the bytes of the number type, and what a forward
pass takes besides.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from .checkpoints import Checkpoint, find_checkpoint, split_revision, tensor_shapes
from .errors import ModelUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from .encoders.device import Dtype, Runtime

Role = Literal["visual", "image", "reranker", "generator"]

PERMISSIVE = ("apache-2.0", "mit")
DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ACTIVATIONS = {"visual": 1.0e9, "image": 0.2e9, "reranker": 0.5e9, "generator": 1.5e9}
"""Bytes that a forward pass takes beside the weights, in 16-bit numbers; twice that in float32. Generous: a page is
some 5,000 patches, a question to a generator some 8,000 tokens of five pages (0.1 MB of keys and values a token)."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known about a model before it is fetched."""

    name: str
    """On the hub: owner and name."""
    role: Role
    licence: str
    """SPDX, lower case, of these weights."""
    base_licence: str
    """Of the model that they were trained from: it binds whoever uses them."""
    parameters: int
    download_bytes: int
    """Of the weights, with the base's where they are an adapter. `models pull` says the exact sum."""
    revision: str | None = None
    """The commit that was read in `revision_source`; `None` where none was found: then the newest is fetched."""
    revision_source: str | None = None
    base: str | None = None
    """The model, as `name@revision`, that an adapter is applied to."""
    vector_dim: int | None = None
    """Numbers a vector; `None` for models that make none, and where sources disagree."""
    quality: str | None = None
    quality_source: str | None = None
    cpu_seconds_per_page: float | None = None
    """Measured with `benchmarks/encoders.py` in float32 on two cores; `None` where nobody has."""
    note: str | None = None

    @property
    def permissive(self) -> bool:
        """Whether the licence and the base's let anybody use, change and sell it."""
        return self.licence in PERMISSIVE and self.base_licence in PERMISSIVE

    @property
    def pinned(self) -> str:
        """`name@revision`, as `find_checkpoint` takes it."""
        return f"{self.name}@{self.revision}" if self.revision else self.name


@dataclass(frozen=True, slots=True)
class Profile:
    """A named choice of models; each can be overridden by a setting."""

    name: str
    about: str
    models: tuple[ModelCard, ...]
    """At most one a role; empty for the profile that downloads nothing."""

    def model(self, role: Role) -> str | None:
        """The model for a role as `name@revision`; `None` when the profile has none."""
        return next((card.pinned for card in self.models if card.role == role), None)

    @property
    def download_bytes(self) -> int:
        return sum(card.download_bytes for card in self.models)


@cache
def model_cards() -> tuple[ModelCard, ...]:
    """All models that are known, those of the profiles first."""
    return tuple(ModelCard(**entry) for entry in _facts()["models"])


@cache
def profiles() -> tuple[Profile, ...]:
    """All profiles, the one that needs least first."""
    return tuple(
        Profile(entry["name"], entry["about"], tuple(_known(name) for name in entry["models"]))
        for entry in _facts()["profiles"]
    )


def profile(name: str) -> Profile:
    """The profile of that name. Raises `ModelUnavailable` with the names there are."""
    for entry in profiles():
        if entry.name == name:
            return entry
    there = ", ".join(entry.name for entry in profiles())
    raise ModelUnavailable(f"There is no profile {name!r}; there are {there}.")


def card(model: str) -> ModelCard | None:
    """The card of a model, by its hub name or the last part of it; `None` for another model or another revision.

    >>> card("vidore/colSmol-256M").licence, card("colSmol-256M").role, card("größe/unbekannt")
    ('apache-2.0', 'visual', None)
    """
    name, revision = split_revision(model)
    for entry in model_cards():
        if name in (entry.name, entry.name.rpartition("/")[2]) and revision in (None, entry.revision):
            return entry
    return None


def pinned(model: str) -> str:
    """A model as its card pins it; one that names a revision, is a path, or is unknown stays as it is.

    >>> pinned("vidore/colSmol-256M")
    'vidore/colSmol-256M@a59110fdf114638b8018e6c9a018907e12f14855'
    """
    known = None if "@" in model else card(model)
    return known.pinned if known else model


def memory_need(of: ModelCard | Profile, dtype: Dtype) -> int:
    """Bytes that a model, or a profile's models together, take in these numbers with one page at a time.

    A profile's models stay loaded side by side and run one after the other: their weights add up, their
    activations do not.
    """
    cards = (of,) if isinstance(of, ModelCard) else of.models
    return sum(card.parameters for card in cards) * DTYPE_BYTES[dtype] + max(
        (_activations(card.role, dtype) for card in cards), default=0
    )


def checkpoint_need(checkpoint: Checkpoint, dtype: Dtype, role: Role = "visual") -> int:
    """Bytes that any checkpoint takes in these numbers, from the headers of its safetensors files.

    Files of other formats do not say what they hold: they count with their size, twice in float32, as most are in
    16-bit numbers. An adapter counts with its base, where that is on this machine.
    """
    weights = sum(_weights(file, dtype) for file in _weight_files(checkpoint.folder))
    if base := checkpoint.read_json("adapter_config.json").get("base_model_name_or_path"):
        try:
            found = find_checkpoint(base)
        except ModelUnavailable:
            found = None
        weights += sum(_weights(file, dtype) for file in _weight_files(found.folder)) if found else 0
    return weights + _activations(role, dtype)


def nearest_that_fits(free_bytes: int, device: str) -> str:
    """Name of the largest profile whose models fit in `free_bytes` on a device; `embedded` fits everywhere."""
    dtype: Dtype = "float32" if device.startswith("cpu") else "bfloat16"
    return [entry.name for entry in profiles() if memory_need(entry, dtype) <= free_bytes or not entry.models][-1]


def check_fits(
    model: ModelCard | Profile | Checkpoint | int,
    runtime: Runtime,
    *,
    role: Role = "visual",
    name: str = "the model",
    free_bytes: int | None = None,
) -> None:
    """Refuse, before anything is loaded, what would not fit in the memory that is free.

    `model` may be a number of bytes, called `name`. Raises `ModelUnavailable` with what it needs, what is free, and
    the nearest profile that fits. `free_bytes` is asked from the device when not given.
    """
    if isinstance(model, int):
        need = model
    elif isinstance(model, Checkpoint):
        need, name = checkpoint_need(model, runtime.dtype, role), model.name
    else:
        need, name = memory_need(model, runtime.dtype), model.name
    if free_bytes is None:
        from .encoders.device import free_memory

        free_bytes = free_memory(runtime.device)
    if need > free_bytes:
        raise ModelUnavailable(
            f"Not enough memory for {name}: it needs {gigabytes(need)} in {runtime.dtype} on {runtime.device}, and "
            f"{gigabytes(free_bytes)} are free; what fits is the profile "
            f"{nearest_that_fits(free_bytes, runtime.device)!r}, set with PAGESIGHT_PROFILE."
        )


def gigabytes(size: float) -> str:
    """For people; 1 GB is 10^9 bytes.

    >>> gigabytes(9_080_170_112), gigabytes(605_109_252), gigabytes(39_000)
    ('9.1 GB', '605 MB', '39 kB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}" if name == "GB" else f"{size / unit:.0f} {name}"
    return f"{size:.0f} bytes"


def _facts() -> dict[str, list[dict]]:
    return json.loads(files(__package__ or "pagesight.retrieval").joinpath("profiles.json").read_text("utf-8"))


def _known(name: str) -> ModelCard:
    return next(entry for entry in model_cards() if entry.name == name)


def _activations(role: Role, dtype: Dtype) -> int:
    return int(ACTIVATIONS[role]) * DTYPE_BYTES[dtype] // 2


def _weight_files(folder: Path) -> list[Path]:
    """What a loader reads: safetensors where there are any, else the other formats."""
    found = sorted(folder.rglob("*.safetensors"))
    return found or sorted(file for suffix in ("*.bin", "*.pt") for file in folder.rglob(suffix))


def _weights(file: Path, dtype: Dtype) -> int:
    if file.suffix != ".safetensors":
        return file.stat().st_size * DTYPE_BYTES[dtype] // 2
    total = 0
    for stored, shape in tensor_shapes(file).values():
        floating = stored.startswith(("F", "BF")) and not stored.startswith("F8")
        # integers and 8-bit floats are quantised weights and tables: they are not converted on loading
        width = DTYPE_BYTES[dtype] if floating else _stored_bytes(stored)
        total += math.prod(shape) * width
    return total


def _stored_bytes(stored: str) -> int:
    """Width of a safetensors type by its name: I64 is 8 bytes, BOOL and F8_E4M3 are 1."""
    bits = "".join(letter for letter in stored.partition("_")[0] if letter.isdigit())
    return max(int(bits or 8) // 8, 1)
