"""Pages that say the same: the versions and copies of a document that a folder collects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from .catalog import Catalog
from .search import Ranked
from .types import Page

Found = tuple[Ranked, Page, tuple[Page, ...]]
"""A page with its place in the ranking, and those that say the same."""


def without_copies(ranked: Sequence[Ranked], most: int, catalog: Catalog) -> list[Found]:
    """The first `most` pages that differ, in order, each with the pages ranked near it that say the same.

    Alike are pages of one text, whatever its case and spaces; where there is none, of one picture.
    """
    found: dict[str, tuple[Ranked, Page, list[Page]]] = {}
    for one, page, _ in _all(ranked, most, catalog):
        said = " ".join((page.text or "").casefold().split()) or f"picture {catalog.image_sha(page.id) or page.id}"
        if said in found:
            found[said][2].append(page)
        elif len(found) < most:
            found[said] = one, page, []
        else:
            break
    return [(one, page, tuple(copies)) for one, page, copies in found.values()]


def all_pages(ranked: Sequence[Ranked], most: int, catalog: Catalog) -> list[Found]:
    """The first `most` pages, copies or not."""
    return list(islice(_all(ranked, most, catalog), most))


def _all(ranked: Sequence[Ranked], step: int, catalog: Catalog) -> Iterator[Found]:
    """Those that were not removed since they were ranked."""
    for begin in range(0, len(ranked), step):
        part = ranked[begin : begin + step]
        pages = catalog.pages(one.page for one in part)
        yield from ((one, pages[one.page], ()) for one in part if one.page in pages)
