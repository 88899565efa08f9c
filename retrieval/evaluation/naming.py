"""Names of documents and pages in files of questions and runs, to ids of a library and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ..catalog import page_id
from ..errors import QueryError
from ..scope import resolve
from ..types import Box, Document
from .beir import parse_target
from .measures import Wanted
from .questions import Question, Target

NOT_HERE = "its document is not in the library"
"""Why most questions are left out; `Names.missing` says which documents these are."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A question's targets as ids of a library."""

    wanted: Wanted
    """Page ids, and the ids of documents any page of which will do."""
    documents: frozenset[str]
    """Ids of the documents that hold them."""
    inside: str | None
    """Id of the document to search in."""
    boxes: tuple[tuple[str, Box, tuple[float, float] | None], ...]
    """Page id, box, and the size of the page that it was drawn on."""


class Names:
    """What documents of a library are called."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = {document.id: document for document in documents}
        self._by_file: dict[str, list[Document]] = {}
        for document in documents:
            for file in {PurePath(source).name for source in document.sources}:
                self._by_file.setdefault(file, []).append(document)
        self._found: dict[str, str | None] = {}
        self._called: dict[str, str] = {}

    def document(self, name: str) -> str | None:
        """The id of the document of that name; `None` when there is none. Raises `QueryError` for several."""
        if name not in self._found:
            parts = PurePath(name).parts
            likely = self._by_file.get(parts[-1], []) if parts else []
            try:
                found = [name] if name in self._documents else resolve(name, likely or list(self._documents.values()))
            except QueryError:
                found = []
            if len(found) > 1:
                raise QueryError(f"{name} names {len(found)} documents of the library")
            self._found[name] = found[0] if found else None
            for id_ in found:
                self._called.setdefault(id_, name)
        return self._found[name]

    def aim(self, question: Question) -> Aim:
        """What to find for a question. Raises `QueryError` when none of it is in this library, and says why.

        Targets that are not in the library while others are can't be found, and count as missed.
        """
        ids = {target.document: self.document(target.document) for target in question.targets}
        if not any(ids.values()):
            raise QueryError(NOT_HERE)
        inside = None if question.inside is None else self.document(question.inside)
        if question.inside is not None and inside is None:
            raise QueryError(NOT_HERE)
        grades: dict[str, int] = {}
        for target in question.targets:
            document = ids[target.document]
            self._check_page(document, target)
            unit = self._unit(document or f"?{target.document}", target.page)
            grades[unit] = max(target.grade, grades.get(unit, 0))
        boxes = tuple(
            (page_id(document, one.page), one.box, one.size)
            for one in question.boxes
            if (document := self.document(one.document)) is not None
        )
        return Aim(Wanted(grades, question.every), frozenset(filter(None, ids.values())), inside, boxes)

    def missing(self, questions: Iterable[Question]) -> list[str]:
        """The documents that questions name and the library does not hold, each once."""
        asked = [question for question in questions if question.left_out is None]
        names = dict.fromkeys(target.document for question in asked for target in question.targets)
        return [name for name in names if self._is_missing(name)]

    def name(self, unit: str) -> str:
        """What a page id or a document id is called in a run: as the questions call it, or by file name, or by id."""
        target = parse_target(unit)
        document = self._documents.get(target.document)
        if document is None:
            return unit
        called = self._called.get(document.id)
        if called is None:
            files = sorted({PurePath(source).name for source in document.sources})
            called = next((file for file in files if len(self._by_file[file]) == 1), document.id)
        return self._unit(called, target.page)

    def unit(self, name: str) -> str:
        """The page id or document id that a run calls so; what is not in the library stays as it is."""
        for target in (parse_target(name), Target(name, None)):
            try:
                document = self.document(target.document)
            except QueryError:
                document = None
            if document is not None:
                return self._unit(document, target.page)
        return name

    def _check_page(self, document: str | None, target: Target) -> None:
        if document is None or target.page is None:
            return
        pages = self._documents[document].pages
        if target.page > pages:
            raise QueryError(f"{target.document} has no page {target.page}, only {pages}")

    def _is_missing(self, name: str) -> bool:
        try:
            return self.document(name) is None
        except QueryError:
            return False

    @staticmethod
    def _unit(document: str, page: int | None) -> str:
        return document if page is None else page_id(document, page)


def units(order: Iterable[str], grades: Mapping[str, int]) -> list[str]:
    """A ranking of pages as one of what grades are given for: pages of a document that is wanted whole become it, once.

    >>> units(["ab/2", "cd/1", "ab/1"], {"ab": 1})
    ['ab', 'cd/1']
    """
    whole = {id_ for id_ in grades if parse_target(id_).page is None}
    if not whole:
        return list(order)
    return list(dict.fromkeys(document if (document := document_of(page)) in whole else page for page in order))


def document_of(unit: str) -> str:
    """The document of a page id, or the document id itself.

    >>> document_of("ab/2"), document_of("ab")
    ('ab', 'ab')
    """
    return parse_target(unit).document
