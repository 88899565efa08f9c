"""Filters typed into a question: `net revenue company:Boeing year:>=2022`."""

from __future__ import annotations

import re
from collections.abc import Collection

from .errors import QueryError
from .scope import Wanted, Where

_TYPED = re.compile(
    r"""(?<!\S)(?P<name>[^\W\d_][\w.-]*):(?P<sign>>=|<=|!=|>|<)?(?:"(?P<quoted>[^"]+)"|(?P<word>[^\s"<>=:/][^\s"]*))(?!\S)"""
)


def typed_filters(question: str, known: Collection[str]) -> tuple[str, Where]:
    """The question without its filters, and these: a known name, a colon, a value, without spaces between.

    What else has a colon is left in the question, and so are the values of a question that is nothing but filters.
    Raises `QueryError` where comparisons are mixed with values.

    >>> typed_filters('net revenue company:"Airbus SE" year:>=2022 note:x', ["company", "year"])
    ('net revenue note:x', {'company': ['Airbus SE'], 'year': {'>=': '2022'}})
    """
    names = {name.casefold(): name for name in known}
    values: dict[str, list[str]] = {}
    comparisons: dict[str, dict[str, str]] = {}

    def take(found: re.Match[str]) -> str:
        name = names.get(found["name"].casefold())
        if name is None:
            return found[0]
        value = found["quoted"] or found["word"]
        if found["sign"]:
            comparisons.setdefault(name, {})[found["sign"]] = value
        else:
            values.setdefault(name, []).append(value)
        return " "

    rest = " ".join(_TYPED.sub(take, question).split())
    for name in values.keys() & comparisons.keys():
        raise QueryError(f"{name!r} is asked for as a value and by comparison; type one of them.")
    if not values and not comparisons:
        return question, {}
    return rest or " ".join(value for some in values.values() for value in some), {**values, **comparisons}


def joined(where: Where | None, typed: Where) -> Where:
    """Both filters. Raises `QueryError` for a name that is in both."""
    for name in (where or {}).keys() & typed.keys():
        raise QueryError(f"{name!r} is typed in the question and a filter already; take one of them away.")
    both: dict[str, Wanted] = {**(where or {}), **typed}
    return both
