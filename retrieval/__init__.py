"""FIND: the nouns, the library on disk, encoders, stores, scoring and search."""

if __name__ == "retrieval":
    raise ImportError("import pagesight.retrieval; install the checkout once with: pip install -e .")

from .library import Library, create_library, open_library, retrieve
from .settings import Settings
from .types import Answer, Box, Citation, Document, Evidence, Hit, Page

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
