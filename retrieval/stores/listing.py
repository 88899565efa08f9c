"""What the lists of segments have in common, of pages of many vectors and of faiss: one file that says what counts.

It is the commit point: written whole, under another name, and renamed into its place, with a checksum of itself.
Whoever has read it sees what was there then, whatever a writer does meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import write_whole

Dead = tuple[tuple[int, int], ...]
"""Tombstones: ranges of numbers, ascending and apart, the end left out."""

Stamp = tuple[int, int, int]
"""Changes when a file is replaced."""


def alive(count: int, dead: Dead) -> NDArray[np.bool_]:
    """`(count,)`: which are left.

    >>> alive(4, ((1, 3),)).tolist()
    [True, False, False, True]
    """
    mask = np.ones(count, bool)
    for first, end in dead:
        mask[first:end] = False
    return mask


def bury(count: int, dead: Dead, numbers: Iterable[int]) -> Dead:
    """The dead ones and these.

    >>> bury(9, ((1, 3),), [7, 3])
    ((1, 4), (7, 8))
    """
    mask = alive(count, dead)
    mask[list(numbers)] = False
    edges = np.flatnonzero(np.diff(np.r_[True, mask, True])).tolist()
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def left(count: int, dead: Dead) -> int:
    """How many are left.

    >>> left(9, ((1, 4), (7, 8)))
    5
    """
    return count - sum(end - first for first, end in dead)


def read_dead(values: Iterable[Iterable[Any]], count: int) -> Dead:
    """Ranges as they stand in a file. Raises `ValueError` where they are not ascending, apart and inside."""
    dead = tuple((int(first), int(end)) for first, end in values)
    ends = [0, *(end for span in dead for end in span), count]
    if ends != sorted(ends) or any(first == end for first, end in dead):
        raise ValueError("tombstones for what was never there")
    return dead


def write_summed(file: Path, content: Mapping[str, Any]) -> None:
    """Write a list of segments, whole, with its checksum."""
    write_whole(file, json.dumps({"sha256": _sum(content), "content": content}).encode())


def read_summed(file: Path) -> dict[str, Any]:
    """What `write_summed` wrote. Raises `FileNotFoundError`, and `ValueError` or its like for anything else."""
    said: Any = json.loads(file.read_bytes())
    content = said["content"]
    if _sum(content) != said["sha256"]:
        raise ValueError("its checksum is another")
    return content


def stamp(file: Path) -> Stamp | None:
    """`None` where there is no such file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _sum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
