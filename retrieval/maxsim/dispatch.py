"""Which code computes MaxSim on this machine: chosen once, after it has been checked against numpy.

    avx512vnni   x86 with AVX-512 VNNI           compiled (csrc/)
    avx2         x86 with AVX2                   compiled
    neon         ARM with dot products           compiled
    portable     anything                        compiled, no vector instructions of its own
    int_mm       torch's int8 matrix product     where nothing is compiled
    numpy        float32 matrix products         anywhere

All of them give the same integers, and so the same scores to the last bit.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from .fallbacks import numpy_products, run_with, torch_products

Run = Callable[..., None]
"""The arguments of `_kernel.run` after its first."""

_NUMPY: Run = partial(run_with, numpy_products)

NOT_COMPILED = "not compiled: install a C compiler, then pagesight again"

_CHECKED_SHAPES = ((1, 2), (3, 5), (64, 4), (100, 9), (128, 20), (129, 1), (1030, 17))
"""Dimensions and tokens of the self-check: whole and broken vectors, tiles of every size."""


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """The path that runs when none is asked for, and why no better one does (empty when it is the best)."""

    path: str
    passed_over: tuple[str, ...]


def paths() -> tuple[str, ...]:
    """Paths that can be asked for on this machine, best first. Imports no torch: `int_mm` is named untried."""
    return (*_compiled(), "int_mm", "numpy")


@cache
def chosen_path() -> KernelChoice:
    """The best path whose numbers are right here. The check takes some milliseconds, once a process."""
    passed_over = [] if _compiled() else [NOT_COMPILED]
    for path in (*_compiled(), *(["int_mm"] if not _compiled() else [])):
        wrong = fault(path)
        if wrong is None:
            return KernelChoice(path, tuple(passed_over))
        passed_over.append(f"{path}: {wrong}")
    return KernelChoice("numpy", tuple(passed_over))


def find_run(path: str | None) -> Run:
    """The code of a path; `None`: the best one. `ValueError` when it is not here or its numbers are wrong."""
    if path is None:
        path = chosen_path().path
    if path not in paths():
        raise ValueError(f"This machine has no path {path!r}; it has {', '.join(paths())}.")
    wrong = fault(path)
    if wrong is not None:
        raise ValueError(f"The path {path!r} cannot be used here: {wrong}.")
    return _run(path)


@cache
def fault(path: str) -> str | None:
    """What is wrong with a path's numbers on this machine, against numpy's; `None` when nothing is."""
    if path == "int_mm" and (missing := _no_int_mm()):
        return missing
    random = np.random.default_rng(0)
    offsets = np.cumsum([0, 1, 0, 17, 31, 100, 3]).astype(np.int64)
    which = np.array([4, 0, 1, 3, 5, 2], np.int64)
    scales = np.linspace(0.5, 2, 6, dtype=np.float32)
    for dim, tokens in _CHECKED_SHAPES:
        rows = random.integers(0, 256, (int(offsets[-1]), dim), np.uint8)
        query = random.integers(-127, 128, (tokens, dim), np.int8)
        rows[20], query[0] = 255, 127  # the largest products there are
        factors = np.linspace(-1, 1, tokens) / dim
        results = []
        for run in (_NUMPY, _run(path)):
            shape = (len(which), tokens)
            filled = np.zeros(len(which), np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
            run(dim, 1, rows, offsets, scales, which, query, factors, *filled)
            results.append(filled)
        if not all(np.array_equal(one, other) for one, other in zip(*results, strict=True)):
            return f"its numbers differ from numpy's at {dim} dimensions and {tokens} tokens"
    return None


def default_threads() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _compiled() -> tuple[str, ...]:
    kernel = _kernel()
    return () if kernel is None else tuple(kernel.paths())


@cache
def _kernel() -> Any:
    try:
        return importlib.import_module("._kernel", __package__)
    except ImportError:
        return None  # no compiler when it was installed: the fallbacks are for that


def _run(path: str) -> Run:
    if path == "numpy":
        return _NUMPY
    return partial(run_with, torch_products) if path == "int_mm" else partial(_kernel().run, path)


def _no_int_mm() -> str | None:
    import torch

    # Without these instructions torch's int8 product is a plain loop, and float32 is faster.
    return None if torch.cpu._is_vnni_supported() else "torch has no fast int8 product on this processor"
