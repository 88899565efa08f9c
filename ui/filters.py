"""What a search can be narrowed to, by what the catalog knows of documents. A further field is a line of `FIELDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..retrieval.conditions import languages_of
from ..retrieval.facts import key_types, values_of
from ..retrieval.library import Library
from ..retrieval.metadata import MetadataType
from ..retrieval.scope import folders_of, types_of
from ..retrieval.types import Document, MetadataValue
from .address import Asked

SECOND = 1_000_000_000
"""Nanoseconds."""
MOST_OFFERS = 12
"""Keys of metadata that are offered as filters; a link may name any."""
MOST_CHOICES = 500
"""Texts of a key that are offered to choose from."""


@dataclass(frozen=True, slots=True)
class Described:
    """A document with what filters look at."""

    document: Document
    date: str
    """When the file was last changed, ISO 8601, UTC; `""` when nobody knows."""


@dataclass(frozen=True, slots=True)
class Field:
    """A filter of which a document has some values; those that are asked for are joined by "or"."""

    label: str
    asked: Callable[[Asked], tuple[str, ...]]
    values: Callable[[Described], Iterable[str]]


FIELDS: Mapping[str, Field] = {
    "folders": Field("Folders", lambda asked: asked.folders, lambda one: folders_of(one.document)),
    "types": Field("Types", lambda asked: asked.types, lambda one: types_of(one.document)),
}


T = TypeVar("T")


def _kept(read: Callable[[Library], T]) -> Callable[[Library], T]:
    """What was read of a library, kept while its catalog stays the same: the page asks with every click."""
    kept: WeakKeyDictionary[Library, tuple[int, T]] = WeakKeyDictionary()

    @wraps(read)
    def now(library: Library) -> T:
        generation = library.catalog.generation()  # before the rows: what is newer than it is read again
        before = kept.get(library)
        if before is None or before[0] != generation:
            before = kept[library] = generation, read(library)
        return before[1]

    return now


@_kept
def describe(library: Library) -> Sequence[Described]:
    """All documents, in the order they were added."""
    changed: dict[str, int] = {}
    for source in library.catalog.sources():
        if source.document is not None and source.modified:
            changed[source.document] = max(source.modified, changed.get(source.document, 0))
    return [Described(one, _day(changed.get(one.id))) for one in library.documents()]


@_kept
def page_languages(library: Library) -> Sequence[str]:
    """The languages of the library's pages, most pages first."""
    return list(languages_of(library.catalog))


@_kept
def figure_tags(library: Library) -> Sequence[str]:
    """What figures of the library show, as its image model named it, by name."""
    statement = "SELECT DISTINCT json_each.value FROM figures, json_each(figures.tags) ORDER BY 1"
    return [tag for (tag,) in library.catalog.rows(statement)]


def options(field: Field, described: Sequence[Described]) -> list[str]:
    """The values that documents have, by name."""
    return sorted({value for one in described for value in field.values(one)})


@dataclass(frozen=True, slots=True)
class Offer:
    """A key of metadata that a search can be narrowed by."""

    key: str
    type: MetadataType
    values: Sequence[MetadataValue]
    """Those that documents have, in order, at most `MOST_CHOICES`."""


def offers(library: Library, asked: Asked) -> list[Offer]:
    """The keys that tell documents apart, or are asked for, at most `MOST_OFFERS`; by name."""
    wanted = {fact.key for fact in asked.facts}
    found: list[Offer] = []
    for offer in _keys(library):
        if (len(offer.values) > 1 and len(found) < MOST_OFFERS) or offer.key in wanted:
            found.append(offer)
    return found


@_kept
def _keys(library: Library) -> Sequence[Offer]:
    return [
        Offer(key, kind, values_of(library.catalog, key, MOST_CHOICES if kind in ("text", "boolean") else -1))
        for key, kind in key_types(library.catalog).items()
    ]


def where_for(asked: Asked, described: Sequence[Described]) -> dict[str, Any] | None:
    """The filters as `Library.retrieve` takes them; `None` when no document passes them."""
    where: dict[str, Any] = {"figure": list(asked.figures)} if asked.figures else {}
    if asked.languages:
        where["language"] = list(asked.languages)
    for key, sign, value in asked.facts:
        comparisons = where.setdefault(key, {})
        if sign == "=":
            comparisons.setdefault("=", []).append(value)
        else:
            comparisons[sign] = value
    narrowing = [field for field in FIELDS.values() if field.asked(asked)]
    if not (asked.documents or narrowing or asked.since or asked.until):
        return where
    passing = [
        one.document.id
        for one in described
        if (not asked.documents or any(one.document.id.startswith(begin) for begin in asked.documents))
        and all(set(field.asked(asked)) & set(field.values(one)) for field in narrowing)
        and (not asked.since or asked.since <= one.date)
        and (not asked.until or (one.date != "" and one.date <= asked.until))
    ]
    return where | {"document": passing} if passing else None


def count(asked: Asked) -> int:
    """How many filters narrow a question."""
    chosen = [asked.documents, asked.figures, asked.since or asked.until, asked.languages]
    return (
        len({fact.key for fact in asked.facts})
        + sum(map(bool, chosen))
        + sum(bool(field.asked(asked)) for field in FIELDS.values())
    )


def _day(modified: int | None) -> str:
    return datetime.fromtimestamp(modified / SECOND, UTC).date().isoformat() if modified else ""
