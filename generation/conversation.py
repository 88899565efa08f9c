"""Follow-ups: what was left unsaid because the question before had said it.

With a model, the model rewrites the question (`vlm.standalone_question`). Without one, the words that are missing are
carried over from the question before, by rules that change nothing when in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..retrieval.analysis import STOP_WORDS, terms
from ..retrieval.encoders.words import split_words
from ..retrieval.types import Answer

_OPENING = re.compile(
    r"^\W*(?:and|but|so|or|also|what about|how about|and what about|а|та|і|а як щодо|그럼|그리고|그러면|ו)\b\W*",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|then|one|ones|same|"
    r"він|вона|воно|вони|його|її|їх|це|цей|ця|ті|там|그것|그|이것|הוא|היא|זה|שם)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_HERE = re.compile(
    r"\b(?:only |just )?(?:in|within|from) (?:this|that|the same) (?:document|file|report|paper|one)\b|"
    r"\bonly (?:this|that) (?:document|file|report|paper)\b|в цьому документі|이 문서",
    re.IGNORECASE,
)
_FEW = 2
"""A question that opens like a follow-up and has at most so many words of its own stands on the one before."""


def standalone(history: Sequence[Answer], question: str) -> str:
    """The question with what it leaves to the conversation, to be searched for by itself.

    A question about something else of the same thing ("Who audits it?") takes over names and years; one about the same
    of another thing ("And Ostrey?") takes over what was asked.

    >>> before = Answer("What was the net revenue of Tarnwick in 2023?", "", (), (), "")
    >>> standalone([before], "And in 2024?")
    'What was the net revenue of Tarnwick in 2024?'
    >>> standalone([before], "Who audits it?"), standalone([before], "And Ostrey?")
    ('Who audits it? (Tarnwick 2023)', 'And Ostrey? (net revenue 2023)')
    >>> standalone([before], "How many ships sail to Ostrey?")
    'How many ships sail to Ostrey?'
    """
    if not history:
        return question
    before = history[-1].question
    rest = _OPENING.sub("", question)
    own = _content(rest)
    opens = rest != question
    if not (_POINTING.search(question) or (opens and len(own) <= _FEW)):
        return question
    years, earlier = _YEAR.findall(rest), _YEAR.findall(before)
    if opens and years and len(own) == len(years) == len(earlier):
        for old, new in zip(earlier, years, strict=True):
            before = before.replace(old, new, 1)
        return before
    names = _names(before)
    said = {term for word in own for term in terms(word)}
    left = [word for word in _content(before) if not said & set(terms(word)) and not (years and _YEAR.fullmatch(word))]
    if opens and own and all(word in _names(f". {rest}", first=True) for word in own):
        carried = [word for word in left if word not in names or _YEAR.fullmatch(word)]
    else:
        carried = [word for word in left if word in names] or (left if len(own) < _FEW else [])
    return f"{question} ({' '.join(carried)})" if carried else question


def _content(question: str) -> list[str]:
    return [word for word in split_words(question) if terms(word) and word.casefold() not in STOP_WORDS]


def _names(question: str, *, first: bool = False) -> set[str]:
    """Words that name something: with a capital that does not begin the question (unless `first`), or a digit."""
    words = split_words(question)
    return {
        word
        for i, word in enumerate(words)
        if any(letter.isdigit() for letter in word) or (word[:1].isupper() and (i > 0 or first))
    }


def documents_meant(history: Sequence[Answer], question: str) -> list[str] | None:
    """Ids of the documents that "only in this document" means: those the last answer cites, or its best page's.

    `None` when the question says nothing of the kind.
    """
    if not history or not _HERE.search(question):
        return None
    last = history[-1]
    pages = [citation.page for citation in last.citations] or [hit.page for hit in last.hits[:1]]
    return list(dict.fromkeys(page.document for page in pages)) or None
