"""Numbers and dates in a text, in one form however they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

import regex

_COMMAS = regex.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_POINTS = regex.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_SPACES = regex.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:[ ']\d{3})+(?![\d])(?:[.,]\d+)?")

_YEAR_FIRST = regex.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_YEAR_LAST = regex.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_FIRST = r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|\.|º|er)?\s+(?:of\s+|de\s+)?(\L<months>)\.?,?\s+(?:de\s+)?(\d{4})(?!\d)"
_MONTH_FIRST = r"(?<!\p{L})(\L<months>)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)"


def number_terms(written: str) -> tuple[str, ...]:
    """The terms of digits with points and commas, what it most likely is first.

    >>> number_terms("1,577.50"), number_terms("12,5"), number_terms("1.577")
    (('1577.50', '1577.5'), ('12.5',), ('1.577', '1577'))
    """
    if _COMMAS.fullmatch(written):
        found = [written.replace(",", "")]
    elif written.count(".") > 1 and _POINTS.fullmatch(written):
        found = [written.replace(".", "").replace(",", ".")]
    else:
        found = [written.replace(",", ".")]
        if _POINTS.fullmatch(written):
            found.append(written.replace(".", "").replace(",", "."))
    whole, point, rest = found[-1].partition(".")
    if point and "." not in rest and rest.endswith("0"):
        found.append(f"{whole}.{rest.rstrip('0')}".rstrip("."))
    return tuple(found)


def spaced_numbers(text: str) -> Iterator[str]:
    """The terms of numbers whose thousands stand apart.

    >>> list(spaced_numbers("1 577 000,5 грн у 2021 році"))
    ['1577000.5']
    """
    for match in _SPACES.finditer(text):
        yield regex.sub("[ ']", "", match.group()).replace(",", ".")


def dates(text: str) -> Iterator[str]:
    """The terms of days, in folded text; a day that may be a month is both.

    >>> list(dates("31 december 2021, dec. 31st, 2021, 31.12.2021 та 31 грудня 2021"))
    ['d20211231', 'd20211231', 'd20211231', 'd20211231']
    >>> list(dates("03/04/2021")), list(dates("may 2021"))
    (['d20210304', 'd20210403'], [])
    """
    for year, month, day in _found(text):
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield f"d{year:04d}{month:02d}{day:02d}"


def _found(text: str) -> Iterator[tuple[int, int, int]]:
    months, day_first, month_first = _months()
    for match in _YEAR_FIRST.finditer(text):
        yield int(match[1]), int(match[2]), int(match[3])
    for match in _YEAR_LAST.finditer(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if match[2] == "/" and first != second:
            yield year, first, second
        yield year, second, first
    for match in day_first.finditer(text):
        yield int(match[3]), months[match[2]], int(match[1])
    for match in month_first.finditer(text):
        yield int(match[3]), months[match[1]], int(match[2])


@cache
def _months() -> tuple[Mapping[str, int], regex.Pattern[str], regex.Pattern[str]]:
    """The months by name, and the dates that name one."""
    lines = files("pagesight.retrieval").joinpath("months.txt").read_text("utf-8").splitlines()
    named = [line.split() for line in lines if line and not line.startswith("#")]
    months = {name: number for number, names in enumerate(named, start=1) for name in names}
    return months, regex.compile(_DAY_FIRST, months=list(months)), regex.compile(_MONTH_FIRST, months=list(months))
