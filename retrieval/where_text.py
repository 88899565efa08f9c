"""Filters as people write them: `year >= 2022 and company in (Boeing, Airbus)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .conditions import COMPARISONS
from .errors import QueryError
from .metadata import FILTERS
from .scope import Where

EXAMPLE = "year >= 2022 and company in (Boeing, Airbus)"
MOST_CHARACTERS = 10_000

_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[<>=!]+)|(?P<mark>[(),])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s<>=!(),"'][^\s<>=!(),]*))"""
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["word", "quoted", "sign", "mark"]
    text: str
    start: int


def parse_where(text: str) -> Where:
    """Conditions joined by `and`: a name, a comparison or `in`, and a value or several in parentheses.

    Values are quoted where they hold `and`, a comma, a parenthesis or a comparison. Raises `QueryError` that shows the
    place where it makes no sense.

    >>> parse_where("year >= 2022 and company in (Boeing, 'Airbus SE') and language = uk")
    {'year': {'>=': '2022'}, 'company': ['Boeing', '"Airbus SE"'], 'language': ['uk']}
    """
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._cut()
        self._at = 0

    def parse(self) -> Where:
        found: dict[str, list[str] | dict[str, str | list[str]]] = {}
        while True:
            name, sign, values = self._condition()
            before = found.get(name)
            if sign == "=" and before is None:
                found[name] = values
            elif isinstance(before, list) or sign in (before or {}) or sign == "=":
                raise self._error(f"{name!r} is asked for twice; write {name} in (…) for one of several values")
            else:
                found[name] = {**(before or {}), sign: values if sign == "!=" else values[0]}
            if self._peek() is None:
                return found
            token = self._next("the word 'and'")
            if token.kind != "word" or token.text.lower() != "and":
                hint = "; for one of several values write NAME in (…)" if _is(token, "or") else ""
                raise self._error(f"expected the word 'and'{hint}", token)

    def _condition(self) -> tuple[str, str, list[str]]:
        name = self._next("the name of a filter, as year")
        if name.kind != "word":
            raise self._error("expected the name of a filter, as year", name)
        sign = self._next("a comparison or 'in'")
        key = name.text.lower()
        if _is(sign, "in"):
            return key, "=", _bare(key, self._several())
        if sign.kind != "sign" or (sign.text not in COMPARISONS and sign.text != "=="):
            raise self._error(f"expected one of {' '.join(COMPARISONS)} in", sign)
        return key, sign.text if sign.text != "==" else "=", _bare(key, [self._value()])

    def _several(self) -> list[str]:
        opening = self._next("(")
        if opening.text != "(" or opening.kind != "mark":
            raise self._error("expected ( after 'in'", opening)
        values = [self._value()]
        while (token := self._next(", or )")).kind == "mark" and token.text == ",":
            values.append(self._value())
        if token.text != ")":
            raise self._error("expected , or )", token)
        return values

    def _value(self) -> str:
        """Quoted, or words up to what ends them."""
        first = self._next("a value")
        if first.kind == "quoted":
            return f'"{first.text}"'  # a number in quotes is text
        if first.kind != "word":
            raise self._error("expected a value", first)
        last = first
        while (token := self._peek()) is not None and token.kind == "word" and not _is(token, "and", "or"):
            last = self._next("a value")
        return self._text[first.start : last.start + len(last.text)]

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, expected: str) -> _Token:
        token = self._peek()
        if token is None:
            raise self._error(f"expected {expected} at its end")
        self._at += 1
        return token

    def _cut(self) -> Sequence[_Token]:
        if len(self._text) > MOST_CHARACTERS:
            raise QueryError(f"The filter is longer than {MOST_CHARACTERS} characters; make it shorter.")
        tokens: list[_Token] = []
        place, end = 0, len(self._text.rstrip())
        while place < end:
            found = _TOKEN.match(self._text, place)
            if found is None:
                raise QueryError(f"Cannot read the filter {self._text!r}: a quote is not closed.")
            kind = found.lastgroup or "word"
            text = found[kind]
            name = "quoted" if kind in ("double", "single") else kind
            tokens.append(_Token(name, text, found.start(kind)))  # type: ignore[arg-type]
            place = found.end()
        return tokens

    def _error(self, told: str, token: _Token | None = None) -> QueryError:
        place = "" if token is None else f", at {self._text[token.start : token.start + 30]!r}"
        return QueryError(f"Cannot read the filter {self._text!r}: {told}{place}. Write, for example: {EXAMPLE}")


def _bare(name: str, values: list[str]) -> list[str]:
    """Quotes say that a value of metadata is text; elsewhere all values are."""
    return [value.strip('"') for value in values] if name in FILTERS else values


def _is(token: _Token, *words: str) -> bool:
    return token.kind == "word" and token.text.lower() in words
