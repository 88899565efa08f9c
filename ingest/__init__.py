"""FILL: files, pages, OCR, and the pipeline that writes a library."""

if __name__ == "ingest":
    raise ImportError("import pagesight.ingest; install the checkout once with: pip install -e .")

from .pipeline import Outcome, Progress, add

__all__ = ["Outcome", "Progress", "add"]
