"""ANSWER: generators, citations and abstention."""

if __name__ == "generation":
    raise ImportError("import pagesight.generation; install the checkout once with: pip install -e .")

from .answering import answer, stream_answer
from .conversation import documents_meant, standalone
from .models import make_chat, make_generator

__all__ = ["answer", "documents_meant", "make_chat", "make_generator", "standalone", "stream_answer"]
