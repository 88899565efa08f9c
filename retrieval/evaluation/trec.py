"""Rankings as TREC run files: `query Q0 page rank score tag`, a line each.

Spaces in ids are written as %20, as the format has no other way, and % as %25.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from ..errors import QueryError
from .questions import text_lines

DEPTH = 1000
"""Pages of a question that a run file holds at most, as is custom."""


def format_run(rankings: Mapping[str, Sequence[str]], tag: str = "pagesight") -> str:
    """A run file. Pages best first; a score is the number of pages from this one on, for trec_eval sorts by it.

    >>> print(format_run({"q1": ["Größe 2.pdf/3", "b.pdf/1"]}), end="")
    q1 Q0 Größe%202.pdf/3 1 2 pagesight
    q1 Q0 b.pdf/1 2 1 pagesight
    """
    return "".join(
        f"{_joined(question)} Q0 {_joined(page)} {rank} {min(len(pages), DEPTH) + 1 - rank} {_joined(tag)}\n"
        for question, pages in rankings.items()
        for rank, page in enumerate(pages[:DEPTH], start=1)
    )


def read_run(path: Path, questions: Iterable[str] = ()) -> dict[str, list[str]]:
    """Question id to pages, best first: by score, then by rank. A page that comes twice counts once.

    `questions`: ids that are known, to tell `%20` that is meant from one that stands for a space. Raises `QueryError`,
    with file and line, for a line that is none of a run.
    """
    known = set(questions)
    found: dict[str, list[tuple[float, int, str]]] = {}
    for number, line in text_lines(path):
        fields = line.split()
        try:
            query, _, page, rank, score, _ = fields
            entry = -float(score), int(rank), unquote(page)
            if not math.isfinite(entry[0]):
                raise ValueError(score)
        except ValueError as error:
            raise QueryError(f"{path}, line {number}: this is not 'query Q0 page rank score tag'.") from error
        found.setdefault(query if query in known else unquote(query), []).append(entry)
    return {query: list(dict.fromkeys(page for _, _, page in sorted(some))) for query, some in found.items()}


def _joined(name: str) -> str:
    # The mark that may begin a file would be taken off the first id.
    return "".join(quote(sign) if sign in "%\ufeff" or sign.isspace() else sign for sign in name)
