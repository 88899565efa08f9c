"""FIND: the nouns, the library on disk, encoders, stores, scoring and search."""

if __name__ == "retrieval":
    raise ImportError("import pagesight.retrieval; install the checkout once with: pip install -e .")

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .library import Library
    from .opening import create_library, open_library, retrieve
    from .settings import Settings
    from .types import Answer, Box, Citation, Document, Evidence, Hit, Page

# OpenBLAS keeps its threads spinning for some 20 ms after each product of matrices, on the cores that a question goes
# on with. It reads this when numpy is imported; for those who have done so before, nothing changes.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

__all__ = [
    "Answer",
    "Box",
    "Citation",
    "Document",
    "Evidence",
    "Hit",
    "Library",
    "Page",
    "Settings",
    "create_library",
    "open_library",
    "retrieve",
]

_HOMES = {"Settings": ".settings", "Library": ".library"} | dict.fromkeys(
    ("create_library", "open_library", "retrieve"), ".opening"
)


def __getattr__(name: str) -> object:
    # When asked for: the command line and the process that reads files start in half the time without the library.
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, ".types"), __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
