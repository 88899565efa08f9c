"""Full text over tantivy: BM25 that finds the best pages of a million in milliseconds, with updates in place.

Two indexes, a row a page and a row a document, because what is rare among pages need not be among documents. A field's
weight is how often its terms are indexed: BM25 over the one field `text` is then BM25F over all (Robertson, Zaragoza &
Taylor 2004), and a word has one list of pages.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis import query_phrases, query_terms, terms, word_terms
from ..related import WEIGHT
from ..stemming import STEMMERS
from .tantivy_folder import TantivyFolder
from .text_rows import FIELDS, IDENTITY, TEXT, WHOLE, put_document, put_page, rows_of, schema_of

if TYPE_CHECKING:
    from tantivy import Query, Schema, Searcher

FEW = 2000
"""Pages or documents that are looked up one by one: 200 of 10,000 in 0.6 ms, and as a set, in order, in 2.8."""

MANY = 0.125
"""Deleted pages, as a share of the others, from which on a writer takes them out of the files when it ends."""


class TantivyIndex:
    """A `LexicalIndex`, safe to use from many threads; readers never wait for a writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _pages(self) -> TantivyFolder:
        return TantivyFolder(self._folder / "pages", "page", schema_of("page", (TEXT,), stored=True))

    @cached_property
    def _documents(self) -> TantivyFolder:
        return TantivyFolder(self._folder / "documents", "document", schema_of("document", (WHOLE, IDENTITY)))

    def add(self, document: str, pages: Mapping[str, Mapping[str, str]]) -> None:
        with self._pages.writing() as writer:
            for page, texts in pages.items():
                language = texts.get("language", "")
                fields = {name: " ".join(terms(texts.get(name, ""), language)) for name in FIELDS}
                writer.delete_documents_by_term("page", page)
                put_page(writer, page, document, language, fields)

    def seal(self, document: str) -> None:
        rows = self._fields_of(document)
        with self._documents.writing() as writer:
            writer.delete_documents_by_term("document", document)
            if rows:
                put_document(writer, document, rows)

    def search(
        self,
        query: str,
        limit: int = 1000,
        documents: Collection[str] | None = None,
        pages: Collection[str] | None = None,
        *,
        related: str = "",
    ) -> dict[str, float]:
        searcher = self._pages.searcher()
        if searcher is None:
            return {}
        wanted = self._asked(self._pages, TEXT, query, searcher)
        if related:
            wanted += [_boosted(one, WEIGHT) for one in self._asked(self._pages, TEXT, related, searcher)]
        only = {"document": documents, "page": pages}
        return self._best(self._pages, searcher, wanted, only, limit)

    def search_documents(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        return self._search_documents(WHOLE, query, limit, documents)

    def search_identities(
        self, query: str, limit: int = 1000, documents: Collection[str] | None = None
    ) -> dict[str, float]:
        return self._search_documents(IDENTITY, query, limit, documents)

    def _search_documents(
        self, field: str, query: str, limit: int, documents: Collection[str] | None
    ) -> dict[str, float]:
        searcher = self._documents.searcher()
        if searcher is None:
            return {}
        wanted = self._asked(self._documents, field, query, searcher)
        return self._best(self._documents, searcher, wanted, {"document": documents}, limit)

    def terms(self, prefix: str) -> dict[str, int]:
        from tantivy import Query

        searcher = self._pages.searcher()
        return dict(searcher.terms_with_prefix(TEXT, prefix, Query.all_query())) if searcher else {}

    def rarity(self, words: Collection[str]) -> dict[str, float]:
        """How telling each word is in this library: its rarest term's inverse document frequency, at least 0."""
        searcher = self._pages.searcher()
        if searcher is None:
            return dict.fromkeys(words, 1.0)
        languages, found = _languages(searcher), dict[str, float]()
        for word in words:
            counts = [max(searcher.doc_freq(TEXT, one) for one in forms) for forms in word_terms(word, languages)]
            found[word] = _idf(searcher.num_docs, min(counts)) if counts else 0.0
        return found

    def remove(self, document: str) -> None:
        for index in (self._documents, self._pages):
            searcher = index.searcher()
            if searcher is not None and searcher.doc_freq("document", document):
                with index.writing() as writer:
                    writer.delete_documents_by_term("document", document)

    def pages(self) -> set[str]:
        return self._names(self._pages, "page")

    def documents(self) -> set[str]:
        return self._names(self._documents, "document")

    def verify(self) -> Iterator[str]:
        yield from self._pages.verify()
        yield from self._documents.verify()

    def drop_damaged(self) -> None:
        """All of an index: what is left of a damaged one cannot be told from what is not."""
        for index in (self._pages, self._documents):
            if any(index.verify()):
                index.settle()
                (index.path / "meta.json").unlink(missing_ok=True)  # who opens it now finds none, rather than half
                shutil.rmtree(index.path)

    def compact(self) -> None:
        """Write rows anew, in one commit each, where some were deleted, so that nothing of these is in the files."""
        self._rewrite()
        self._end()

    def settle(self) -> None:
        """Finish what goes on in the background, and let another writer come.

        Rows that were deleted count in what is rare until they have gone from the files, so they go when they are many.
        """
        if self._pages.held and self._pages.deleted() > MANY * len(self.pages()):
            with suppress(OSError):  # a full disk: what is to be kept is there, and the next writer tries again
                self._rewrite()
        self._end()

    def _rewrite(self) -> None:
        self._end()  # a merge that ends in between would have segments to put back that are about to go
        if self._pages.deleted():
            searcher = self._pages.searcher()
            assert searcher is not None
            with self._pages.writing() as writer:
                writer.delete_all_documents()
                for document in self._names(self._pages, "document"):
                    for page, row in rows_of(searcher, self._pages.schema, document):
                        put_page(writer, page, document, row.pop("language"), row)
        if self._documents.deleted():
            kept = self.documents()
            with self._documents.writing() as writer:
                writer.delete_all_documents()
                for document in kept:
                    put_document(writer, document, self._fields_of(document))

    def _end(self) -> None:
        for index in (self._pages, self._documents):
            index.settle()

    def _asked(self, index: TantivyFolder, field: str, query: str, searcher: Searcher) -> list[Query]:
        """What a query looks for, any of it."""
        from tantivy import Query

        pages = self._pages.searcher()
        languages = _languages(pages) if pages is not None else (None,)
        words = _words_of(query, languages)
        found = [Query.term_query(index.schema, field, word, "freq") for word in words]
        if field == IDENTITY:
            # Here a term that half of the documents have names none of them, and BM25 gives it something still.
            rarer = [_naming(searcher.num_docs, searcher.doc_freq(field, word)) for word in words]
            found = [_boosted(one, boost) for one, boost in zip(found, rarer, strict=True) if boost > 0]
        phrases = [phrase for phrase in query_phrases(query, languages) if field != IDENTITY]
        return found + [Query.phrase_query(index.schema, field, list(phrase)) for phrase in phrases]

    def _best(
        self,
        index: TantivyFolder,
        searcher: Searcher,
        wanted: Sequence[Query],
        only: Mapping[str, Collection[str] | None],
        limit: int,
    ) -> dict[str, float]:
        from tantivy import Occur, Query

        allowed = {field: values for field, values in only.items() if values is not None}
        if not wanted or limit < 1 or not all(allowed.values()):
            return {}
        query = Query.boolean_query([(Occur.Should, one) for one in wanted])
        if allowed:
            # They only let through, and count nothing.
            sets = [Query.const_score_query(_any(index.schema, *one), 0.0) for one in allowed.items()]
            query = Query.boolean_query([(Occur.Must, query), *((Occur.Must, one) for one in sets)])
        hits = searcher.search(query, limit, count=False).hits
        found = [(index.name(searcher, address), float(score)) for score, address in hits]
        return dict(sorted(found, key=lambda one: (-one[1], one[0])))

    def _fields_of(self, document: str) -> list[Mapping[str, str]]:
        """The fields of a document's pages, as terms, in the order of the pages."""
        searcher = self._pages.searcher()
        return [row for _, row in rows_of(searcher, self._pages.schema, document)] if searcher else []

    def _names(self, index: TantivyFolder, field: str) -> set[str]:
        from tantivy import Query

        searcher = index.searcher()
        # with a filter, what was deleted does not count
        return {name for name, _ in searcher.terms_with_prefix(field, "", Query.all_query())} if searcher else set()


_words_of = lru_cache(maxsize=256)(query_terms)
"""A question is put to pages, to documents and to identities, for candidates and for scores."""


def _languages(searcher: Searcher) -> tuple[str | None, ...]:
    """Those of the pages whose words are stemmed otherwise than where there is none."""
    there = (language for language, _ in searcher.terms_with_prefix("language", ""))
    return (None, *(language for language in there if language in STEMMERS and language != "en"))


def _any(schema: Schema, field: str, values: Collection[str]) -> Query:
    from tantivy import Occur, Query

    if len(values) > FEW:
        return Query.term_set_query(schema, field, list(values))
    return Query.boolean_query([(Occur.Should, Query.term_query(schema, field, one, "basic")) for one in values])


def _boosted(query: Query, boost: float) -> Query:
    from tantivy import Query

    return query if boost == 1 else Query.boost_query(query, boost)


def _idf(rows: int, having: int) -> float:
    """As in BM25, where it is never below 0."""
    having = min(having, rows)  # those that were deleted count until they are gone
    return math.log(1 + (rows - having + 0.5) / (having + 0.5))


def _naming(rows: int, having: int) -> float:
    """How much of a term's BM25 counts among identities: by Robertson's idf, which is 0 for what half of them have.

    >>> _naming(10, 5), round(_naming(10, 1), 2), round(_naming(1000, 1), 2)
    (0.0, 0.93, 1.0)
    """
    if 2 * having >= rows:
        return 0.0
    return math.log((rows - having + 0.5) / (having + 0.5)) / _idf(rows, having)
