"""JSON Schemas of what is to be extracted: checked, made fit for a part of a document, and merged values."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from ..retrieval.errors import QueryError


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises `QueryError` for what is no JSON Schema of an object with properties."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping) or not schema["properties"]:
        raise QueryError("The schema names nothing to extract: it needs an object's 'properties'.")
    try:
        validator_for(dict(schema)).check_schema(dict(schema))
    except SchemaError as error:
        raise QueryError(f"The schema is no JSON Schema: {error.message[:200]} at {error.json_path}.") from error
    for reference in _references(schema):
        if not reference.startswith(("#/$defs/", "#/definitions/")):
            raise QueryError(f"The schema refers to {reference!r}; only its own $defs can be referred to.")


def problem_of(value: Any, schema: Mapping[str, Any]) -> str | None:
    """The first thing by which a value does not keep to a schema, in a line; `None` when it does."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    # An empty registry: without one, jsonschema 4.26 fetches what a schema refers to from the network.
    error = best_match(validator_for(dict(schema))(dict(schema), registry=Registry()).iter_errors(value))
    return None if error is None else f"{error.message[:200]} at {error.json_path}"


def partial_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For what a few pages say: `data` by the schema, but null for what is not there, and where it was read."""
    whole = copy.deepcopy(dict(schema))
    shared = {name: whole.pop(name) for name in ("$defs", "definitions") if name in whole}
    whole.pop("$schema", None)
    return {
        "type": "object",
        "properties": {
            "data": _loosened(whole),
            "pages": {
                "type": "array",
                "description": "For each value found, its path in data, such as /total or /lines/0/price, and the "
                "number of the page it stands on.",
                "items": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "page": {"type": "integer"}},
                    "required": ["path", "page"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["data", "pages"],
        "additionalProperties": False,
        **shared,
    }


def _loosened(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    # Lengths and conditions of the whole need not hold for a part of the pages.
    kept = {name: part for name, part in schema.items() if name in ("title", "description")}
    return {
        **kept,
        "type": "object",
        "properties": {
            name: {"anyOf": [_loosened(part), {"type": "null"}]} if isinstance(part, dict) else part
            for name, part in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def without_nulls(value: Any) -> Any:
    """Without properties that were not found.

    >>> without_nulls({"сума": 1, "a": None, "b": {"c": None}})
    {'сума': 1}
    """
    if not isinstance(value, dict):
        return value
    cleaned = {name: without_nulls(part) for name, part in value.items() if part is not None}
    return {name: part for name, part in cleaned.items() if part != {}}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object and no list, with its JSON Pointer.

    >>> list(leaves({"a/b": [{"größe": 3}]}))
    [('/a~1b/0/größe', 3)]
    """
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}/{number}")
    else:
        yield path, value


def wanted_fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The properties that a schema names, those of its objects too, each with its JSON Pointer."""
    for name, part in (schema.get("properties") or {}).items():
        here = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
        if isinstance(part, Mapping) and isinstance(part.get("properties"), Mapping):
            yield from wanted_fields(part, here)
        else:
            yield here, part if isinstance(part, Mapping) else {}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
