"""ANSWER: generators, citations and abstention."""

if __name__ == "generation":
    raise ImportError("import pagesight.generation; install the checkout once with: pip install -e .")

from .answering import answer, stream_answer
from .models import make_generator

__all__ = ["answer", "make_generator", "stream_answer"]
