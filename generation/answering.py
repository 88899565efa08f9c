"""Asking a library: find pages, write an answer from them, bind each claim to its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..retrieval.library import Library, Where
from ..retrieval.types import Answer, Hit
from .citations import bind_citations
from .models import make_generator
from .protocols import Abstention, Generator, ShownPage


def answer(
    library: Library, question: str, *, k: int = 5, where: Where | None = None, generator: Generator | None = None
) -> Answer:
    """Answer a question from a library's best `k` pages, or abstain. `where` as in `Library.retrieve`."""
    hits = library.retrieve(question, k=k, where=where)
    for piece in stream_answer(library, question, hits, generator=generator):
        if isinstance(piece, Answer):
            return piece
    raise AssertionError("a stream ends with its answer")


def stream_answer(
    library: Library, question: str, hits: Sequence[Hit], *, generator: Generator | None = None
) -> Iterator[str | Answer]:
    """Answer from pages already found: pieces of the text as they are written, and last the whole `Answer`.

    An abstention comes without pieces: its `Answer` has no text and a reason.
    """
    writer = generator or make_generator()
    pages = [ShownPage(number, hit, library.match(question, hit.page.id)) for number, hit in enumerate(hits, start=1)]
    text = ""
    for piece in writer.generate(question, pages):
        if isinstance(piece, Abstention):
            yield Answer(question, "", (), tuple(hits), writer.name, abstained=True, reason=piece.reason)
            return
        text += piece
        yield piece
    yield Answer(question, text, bind_citations(library, text, pages), tuple(hits), writer.name)
