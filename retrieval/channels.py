"""Channels: the independent opinions about which page a question is about.

A channel is asked once per question (`ask`), which encodes the question, and then gives candidates and scores. It knows
nothing of the other channels; `search.py` brings them together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from .protocols import LexicalIndex, MultiVectorStore, PageEncoder, TextEncoder, VectorStore
from .types import QueryVectors, Vectors

CANDIDATES = 100
"""Pages that each channel puts forward."""

SCORED_PAGES = 2_000
"""Up to so many pages that a filter lets through are scored one by one, where a search among all leaves too few."""

DOCUMENT_WEIGHT = 1.0
"""How much the whole document's BM25 score counts beside the page's."""


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


class DenseChannel:
    """Sentence vectors of passages: paraphrase. A page is worth its best passage."""

    name = "dense"

    def __init__(self, encoder: TextEncoder, store: VectorStore, language: PageEncoder) -> None:
        """`language`: who can tell how much of a question the encoder knows."""
        self._encoder, self._store, self._language = encoder, store, language

    def ask(self, question: str) -> Asked:
        vector = self._encoder.encode_query([question])[0]
        return _DenseAsked(self._store, vector, self._language.coverage(question))


class LateInteractionChannel:
    """MaxSim over many vectors a page: of its words, or of its picture's patches."""

    def __init__(self, name: str, encoder: PageEncoder, store: MultiVectorStore, *, optional: bool = False) -> None:
        """`optional`: a channel that came later, which may not have seen all pages yet."""
        self.name = name
        self._encoder, self._store, self._optional = encoder, store, optional
        self.encode_query = lru_cache(maxsize=64)(encoder.encode_query)  # ranking, evidence and answers ask the same

    def ask(self, question: str) -> Asked:
        query, coverage = self.encode_query(question), self._encoder.coverage(question)
        return _LateInteractionAsked(self._store, query, coverage if len(query.tokens) else 0.0, self._optional)


class _LexicalAsked:
    coverage = 1.0
    neutral = False

    def __init__(self, index: LexicalIndex, question: str) -> None:
        self._index, self._question = index, question
        self._found: dict[str, float] = {}
        self._documents: dict[str, float] = {}
        self._owners: Mapping[str, str] = {}

    def candidates(self, scope: Scope) -> dict[str, float]:
        # All matches, not the best hundred: what is not among them scores 0, so that every page's score is known.
        self._documents = self._index.search_documents(self._question, scope.documents)
        self._owners = scope.pages
        self._found = self._index.search(self._question, None, scope.documents)
        scores = self.score([page for page in self._found if page in scope.pages])
        best = sorted(scores, key=lambda page: (-scores[page], page))[:CANDIDATES]
        return {page: scores[page] for page in best}

    def score(self, pages: Collection[str]) -> dict[str, float]:
        return {
            page: self._found.get(page, 0.0) + DOCUMENT_WEIGHT * self._documents.get(self._owners.get(page, ""), 0.0)
            for page in pages
        }


class _DenseAsked:
    neutral = False

    def __init__(self, store: VectorStore, vector: Vectors, coverage: float) -> None:
        self._store, self._vector, self.coverage = store, vector, coverage

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
        return found

    def score(self, pages: Collection[str]) -> dict[str, float]:
        return self._store.score(self._vector, pages)


class _LateInteractionAsked:
    def __init__(self, store: MultiVectorStore, query: QueryVectors, coverage: float, neutral: bool) -> None:
        self._store, self._query, self.coverage, self.neutral = store, query, coverage, neutral
        self._scores: dict[str, float] = {}

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
