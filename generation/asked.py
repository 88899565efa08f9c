"""What a question asks for: the kind of answer, known by its form, and the names that it is about."""

from __future__ import annotations

import re
from typing import Literal

from ..retrieval.analysis import terms

Kind = Literal["number", "percent", "money", "date", "duration", "phone", "address", "name", "yes or no", "text"]

_ASKED: tuple[tuple[Kind, str], ...] = (
    ("date", r"^\W*(?:(?:by|since|until|from) )?when\b|^\W*коли\b|^\W*מתי"),
    ("phone", r"\b(?:tele)?phone\b|\bfax\b|телефон|전화|טלפון"),
    ("address", r"\be-?mail\b|\bweb ?site\b|\burl\b|електронн\w+ пошт|이메일"),
    (
        "percent",
        r"\bpercent|\bper cent\b|%|\bpercentage\b|\bwhat (?:share|proportion)\b|\bratio\b|відсот|퍼센트|אחוז",
    ),
    (
        "duration",
        r"\bhow long\b|\bhow many (?:minutes|hours|days|weeks|months|years)\b|\bhow old\b|"
        r"як довго|скільки триває|얼마나 오래",
    ),
    (
        "money",
        r"\bhow much\b.*\b(?:cost|pay|paid|spend|spent|worth|charge|earn|price)|"
        r"\b(?:price|cost|revenue|profit|income|turnover|salary|fee|budget|expenditures?|sales|earnings|dividend|loan|"
        r"debt|assets|liabilities)\b|"
        r"скільки коштує|бюджет|ціна|вартість|얼마|매출|כמה עולה|מחיר",
    ),
    (
        "date",
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month)\b|\bdue\b|"
        r"коли|якого року|дата|언제|מתי|באיזו שנה",
    ),
    (
        "number",
        r"\bhow (?:many|much|far|large|big|high|tall|heavy|wide|deep|often|fast)\b|\bnumber of\b|"
        r"\bwhat (?:is|was|are|were) the (?:\w+ )?(?:number|total|amount|rate|value|size|height|width|weight|length|"
        r"capacity|temperature|pressure|distance|age|area|score|count)\b|"
        r"скільки|яка кількість|몇|כמה",
    ),
    (
        "name",
        r"^\W*(?:who|whose|whom|where)\b|\bwhich (?:person|company|bank|city|country|town|firm|team)\b|\bwho\b|"
        r"^\W*(?:хто|де)\b|누구|어디|^\W*(?:מי|איפה|היכן)\b",
    ),
    (
        "yes or no",
        r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)(?:n[’']t)?\b|^\W*чи\b",
    ),
)

_NUMBER = r"[-+−]?(?:[$€£¥₴₪]\s?)?\(?\d[\d.,\u00a0\u202f]*\)?"
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|січ\w+|лют\w+|берез\w+|квіт\w+|трав\w+|черв\w+|лип\w+|"
    r"серп\w+|верес\w+|жовт\w+|листопад\w*|груд\w+"
)
_UNIT_OF_TIME = (
    r"(?:second|minute|hour|day|week|month|year|min|хвилин|годин|д[не]|тиж|місяц|рок|рік)\w*|[분시일주월년]간?|"
    r"דקות|שעות|ימים|שנים"
)
_FORMS: dict[str, re.Pattern[str]] = {
    kind: re.compile(form, re.IGNORECASE)
    for kind, form in {
        "phone": r"\+?\d[\d\s()/.-]{5,}\d",
        "address": r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|www\.\S+",
        "percent": rf"{_NUMBER}\s?(?:%|percent|per cent|відсот\w+|퍼센트|אחוז\w*)|%\s?\d[\d.,]*",
        "duration": rf"(?:{_NUMBER}|one|two|three|four|five|six|seven|eight|nine|ten)[\s-]?(?:{_UNIT_OF_TIME})",
        "money": rf"(?:[$€£¥₴₪]|EUR|USD|GBP|CHF|UAH)\s?{_NUMBER}"
        r"(?:\s?(?:thousand|million|billion|trillion|mn|bn|m|k)\b)?|"
        rf"{_NUMBER}\s?(?:thousand |million |billion |тис\.? |млн\.? |млрд\.? |만 |억 )?"
        r"(?:[$€£¥₴₪]|EUR\b|USD\b|euros?|dollars?|pounds?|грн\.?|гривень|грив\w+|원|ש\"ח|שקל\w*)",
        "date": rf"\d{{1,2}}\.?\s(?:{_MONTH})(?:,?\s\d{{4}})?|(?:{_MONTH})\s\d{{1,2}}(?:,?\s\d{{4}})?|"
        rf"(?:{_MONTH})\s\d{{4}}|"
        r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b(?:1[89]|20)\d\d\b|\d{4}년(?: \d{1,2}월)?(?: \d{1,2}일)?",
        "number": rf"{_NUMBER}(?:\s?(?:thousand|million|billion|%|[a-zµ°Ω]{{1,3}}[²³]?))?(?![\w])|"
        r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b",
    }.items()
}
_NUMBERED = re.compile(
    r"\b(?:figure|fig|table|chart|section|note|page|рис(?:унок)?|табл(?:иця)?|그림|표|איור|טבלה)\b\.?\s*\d+(?:\.\d+)*",
    re.IGNORECASE,
)
"""What numbers things rather than counts them."""
_FORMAT = re.compile(r"\b(?:format|answer in|list like|such as|e\.g\.).*", re.IGNORECASE | re.DOTALL)
_NO_NAMES = """
january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
inc corp corporation company ltd plc group department section
page pages slide slides figure table chart section chapter source appendix question answer true false yes none english
"""
_LOOSER: dict[Kind, tuple[Kind, ...]] = {"money": ("number",), "percent": ("number",), "duration": ("number",)}
"""What else will do, where a table leaves the unit to its heading."""


def asked_kind(question: str) -> Kind:
    """The kind of answer that a question asks for.

    >>> asked_kind("How much did the rope cost?"), asked_kind("Хто очолює відділ?"), asked_kind("Why is it late?")
    ('money', 'name', 'text')
    """
    for kind, form in _ASKED:
        if re.search(form, question, re.IGNORECASE):
            return kind
    return "text"


def has_form(kind: Kind, text: str, asked: frozenset[str] = frozenset()) -> bool:
    """Whether something of this kind stands in the text; what only repeats the question (`asked`, its terms) does not.

    >>> has_form("money", "The rope cost € 3.50 per metre in 2021"), has_form("date", "in 2021", frozenset({"2021"}))
    (True, False)
    >>> has_form("number", "Figure 1. Passengers by route")
    False
    """
    text = _NUMBERED.sub(" ", text)
    forms = [kind, *_LOOSER.get(kind, ())]
    return any(
        set(terms(found.group())) - asked for form in forms if form in _FORMS for found in _FORMS[form].finditer(text)
    )


def names_asked(question: str) -> list[str]:
    """The names, years and part numbers in a question: what an answer can hardly do without.

    Words that a capital only begins the question with, months, acronyms, and what is said about the form of the answer
    are none; nor is anything in a question written in capitals.

    >>> names_asked("How many lines go through Toronto's Union Station in 2019? Answer in a list like ['Red']")
    ['Toronto', 'Union', 'Station', '2019']
    """
    question = _FORMAT.sub("", question)
    letters = [letter for letter in question if letter.isalpha()]
    if 2 * sum(letter.isupper() for letter in letters) > len(letters):
        return []
    found = []
    for match in re.finditer(r"[^\W_][\w’'&.-]*", question):
        before = question[: match.start()].rstrip()
        begins = not before or before[-1] in ".!?:\"“(‘'`"
        name = re.sub(r"[’']s$", "", match.group()).rstrip(".'’-")
        if year := re.fullmatch(r"(?:FY|CY)?((?:1[89]|20)\d\d)", name):
            found.append(year.group(1))
        elif any(letter.isdigit() for letter in name):
            if len(name) >= 5 and any(letter.isalpha() for letter in name):
                found.append(name)
        elif len(name) > 2 and name[0].isupper() and not name.isupper() and not begins and not _general(name):
            found.append(name)
    return found


def _general(name: str) -> bool:
    """A word that people write with a capital and that names nothing."""
    return name.casefold() in _NO_NAMES.split()
