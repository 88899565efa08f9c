"""The metadata of a library's documents: its rows in the catalog, and what is asked of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import MetadataError
from .metadata import MOST_KEYS, MetadataType, loaded, read_all, stored, type_of
from .types import MetadataValue

if TYPE_CHECKING:
    from .catalog import Catalog

FILE, SIDECAR, PERSON = 0, 1, 2
"""Who says so: the document's own file, a metadata file beside it, a person. The last one counts."""


def facts_by_document(catalog: Catalog) -> dict[str, dict[str, MetadataValue]]:
    """What is known of each document, by key; documents of which nothing is known are left out."""
    found: dict[str, dict[str, MetadataValue]] = {}
    for document, key, kind, value in catalog.rows("SELECT document, key, type, value FROM facts ORDER BY key"):
        found.setdefault(document, {})[key] = loaded(kind, value)
    return found


def facts_of(catalog: Catalog, document: str) -> dict[str, tuple[MetadataValue, int]]:
    """What is known of a document, by key, and who says so."""
    rows = catalog.rows(
        "SELECT key, type, value, max(origin) FROM metadata WHERE document = ? GROUP BY key ORDER BY key", (document,)
    )
    return {key: (loaded(kind, value), origin) for key, kind, value, origin in rows}


def key_types(catalog: Catalog) -> dict[str, MetadataType]:
    """All keys of the library, by name, with their types."""
    return dict(catalog.rows("SELECT key, min(type) FROM metadata GROUP BY key ORDER BY key"))


def values_of(catalog: Catalog, key: str, most: int = -1) -> list[MetadataValue]:
    """The different values that documents have under a key, in order; at most so many."""
    rows = catalog.rows("SELECT DISTINCT type, value FROM facts WHERE key = ? ORDER BY value LIMIT ?", (key, most))
    return [loaded(kind, value) for kind, value in rows]


def put_facts(
    connection: sqlite3.Connection, documents: Sequence[str], values: Mapping[str, object], origin: int
) -> None:
    """Put values beside what is known of documents. Raises `MetadataError` for one that does not fit its key."""
    read = read_all(values, _types_beside(connection, documents, origin))
    for document in documents:
        _insert(connection, document, read, origin)
        (count,) = connection.execute(
            "SELECT count(DISTINCT key) FROM metadata WHERE document = ?", (document,)
        ).fetchone()
        if count > MOST_KEYS:
            raise MetadataError(f"A document has at most {MOST_KEYS} keys; take some out first.")


def put_new_facts(
    connection: sqlite3.Connection,
    document: str,
    given: Mapping[str, object],
    own: Mapping[str, MetadataValue],
) -> None:
    """Put what a person (`given`) and a file itself (`own`) say of a document that is new.

    What a file says of itself gives way: a value that does not fit the library's key is left out.
    """
    put_facts(connection, [document], given, PERSON)
    types = _types_beside(connection, [document], FILE)
    fitting = {key: value for key, value in own.items() if types.get(key, type_of(value)) == type_of(value)}
    _insert(connection, document, fitting, FILE)


def replace_facts(
    connection: sqlite3.Connection, values: Mapping[str, Mapping[str, MetadataValue]], origin: int
) -> None:
    """Let an origin say this of documents, and nothing else; the values fit their keys (`types_beside`)."""
    for document, facts in values.items():
        connection.execute("DELETE FROM metadata WHERE document = ? AND origin = ?", (document, origin))
        _insert(connection, document, facts, origin)


def inherit_facts(connection: sqlite3.Connection, document: str, path: str) -> None:
    """What a person said of the document that a path held until now holds for the one that takes its place."""
    connection.execute(
        "INSERT OR IGNORE INTO metadata (key, document, origin, type, value) SELECT key, ?, origin, type, value "
        "FROM metadata WHERE origin = ? AND document = (SELECT document FROM sources WHERE path = ?)",
        (document, PERSON, path),
    )


def drop_facts(connection: sqlite3.Connection, documents: Collection[str], keys: Collection[str]) -> int:
    """Take keys out of documents, whoever said them. Returns how many there were."""
    pairs = [(document, key) for document in documents for key in keys]
    return connection.executemany("DELETE FROM metadata WHERE document = ? AND key = ?", pairs).rowcount


def types_beside(catalog: Catalog, documents: Collection[str], origin: int) -> dict[str, MetadataType]:
    """The types of keys, without what an origin says of these documents: that is about to be replaced."""
    return dict(catalog.rows(_BESIDE, (origin, json.dumps(list(documents)))))


def said_by(catalog: Catalog, origin: int) -> dict[str, dict[str, MetadataValue]]:
    """What an origin says, by document and key."""
    found: dict[str, dict[str, MetadataValue]] = {}
    statement = "SELECT document, key, type, value FROM metadata WHERE origin = ? ORDER BY key"
    for document, key, kind, value in catalog.rows(statement, (origin,)):
        found.setdefault(document, {})[key] = loaded(kind, value)
    return found


_BESIDE = """SELECT key, min(type) FROM metadata
             WHERE NOT (origin = ? AND document IN (SELECT value FROM json_each(?))) GROUP BY key"""


def _types_beside(connection: sqlite3.Connection, documents: Sequence[str], origin: int) -> dict[str, MetadataType]:
    return dict(connection.execute(_BESIDE, (origin, json.dumps(documents))).fetchall())


def _insert(connection: sqlite3.Connection, document: str, facts: Mapping[str, MetadataValue], origin: int) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO metadata (key, document, origin, type, value) VALUES (?, ?, ?, ?, ?)",
        [(key, document, origin, type_of(value), stored(value)) for key, value in facts.items()],
    )
