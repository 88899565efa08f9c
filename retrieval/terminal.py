"""Text of strangers on a terminal: file names and documents may hold what a terminal obeys instead of showing."""

from __future__ import annotations

import json
import re

# Controls of both blocks, line and paragraph ends, what turns the direction of the text after it, and halves of
# surrogate pairs, which are no text and cannot be printed.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OBEYED_INSIDE = re.compile("\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str) -> str:
    r"""One line in which what a terminal would obey is spelled out.

    >>> shown("a\x1b[2J\n\u202efdp.exe ä")
    'a\\x1b[2J\\n\\u202efdp.exe ä'
    """
    return _OBEYED.sub(_spelled, text)


def shown_lines(text: str) -> str:
    """The same with its lines as they are, however they end."""
    return _OBEYED_INSIDE.sub(_spelled, text)


def shown_json(value: object) -> str:
    r"""JSON in one line, readable where it is safe to be: the rest is `\uXXXX`, as JSON has it.

    >>> shown_json("ä\x9b\u202e")
    '"ä\\u009b\\u202e"'
    """
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(value, ensure_ascii=False))


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
