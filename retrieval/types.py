"""The nouns: small frozen values that every room speaks in.

Boxes and page sizes are in points (1/72 inch), origin at the top left, x to the right and y down, in the
*display frame*: the page as a reader shows it, with its rotation applied and cut to its crop box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""`(rows, dim)` float32."""

MetadataValue = str | float | int | bool | date
"""A value of a document's metadata: text, a number, a date, or true and false."""

State = Literal["indexed", "unchanged", "partial", "failed"]
"""What became of a document in a run; in the catalog `unchanged` does not occur."""


class Box(NamedTuple):
    """A rectangle on a page. Points, top-left origin, display frame; `x0 <= x1`, `y0 <= y1`."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def holds(self, other: Box) -> bool:
        """Whether the middle of another box lies in this one or on its edge."""
        x, y = other.center
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def union(self, other: Box) -> Box:
        """The smallest box around both.

        >>> Box(0, 0, 1, 1).union(Box(2, 2, 3, 3))
        Box(x0=0, y0=0, x1=3, y1=3)
        """
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a page: what a reader would mark with a double click.

    `start` is the word's offset in the page's text: `page.text[start : start + len(text)] == text`.
    """

    text: str
    box: Box
    start: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a page's text: words `first <= i < last` of the page, in reading order."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on a page, or the page itself taken as one."""

    box: Box
    kind: Literal["picture", "drawing", "page"]
    """`picture`: pixels; `drawing`: lines and shapes; `page`: the whole page, so that a picture of it can be found."""
    hash: int | None
    """Perceptual, 64 bits (`pictures.py`); `None` when there is nothing to see."""
    tags: tuple[str, ...] = ()
    """What it shows, as the image channel's model sees it, likeliest first; empty where no model looked."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a library. `id` is the SHA-256 of its bytes; a path is only where it was last seen."""

    id: str
    title: str
    pages: int
    state: State
    reason: str | None
    sources: tuple[str, ...]
    bytes: int
    added: str
    """UTC, ISO 8601."""
    languages: Mapping[str, int] = field(default_factory=dict)
    """Its pages by language, ISO 639-1, most first; pages with too little text to tell are in none."""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    """What else is known of it, by key (`metadata.py`): told by a person, by a metadata file, or by the file itself."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document in a library.

    `text` is `None` when nobody looked (the page could not be read), `""` when there is none.
    """

    id: str
    document: str
    """Id of the document."""
    source: str
    """Path where the document was last seen."""
    title: str
    """Title of the document."""
    number: int
    """1-based."""
    width: float
    height: float
    rotation: int
    """Degrees clockwise that the file asks readers to turn the page by: 0, 90, 180 or 270. Already applied."""
    text: str | None
    text_origin: Literal["layer", "ocr", "none"]


@dataclass(frozen=True, slots=True)
class ChannelScore:
    """What one channel thinks of a page. Higher is better; comparable within one query and channel only."""

    score: float
    rank: int
    """1-based, among the candidates of all channels."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place on a page that speaks for it."""

    box: Box
    text: str
    """What the words inside the box say; of many lines, those that match best, a table's label with its row."""
    matched: tuple[str, ...]
    """The words of the query that found their match here."""
    strength: float
    """0 to 1: the share of the query, by weight, that this place accounts for."""
    channel: str = "words"
    """Which channel points here: `words`, `visual`, `image` or `perceptual`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found."""

    page: Page
    score: float
    """Fused. Higher is better; comparable within one query only."""
    rank: int
    """1-based."""
    channels: Mapping[str, ChannelScore] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    """Strongest first."""
    copies: tuple[Page, ...] = ()
    """Pages that say the same and were found near it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight search --json` prints."""
        return {
            "rank": self.rank,
            "score": round(self.score, 4),
            "document": self.page.document,
            "source": self.page.source,
            "title": self.page.title,
            "page": self.page.number,
            "page_size": [self.page.width, self.page.height],
            "channels": {
                name: {"score": round(entry.score, 4), "rank": entry.rank} for name, entry in self.channels.items()
            },
            "evidence": [
                {
                    "box": [round(edge, 1) for edge in place.box],
                    "text": place.text,
                    "matched": list(place.matched),
                    "strength": round(place.strength, 3),
                    "channel": place.channel,
                }
                for place in self.evidence
            ],
            "copies": [
                {"document": page.document, "source": page.source, "title": page.title, "page": page.number}
                for page in self.copies
            ],
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """Which place in the documents a span of an answer stands on."""

    marker: int
    """The n of `[n]` in the answer's text."""
    start: int
    end: int
    """The span of the answer's text that the marker stands for: `answer.text[start:end]`."""
    page: Page
    boxes: tuple[Box, ...]
    """One a line; empty when the page is cited as a whole."""
    quote: str
    """The page's words inside the boxes."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What writing an answer took; `None` where the model does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    dollars: float | None = None
    """By the prices in the settings; `None` without them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or an abstention with its reason."""

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    """The pages that were shown to the generator, best first."""
    model: str
    abstained: bool = False
    reason: str | None = None
    """Why there is no answer; `None` when there is one."""
    usage: Usage | None = None
    """What a model took to write it; `None` when none did."""
    unsupported: tuple[tuple[int, int], ...] = ()
    """Spans of the text that say something without a place in the pages that bears it out."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight ask --json` prints."""
        return {
            "question": self.question,
            "answer": self.text,
            "abstained": self.abstained,
            "reason": self.reason,
            "model": self.model,
            "unsupported": [list(span) for span in self.unsupported],
            "usage": None if self.usage is None else asdict(self.usage),
            "citations": [
                {
                    "marker": citation.marker,
                    "span": [citation.start, citation.end],
                    "source": citation.page.source,
                    "document": citation.page.document,
                    "page": citation.page.number,
                    "boxes": [[round(edge, 1) for edge in box] for box in citation.boxes],
                    "quote": citation.quote,
                }
                for citation in self.citations
            ],
            "hits": [hit.to_dict() for hit in self.hits],
        }


@dataclass(frozen=True, slots=True)
class EncoderId:
    """Names an encoder well enough to tell whether stored vectors may be compared with new ones."""

    model: str
    revision: str
    dim: int
    pooling: str

    def __str__(self) -> str:
        return f"{self.model}@{self.revision} ({self.dim}-d, {self.pooling})"


@dataclass(frozen=True, slots=True)
class PageContent:
    """What an encoder may look at: a page's words in reading order, its passages, and its picture."""

    id: str
    title: str
    """Title of the document."""
    words: tuple[Word, ...]
    passages: tuple[Passage, ...]
    image: bytes
    """The page's picture as an encoded image file (WebP)."""
    width: float = 0.0
    """Points, as displayed; of the whole picture."""
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class PageVectors:
    """A page as late interaction sees it."""

    id: str
    rows: Vectors
    """`(rows, dim)`, unit rows."""
    boxes: NDArray[np.float32]
    """`(rows, 4)`: the place on the page that each row stands for; empty (x1 <= x0) for a row that stands for none,
    such as a special token's: it takes part in scores and is never evidence."""
    groups: NDArray[np.int32]
    """`(rows,)`: rows with the same number belong together (a passage); numbers do not decrease."""
    passages: Vectors | None = None
    """`(passages, dim)`, unit rows: the passages' own vectors, where the encoder had them at no further cost."""


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """A query as late interaction sees it."""

    tokens: tuple[str, ...]
    """What people would recognise of each; `""` for a token that is none of their words (special, padding)."""
    rows: Vectors
    """`(tokens, dim)`, unit rows."""
    weights: NDArray[np.float32]
    """`(tokens,)`, at least 0: how much each token counts; they sum to 1."""
    floor: float | None = None
    """A token counts by how much its best similarity is above this, and by nothing below; `None`: by all of it."""
