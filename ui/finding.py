"""Finding what the address asks for: the question, its filters, its picture, or what is like a page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from ..retrieval.errors import QueryError
from ..retrieval.figures import figures_of
from ..retrieval.fusion import default_weights
from ..retrieval.library import Library
from ..retrieval.picture_query import PictureQuery
from ..retrieval.types import Hit
from .address import Asked
from .cards import channel_shares
from .filters import count, describe, where_for
from .page_images import part_of


@dataclass(frozen=True, slots=True)
class Found:
    """The pages that were found for a question in a library as it was then."""

    asked: Asked
    generation: int
    """The library's; another one means that documents came or went."""
    hits: list[Hit]
    shares: Sequence[Mapping[str, float]]
    """For each hit, the part of each channel in its standing."""
    dates: Mapping[str, str]
    """When files were last changed, by document id."""
    milliseconds: float
    meant: str
    """The question as it may have been meant, where a word of it is in no document."""
    passing: frozenset[str] | None
    """Documents with pages that its filters let through; `None` without filters."""

    def answers(self, asked: Asked, library: Library) -> bool:
        """Whether this is still what to show for a question.

        Documents that came since then change nothing before one asks again: an answer that takes a minute would be
        thrown away and begun anew with each file that somebody adds. A page that is gone may not be shown; and with
        filters, what was said of the documents that were there must let the same ones through.
        """
        if self.asked != asked:
            return False
        if self.generation == library.catalog.generation():
            return True
        pages = {hit.page.id for hit in self.hits}
        if not pages or library.catalog.pages(pages).keys() != pages:
            return False
        return self.passing is None or self._pass_still(pages, library)

    def _pass_still(self, pages: AbstractSet[str], library: Library) -> bool:
        described = describe(library)
        try:
            where = where_for(self.asked, described)
            allowed = {} if where is None else library.scope(where).pages
        except QueryError:  # a key or a value that is no longer there
            return False
        both = {one.document.id for one in described} & self.dates.keys()
        return pages <= allowed.keys() and set(allowed.values()) & both == (self.passing or set()) & both


def picture_name(picture: bytes) -> str:
    """What stands for a picture in the address."""
    return hashlib.sha256(picture).hexdigest()[:12]


def find(library: Library, asked: Asked, picture: bytes | None) -> Found:
    """Search. Raises `QueryError` for a question that makes no sense, and for a page that is no longer here."""
    generation = library.catalog.generation()
    described = describe(library)
    dates = {one.document.id: one.date for one in described}
    started = time.perf_counter()
    where = where_for(asked, described)
    hits: list[Hit] = []
    if where is not None and asked.like:
        page = asked.like.partition("#")[0]
        # One more than asked for: the page itself is the first to be found.
        found = library.retrieve("", k=asked.most + 1, where=where, image=likeness(library, asked.like))
        hits = [hit for hit in found if hit.page.id != page][: asked.most]
    elif where is not None:
        hits = library.retrieve(asked.question, k=asked.most, where=where, image=picture)
    milliseconds = (time.perf_counter() - started) * 1000
    weights = default_weights(picture=bool(asked.like or picture))
    passing = None
    if count(asked):
        passing = frozenset(library.scope(where).pages.values() if where is not None else ())
    meant = library.suggest(asked.question)
    return Found(asked, generation, hits, channel_shares(hits, weights), dates, milliseconds, meant, passing)


def likeness(library: Library, place: str) -> PictureQuery:
    """A page of the library, or a figure on one, as a question. Its words are known, so nothing is read by OCR."""
    id_ = place.partition("#")[0]
    page = library.catalog.pages([id_]).get(id_)
    if page is None:
        raise QueryError("The page that this link compares with is no longer in the library.")
    picture = library.page_image(page)
    if place == id_:
        return PictureQuery(Image.open(BytesIO(picture)).convert("RGB"), page.text or "")
    figure = next((row.figure for row in figures_of(library.catalog, [id_])[id_] if row.id == place), None)
    if figure is None:
        raise QueryError("The figure that this link compares with is no longer in the library.")
    inside = [word.text for word in library.page_words(id_) if figure.box.holds(word.box)]
    return PictureQuery(part_of(picture, page, figure.box), " ".join(inside))
