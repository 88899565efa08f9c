"""What a page offers to ask about, without a model: its headings, the cells of its tables, its captions.

A question says what the place says in other words around it, in the page's language where the templates have it, and
else as keywords. It is a beginning for a person to correct, no truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Literal

from ..retrieval.evidence import around, split_lines
from ..retrieval.library import Library
from ..retrieval.types import Box, Page, Word
from .table_types import Cell, Table
from .tables import tables_of

Kind = Literal["headings", "tables", "captions"]
KINDS: tuple[Kind, ...] = ("headings", "tables", "captions")

HEADING_RATIO = {"layer": 1.2, "ocr": 1.5, "none": 1.5}
"""A heading is set so much larger than the running text; heights of words that OCR read vary by themselves."""
WORDS = (2, 14)
"""Fewer words say too little to be looked for, more are no heading or caption any more."""
SEEN_ON = 2
"""Pages that may have the words that a question is about: the page itself, and one that refers to it."""

_ASKED: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    "en": {
        "headings": ("What is said about “{x}”?", "Where can I read about “{x}”?"),
        "tables": ("What is “{column}” for “{row}”?", "Which value does “{row}” have under “{column}”?"),
        "captions": ("Where is this shown: {x}?", "Is there an illustration or a table of “{x}”?"),
    },
    "de": {
        "headings": ("Was steht zu „{x}“ geschrieben?", "Wo kann ich etwas über „{x}“ lesen?"),
        "tables": ("Wie hoch ist „{column}“ bei „{row}“?", "Welchen Wert hat „{row}“ unter „{column}“?"),
        "captions": ("Wo ist das dargestellt: {x}?", "Gibt es eine Abbildung oder Tabelle zu „{x}“?"),
    },
    "es": {
        "headings": ("¿Qué se dice sobre «{x}»?", "¿Dónde se trata «{x}»?"),
        "tables": ("¿Cuál es «{column}» de «{row}»?", "¿Qué valor tiene «{row}» en «{column}»?"),
        "captions": ("¿Dónde se muestra esto: {x}?", "¿Hay una figura o una tabla de «{x}»?"),
    },
    "fr": {
        "headings": ("Que dit-on de « {x} » ?", "Où parle-t-on de « {x} » ?"),
        "tables": ("Que vaut « {column} » pour « {row} » ?", "Quelle valeur a « {row} » sous « {column} » ?"),
        "captions": ("Où voit-on ceci : {x} ?", "Y a-t-il une figure ou un tableau sur « {x} » ?"),
    },
    "it": {
        "headings": ("Che cosa si dice di «{x}»?", "Dove si parla di «{x}»?"),
        "tables": ("Quanto vale «{column}» per «{row}»?", "Che valore ha «{row}» sotto «{column}»?"),
        "captions": ("Dove si vede questo: {x}?", "C'è una figura o una tabella su «{x}»?"),
    },
    "pl": {
        "headings": ("Co napisano o „{x}”?", "Gdzie można przeczytać o „{x}”?"),
        "tables": ("Ile wynosi „{column}” dla „{row}”?", "Jaką wartość ma „{row}” w „{column}”?"),
        "captions": ("Gdzie to pokazano: {x}?", "Czy jest rysunek lub tabela o „{x}”?"),
    },
    "ru": {
        "headings": ("Что сказано о «{x}»?", "Где можно прочитать о «{x}»?"),
        "tables": ("Чему равно «{column}» для «{row}»?", "Какое значение у «{row}» в графе «{column}»?"),
        "captions": ("Где это показано: {x}?", "Есть ли рисунок или таблица о «{x}»?"),
    },
    "uk": {
        "headings": ("Що сказано про «{x}»?", "Де можна прочитати про «{x}»?"),
        "tables": ("Чому дорівнює «{column}» для «{row}»?", "Яке значення має «{row}» у графі «{column}»?"),
        "captions": ("Де це показано: {x}?", "Чи є рисунок або таблиця про «{x}»?"),
    },
}
_KEYWORDS: Mapping[Kind, tuple[str, ...]] = {
    "headings": ("{x}?",),
    "tables": ("{row}: {column}?",),
    "captions": ("{x}?",),
}
_TYPES: Mapping[Kind, str] = {"headings": "text", "tables": "table", "captions": "figure"}
_CAPTION = re.compile(
    r"(?:fig(?:ure|ura|\.)|table|tableau|tabla|tabella|tabelle|tabela|chart|exhibit|abb(?:ildung|\.)|rys(?:unek|\.)|"
    r"рис(?:\.|унок)|табл(?:\.|иця|ица)|그림|표|図|表|图)\s*(?P<number>[\dIVX]+(?:[.-]\d+)*)[.:)]?\s*[–—-]?\s*(?P<text>\S.*)",
    re.IGNORECASE,
)
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, Japanese, Chinese, and Korean, which puts few spaces."""
_NUMBERED = re.compile(r"^(?:[\dIVX]+(?:[.)]\d*)*[.)]?|[A-Z][.)]|[•–—-])\s+")


@dataclass(frozen=True, slots=True)
class Idea:
    """A question that a page suggests."""

    question: str
    kind: Kind
    type: str
    """What the answer stands in: `text`, `table` or `figure`."""
    box: Box


def ideas(library: Library, page: Page, language: str | None, first: Kind = "headings") -> Iterator[Idea]:
    """What can be asked about a page, kind by kind from `first` on. What many pages say is left out."""
    words = library.page_words(page.id)
    begin = KINDS.index(first)
    for kind in (*KINDS[begin:], *KINDS[:begin]):
        found = {"headings": _headings, "captions": _captions}.get(kind)
        if found is not None:
            for text, box in found(words, page):
                if _rare(library, text):
                    yield Idea(_asked(kind, language, text, x=_bare(text)), kind, _TYPES[kind], box)
            continue
        for table in tables_of(library, page) if words else ():
            for row, column, cell in _values(table):
                if _rare(library, row):
                    yield Idea(
                        _asked(kind, language, row + column, row=row, column=column), kind, _TYPES[kind], cell.box
                    )


def _asked(kind: Kind, language: str | None, seed: str, **parts: str) -> str:
    templates = _ASKED.get(language or "", {}).get(kind, _KEYWORDS[kind])
    chosen = templates[sha256(seed.encode("utf-8", "replace")).digest()[0] % len(templates)]
    # Quotation marks of the document would end those around it.
    return chosen.format(**{name: plain(re.sub("[“”„«»]", "", text)) for name, text in parts.items()})


def _headings(words: Sequence[Word], page: Page) -> list[tuple[str, Box]]:
    heights = sorted(word.box.height for word in words for _ in word.text)
    if not heights:
        return []
    large = HEADING_RATIO[page.text_origin] * median(heights)
    found: list[list[Word]] = []
    for first, last in split_lines(words):
        line = list(words[first:last])
        if median(word.box.height for word in line) < large:
            continue
        if found and _goes_on(found[-1], line):
            found[-1] += line
        else:
            found.append(line)
    texts = [(" ".join(word.text for word in line), around(line)) for line in found]
    # A number at the end is a page's, in a table of contents
    return [(text, box) for text, box in texts if _says_something(_bare(text)) and not re.search(r"[\s.…]\d+$", text)]


def _goes_on(before: Sequence[Word], line: Sequence[Word]) -> bool:
    """Whether a large line is the next one of the same heading."""
    last, box = before[-1].box, around(line)
    gap = box.y0 - last.y1
    return -0.5 * box.height < gap < 0.7 * box.height and abs(last.height - box.height) < 0.15 * box.height


def _captions(words: Sequence[Word], page: Page) -> list[tuple[str, Box]]:
    found = []
    for first, last in split_lines(words):
        line = words[first:last]
        match = _CAPTION.match(" ".join(word.text for word in line))
        if match is None:
            continue
        text, *rest = re.split(r"(?<=\w)[.;](?:\s|$)", match["text"], maxsplit=1)
        if not rest:  # it may go on in the next line: what is whole of this one
            text = text.rpartition(",")[0] or text
        if _says_something(text):
            found.append((text, around(line)))
    return found


def _values(table: Table) -> Iterator[tuple[str, str, Cell]]:
    """A figure of each row, with the label of its row and the name of its column; those of tables with a head."""
    if not table.heads:
        return
    names = {cell.column: cell.text for cell in table.rows[table.heads - 1] if cell.column_span == 1}
    for number, row in enumerate(table.rows[table.heads :]):
        label = next((cell.text for cell in row if cell.column == 0), "")
        figures = [cell for cell in row if cell.column and re.search(r"\d", cell.text) and names.get(cell.column)]
        if figures and len(re.findall(r"[^\W\d_]", label)) >= 3 and len(label.split()) <= WORDS[1]:
            cell = figures[number % len(figures)]
            yield label, names[cell.column], cell


def _rare(library: Library, text: str) -> bool:
    """Whether few pages have these words, so that a search can find the right one."""
    rows = library.catalog.rows(
        "SELECT 1 FROM pages WHERE instr(replace(text, char(10), ' '), ?) LIMIT ?", (text, SEEN_ON + 1)
    )
    return len(rows) <= SEEN_ON


def _says_something(text: str) -> bool:
    """Whether it is long enough to be looked for.

    >>> _says_something("Größe der Anlage"), _says_something("햇빛으로함께짓는")
    (True, True)
    >>> _says_something("Fazit"), _says_something("I N H A L T")
    (False, False)
    """
    letters = len(re.findall(r"[^\W\d_]", text))
    # letters that are set apart, as in C O N T E N T S, are no words
    spaced = WORDS[0] <= len(text.split()) <= WORDS[1] and re.search(r"[^\W\d_]{3}", text) is not None
    return letters >= 6 and (spaced or (len(text) <= 40 and _UNSPACED.search(text) is not None))


def _bare(text: str) -> str:
    """A heading without its number, bullet, and the signs around it.

    >>> _bare("3.2 Größe der Anlage:"), _bare("IV. Fazit und Ausblick")
    ('Größe der Anlage', 'Fazit und Ausblick')
    """
    return _NUMBERED.sub("", text).strip(" .:;,?!–—-")


def plain(text: str) -> str:
    """One line without control characters.

    >>> plain("ä\\x1b[0m\\nb")
    'ä [0m b'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
