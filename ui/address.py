"""What the address bar holds: everything that was asked, so that a link shows the same pages to a colleague."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

COUNTS = (3, 5, 10, 20, 50)
"""Pages that may be asked for."""
ID_DIGITS = 16
"""Of a document's id in a link: enough to tell any two apart, and short enough to be read."""


_FACT = re.compile(r"([^<>=]+)(>=|<=|=)(.+)", re.DOTALL)


class Fact(NamedTuple):
    """A condition on metadata of documents, as `year>=2022`."""

    key: str
    sign: str
    """`=`, `>=` or `<=`."""
    value: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with everything that narrows it. What is empty narrows nothing."""

    question: str = ""
    most: int = 5
    """Pages to find."""
    answer: bool = True
    """Write an answer too; else search only."""
    like: str = ""
    """Id of a page, or of a figure on one (`retrieval/figures.py`): find what is like it."""
    picture: str = ""
    """Begin of the SHA-256 of a picture that is part of the question; the picture itself is not in a link."""
    documents: tuple[str, ...] = ()
    """Ids, or begins of ids."""
    folders: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    """Tags of figures."""
    since: str = ""
    """The earliest date of a file, ISO 8601."""
    until: str = ""
    languages: tuple[str, ...] = ()
    """Of pages, ISO 639-1."""
    facts: tuple[Fact, ...] = ()
    """Conditions on metadata; those of one key with "=" are joined by "or", all others by "and"."""

    @property
    def empty(self) -> bool:
        """Whether nothing was asked."""
        return not (self.question or self.like or self.picture)


def read_address(values: Mapping[str, Sequence[str]]) -> Asked:
    """The question in an address. What makes no sense there is left out: links are typed and cut by people.

    >>> read_address({"q": ["Скільки?"], "k": ["many"], "type": ["pdf", "png"]})
    Asked(question='Скільки?', most=5, answer=True, like='', picture='', documents=(), folders=(), types=('pdf', \
'png'), figures=(), since='', until='', languages=(), facts=())
    """
    one = {name: found[-1].strip() for name, found in values.items() if found}
    many = {name: tuple(dict.fromkeys(filter(None, found))) for name, found in values.items()}
    most = one.get("k", "")
    return Asked(
        question=one.get("q", ""),
        most=int(most) if most.isdecimal() and int(most) in COUNTS else Asked().most,
        answer=one.get("answer") != "off",
        like=one.get("like", ""),
        picture=one.get("picture", ""),
        documents=many.get("document", ()),
        folders=many.get("folder", ()),
        types=many.get("type", ()),
        figures=many.get("figure", ()),
        since=_date(one.get("since", "")),
        until=_date(one.get("until", "")),
        languages=many.get("language", ()),
        facts=tuple(Fact(*found.groups()) for found in map(_FACT.fullmatch, many.get("where", ())) if found),
    )


def write_address(asked: Asked) -> dict[str, str | list[str]]:
    """The address of a question; only what differs from an empty one.

    >>> write_address(Asked("Скільки?", answer=False, types=("pdf",)))
    {'q': 'Скільки?', 'answer': 'off', 'type': ['pdf']}
    """
    values: dict[str, str | list[str]] = {
        "q": asked.question,
        "k": str(asked.most) if asked.most != Asked().most else "",
        "answer": "" if asked.answer else "off",
        "like": asked.like,
        "picture": asked.picture,
        "document": [id_[:ID_DIGITS] for id_ in asked.documents],
        "folder": list(asked.folders),
        "type": list(asked.types),
        "figure": list(asked.figures),
        "since": asked.since,
        "until": asked.until,
        "language": list(asked.languages),
        "where": ["".join(fact) for fact in asked.facts],
    }
    return {name: value for name, value in values.items() if value}


def inside(asked: Asked, document: str) -> Asked:
    """The same question, in one document."""
    alone = {"folders": (), "types": (), "since": "", "until": "", "languages": (), "facts": ()}
    return replace(asked, documents=(document[:ID_DIGITS],), **alone)


def like_this(asked: Asked, place: str) -> Asked:
    """What is like a page or a figure, within the same filters."""
    return replace(asked, question="", picture="", like=place, answer=False)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
