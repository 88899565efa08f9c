"""Text to index terms: the one analysis that pages and queries share."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import regex

from .figures_in_text import dates, number_terms, spaced_numbers
from .stemming import stems

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

_TOKEN = regex.compile(r"\d+(?:[.,]\d+)*|\p{L}[\p{L}\p{M}]*(?:'\p{L}[\p{L}\p{M}]*)*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+")
_CODE = regex.compile(r"\b(?=\w*\d)(?=\w*[^\W\d])[\w]+(?:[-/.][\w]+)*|\b[^\W\d]+[-/]\d+\w*")
_QUOTED = regex.compile(r"[\"“”„«]([^\"“”„«»]{2,200})[\"“”»]")

_IGNORED = regex.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\p{Cf}]"
)
"""Points over Hebrew and Arabic letters, which are mostly not written, and what nobody sees, as soft hyphens."""

_ALIKE = str.maketrans({"’": "'", "ʼ": "'", "ё": "е"})

_STOP_WORDS = """
a about all also am an and any are as at be been but by can could did do does for from give had has have how i
if in into is it its many me much my of on or our please should show so some tell than that the their them then there
these they this those to us was we were what when where which who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that say how something is asked. They are left out of queries, never out of the index."""

_STOPPED = {
    "da": "danish", "de": "german", "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian",
    "it": "italian", "nb": "norwegian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ru": "russian",
    "sv": "swedish",
}  # fmt: skip
"""Languages whose common words tantivy has, by Snowball's lists."""


def terms(text: str, language: str | None = None) -> list[str]:
    """The index terms of a text: its words in order, then what else it may be found by.

    `language`: ISO 639-1, what words are stemmed by (`stemming.py`). Case and presentation forms are folded; scripts
    that do not space their words, and Korean, whose words carry their particles, become pairs of characters. What
    follows are words without their accents, part numbers as a whole, and numbers and dates as others write them.

    >>> terms("Net revenues: $1,577.5 (PS-400)")
    ['net', 'revenu', '1577.5', 'ps', '400', 'ps400']
    >>> terms("서울의 매출")
    ['서울', '울의', '매출']
    >>> terms("бюджету бюджетом"), terms("der Häuser Dach", "de")
    (['бюджет', 'бюджет'], ['der', 'haus', 'dach'])
    """
    folded = _fold(text)
    found = list(_words(folded, (language,)))
    others = [other for _, *rest in found for other in rest]
    return [first for first, *_ in found] + others + list(_others(folded))


def query_terms(text: str, languages: Collection[str | None] = (None,)) -> list[str]:
    """The terms of a query, each once; words that say how it is asked are left out unless nothing else is there.

    `languages`: those that pages may have been stemmed in; a word is looked for as each of them has it.

    >>> query_terms("What is the revenue of the revenues?")
    ['revenu']
    >>> query_terms("Wie alt sind diese Häuser?", (None, "de"))
    ['alt', 'häuser', 'hauser', 'haus']
    """
    folded = _fold(text)
    return _distinct(_without_stop_words(folded, languages), languages) or _distinct(folded, languages)


def word_terms(word: str, languages: Collection[str | None] = (None,)) -> list[tuple[str, ...]]:
    """The terms of a word, mostly one, each with the others that pages of these languages may have for it."""
    return list(_words(_fold(word), languages))


def query_phrases(text: str, languages: Collection[str | None] = (None,)) -> list[list[str]]:
    """The terms of what stands in quotes, of two words and more, for each language in which they differ.

    >>> query_phrases('the “Net Revenues” of "Boeing"')
    [['net', 'revenu']]
    """
    quoted = _QUOTED.findall(_fold(text))
    found = [tuple(first for first, *_ in _words(one, (language,))) for one in quoted for language in languages]
    return [list(phrase) for phrase in dict.fromkeys(found) if len(phrase) > 1]


def _distinct(folded: str, languages: Collection[str | None]) -> list[str]:
    words = (term for alternatives in _words(folded, languages) for term in alternatives)
    return list(dict.fromkeys([*words, *_others(folded)]))


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _IGNORED.sub("", folded).translate(_ALIKE)


def _words(folded: str, languages: Collection[str | None]) -> Iterator[tuple[str, ...]]:
    """Word by word, or pair by pair, all that it may be in these languages; the first is what the first one has."""
    asked = tuple(languages)
    for token in _TOKEN.findall(folded):
        yield from _forms(token, asked)


@lru_cache(maxsize=200_000)
def _forms(token: str, languages: tuple[str | None, ...]) -> tuple[tuple[str, ...], ...]:
    if token[0].isdigit():
        return (number_terms(token),)
    if _UNSPACED.match(token):
        return tuple((pair,) for pair in _pairs(token))
    return (tuple(dict.fromkeys(stem for one in languages for stem in stems(token.replace("'", ""), one))),)


def _others(folded: str) -> Iterator[str]:
    for match in _CODE.finditer(folded):
        yield regex.sub(r"[\W_]", "", match.group())
    yield from spaced_numbers(folded)
    yield from dates(folded)


def _pairs(token: str) -> Iterator[str]:
    if len(token) == 1:
        yield token
    for i in range(len(token) - 1):
        yield token[i : i + 2]


def _without_stop_words(folded: str, languages: Collection[str | None]) -> str:
    """Without those of the language that has most of them among the words; English, unless another one has more."""
    words = folded.split()
    bare = [word.strip("?!.,;:'\"“”()¿¡«»") for word in words]
    stopped: Collection[str] = STOP_WORDS.intersection(bare)
    for language in languages:
        if language in _STOPPED:
            common = set(bare).difference(_analyzer(_STOPPED[language]).analyze(" ".join(bare)))
            stopped = max(stopped, common, key=len)
    return " ".join(word for word, said in zip(words, bare, strict=True) if said not in stopped)


@cache
def _analyzer(language: str) -> TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stopword(language)).build()
