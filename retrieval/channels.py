"""Channels: the independent opinions about which page a question is about.

A channel is asked once per question (`ask`), and then gives candidates, for which the question is encoded, and scores.
It knows nothing of the other channels; `search.py` brings them together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import nsmallest
from typing import Protocol

import numpy as np

from .catalog import page_id
from .encoders.sentence import unit_rows
from .protocols import LexicalIndex, MultiVectorStore, PageEncoder, TextEncoder, VectorStore
from .related import WEIGHT, related
from .types import QueryVectors, Vectors

CANDIDATES = 100
"""Pages that each channel puts forward."""

SCORED_PAGES = 2_000
"""Up to so many pages that a filter lets through are scored one by one, where a search among all leaves too few."""

SURE = 1.5
"""BM25 score from which on a document is taken to be named; when all have less, none is worth all of it."""

DOCUMENT_WEIGHT = 1.0
"""How much the whole document's BM25 score counts beside the page's."""

NAMED = 20
"""Documents that match best as a whole: their pages are put forward, too, though others match better by themselves."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: all pages (`pages` by document), or those of some documents."""

    pages: Mapping[str, str]
    """Page id to document id: what may be found."""
    documents: frozenset[str] | None
    """The documents asked for, `None` for all."""
    whole: bool = False
    """Whether these are all pages there are, so that nobody needs to look for them one by one."""


class Asked(Protocol):
    """One question, put to one channel."""

    @property
    def coverage(self) -> float:
        """0 to 1: how far this channel understands the question's language."""
        ...

    @property
    def neutral(self) -> bool:
        """Whether a page that it does not score is one that it has not seen yet, rather than one that it finds bad."""
        ...

    @property
    def scaled(self) -> bool:
        """Whether its scores are from 0 to 1 and count as they are, however few pages have any; others have 0."""
        ...

    def candidates(self, scope: Scope) -> dict[str, float]:
        """The pages that this channel puts forward, page id to score; higher is better."""
        ...

    def score(self, pages: Collection[str]) -> dict[str, float]:
        """The scores of these pages, exactly; pages that the channel has not seen are left out."""
        ...


class Channel(Protocol):
    name: str

    def ask(self, question: str) -> Asked: ...


class LexicalChannel:
    """BM25 over weighted fields: exact words, codes, names.

    A page's score has its document's in it: questions name a company, a year or a product that the page that answers
    need not repeat.
    """

    name = "lexical"

    def __init__(self, index: LexicalIndex) -> None:
        self._index = index

    def ask(self, question: str) -> Asked:
        return _LexicalAsked(self._index, question)


class DocumentChannel:
    """Which document a question is about: the company, year or product that it names and the front pages have.

    A page's score is its document's, from 0 to 1 for the one that is named best. It says nothing within a document.
    """

    name = "document"

    def __init__(self, index: LexicalIndex) -> None:
        self._index = index

    def ask(self, question: str) -> Asked:
        return _DocumentAsked(self._index, question)


class DenseChannel:
    """Sentence vectors of passages: paraphrase. A page is worth its best passage."""

    name = "dense"

    def __init__(self, encoder: TextEncoder, store: VectorStore, language: PageEncoder) -> None:
        """`language`: who can tell how much of a question the encoder knows."""
        self._encoder, self._store, self._language = encoder, store, language

    def ask(self, question: str) -> Asked:
        return _DenseAsked(self._store, self._encoder, question, self._language.coverage(question))


class LateInteractionChannel:
    """MaxSim over many vectors a page: of its words, or of its picture's patches."""

    def __init__(
        self,
        name: str,
        encoder: PageEncoder,
        store: MultiVectorStore,
        *,
        optional: bool = False,
        thesaurus: bool = False,
    ) -> None:
        """`optional`: a channel that came later, which may not have seen all pages yet. `thesaurus`: it looks for
        related words, too.
        """
        self.name = name
        self._encoder, self._store, self._optional, self._thesaurus = encoder, store, optional, thesaurus
        self.encode_query = lru_cache(maxsize=64)(encoder.encode_query)  # ranking, evidence and answers ask the same

    def ask(self, question: str) -> Asked:
        return _LateInteractionAsked(
            self._store, lambda: self._query(question), self._encoder.coverage(question), self._optional
        )

    def _query(self, question: str) -> QueryVectors:
        query, more = self.encode_query(question), related(question) if self._thesaurus else ""
        return joined(query, self.encode_query(more), WEIGHT) if more and len(query.tokens) else query


def joined(query: QueryVectors, more: QueryVectors, weight: float) -> QueryVectors:
    """One query that asks for both; all of `more` counts `weight` times as much as all of `query`."""
    weights = np.concatenate([query.weights, weight * more.weights])
    rows = np.concatenate([query.rows, more.rows])
    return QueryVectors(query.tokens + more.tokens, rows, weights / weights.sum(), query.floor)


class _LexicalAsked:
    coverage = 1.0
    neutral = False
    scaled = False

    def __init__(self, index: LexicalIndex, question: str) -> None:
        self._index, self._question, self._related = index, question, related(question)
        self._found: dict[str, float] = {}
        self._documents: dict[str, float] = {}
        self._owners: Mapping[str, str] = {}

    def candidates(self, scope: Scope) -> dict[str, float]:
        self._owners = scope.pages
        self._documents = self._index.search_documents(self._question, NAMED, scope.documents)
        self._found = self._search(scope, scope.documents)
        if self._documents:
            self._found |= self._search(scope, self._documents.keys())
        scores = self.score(self._found)
        return {page: scores[page] for page in nsmallest(CANDIDATES, scores, key=lambda page: (-scores[page], page))}

    def _search(self, scope: Scope, documents: Collection[str] | None) -> dict[str, float]:
        narrow = scope.pages.keys() if not scope.whole and len(scope.pages) <= SCORED_PAGES else None
        limit = CANDIDATES
        while True:
            found = self._index.search(self._question, limit, documents, narrow, related=self._related)
            kept = {page: score for page, score in found.items() if page in scope.pages}
            if len(kept) >= CANDIDATES or len(found) < limit:
                return kept
            limit *= 8  # a filter leaves few, or many are of documents that are on their way

    def score(self, pages: Collection[str]) -> dict[str, float]:
        unknown = [page for page in pages if page not in self._found]
        if unknown:
            found = self._index.search(self._question, len(unknown), None, unknown, related=self._related)
            self._found |= dict.fromkeys(unknown, 0.0) | found
        owners = {page: self._owners.get(page, "") for page in pages}
        others = set(owners.values()) - self._documents.keys()
        if others:
            whole = self._index.search_documents(self._question, len(others), others)
            self._documents |= dict.fromkeys(others, 0.0) | whole
        return {page: self._found[page] + DOCUMENT_WEIGHT * self._documents[owner] for page, owner in owners.items()}


class _DocumentAsked:
    coverage = 1.0
    neutral = False
    scaled = True

    def __init__(self, index: LexicalIndex, question: str) -> None:
        self._index, self._question = index, question
        self._documents: dict[str, float] = {}
        self._owners: Mapping[str, str] = {}
        self._best = SURE

    def candidates(self, scope: Scope) -> dict[str, float]:
        """The first page of each document that is named: who types a title looks for that."""
        self._owners = scope.pages
        self._documents = self._index.search_identities(self._question, CANDIDATES, scope.documents)
        self._best = max([SURE, *self._documents.values()])
        firsts = {page_id(document, 1): score / self._best for document, score in self._documents.items()}
        return {page: score for page, score in firsts.items() if page in scope.pages}

    def score(self, pages: Collection[str]) -> dict[str, float]:
        owners = {page: self._owners.get(page, "") for page in pages}
        others = set(owners.values()) - self._documents.keys()
        named = self._documents | (self._index.search_identities(self._question, len(others), others) if others else {})
        return {page: named[owner] / self._best for page, owner in owners.items() if owner in named}


class _DenseAsked:
    scaled = False
    neutral = False

    def __init__(self, store: VectorStore, encoder: TextEncoder, question: str, coverage: float) -> None:
        self._store, self._encoder, self._question, self.coverage = store, encoder, question, coverage
        self._known: dict[str, float] = {}

    @cached_property
    def _vector(self) -> Vectors:
        more = related(self._question)
        vectors = self._encoder.encode_query([self._question, more] if more else [self._question])
        return unit_rows(vectors[0] + WEIGHT * vectors[1]) if more else vectors[0]

    def candidates(self, scope: Scope) -> dict[str, float]:
        if self.coverage == 0:
            return {}
        found = self._search(scope, CANDIDATES)
        if scope.whole or len(found) >= min(CANDIDATES, len(scope.pages)):
            return found
        # A filter lets through some pages of documents whose other pages are nearer.
        if len(scope.pages) > SCORED_PAGES:
            return self._search(scope, CANDIDATES * 20)
        scores = self._store.score(self._vector, scope.pages.keys())
        return {page: scores[page] for page in sorted(scores, key=lambda page: (-scores[page], page))[:CANDIDATES]}

    def _search(self, scope: Scope, limit: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for page, score in self._store.search(self._vector, limit, scope.documents):
            if page in scope.pages and len(found) < CANDIDATES:
                found.setdefault(page, score)
        self._known = found  # each by its nearest passage, as far as an approximate search found that
        return found

    def score(self, pages: Collection[str]) -> dict[str, float]:
        missing = [page for page in pages if page not in self._known]
        return {page: self._known[page] for page in pages if page in self._known} | (
            self._store.score(self._vector, missing) if missing else {}
        )


class _LateInteractionAsked:
    scaled = False

    def __init__(
        self, store: MultiVectorStore, query: Callable[[], QueryVectors], coverage: float, neutral: bool
    ) -> None:
        self._store, self._encoded, self._known, self.neutral = store, query, coverage, neutral
        self._scores: dict[str, float] = {}

    @cached_property
    def _query(self) -> QueryVectors:
        return self._encoded()

    @property
    def coverage(self) -> float:
        return self._known if self._known and len(self._query.tokens) else 0.0

    def candidates(self, scope: Scope) -> dict[str, float]:
        if self.coverage == 0:
            return {}
        found = self._store.search(self._query, CANDIDATES, None if scope.whole else scope.pages.keys())
        self._scores = {page: score for page, score in found.items() if page in scope.pages}
        if len(self._scores) < min(CANDIDATES, len(found)):  # the rest are pages of documents that are on their way
            self._scores = self._store.search(self._query, CANDIDATES, scope.pages.keys())
        return self._scores

    def score(self, pages: Collection[str]) -> dict[str, float]:
        missing = [page for page in pages if page not in self._scores]
        return {page: self._scores[page] for page in pages if page in self._scores} | (
            self._store.score(self._query, missing) if missing else {}
        )
