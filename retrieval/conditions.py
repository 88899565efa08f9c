"""Filters as conditions on the table `pages`, for SQLite to go through."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .catalog import Catalog
from .errors import MetadataError, QueryError
from .facts import values_of
from .metadata import MetadataType, read_value, stored
from .types import MetadataValue

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL, and the values for its holes."""

    sql: str
    values: tuple[object, ...]


def ids_condition(documents: Sequence[str]) -> Condition:
    """Pages of these documents."""
    return Condition("document IN (SELECT value FROM json_each(?))", (json.dumps(list(documents)),))


def figure_condition(tags: Sequence[str]) -> Condition:
    """Pages with a figure that has one of these tags."""
    return Condition(
        "id IN (SELECT figures.page FROM figures, json_each(figures.tags) AS tag "
        "WHERE tag.value IN (SELECT value FROM json_each(?)))",
        (json.dumps(list(tags)),),
    )


def language_condition(catalog: Catalog, languages: Sequence[str]) -> Condition:
    """Pages in one of these languages. Raises `QueryError` for one that no page is in."""
    wanted = {language.lower() for language in languages}
    there = languages_of(catalog)
    unknown = wanted - there.keys()
    if unknown:
        listed = ", ".join(f"{language} ({pages} pages)" for language, pages in there.items()) or "none yet"
        raise QueryError(f"No page is in the language {min(unknown)!r}; there are: {listed}.")
    return Condition("language IN (SELECT value FROM json_each(?))", (json.dumps(sorted(wanted)),))


def languages_of(catalog: Catalog) -> dict[str, int]:
    """The languages of the library's pages, ISO 639-1, to how many pages are in each, most first."""
    return dict(
        catalog.rows(
            "SELECT language, count(*) FROM pages WHERE text IS NOT NULL AND language IS NOT NULL "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
    )


def metadata_condition(
    catalog: Catalog,
    key: str,
    kind: MetadataType,
    wanted: MetadataValue | Sequence[MetadataValue] | Mapping[str, MetadataValue | Sequence[MetadataValue]],
) -> Condition:
    """Pages of documents whose value under a key fits. Raises `QueryError` for values of another type."""
    parts: list[str] = []
    values: list[object] = [key, kind]
    comparisons: Mapping[str, object] = wanted if isinstance(wanted, Mapping) else {"=": wanted}
    for comparison, side in comparisons.items():
        if comparison not in COMPARISONS:
            raise QueryError(f"{comparison!r} compares nothing; there are {' '.join(COMPARISONS)}.")
        sides = list(side) if isinstance(side, Sequence) and not isinstance(side, str) else None
        if comparison in ("=", "!="):
            read = [_read(key, kind, value) for value in ([side] if sides is None else sides)]
            holds = _as_written(catalog, key, read) if kind == "text" else [stored(value) for value in read]
            parts.append(f"value {'NOT ' if comparison == '!=' else ''}IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(holds))
        else:
            if sides is not None or kind == "boolean":
                raise QueryError(f"{key!r} {comparison} takes one number, date or text.")
            parts.append(f"value {comparison} ?")
            values.append(stored(_read(key, kind, side)))
    # Text is larger than any number to SQLite: of a key with two types, one alone is compared.
    conditions = " AND ".join(["key = ?", "type = ?", *parts])
    return Condition(f"document IN (SELECT document FROM facts WHERE {conditions})", tuple(values))


def _read(key: str, kind: MetadataType, value: object) -> MetadataValue:
    try:
        return read_value(value, kind)
    except MetadataError as error:
        raise QueryError(f"The filter {key!r} does not fit: {error}.") from None


def _as_written(catalog: Catalog, key: str, wanted: Sequence[MetadataValue]) -> list[str]:
    """The values of the library that are the same but for their case."""
    folded = {str(value).casefold() for value in wanted}
    return [str(value) for value in values_of(catalog, key) if str(value).casefold() in folded]
