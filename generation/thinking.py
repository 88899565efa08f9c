"""Leaving out what reasoning models think aloud, while they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MARKS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"))
"""How Qwen and DeepSeek, others, Magistral, and Kimi fence off their thoughts."""


def without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces without what stands between thinking marks, and without what an unfinished thought left.

    A mark may be split over pieces: only what may be the beginning of one is held back.

    >>> list(without_thoughts(["<thi", "nk>hm, Größe?</th", "ink>Zwölf ", "< 13"]))
    ['Zwölf ', '< 13']
    """
    held, closing = "", ""
    for piece in pieces:
        held += piece
        while True:
            marks = (closing,) if closing else [opening for opening, _ in MARKS] + [end for _, end in MARKS]
            at, mark = min(((held.find(mark), mark) for mark in marks if mark in held), default=(-1, ""))
            if at < 0:
                break
            if not closing and held[:at]:
                yield held[:at]
            held = held[at + len(mark) :]
            # the end of a thought whose beginning stood in the prompt is dropped, as what came before it is gone
            closing = "" if closing else dict(MARKS).get(mark, "")
        keep = max((_partial(held, mark) for mark in marks), default=0)
        if not closing and held[: len(held) - keep]:
            yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    if held and not closing:
        yield held


def _partial(text: str, mark: str) -> int:
    """How many letters at the end of a text begin the mark.

    >>> _partial("a <th", "<think>"), _partial("a < b", "<think>")
    (3, 0)
    """
    return next((size for size in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:size])), 0)
