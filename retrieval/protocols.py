"""The seams: what can be exchanged, and the little that each must do.

An adapter translates one library's habits into these shapes and nothing else. Concrete classes are named in one
place, `library.py`. Each seam has one set of contract tests (`tests/contracts.py`) that runs on every implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .types import EncoderId, PageContent, PageVectors, QueryVectors, Vectors

if TYPE_CHECKING:
    from PIL.Image import Image


class TextEncoder(Protocol):
    """Texts to single vectors."""

    @property
    def id(self) -> EncoderId: ...

    def encode_query(self, texts: Sequence[str]) -> Vectors:
        """`(texts, dim)`, unit rows. A text's vector does not depend on its neighbours in the batch."""
        ...

    def encode_document(self, texts: Sequence[str]) -> Vectors:
        """`(texts, dim)`, unit rows, comparable with `encode_query`'s by inner product."""
        ...


class PageEncoder(Protocol):
    """Pages and queries to many vectors each, for late interaction (Khattab & Zaharia 2020; Faysse et al. 2024)."""

    @property
    def id(self) -> EncoderId: ...

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        """One `PageVectors` a page, in order. A page's rows do not depend on its neighbours in the batch."""
        ...

    def encode_query(self, text: str) -> QueryVectors:
        """One unit row a token of the query, with how much it counts."""
        ...

    def coverage(self, text: str) -> float:
        """0 to 1: how much of the text is in a language that this encoder knows.

        An encoder that has not learnt a script still returns vectors. They rank pages at random, so fusion scales a
        channel's weight by this.
        """
        ...


class ImageEncoder(Protocol):
    """Pictures and texts into one space (CLIP: Radford et al. 2021)."""

    @property
    def id(self) -> EncoderId: ...

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """`(images, dim)`, unit rows. A picture's vector does not depend on its neighbours in the batch."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """`(texts, dim)`, unit rows, comparable with `encode_images`'s by inner product."""
        ...


class Reranker(Protocol):
    """Reads the question and a page together, which is slow and exact: for the best pages only."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def score(self, question: str, pages: Sequence[PageContent]) -> list[float]:
        """How well each page answers the question, in order; higher is better, comparable within one call."""
        ...


class VectorStore(Protocol):
    """Single vectors with a key each, grouped by the page they belong to, compared by inner product."""

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        """Store one vector a key. A key that is there already is replaced."""
        ...

    def search(self, query: Vectors, limit: int, documents: Collection[str] | None = None) -> list[tuple[str, float]]:
        """The best `limit` vectors as `(page, score)`, best first; `query` is `(dim,)`.

        A page comes as often as it has vectors among them. `documents` narrows the search to those documents.
        """
        ...

    def score(self, query: Vectors, pages: Collection[str]) -> dict[str, float]:
        """The best vector of each of these pages, exactly; pages that have none are left out."""
        ...

    def keys(self, document: str) -> set[str]:
        """The keys of all vectors of a document."""
        ...

    def documents(self) -> set[str]:
        """All documents that have vectors."""
        ...

    def remove(self, document: str) -> None:
        """Remove all vectors of a document; an unknown one is no error."""
        ...

    def verify(self) -> Iterator[str]:
        """Read every byte that this store answers for; a line, for people, for each thing that is damaged."""
        ...

    def drop_damaged(self) -> None:
        """Forget what `verify` finds damaged, so that it can be added again."""
        ...

    def compact(self) -> None:
        """Take what was removed off the disk, too. Raises `OSError` or `LibraryError` when it cannot."""
        ...


class MultiVectorStore(Protocol):
    """Pages of many vectors, compared by MaxSim. A page's id is its document's, a slash, and its number."""

    encoder: str | None
    """What the vectors come from, where the store looks after that; `None`: it does not."""

    def add(self, document: str, pages: Sequence[PageVectors]) -> None:
        """Store pages of a document, all or none of them; a page that is there already is replaced.

        A page without rows is not stored.
        """
        ...

    def search(
        self,
        query: QueryVectors,
        limit: int,
        pages: Collection[str] | None = None,
        *,
        exclude: Collection[str] = (),
        exact: bool = False,
    ) -> dict[str, float]:
        """The best `limit` of these pages (`None`: of all) but for those in `exclude`, to score, best first.

        Scores are as `score` gives them. Which pages are compared at all is found by fewer vectors a page where there
        are many pages, unless `exact`.
        """
        ...

    def score(self, query: QueryVectors, pages: Collection[str] | None = None) -> dict[str, float]:
        """Each of these pages (`None`: all) to its MaxSim over its best group and, for less, over all its rows.

        See `scoring.grouped_maxsim`. Pages that are not stored are left out.
        """
        ...

    def similarities(self, query: QueryVectors, page: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """`(rows, tokens)` cosines of one page and `(rows, 4)` boxes of its rows; `None` when it is not stored."""
        ...

    def stored(self, pages: Collection[str]) -> set[str]:
        """Which of these pages are stored."""
        ...

    def pages(self) -> set[str]:
        """All pages that are stored."""
        ...

    def remove(self, document: str) -> None:
        """Remove all pages of a document, from sight at once; an unknown one is no error."""
        ...

    def verify(self) -> Iterator[str]:
        """Read every byte that this store answers for; a line, for people, for each thing that is damaged."""
        ...

    def drop_damaged(self) -> None:
        """Forget what `verify` finds damaged, so that it can be added again."""
        ...

    def tend(self) -> None:
        """What makes searching quick, done when writing is over; it may take minutes. Raises as `compact` does."""
        ...

    def compact(self) -> None:
        """Take what was removed off the disk, too. Raises `OSError` or `LibraryError` when it cannot."""
        ...


class LexicalIndex(Protocol):
    """Full text in weighted fields."""

    def add(self, document: str, pages: Mapping[str, Mapping[str, str]]) -> None:
        """Index pages of a document: page id to field name to text. A page that is there already is replaced.

        The fields are `body`, `headings`, `title` and `name`; `language`, ISO 639-1, says how their words are stemmed.
        """
        ...

    def seal(self, document: str) -> None:
        """All pages of a document have been added: what is kept about it as a whole can be made."""
        ...

    def search(
        self,
        query: str,
        limit: int = 1000,
        documents: Collection[str] | None = None,
        pages: Collection[str] | None = None,
        *,
        related: str = "",
    ) -> dict[str, float]:
        """The best `limit` pages that share a term with the query, to score, best first; higher is better.

        Only of some documents, only some pages: a page's score does not depend on either. `related`: words that are
        looked for, too, and count half.
        """
        ...

    def search_documents(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        """The best sealed documents that share a term with the query, each taken as one text, as `search` has pages."""
        ...

    def search_identities(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        """The best sealed documents whose title, name or first pages share a term with the query, which less than half
        of them have.
        """
        ...

    def terms(self, prefix: str) -> dict[str, int]:
        """The index terms (`analysis.terms`) that begin so, to the number of pages that have them."""
        ...

    def rarity(self, words: Collection[str]) -> dict[str, float]:
        """Each word's inverse document frequency, at least 0; higher is rarer."""
        ...

    def pages(self) -> set[str]:
        """All pages that are indexed."""
        ...

    def documents(self) -> set[str]:
        """All documents that are sealed."""
        ...

    def remove(self, document: str) -> None:
        """Remove all pages of a document; an unknown one is no error."""
        ...

    def verify(self) -> Iterator[str]:
        """Compare the index with itself; a line, for people, for each thing that is damaged."""
        ...

    def drop_damaged(self) -> None:
        """Forget what `verify` finds damaged, so that it can be added again."""
        ...

    def compact(self) -> None:
        """Take what was removed off the disk, too. Raises `OSError` or `LibraryError` when it cannot."""
        ...

    def settle(self) -> None:
        """A writer ends: finish what goes on in the background, and let another one come."""
        ...
