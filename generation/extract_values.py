"""Numbers and dates as documents write them, and where on a page a value stands."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterator, Sequence

from ..retrieval.analysis import terms
from ..retrieval.types import Word
from .citations import find_quotes

_MONTHS = """
january january jan січень січня januar enero janvier gennaio styczeń stycznia 1월 ינואר
february feb лютий лютого februar febrero février febbraio luty lutego 2월 פברואר
march mar березень березня märz marzo mars marzec marca 3월 מרץ
april apr квітень квітня abril avril aprile kwiecień kwietnia 4월 אפריל
may травень травня mai mayo maggio maj maja 5월 מאי
june jun червень червня juni junio juin giugno czerwiec czerwca 6월 יוני
july jul липень липня juli julio juillet luglio lipiec lipca 7월 יולי
august aug серпень серпня agosto août sierpień sierpnia 8월 אוגוסט
september sep sept вересень вересня septiembre septembre settembre wrzesień września 9월 ספטמבר
october oct жовтень жовтня oktober octubre octobre ottobre październik października 10월 אוקטובר
november nov листопад листопада noviembre novembre listopad listopada 11월 נובמבר
december dec грудень грудня dezember diciembre décembre dicembre grudzień grudnia 12월 דצמבר
"""
MONTHS = {name: number for number, line in enumerate(_MONTHS.split("\n")[1:-1], start=1) for name in line.split()}

_SCALES = {
    **dict.fromkeys(("thousand", "тис", "tausend", "천"), 1e3),
    **dict.fromkeys(("million", "millions", "m", "mn", "млн", "mio", "millionen", "백만"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn", "млрд", "mrd", "milliarden", "십억"), 1e9),
}
_NUMBER = re.compile(r"\d+(?:[.,' \u00a0\u202f’]\d+)*")
_SPAN = 6
"""Words that a date or a spaced number may take."""


def numbers_in(text: str) -> set[float]:
    """Every number that a text may mean when it is one number with its sign, currency or unit; empty for none.

    A separator before three digits may part thousands or decimals: both readings count.

    >>> sorted(numbers_in("€1.234,50")), sorted(numbers_in("(2,4)")), sorted(numbers_in("1,234"))
    ([1234.5], [-2.4], [1.234, 1234.0])
    >>> numbers_in("G 1/4"), numbers_in("Größe")
    (set(), set())
    """
    text = unicodedata.normalize("NFKC", text).strip()
    found = _NUMBER.findall(text)
    if len(found) != 1:
        return set()
    before, after = text.split(found[0], 1)
    if re.search(r"[^\W\d_]", before) and not re.search(r"(?:^|\s)[A-Z]{3}\s*$|[$€£¥₩₪₴]", before):
        return set()
    negative = before.rstrip(" $€£¥₩₪₴").endswith(("-", "−", "–")) or (before.strip().startswith("(") and ")" in after)
    scale = next((_SCALES[word] for word in re.findall(r"[^\W\d_]+", after.casefold())[:1] if word in _SCALES), None)
    values = {value * (-1 if negative else 1) for value in _readings(found[0])}
    return values | ({value * scale for value in values} if scale else set())


def _readings(digits: str) -> set[float]:
    digits = re.sub("[ \u00a0\u202f'’]", " ", digits)
    marks = [mark for mark in digits if mark in ".,"]
    plain = digits.replace(" ", "")
    if " " in digits and not re.fullmatch(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?", digits):
        return set()
    if not marks:
        return {float(plain)}
    if len(set(marks)) == 2:
        decimal = marks[-1]
        thousands = "," if decimal == "." else "."
        return {float(plain.replace(thousands, "").replace(decimal, "."))} if marks.count(decimal) == 1 else set()
    mark = marks[0]
    grouped = re.fullmatch(rf"\d{{1,3}}(?:\{mark}\d{{3}})+", plain) is not None
    values = {float(plain.replace(mark, ""))} if grouped else set()
    if len(marks) == 1:
        values.add(float(plain.replace(mark, ".")))
    return values


def date_in(text: str) -> datetime.date | None:
    """The date that a text is, or begins with; `None` for none. Day and month are told apart where one exceeds 12;
    of the rest the day is taken to come first, as most countries write.

    >>> date_in("17 November 2024"), date_in("Nov. 17, 2024"), date_in("2024-11-17"), date_in("29 квітня 2025 р.")
    (datetime.date(2024, 11, 17), datetime.date(2024, 11, 17), datetime.date(2024, 11, 17), datetime.date(2025, 4, 29))
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    parts = re.findall(r"\d+월|\d+|[^\W\d_]{2,}", text)[:3]
    if len(parts) < 3:
        return None
    parts = [part.removeprefix("ב") if part.removeprefix("ב") in MONTHS else part for part in parts]
    named = [part for part in parts if part in MONTHS]
    figures = [int(part) for part in parts if part.isdigit() and len(part) <= 4]
    if len(named) == 1 and len(figures) == 2:
        day, year = sorted(figures)
        return _date(year, MONTHS[named[0]], day)
    if len(figures) == 3 and re.match(r"\s*\d+\s*[-./년]\s*\d+", text):
        if figures[0] > 31:
            return _date(figures[0], figures[1], figures[2])
        if figures[2] > 31:
            day, month = (figures[1], figures[0]) if figures[1] > 12 else (figures[0], figures[1])
            return _date(figures[2], month, day)
    return None


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def find_value(words: Sequence[Word], value: object, label: str = "") -> tuple[int, int] | None:
    """Where a value stands among a page's words, `(first, last + 1)`; `None` when it does not.

    Where it stands several times, the place with the words of `label` nearest counts, then the first.
    """
    places = list(_places(words, value))
    if not places:
        return None
    wanted = set(terms(label))
    return max(places, key=lambda place: (_near(words, place, wanted), -place[0]))


def _places(words: Sequence[Word], value: object) -> Iterator[tuple[int, int]]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        for first in range(len(words)):
            # "4,512 million" is one number of two words; the longest reading of a place is the number's own
            for last in range(min(first + 3, len(words)), first, -1):
                text = " ".join(word.text for word in words[first:last])
                if text[:1].isspace() or not any(letter.isdigit() for letter in text):
                    continue
                if _is(text, value):
                    bare = [i for i in range(first, last) if any(letter.isdigit() for letter in words[i].text)]
                    if bare[0] <= first + 1:
                        figures = " ".join(words[i].text for i in range(first, bare[-1] + 1))
                        scale = [i for i in range(bare[-1], last) if _scaled(words[i].text)]
                        yield bare[0], (bare[-1] if _is(figures, value) or not scale else scale[0]) + 1
                    break
        return
    text = str(value)
    if exact := find_quotes(words, text):
        yield exact[0]
    yield from _spelled(words, text)
    if (wanted := date_in(text)) is not None and re.search(r"\d{4}", text):
        for first in range(len(words)):
            begin = words[first].text.casefold().strip(".,")
            if re.search(r"\d", begin) or begin in MONTHS:
                for size in range(1, min(_SPAN, len(words) - first) + 1):
                    if date_in(" ".join(word.text for word in words[first : first + size])) == wanted:
                        yield first, first + size
                        break


def _is(text: str, value: float) -> bool:
    return any(abs(found - value) <= 1e-9 * max(1.0, abs(value)) for found in numbers_in(text))


def _scaled(text: str) -> bool:
    return text.casefold().strip(".,)") in _SCALES


def _spelled(words: Sequence[Word], text: str) -> Iterator[tuple[int, int]]:
    """Places with the same letters and digits, whatever the case, the spaces and the punctuation."""
    wanted = _letters(text)
    if not wanted:
        return
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    joined = ""
    for i, word in enumerate(words):
        letters = _letters(word.text)
        if letters:
            starts[len(joined)] = i
            joined += letters
            ends[len(joined)] = i + 1
    at = joined.find(wanted)
    while at >= 0:
        if at in starts and at + len(wanted) in ends:
            yield starts[at], ends[at + len(wanted)]
        at = joined.find(wanted, at + 1)


def _letters(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def _near(words: Sequence[Word], place: tuple[int, int], wanted: set[str]) -> int:
    """How many of the wanted terms stand on the value's line, or within three of its heights above it."""
    if not wanted:
        return 0
    box = words[place[0]].box
    above = box.y0 - 3 * box.height
    beside = [
        word.text
        for i, word in enumerate(words)
        if not place[0] <= i < place[1]
        and (
            box.y0 - 0.3 * box.height <= word.box.center[1] <= box.y1 + 0.3 * box.height
            or (above <= word.box.center[1] < box.y0 and word.box.x1 > box.x0 - 60 and word.box.x0 < box.x1 + 60)
        )
    ]
    return len(wanted & set(terms(" ".join(beside))))
