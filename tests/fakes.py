"""Stand-ins that keep the contracts (`contracts.py` runs on them as on the real ones), and pages built by hand."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagesight.generation.protocols import Abstention, ShownPage
from pagesight.retrieval.analysis import query_phrases, query_terms, terms, word_terms
from pagesight.retrieval.evidence import match_page
from pagesight.retrieval.protocols import VectorStore
from pagesight.retrieval.scoring import grouped_maxsim
from pagesight.retrieval.types import (
    Box,
    EncoderId,
    Hit,
    Page,
    PageContent,
    PageVectors,
    Passage,
    QueryVectors,
    Vectors,
    Word,
)


def words_of(*lines: str, x: float = 72, y: float = 72, size: float = 12) -> tuple[Word, ...]:
    """Words of lines: half their size wide a character, 1.2 times their size from line to line. `  ` is a wide gap."""
    words, start = [], 0
    for row, line in enumerate(lines):
        top = y + row * size * 1.2
        for found in re.finditer(r"\S+", line):
            left = x + found.start() * size / 2
            box = Box(left, top, left + len(found.group()) * size / 2, top + size)
            words.append(Word(found.group(), box, start + found.start()))
        start += len(line) + 1
    return tuple(words)


def page_content(id_: str, *lines: str, passages: int = 1) -> PageContent:
    """A page of these lines, its words shared out over some passages."""
    words = words_of(*lines)
    edges = [len(words) * i // passages for i in range(passages + 1)]
    cut = [(a, b) for a, b in pairwise(edges) if a < b]
    spans = tuple(Passage(" ".join(word.text for word in words[a:b]), a, b) for a, b in cut)
    return PageContent(id_, "Titel ä", words, spans, b"", 612, 792)


def random_page(id_: str, *, seed: int, rows: int, dim: int = 16) -> PageVectors:
    """Rows and boxes at random, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((rows, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    boxes = random.uniform(0, 600, (rows, 4)).astype(np.float32)
    return PageVectors(id_, vectors.astype(np.float32), boxes, np.sort(random.integers(0, 4, rows)).astype(np.int32))


def unit_rows(rows: int, *, seed: int, dim: int = 16) -> Vectors:
    """`(rows, dim)` at random, the same ones for the same seed."""
    vectors = np.random.default_rng(seed).standard_normal((rows, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def put_vectors(store: VectorStore, document: str, rows: int = 3) -> Vectors:
    """Add a document of some pages with a vector each; returns the vectors."""
    vectors = unit_rows(rows, seed=int.from_bytes(document.encode()))
    pages = [f"{document}/{n}" for n in range(rows)]
    store.add(document, pages, [f"{page}#0" for page in pages], vectors)
    return vectors


def shown_page(marker: int, question: str, *lines: str) -> ShownPage:
    """A page as a generator gets it; its words match by their terms alone."""
    words = words_of(*lines)
    document = f"{marker:064x}"
    page = Page(f"{document}/1", document, f"/bücher/{marker}.pdf", "Bücher", 1, 612, 792, 0, "\n".join(lines), "layer")
    match = match_page(words, FakePageEncoder().encode_query(question), None, None)
    return ShownPage(marker, Hit(page, 1.0, marker), match)


def unit(vector: NDArray[np.floating]) -> Vectors:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def word_vector(word: str, dim: int) -> Vectors:
    """A direction that depends on nothing but the word."""
    seed = int.from_bytes(hashlib.sha256(word.casefold().encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return unit(np.random.default_rng(seed).standard_normal(dim))


class FakeTextEncoder:
    """A text is the sum of its words."""

    def __init__(self, dim: int = 64) -> None:
        self.id = EncoderId("fake", "1", dim, "sum")

    def encode_query(self, texts: Sequence[str]) -> Vectors:
        rows = [unit(np.sum([word_vector(w, self.id.dim) for w in text.split() or [""]], axis=0)) for text in texts]
        return np.array(rows, np.float32).reshape(len(texts), self.id.dim)

    encode_document = encode_query


class FakePageEncoder:
    """A row a word, without context."""

    def __init__(self, dim: int = 64) -> None:
        self.id = EncoderId("fake", "1", dim, "words")

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        text, found = FakeTextEncoder(self.id.dim), []
        for page in pages:
            spans = [(number, i) for number, one in enumerate(page.passages) for i in range(one.first, one.last)]
            rows = np.array([word_vector(page.words[i].text, self.id.dim) for _, i in spans], np.float32)
            boxes = np.array([page.words[i].box for _, i in spans], np.float32)
            groups = np.array([number for number, _ in spans], np.int32)
            whole = text.encode_document([passage.text for passage in page.passages])
            found.append(PageVectors(page.id, rows.reshape(-1, self.id.dim), boxes.reshape(-1, 4), groups, whole))
        return found

    def encode_query(self, text: str) -> QueryVectors:
        words = tuple(re.findall(r"\w+", text))
        rows = np.array([word_vector(word, self.id.dim) for word in words], np.float32).reshape(-1, self.id.dim)
        return QueryVectors(words, rows, np.full(len(words), 1 / max(len(words), 1), np.float32))

    def coverage(self, text: str) -> float:
        words = re.findall(r"[^\W\d]+", text)
        return sum(word.isascii() for word in words) / len(words) if words else 1.0


class MemoryVectors:
    """A `VectorStore` in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, str, Vectors]] = {}

    def add(self, document: str, pages: Sequence[str], keys: Sequence[str], vectors: Vectors) -> None:
        for page, key, vector in zip(pages, keys, vectors, strict=True):
            self._rows[key] = document, page, vector

    def search(self, query: Vectors, limit: int, documents: Collection[str] | None = None) -> list[tuple[str, float]]:
        rows = [row for row in self._rows.values() if documents is None or row[0] in documents]
        return sorted(((page, float(vector @ query)) for _, page, vector in rows), key=lambda one: -one[1])[:limit]

    def score(self, query: Vectors, pages: Collection[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for page, score in self.search(query, len(self._rows)):
            if page in pages:
                found.setdefault(page, score)
        return found

    def keys(self, document: str) -> set[str]:
        return {key for key, row in self._rows.items() if row[0] == document}

    def documents(self) -> set[str]:
        return {document for document, _, _ in self._rows.values()}

    def verify(self) -> Iterator[str]:
        return iter(())

    def drop_damaged(self) -> None:
        """Nothing is ever damaged."""

    def remove(self, document: str) -> None:
        self._rows = {key: row for key, row in self._rows.items() if row[0] != document}

    def compact(self) -> None:
        """Nothing is left of what was removed."""


class MemoryMultiVectors:
    """A `MultiVectorStore` in a dictionary, float32."""

    encoder: str | None = None

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, PageVectors]] = {}

    def add(self, document: str, pages: Sequence[PageVectors]) -> None:
        self._pages |= {page.id: (document, page) for page in pages if len(page.rows)}

    def score(self, query: QueryVectors, pages: Collection[str] | None = None) -> dict[str, float]:
        chosen = [page for id_, (_, page) in self._pages.items() if pages is None or id_ in pages]
        return {
            page.id: float(
                grouped_maxsim(
                    page.rows @ query.rows.T,
                    page.groups,
                    np.zeros(len(page.rows), np.int32),
                    query.weights,
                    query.floor,
                )[0]
            )
            for page in chosen
        }

    def similarities(self, query: QueryVectors, page: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        if page not in self._pages:
            return None
        found = self._pages[page][1]
        return found.rows @ query.rows.T, found.boxes

    def search(
        self,
        query: QueryVectors,
        limit: int,
        pages: Collection[str] | None = None,
        *,
        exclude: Collection[str] = (),
        exact: bool = False,
    ) -> dict[str, float]:
        scores = self.score(query, pages)
        best = sorted(scores.keys() - set(exclude), key=lambda page: -scores[page])[:limit]
        return {page: scores[page] for page in best}

    def stored(self, pages: Collection[str]) -> set[str]:
        return self._pages.keys() & set(pages)

    def pages(self) -> set[str]:
        return set(self._pages)

    def verify(self) -> Iterator[str]:
        return iter(())

    def drop_damaged(self) -> None:
        """Nothing is ever damaged."""

    def remove(self, document: str) -> None:
        self._pages = {id_: entry for id_, entry in self._pages.items() if entry[0] != document}

    def tend(self) -> None:
        """It is quick enough."""

    def compact(self) -> None:
        """Nothing is left of what was removed."""


class MemoryLexical:
    """A `LexicalIndex` in a dictionary; headings count double."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, Counter[str]]] = {}
        self._documents: dict[str, tuple[str, Counter[str]]] = {}
        self._fields: dict[str, Mapping[str, str]] = {}
        self._languages: dict[str | None, None] = {None: None}

    def add(self, document: str, pages: Mapping[str, Mapping[str, str]]) -> None:
        self._fields |= pages
        for page, fields in pages.items():
            counts: Counter[str] = Counter()
            language = fields.get("language", "")
            self._languages |= {language: None}
            for name, text in fields.items():
                if name != "language":
                    counts.update(terms(text, language) * (2 if name == "headings" else 1))
                    counts.update(" ".join(pair) for pair in pairwise(terms(text, language)))
            self._pages[page] = document, counts

    def search(
        self,
        query: str,
        limit: int = 1000,
        documents: Collection[str] | None = None,
        pages: Collection[str] | None = None,
        *,
        related: str = "",
    ) -> dict[str, float]:
        found = self._ranked(self._pages, query, documents)
        for page, score in self._ranked(self._pages, related, documents).items():
            found[page] = found.get(page, 0.0) + score / 2
        return _first({page: score for page, score in found.items() if pages is None or page in pages}, limit)

    def seal(self, document: str) -> None:
        counts = [counts for owner, counts in self._pages.values() if owner == document]
        if counts:
            self._documents[document] = document, sum(counts, Counter())

    def search_documents(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        return _first(self._ranked(self._documents, query, documents), limit)

    def search_identities(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        names: dict[str, set[str]] = {}
        for document in self._documents:
            pages = sorted(
                (int(page.split("/")[1]), page) for page, (owner, _) in self._pages.items() if owner == document
            )
            first = self._fields[pages[0][1]]
            front = [self._fields[page].get("body", "") for _, page in pages[:2]] if len(pages) >= 4 else []
            names[document] = set(terms(" ".join([first.get("title", ""), first.get("name", ""), *front])))
        found: dict[str, float] = {}
        for document, known in names.items():
            for term in set(query_terms(query)) & known:
                share = sum(term in other for other in names.values()) / len(names)
                if share < 0.5 and (documents is None or document in documents):
                    found[document] = found.get(document, 0.0) - math.log(share)
        return _first(found, limit)

    def terms(self, prefix: str) -> dict[str, int]:
        pages = [{word for word in counts if " " not in word} for _, counts in self._pages.values()]
        found = Counter(term for page in pages for term in page if term.startswith(prefix))
        return dict(found)

    def _ranked(
        self,
        texts: Mapping[str, tuple[str, Counter[str]]],
        query: str,
        documents: Collection[str] | None,
    ) -> dict[str, float]:
        found = {}
        for key, (document, counts) in texts.items():
            # Of phrases a dictionary knows pairs of words, which `add` counts as one.
            phrases = query_phrases(query, self._languages)
            pairs = [" ".join(pair) for phrase in phrases for pair in pairwise(phrase)]
            shared = [term for term in (*query_terms(query, self._languages), *pairs) if counts[term]]
            if shared and (documents is None or document in documents):
                length = 1 + math.log1p(counts.total())
                found[key] = sum(self._idf(term) * counts[term] / (counts[term] + length) for term in shared)
        return found

    def rarity(self, words: Collection[str]) -> dict[str, float]:
        return {
            word: max((min(map(self._idf, forms)) for forms in word_terms(word, self._languages)), default=0.0)
            for word in words
        }

    def pages(self) -> set[str]:
        return set(self._pages)

    def documents(self) -> set[str]:
        return set(self._documents)

    def verify(self) -> Iterator[str]:
        return iter(())

    def drop_damaged(self) -> None:
        """Nothing is ever damaged."""

    def remove(self, document: str) -> None:
        self._pages = {page: entry for page, entry in self._pages.items() if entry[0] != document}
        self._documents.pop(document, None)

    def _idf(self, term: str) -> float:
        having = sum(term in counts for _, counts in self._pages.values())
        return math.log(1 + (len(self._pages) - having + 0.5) / (having + 0.5))

    def compact(self) -> None:
        """Nothing is left of what was removed."""

    def settle(self) -> None:
        """Nothing goes on in the background."""


def _first(scores: Mapping[str, float], limit: int) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:limit])


class ScriptedGenerator:
    """A `Generator` that says what it was told to, and remembers what it was shown."""

    name = "scripted"

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces
        self.shown: list[ShownPage] = []

    def generate(self, question: str, pages: Sequence[ShownPage]) -> Iterator[str | Abstention]:
        self.shown = list(pages)
        if not pages:
            yield Abstention(f"Nobody told me about {question}.")
            return
        yield from self._pieces
