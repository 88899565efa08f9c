"""Whole documents: summaries, and questions that no few pages answer. Every page is read, in prompts that fit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from ..retrieval.library import Library
from ..retrieval.types import Answer, Hit, Page
from .chat import ChatModel
from .citations import bind_citations
from .extract_prompts import Asker, Batch, Progress, batches, fence, pages_of
from .prompt import SENTINEL
from .protocols import ShownPage

_CITE = "After every claim write the number of the page it stands on in brackets: [3], or [3][4]."
_NOTED = "Numbers like ⟦3⟧ are page numbers: keep them after their claims, written [3]."
_MARKERS = re.compile(r"\[(\d{1,6}(?:\s*[,;–-]\s*\d{1,6})*)\]")


def summarise(
    library: Library,
    document: str,
    chat: ChatModel,
    on_progress: Progress | None = None,
    *,
    pages: Sequence[int] | None = None,
    max_tokens: int = 1024,
) -> Answer:
    """A summary of a document (name or id), or of some of its pages, with page citations bound to their places.

    Markers are page numbers. Raises `QueryError` for a document or page there is not, `GeneratorError` when the model
    fails.
    """
    read = pages_of(library, document, pages)
    task = f"You summarise documents. Use only what they say. {_CITE}"
    asked = "Summarise these pages: what they are, what they say that matters, the figures that count."
    joined = f"Write one summary of the whole document from these notes on its parts. {_NOTED}"
    return _map_reduce(library, read, chat, f"Summary of {document}", task, asked, joined, on_progress, max_tokens)


def ask_document(
    library: Library,
    document: str,
    question: str,
    chat: ChatModel,
    on_progress: Progress | None = None,
    *,
    pages: Sequence[int] | None = None,
    max_tokens: int = 1024,
) -> Answer:
    """Answer a question from every page of a document, such as how often something is said; or abstain.

    As `summarise` otherwise.
    """
    read = pages_of(library, document, pages)
    asked_for = " ".join(question.split())
    task = f"You answer questions about documents. Use only what they say. {_CITE}"
    asked = (
        f"Question: {asked_for}\nNote everything on these pages that helps to answer it, in the question's language. "
        f"If nothing does, write exactly {SENTINEL} and nothing else."
    )
    joined = f"Question: {asked_for}\nAnswer it from these notes on the parts of one document. {_NOTED}"
    return _map_reduce(library, read, chat, asked_for, task, asked, joined, on_progress, max_tokens)


def _map_reduce(
    library: Library,
    pages: Sequence[Page],
    chat: ChatModel,
    question: str,
    task: str,
    asked: str,
    joined: str,
    on_progress: Progress | None,
    max_tokens: int,
) -> Answer:
    asker = Asker(chat, max_tokens)
    room = asker.room(task, asked)
    asker.room(task, joined)  # refused now rather than after the pages have been paid for
    notes: list[str] = []
    done: set[str] = set()
    for batch in batches(library, pages, asker, room):
        note = asker.ask(task, batch, asked)
        if SENTINEL not in note.upper() or len(note) > 2 * len(SENTINEL):
            notes.append(note)
        done |= {page.id for page in batch.pages}
        if on_progress:
            on_progress(len(done), len(pages))
    if not notes:
        reason = f"{chat.name} finds no answer on the {len(pages)} pages of the document."
        return Answer(question, "", (), (), chat.name, abstained=True, reason=reason, usage=asker.usage)
    text = single_markers(condense(asker, task, joined, notes))
    shown = _cited(library, text, pages)
    hits = tuple(page.hit for page in shown)
    return Answer(question, text, bind_citations(library, text, shown), hits, chat.name, usage=asker.usage)


def condense(asker: Asker, task: str, asked: str, notes: Sequence[str]) -> str:
    """Many notes as one text: as many as fit into a prompt at a time, until one is left. One note stays as it is."""
    room = asker.room(task, asked)
    texts = list(notes)
    while len(texts) > 1:
        nonce = secrets.token_hex(8)
        # Two notes always fit, so that every round halves their number at least.
        blocks = [_cut(text, nonce, asker, room // 2) for text in texts]
        groups: list[list[str]] = [[]]
        for block in blocks:
            if groups[-1] and asker.count("".join(groups[-1])) + asker.count(block) > room:
                groups.append([])
            groups[-1].append(block)
        if len(groups) == len(texts):
            groups = [["".join(blocks[i : i + 2])] for i in range(0, len(blocks), 2)]
        texts = [asker.ask(task, Batch((), ("".join(group),), nonce), asked) for group in groups]
    return texts[0]


def _cut(text: str, nonce: str, asker: Asker, room: int) -> str:
    """A note as a block that takes at most `room` tokens."""
    lines = _MARKERS.sub(r"⟦\1⟧", text).splitlines()
    block = fence(lines, nonce)
    while lines and asker.count(block) > room:
        lines = lines[: len(lines) // 2] if len(lines) > 1 else [lines[0][: len(lines[0]) // 2]] if lines[0] else []
        block = fence([*lines, "…"], nonce)
    return block


def single_markers(text: str) -> str:
    """Markers of several pages as several markers.

    >>> single_markers("Größe [3, 4]; [7–9].")
    'Größe [3][4]; [7][8][9].'
    """
    text = text.replace("⟦", "[").replace("⟧", "]")

    def split(found: re.Match[str]) -> str:
        numbers: list[int] = []
        for part in re.split(r"\s*[,;]\s*", found.group(1)):
            first, *last = (int(number) for number in re.split(r"\s*[–-]\s*", part))
            numbers += range(first, min(last[0], first + 20) + 1) if last else [first]
        return "".join(f"[{number}]" for number in numbers)

    return _MARKERS.sub(split, text)


def _cited(library: Library, text: str, pages: Sequence[Page]) -> list[ShownPage]:
    named = {int(number) for number in re.findall(r"\[(\d{1,6})\]", text)}
    cited = [page for page in pages if page.number in named]
    return [
        ShownPage(page.number, Hit(page, 0.0, rank), library.match(page.title or "page", page.id))
        for rank, page in enumerate(cited, start=1)
    ]
