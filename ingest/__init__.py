"""FILL: files, pages, OCR, and the pipeline that writes a library."""

if __name__ == "ingest":
    raise ImportError("import pagesight.ingest; install the checkout once with: pip install -e .")

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .pipeline import Outcome, Progress, add

__all__ = ["Outcome", "Progress", "add"]


def __getattr__(name: str) -> object:
    # When asked for: the process that reads files starts in half the time without the library.
    if name in __all__:
        return getattr(import_module(".pipeline", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
