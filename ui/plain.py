"""Text of documents inside Streamlit's Markdown: shown as it is written, never obeyed.

Where Streamlit offers a widget for plain text (`st.text`, tables, the options of a selectbox), use that instead. This
is for the places that only take Markdown: labels, captions, messages, and answers with their markers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

JOINER = "\u2060"
"""Word joiner: no width, no meaning, and no break. It parts what must not be read as one."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Streamlit replaces these after Markdown is parsed, when no backslash protects them any more (seen with 1.67):
# `:smile:`, `:material/home:` and `https://` begin or end at a colon, `www.` and `a@b` become links, `->` an arrow.
_REPLACED_LATER = re.compile(r"(?<=:)|(?<=www)(?=\.)|(?=@)|(?<=[-<>=~+])(?=[-<>=~+])", re.IGNORECASE)
_MARKER = re.compile(r"“[^”]*”|\[(\d{1,3})\]")


def plain(text: str) -> str:
    r"""Escape text for Markdown, as one line.

    >>> plain("**1. Total**\n in $ and €")
    '\\*\\*1\\. Total\\*\\* in \\$ and €'
    """
    return _escape(" ".join(_visible(text).split()))


def plain_answer(text: str, markers: Container[int] | None = None) -> str:
    r"""Escape an answer for Markdown; its lines stay, and its markers `[n]` become badges.

    `markers` are those that cite something; `None` while the answer is still being written. Brackets inside a
    quote are the document's own.

    >>> plain_answer("“see [2]” [1]")
    '“see \\[2\\]” :orange-badge[1]'
    """
    lines = [" ".join(line.split()) for line in _visible(text).split("\n")]
    text = "\n".join(lines)
    pieces, end = [], 0
    for found in _MARKER.finditer(text):
        if found[1] is not None and (markers is None or int(found[1]) in markers):
            pieces += [_escape(text[end : found.start()]), f":orange-badge[{int(found[1])}]"]
            end = found.end()
    pieces.append(_escape(text[end:]))
    return re.sub(r"(?<!\n)\n(?!\n)", "  \n", "".join(pieces))


def _escape(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", _REPLACED_LATER.sub(JOINER, text))


def _visible(text: str) -> str:
    """The text without control characters and without marks that turn the direction of what stands after it."""
    return "".join(c for c in text if c in "\n\t" or (unicodedata.category(c) != "Cc" and c not in _DIRECTION_MARKS))


_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates: left open in a file name, they would reorder the words of the page around it."""
