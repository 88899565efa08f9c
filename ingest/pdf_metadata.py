"""What a PDF file says of itself: title, author, subject, keywords, and when it was made. Any of it may be nonsense."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..retrieval.metadata import TEXT_LENGTH, tidy
from ..retrieval.types import MetadataValue

_NO_TITLE = re.compile(
    r"(untitled|document|presentation|slide|book|microsoft \w+|powerpoint presentation)[\s\d-]*", re.I
)
_NOTHING = re.compile(r"\(?(unspecified|anonymous|unknown|untitled|none|n/a)\)?", re.I)
"""What programs write of an author or a subject that nobody gave."""
_PROGRAM = re.compile(r"^microsoft (word|powerpoint|excel)\s*-\s*", re.I)
_TITLE_LENGTH = 300

_TEXTS = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
# ISO 32000-1, 7.9.4: D:YYYYMMDDHHmmSS and a time zone; what is left out from the right is the first of its kind.
_CREATED = re.compile(r"\s*(?:D:)?([0-9]{4})([0-9]{2})?([0-9]{2})?", re.ASCII)


def own_metadata(entry: Callable[[str], str | None]) -> dict[str, MetadataValue]:
    """The entries that say something, by key; `entry` reads one by its name in the file, `None` or `""` for none.

    >>> own_metadata({"Author": "Олена\\n Коваль", "CreationDate": "D:20230405120000+02'00'"}.get)
    {'author': 'Олена Коваль', 'created': datetime.date(2023, 4, 5)}
    """
    found: dict[str, MetadataValue] = {}
    for name, key in _TEXTS.items():
        text = _text(entry(name))
        if text is not None and not _NOTHING.fullmatch(text):
            found[key] = text[:TEXT_LENGTH]
    created = _date(entry("CreationDate") or "")
    if created is not None:
        found["created"] = created
    return found


def stated_title(stated: str, path: Path) -> str | None:
    """The file's own title, unless it is what programs write when nobody gave one, or the file's name."""
    title = _PROGRAM.sub("", _text(stated) or "")
    if len(title) < 3 or _NO_TITLE.fullmatch(title) or not any(map(str.isalpha, title)):
        return None
    if re.search(r"\.(pdf|docx?|pptx?|xlsx?|indd|qxd|tex|dvi|ps)$", title, re.I) or title == path.stem:
        return None
    return title[:_TITLE_LENGTH]


def _text(stated: str | None) -> str | None:
    """What is legible, as one line; `None` when nothing is."""
    text = tidy(stated or "")
    return text if "\ufffd" not in text and any(map(str.isalnum, text)) else None


def _date(stated: str) -> date | None:
    found = _CREATED.match(stated)
    if found is None:
        return None
    try:
        day = date(*(int(part or 1) for part in found.groups()))
    except ValueError:
        return None
    return day if day.year >= 1970 else None  # programs that know no date write their epoch, or 0
