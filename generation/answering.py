"""Asking a library: find pages, write an answer from them, bind each claim to its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..retrieval.library import Library
from ..retrieval.scope import Where
from ..retrieval.types import Answer, Hit, Usage
from .citations import bind_citations, unsupported_claims
from .models import make_generator
from .protocols import Abstention, Generator, ShownPage


def answer(
    library: Library, question: str, *, k: int = 5, where: Where | None = None, generator: Generator | None = None
) -> Answer:
    """Answer a question from a library's best `k` pages, or abstain. `where` as in `Library.retrieve`.

    `generator`: `None` takes the one that the library's settings name.
    """
    hits = library.retrieve(question, k=k, where=where)
    for piece in stream_answer(library, question, hits, generator=generator):
        if isinstance(piece, Answer):
            return piece
    raise AssertionError("a stream ends with its answer")


def stream_answer(
    library: Library, question: str, hits: Sequence[Hit], *, generator: Generator | None = None
) -> Iterator[str | Answer]:
    """Answer from pages already found: pieces of the text as they are written, and last the whole `Answer`.

    An abstention comes without pieces: its `Answer` has no text and a reason. Closing the iterator cancels the work.
    """
    writer = generator or make_generator(library)
    pages = [ShownPage(number, hit, library.match(question, hit.page.id)) for number, hit in enumerate(hits, start=1)]
    text = ""
    for piece in writer.generate(question, pages):
        if isinstance(piece, Abstention):
            yield Answer(
                question, "", (), tuple(hits), writer.name, abstained=True, reason=piece.reason, usage=_usage(writer)
            )
            return
        text += piece
        yield piece
    citations = bind_citations(library, text, pages)
    unsupported = unsupported_claims(text, citations)
    yield Answer(question, text, citations, tuple(hits), writer.name, usage=_usage(writer), unsupported=unsupported)


def _usage(writer: Generator) -> Usage | None:
    return getattr(writer, "usage", None)  # only models use up something
