"""What the browser is told of pages that were found, citations and the viewer: plain values, ready for JSON."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..retrieval.analysis import STOP_WORDS, terms
from ..retrieval.evidence import FLOOR, PageMatch
from ..retrieval.figures import figures_of
from ..retrieval.heat import PatchHeat
from ..retrieval.library import Library
from ..retrieval.types import Answer, Box, Citation, Hit, Page, Word
from .page_images import fractions, placeholder, strip_around

MOST_COPIES = 4
"""Pages that say the same, on a card."""
MOST_SNIPPET = 360
"""Letters of a card's snippet."""
WEAK = 0.4
"""From this share of the question down, the best place's evidence counts as weak: 3 of the samples' 75 questions that
have an answer. It says that little of the question was found, not that the answer is wrong."""


DEVIATIONS = 4.0
"""Where the best page of a channel stands above the mean, in deviations, which weights are for; a score of the channel
`document` counts as it is."""


def file_name(source: str) -> str:
    return PurePath(source).name


def card(library: Library, hit: Hit, *, picture: str | None, date: str, shares: Mapping[str, float]) -> dict[str, Any]:
    """A page that was found. `picture`: the address of its picture; `None` when there is none."""
    page = hit.page
    boxes = [place.box for place in hit.evidence]
    return {
        "page": page.id,
        "number": page.number,
        "title": page.title,
        "file": file_name(page.source),
        "date": date,
        "rank": hit.rank,
        "score": round(hit.score, 2),
        "ratio": round(page.width / max(page.height, 1.0), 4),
        "picture": picture,
        "blur": placeholder(page, _dark(library, page)) if picture else "",
        "boxes": [fractions(box, page) for box in boxes],
        "snippet": snippet(hit),
        "copies": [[page.id, f"{file_name(page.source)}, page {page.number}"] for page in hit.copies[:MOST_COPIES]],
        "more": max(0, len(hit.copies) - MOST_COPIES),
        "channels": [
            {"name": name, "rank": entry.rank, "score": round(entry.score, 2), "share": round(shares.get(name, 0.0), 3)}
            for name, entry in hit.channels.items()
        ],
    }


def snippet(hit: Hit) -> list[list[Any]]:
    """The words of a hit's strongest places in pieces: text, and whether the question has it.

    Where a place has no words, what it shows speaks for itself, and the list is empty.
    """
    pieces: list[list[Any]] = []
    length = 0
    for place in hit.evidence:
        if place.text and pieces:
            _append(pieces, "· ", False)
        wanted = {term for word in place.matched if word.casefold() not in STOP_WORDS for term in terms(word)}
        for word in re.findall(r"\S+", place.text):
            if length > MOST_SNIPPET:
                return [*pieces, ["…", False]]
            _append(pieces, word, bool(wanted & set(terms(word))))
            _append(pieces, " ", False)
            length += len(word) + 1
    return pieces


def channel_shares(hits: Sequence[Hit], weights: Mapping[str, float]) -> list[dict[str, float]]:
    """For each hit, which part of its standing is each channel's, by weight and by the best score among these hits."""
    best: dict[str, float] = {}
    for hit in hits:
        for name, entry in hit.channels.items():
            best[name] = max(best.get(name, 0.0), entry.score)
    found = []
    for hit in hits:
        parts = {
            name: weights.get(name, 0.0) * max(0.0, entry.score / best[name]) if best[name] > 0 else 0.0
            for name, entry in hit.channels.items()
        }
        if "document" in parts:
            parts["document"] /= DEVIATIONS
        total = sum(parts.values())
        found.append({name: part / total if total > 0 else 0.0 for name, part in parts.items()})
    return found


def is_weak(hits: Sequence[Hit]) -> bool:
    """Whether no page found accounts for much of the question."""
    strengths = [place.strength for hit in hits for place in hit.evidence]
    return bool(hits) and max(strengths, default=0.0) < WEAK


def answer_parts(answer: Answer) -> list[dict[str, Any]]:
    """An answer's text in pieces: `text`, with `marker` where a citation stands, `weak` where no place bears it out."""
    markers = {citation.marker for citation in answer.citations}
    weak = [False] * len(answer.text)
    for start, end in answer.unsupported:
        weak[start:end] = [True] * (end - start)
    parts: list[dict[str, Any]] = []
    end = 0
    # Brackets inside a quote are the document's own.
    for found in re.finditer(r"“[^”]*”|\[(\d{1,3})\]", answer.text):
        if found[1] is None or int(found[1]) not in markers:
            continue
        parts += _runs(answer.text, weak, end, found.start())
        parts.append({"marker": int(found[1])})
        end = found.end()
    return parts + _runs(answer.text, weak, end, len(answer.text))


def citation_data(citation: Citation, picture: str | None, crop: Box | None = None) -> dict[str, Any]:
    """A citation with the part of its page that the browser shows beside the marker; `crop`, below the answer too."""
    page = citation.page
    return {
        "marker": citation.marker,
        "page": page.id,
        "number": page.number,
        "title": page.title,
        "file": file_name(page.source),
        "quote": citation.quote,
        "ratio": round(page.width / max(page.height, 1.0), 4),
        "picture": picture,
        "part": fractions(strip_around(page, citation.boxes), page),
        "crop": fractions(strip_around(page, [crop]), page) if crop else None,
        "boxes": [fractions(box, page) for box in citation.boxes],
    }


def page_data(
    library: Library,
    page: Page,
    *,
    pages: int,
    boxes: Sequence[Box],
    match: PageMatch | None,
    patches: PatchHeat | None,
) -> dict[str, Any]:
    """A page as the viewer shows it: evidence, heat of its words and its patches, figures, and words to copy."""
    words = library.page_words(page.id)
    figures = figures_of(library.catalog, [page.id])[page.id]
    return {
        "page": page.id,
        "number": page.number,
        "pages": pages,
        "file": file_name(page.source),
        "ratio": round(page.width / max(page.height, 1.0), 4),
        "boxes": [fractions(box, page) for box in boxes],
        "words": [[*fractions(word.box, page), word.text] for word in words],
        "heat": [] if match is None else heat(match, page),
        "patches": None if patches is None else patch_data(patches, page),
        "figures": [
            {"id": row.id, "box": fractions(row.figure.box, page), "tags": list(row.figure.tags)}
            for row in figures
            if row.figure.kind != "page"
        ],
    }


def heat(match: PageMatch, page: Page) -> list[dict[str, Any]]:
    """For each word of the question, the page's words that are like it: left, top, width, height, likeness 0 to 1."""
    found = []
    for number, token in enumerate(match.tokens):
        if not token.strip():
            continue
        places = [
            [*fractions(word.box, page), round(float(match.support[i, number]), 2)]
            for i, word in enumerate(match.words)
            if match.support[i, number] >= FLOOR
        ]
        found.append({"token": token, "places": places})
    return found


def patch_data(patches: PatchHeat, page: Page) -> dict[str, Any]:
    """Heat of a picture's patches, packed: a page has up to some thousand of them, for each word of the question.

    Base64 of numbers side by side. `boxes`: left, top, right, bottom of each patch, uint16, little-endian, 65535 the
    whole page. `maps`: all words together first, then each by itself, with `low` and `high`, the cosines that heat 0
    and 1 stand for; `heat`: one uint8 a patch.
    """
    edges = patches.boxes / np.array([max(page.width, 1.0), max(page.height, 1.0)] * 2, np.float32)
    maps: list[dict[str, Any]] = [{"token": "", "heat": _packed(patches.together, 255, "u1")}]
    for i, word in enumerate(patches.words):
        low, high = round(float(patches.means[i]), 2), round(float(patches.peaks[i]), 2)
        maps.append({"token": word, "low": low, "high": high, "heat": _packed(patches.strengths[:, i], 255, "u1")})
    return {"boxes": _packed(edges, 65535, "<u2"), "maps": maps}


def _packed(shares: NDArray[np.float32], most: int, kind: str) -> str:
    return base64.b64encode(np.rint(np.clip(shares, 0, 1) * most).astype(kind).tobytes()).decode()


def _dark(library: Library, page: Page) -> list[Box]:
    words: Sequence[Word] = library.page_words(page.id)
    figures = figures_of(library.catalog, [page.id])[page.id]
    return [row.figure.box for row in figures if row.figure.kind != "page"] + [word.box for word in words]


def _append(pieces: list[list[Any]], text: str, matched: bool) -> None:
    if pieces and pieces[-1][1] == matched:
        pieces[-1][0] += text
    else:
        pieces.append([text, matched])


def _runs(text: str, weak: Sequence[bool], start: int, end: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for i in range(start, end):
        if parts and parts[-1]["weak"] == weak[i]:
            parts[-1]["text"] += text[i]
        else:
            parts.append({"text": text[i], "weak": weak[i]})
    return parts
