"""Citations: which place in the documents each claim of an answer stands on.

A generator only writes `[n]`. Where on the page the claim stands is found here, by retrieval: a quote by its words,
other claims by how the page's words match the claim's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..retrieval.evidence import around, line_boxes, split_lines
from ..retrieval.library import Library
from ..retrieval.types import Citation, Word
from .protocols import ShownPage

_MARKER = re.compile(r"“[^”]*”|\[(\d{1,3})\]")
_QUOTE = re.compile(r"“([^”]*)”")
_SENTENCE_END = re.compile(r"[.!?…。！？](?:\s|$)|\n")

WEAK = 0.3
"""A claim that matches no place of its page better than this is cited by the page as a whole."""


def bind_citations(library: Library, text: str, pages: Sequence[ShownPage]) -> tuple[Citation, ...]:
    """One citation a marker, in order. Markers that name no page that was shown are left out.

    Square brackets inside a quote are the document's own and are no markers.
    """
    by_marker = {page.marker: page for page in pages}
    citations = []
    for marker, start, end in _claims(text):
        page = by_marker.get(marker)
        if page is None:
            continue
        words = _place(library, text[start:end], page)
        citations.append(
            Citation(marker, start, end, page.hit.page, line_boxes(words), " ".join(word.text for word in words))
        )
    return tuple(citations)


def unsupported_claims(text: str, citations: Sequence[Citation]) -> tuple[tuple[int, int], ...]:
    """Sentences of an answer that no citation stands for, or only one whose page has no place that bears it out.

    Spans of `text`, in order. A sentence of fewer than three words claims nothing.
    """
    borne = [(citation.start, citation.end) for citation in citations if citation.boxes]
    found = []
    begin = 0
    quoted = _MARKER.sub(lambda part: "x" * len(part.group()), text)  # a stop inside a quote ends no sentence
    for stop in [*_SENTENCE_END.finditer(quoted), None]:
        end = len(text) if stop is None else stop.end()
        said = _MARKER.sub(lambda part: part.group() if part.group(1) is None else "", text[begin:end])
        claim = begin + len(text[begin:end]) - len(text[begin:end].lstrip()), begin + len(text[begin:end].rstrip())
        if len(said.split()) >= 3 and not any(start < claim[1] and claim[0] < stop_ for start, stop_ in borne):
            found.append(claim)
        begin = end
    return tuple(found)


def _claims(text: str) -> Iterator[tuple[int, int, int]]:
    """Markers with the span of text that each stands for: from the end of the claim before to the marker."""
    begin = claim_end = end = 0
    for found in _MARKER.finditer(text):
        if found.group(1) is None:
            continue
        between = text[end : found.start()]
        if between.strip():  # otherwise `[1][2]`: the second stands for the same claim
            outside = _QUOTE.sub(lambda quote: " " * len(quote.group()), between).rstrip(" .")
            stops = [stop.end() for stop in _SENTENCE_END.finditer(outside)]
            begin = end + (stops[-1] if stops else 0)
            begin += len(text[begin : found.start()]) - len(text[begin : found.start()].lstrip())
            claim_end = len(text[: found.start()].rstrip())
        yield int(found.group(1)), begin, claim_end
        end = found.end()


def _place(library: Library, claim: str, page: ShownPage) -> Sequence[Word]:
    words = page.match.words
    first, *others = _QUOTE.findall(claim) or [""]
    found = _together(words, first, others)
    if found:
        return found
    match = library.match(claim, page.hit.page.id)
    lines = split_lines(match.words)
    if not lines:
        return ()
    first, last = max(lines, key=lambda line: match.strength(*line))
    return match.words[first:last] if match.strength(first, last) >= WEAK else ()


def _together(words: Sequence[Word], quote: str, others: Sequence[str]) -> list[Word]:
    """Where a quote stands and, of its places, the one that the claim's other quotes are in line with, and they too.

    A figure may stand in many places of a page; with the label of its row and the head of its column it is one cell.
    """
    places = find_quotes(words, quote)
    if not places:
        return []
    beside = [find_quotes(words, other) for other in others]
    best: list[tuple[int, int]] = []
    for place in places:
        aligned = [next((other for other in some if _in_line(words, place, other)), None) for some in beside]
        if len(aligned) - aligned.count(None) + 1 > len(best):
            best = [place, *(other for other in aligned if other)]
    return [words[i] for i in sorted({i for first, last in best for i in range(first, last)})]


def _in_line(words: Sequence[Word], one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two places share height or width."""
    if one == other:
        return False
    a, b = around(words[one[0] : one[1]]), around(words[other[0] : other[1]])
    return min(a.x1, b.x1) > max(a.x0, b.x0) or min(a.y1, b.y1) - max(a.y0, b.y0) > min(a.height, b.height) / 2


def find_quotes(words: Sequence[Word], quote: str) -> list[tuple[int, int]]:
    """Where a quote stands among a page's words, `(first, last + 1)` each; quotation marks do not count.

    >>> from pagesight.retrieval.types import Box
    >>> words = [Word(text, Box(0, 0, 1, 1), 0) for text in "The “net” income".split()]
    >>> find_quotes(words, "‘net’ income"), find_quotes(words, "gross")
    ([(1, 3)], [])
    """
    wanted = [_bare(word) for word in quote.split()]
    if not wanted:
        return []
    texts = [_bare(word.text) for word in words]
    size = len(wanted)
    return [(first, first + size) for first in range(len(texts) - size + 1) if texts[first : first + size] == wanted]


def _bare(word: str) -> str:
    return re.sub("[“”‘’\"']", "", word)
