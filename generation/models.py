"""The generators there are. The only place of this room that names concrete classes."""

from __future__ import annotations

from collections.abc import Callable

from ..retrieval.errors import QueryError
from .extractive import ExtractiveGenerator
from .protocols import Generator

GENERATORS: dict[str, Callable[[], Generator]] = {"extractive": ExtractiveGenerator}


def make_generator(name: str = "extractive") -> Generator:
    """A generator by name. Raises `QueryError` for a name there is not."""
    if name not in GENERATORS:
        raise QueryError(f"There is no generator {name!r}; there is {', '.join(sorted(GENERATORS))}.")
    return GENERATORS[name]()
