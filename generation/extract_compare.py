"""Two documents compared: what was added, removed and changed, with the places in both."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from ..retrieval.library import Library
from ..retrieval.types import Page, Usage, Word
from .chat import ChatModel
from .extract_prompts import Asker, Batch, Progress, fence, pages_of
from .extract_summary import condense
from .extraction import Place, place_of
from .units import quotable_units

MOST_WORDS = 3000
"""Words of a passage on either side that are compared one by one; longer ones are given whole."""
ALIKE = 0.35
"""Passages with less in common are given whole: their words would be matched by chance."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference."""

    kind: Literal["added", "removed", "changed"]
    before: tuple[Place, ...]
    """In the first document, one a page; empty for what was added."""
    after: tuple[Place, ...]
    """In the second."""
    numbers: tuple[tuple[str, str], ...] = ()
    """Figures that changed: before and after, `""` for none."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "kind": self.kind,
            "before": [place.to_dict() for place in self.before],
            "after": [place.to_dict() for place in self.after],
            "numbers": [list(pair) for pair in self.numbers],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two documents differ."""

    changes: tuple[Change, ...]
    """In reading order."""
    same: float
    """0 to 1: the share of both documents' words that did not change."""
    summary: str | None = None
    """What a model wrote about the changes; `None` without one, and where nothing changed."""
    model: str | None = None
    usage: Usage | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight compare --json` prints."""
        return {
            "same": round(self.same, 4),
            "changes": [change.to_dict() for change in self.changes],
            "summary": self.summary,
            "model": self.model,
            "usage": None if self.usage is None else asdict(self.usage),
        }


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence or row of a page."""

    page: Page
    words: tuple[Word, ...]
    key: str


def compare(
    library: Library,
    doc_a: str,
    doc_b: str,
    chat: ChatModel | None = None,
    on_progress: Progress | None = None,
    *,
    max_tokens: int = 1024,
) -> Comparison:
    """Compare two documents (names or ids) by their text. With a `chat`, it also writes what the changes amount to.

    Sentences and rows of tables are aligned, so that text that only moved to another line or page is no change.
    """
    sides = [list(_units(library, pages_of(library, name))) for name in (doc_a, doc_b)]
    changes, same = _differences(*sides)
    if on_progress:
        on_progress(1, 1 if chat is None else 2)
    if chat is None or not changes:
        return Comparison(tuple(changes), same)
    asker = Asker(chat, max_tokens)
    task = "You explain how a document changed. Use only the list of differences; quote figures exactly."
    asked = "Say in a few sentences what changed from the first document to the second, the most important first."
    joined = "These are notes on parts of one list of differences. Write one summary of them."
    room = asker.room(task, asked)
    notes = [asker.ask(task, batch, asked) for batch in _listed(changes, asker, room)]
    summary = condense(asker, task, joined, notes)
    if on_progress:
        on_progress(2, 2)
    return Comparison(tuple(changes), same, summary, chat.name, asker.usage)


def _units(library: Library, pages: Sequence[Page]) -> Iterator[_Unit]:
    for page in pages:
        words = library.page_words(page.id)
        for first, last in quotable_units(words):
            yield _Unit(page, words[first:last], " ".join(_bare(word.text) for word in words[first:last]))


def _bare(text: str) -> str:
    """A word for comparing: how it is encoded and which quotation marks it has is no difference."""
    return re.sub("[“”„«»‘’\"'`]", "", unicodedata.normalize("NFKC", text))


def _differences(before: Sequence[_Unit], after: Sequence[_Unit]) -> tuple[list[Change], float]:
    matcher = SequenceMatcher(None, [unit.key for unit in before], [unit.key for unit in after], autojunk=False)
    changes: list[Change] = []
    kept = 0
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        old = [(unit.page, word) for unit in before[a0:a1] for word in unit.words]
        new = [(unit.page, word) for unit in after[b0:b1] for word in unit.words]
        if kind == "equal":
            kept += len(old) + len(new)
            continue
        found, stayed = _by_words(old, new)
        changes += found
        kept += stayed
    total = sum(len(unit.words) for unit in (*before, *after))
    return changes, kept / total if total else 1.0


_Placed = Sequence[tuple[Page, Word]]


def _by_words(old: _Placed, new: _Placed) -> tuple[list[Change], int]:
    """The changes of a passage, and how many words of both sides stayed."""
    if not old or not new or max(len(old), len(new)) > MOST_WORDS:
        return [_change(old, new)], 0
    matcher = SequenceMatcher(
        None, [_bare(word.text) for _, word in old], [_bare(word.text) for _, word in new], autojunk=False
    )
    if matcher.ratio() < ALIKE:
        return [_change(old, new)], 0
    changes = []
    kept = 0
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            kept += a1 - a0 + b1 - b0
        else:
            changes.append(_change(old[a0:a1], new[b0:b1]))
    return changes, kept


def _change(old: _Placed, new: _Placed) -> Change:
    kind: Literal["added", "removed", "changed"] = "changed" if old and new else "removed" if old else "added"
    return Change(kind, _places(old), _places(new), _numbers(old, new))


def _places(words: _Placed) -> tuple[Place, ...]:
    pages = {page.id: page for page, _ in words}
    return tuple(place_of(page, [word for at, word in words if at.id == id_]) for id_, page in pages.items())


def _numbers(old: _Placed, new: _Placed) -> tuple[tuple[str, str], ...]:
    one, other = ([word.text.strip(".,;:()") for _, word in side if re.search(r"\d", word.text)] for side in (old, new))
    if len(one) != len(other):  # nothing says which became which
        gone = [(text, "") for text in one if text not in other]
        return (*gone, *[("", text) for text in other if text not in one])
    return tuple(pair for pair in zip(one, other, strict=True) if pair[0] != pair[1])


def _listed(changes: Sequence[Change], asker: Asker, room: int) -> Iterator[Batch]:
    """The changes as a list, in lots that fit."""
    nonce = secrets.token_hex(8)
    held: list[str] = []
    spent = asker.count(fence([], nonce))
    for change in changes:
        line = f"{change.kind}: {_told(change.before)} -> {_told(change.after)}"[:1200]
        cost = asker.count(f"> {line}\n") + 2
        if held and spent + cost > room:
            yield Batch((), (fence(held, nonce),), nonce)
            nonce = secrets.token_hex(8)
            held, spent = [], asker.count(fence([], nonce))
        held.append(line)
        spent += cost
    yield Batch((), (fence(held, nonce),), nonce)


def _told(places: Sequence[Place]) -> str:
    return " … ".join(f"“{place.quote[:500]}” (page {place.page.number})" for place in places) or "nothing"
