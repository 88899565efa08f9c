"""What people and files say of documents: keys, and values of four types. All of it may come from a stranger's file."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from .errors import MetadataError
from .types import MetadataValue

MetadataType = Literal["text", "number", "date", "boolean"]

MOST_KEYS = 64
"""Of a document."""
KEY_LENGTH = 60
TEXT_LENGTH = 1_000
"""Characters of a text value."""

FILTERS = ("document", "language", "type", "folder", "figure")
"""Filters that are no metadata; no key is called so."""
_TAKEN = (*FILTERS, "file", "and", "or", "not", "in")
"""`file` is the column that names a file in `metadata.csv`; the others are words of filters."""

_KEY = re.compile(r"[^\W\d_][\w.-]*")
# A leading zero makes a code of it: 00123 is no number that anybody counts with.
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=$|[T ])", re.ASCII)
_EXACT = 2**53
"""Whole numbers up to here are what they are in SQLite, JSON and a float alike; longer ones are text, not rounded."""


def read_key(text: str) -> str:
    """A key as it is kept: lower case, `_` for spaces. Raises `MetadataError` for what is none.

    >>> read_key(" Company Name ")
    'company_name'
    """
    key = re.sub(r"\s+", "_", unicodedata.normalize("NFC", tidy(text)).lower())
    if not _KEY.fullmatch(key) or len(key) > KEY_LENGTH:
        raise MetadataError(
            f"{_quoted(text)} is no key; a key begins with a letter, goes on with letters, digits, '_', '-' and '.', "
            f"and has at most {KEY_LENGTH} characters."
        )
    if key in _TAKEN:
        raise MetadataError(f"The key {key!r} has a meaning of its own; choose another name for it.")
    return key


def read_value(value: object, expected: MetadataType | None = None) -> MetadataValue:
    """A value as it is kept, told from how it is written unless a type is `expected`.

    Text of the form `2023-04-30` is a date, `true` and `false` are booleans, numbers are numbers; in double quotes all
    of them are text, and so are whole numbers beyond 2^53, of which a float would lose digits. Raises `MetadataError`
    for a value that is not of the type expected, is too long, or is none.

    >>> read_value("2022"), read_value("2023-04-30"), read_value("TRUE"), read_value("00123"), read_value('"2022"')
    (2022, datetime.date(2023, 4, 30), True, '00123', '2022')
    """
    found = _read_text(value, expected) if isinstance(value, str) else _read_plain(value)
    if expected is not None and type_of(found) != expected:
        raise MetadataError(f"{_quoted(value)} is {_A[type_of(found)]}, and {_A[expected]} is expected")
    return found


def type_of(value: MetadataValue) -> MetadataType:
    """
    >>> type_of(True), type_of(1.5), type_of(date(2023, 4, 30)), type_of("так")
    ('boolean', 'number', 'date', 'text')
    """
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "date" if isinstance(value, date) else "text"


def tidy(text: str) -> str:
    r"""One line without control characters and without marks that turn the direction of what stands after them.

    >>> tidy("Звіт\x00\n за \u202e2023 ")
    'Звіт за 2023'
    """
    return " ".join("".join(c if c.isprintable() else "" if c in _MARKS else " " for c in text).split())


def stored(value: MetadataValue) -> str | float | int:
    """A value as the catalog has it."""
    return value.isoformat() if isinstance(value, date) else int(value) if isinstance(value, bool) else value


def loaded(kind: MetadataType, value: str | float | int) -> MetadataValue:
    """Reads what `stored` made."""
    if kind == "date":
        return date.fromisoformat(str(value))
    return bool(value) if kind == "boolean" else value


def as_json(value: MetadataValue) -> str | float | int | bool:
    """A value for JSON."""
    return value.isoformat() if isinstance(value, date) else value


def spelled(value: MetadataValue) -> str:
    """A value for people, as `read_value` reads it where the type of its key is known.

    >>> spelled(True), spelled(2022.0), spelled(0.1 + 0.2), spelled("так"), spelled('"так"')
    ('true', '2022', '0.30000000000000004', 'так', '""так""')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)
    text = str(value)
    return f'"{text}"' if text != text.strip() or text[:1] == text[-1:] == '"' else text


def clash(key: str, expected: MetadataType, error: MetadataError) -> MetadataError:
    """Why a value cannot be kept under a key that has another type."""
    return MetadataError(
        f"The metadata {key!r} is {_A[expected]} in this library: {error}; write it so, or use another key."
    )


def read_all(given: Mapping[str, object], types: Mapping[str, MetadataType]) -> dict[str, MetadataValue]:
    """Keys and values as they are kept, where a library's keys have these types. Raises `MetadataError`."""
    found: dict[str, MetadataValue] = {}
    for written, value in given.items():
        key = read_key(written)
        try:
            found[key] = read_value(value, types.get(key))
        except MetadataError as error:
            if key in types:
                raise clash(key, types[key], error) from None
            raise MetadataError(f"The metadata {key!r} cannot be kept: {error}.") from None
    if len(found) > MOST_KEYS:
        raise MetadataError(f"A document has at most {MOST_KEYS} keys, and these are {len(found)}.")
    return found


_MOST_BITS = int((TEXT_LENGTH - 1) * math.log2(10))
_A = {"text": "text", "number": "a number", "date": "a date", "boolean": "true or false"}
_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def _read_text(value: str, expected: MetadataType | None) -> MetadataValue:
    text = tidy(value)
    if not text:
        raise MetadataError("it is empty")
    if len(text) > TEXT_LENGTH:
        raise MetadataError(f"it has {len(text)} characters, and a text has at most {TEXT_LENGTH}")
    if len(text) > 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if expected == "text":
        return text
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if _NUMBER.fullmatch(text):
        number = _read_number(text)
        if number is None and expected == "number":
            raise MetadataError(f"{_quoted(text)} has more digits than a number keeps")
        return text if number is None else number
    if _DATE.match(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text).date()
    return text


def _read_number(text: str) -> float | int | None:
    """`None` for what would be rounded to another whole number, or is too large for one."""
    if not set(text) & set(".eE"):
        return whole if abs(whole := int(text)) <= _EXACT else None
    number = float(text)
    if abs(number) >= _EXACT and not (math.isfinite(number) and Decimal(text) == Decimal(repr(number))):
        return None
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _read_plain(value: object) -> MetadataValue:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, bool | date):
        return value
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:  # Python refuses to spell what is much longer
            raise MetadataError(f"it has more than {TEXT_LENGTH} digits")
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    raise MetadataError(f"{_quoted(value)} is none of text, number, date, true and false")


def _quoted(value: object) -> str:
    text = tidy(str(value)[:200])
    return repr(text if len(text) <= 60 else text[:59] + "…")
