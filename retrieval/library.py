"""A library: a folder of documents made searchable. The composition root: concrete encoders and stores are named here.

from pagesight.retrieval import open_library

library = open_library("my-library")
for hit in library.retrieve("What was the revenue in 2021?", k=5):
    print(hit.page.source, hit.page.number, hit.score)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path, PurePath
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from .catalog import Catalog
from .channels import Channel, DenseChannel, LateInteractionChannel, LexicalChannel, Scope
from .encoders.sentence import SentenceEncoder
from .encoders.words import WordsEncoder
from .errors import CorruptFile, EncoderMismatch, LibraryError, LibraryNotFound, QueryError
from .evidence import PageMatch, find_evidence, match_page
from .files import write_whole
from .fusion import default_weights
from .search import search
from .settings import Settings
from .stores.chroma_store import ChromaStore
from .stores.fts import FtsIndex
from .stores.multivectors import MultiVectorSegments
from .types import Document, EncoderId, Hit, Page, Passage, QueryVectors, Word

if TYPE_CHECKING:
    from .writer import LibraryWriter

FORMAT = 1
"""Version of the layout on disk. It changes when older code would read a library wrongly."""

MOST_HITS = 1000

Where = Mapping[str, str | Sequence[str]]
"""Filters: `{"document": "report.pdf"}`, or a list of documents; each a file name, a path, or a document id."""


def create_library(path: str | Path, settings: Settings | None = None) -> Library:
    """Open the library at `path`, making an empty one when there is none."""
    path = Path(path)
    if not (path / "library.json").is_file():
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise LibraryError(f"{path} is there already and is not a library; name an empty or new folder.")
        path.mkdir(parents=True, exist_ok=True)
        Catalog.create(path / "catalog.sqlite")
        manifest = {"format": FORMAT, "encoders": _encoder_ids(*_encoders(settings or Settings()))}
        # Last: a folder without it is not a library yet, so an interrupted creation can be cleared away by hand.
        write_whole(path / "library.json", json.dumps(manifest, indent=2).encode())
    return open_library(path, settings)


def open_library(path: str | Path, settings: Settings | None = None) -> Library:
    """Open the library at `path`.

    Raises `LibraryNotFound` when there is none, and `EncoderMismatch` when it was built with other encoders than the
    settings name. No model is loaded before the first question.
    """
    return Library(Path(path), settings or Settings())


@lru_cache(maxsize=8)
def _shared(path: str) -> Library:
    return open_library(path)


def retrieve(question: str, *, library: str | Path, k: int = 5, where: Where | None = None) -> list[Hit]:
    """Find pages in one line. The library stays open for the next call.

    See `Library.retrieve` for the arguments.
    """
    return _shared(str(Path(library).resolve())).retrieve(question, k=k, where=where)


class Library:
    """An open library. Safe to use from several threads; reading never waits for a writer."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        _check_manifest(path, settings)
        self.catalog = Catalog(path / "catalog.sqlite")
        self.text_encoder, self.page_encoder = _encoders(settings)
        self.lexical = FtsIndex(path / "lexical")
        self.dense = ChromaStore(path / "chroma", "passages")
        self.words = MultiVectorSegments(path / "multivectors" / "words")
        self.channels: tuple[Channel, ...] = (
            LexicalChannel(self.lexical),
            DenseChannel(self.text_encoder, self.dense, self.page_encoder),
            LateInteractionChannel("words", self.page_encoder, self.words),
        )
        self._lock = Lock()
        self._pages: tuple[int, dict[str, str]] = (-1, {})
        self._encode_query = lru_cache(maxsize=64)(self.page_encoder.encode_query)

    def retrieve(
        self,
        question: str,
        k: int = 5,
        where: Where | None = None,
        *,
        weights: Mapping[str, float] | None = None,
    ) -> list[Hit]:
        """The `k` pages that answer a question best, best first, each with its scores and evidence.

        `where` narrows the search: `{"document": "report.pdf"}`. `weights` replaces the channels' own weights in the
        fusion, for example `{"words": 1}` for one channel alone. Raises `QueryError` for an empty question, a `k`
        outside 1 to 1000, an unknown filter, or a document that is not in the library.
        """
        if not question.strip():
            raise QueryError("The question is empty; ask for something.")
        if not 1 <= k <= MOST_HITS:
            raise QueryError(f"k is {k}; it must lie between 1 and {MOST_HITS}.")
        unknown = (weights or {}).keys() - {channel.name for channel in self.channels}
        if unknown:
            raise QueryError(f"There is no channel {min(unknown)!r}; there are lexical, dense and words.")
        scope = self._scope(where)
        ranked = search(self.channels, question, scope, weights or default_weights())[:k]
        pages = self.catalog.pages(one.page for one in ranked)
        hits = []
        for one in ranked:
            if one.page not in pages:
                continue  # removed since the snapshot was taken
            evidence = find_evidence(self.match(question, one.page))
            hits.append(Hit(pages[one.page], one.score, len(hits) + 1, one.channels, evidence))
        return hits

    def match(self, question: str, page: str) -> PageMatch:
        """How the words of a page match those of a question: what evidence and answers are made of."""
        query: QueryVectors = self._encode_query(question)
        # A rare word says more than a common one. Ranking gains nothing by that, places and abstention do.
        rarity = self.lexical.rarity(query.tokens)
        weights = query.weights * np.array([rarity[token] for token in query.tokens], np.float32)
        query = replace(query, weights=weights / max(float(weights.sum()), 1e-9))
        found = self.words.similarities(query, page)
        return match_page(self.catalog.words(page), query, *(found or (None, None)))

    def documents(self) -> list[Document]:
        """All documents, in the order they were added."""
        return self.catalog.documents()

    def page(self, document: str, number: int) -> Page:
        """A page by its document (file name, path or id) and 1-based number."""
        for candidate in self.resolve(document):
            for page in self.catalog.pages_of(candidate):
                if page.number == number:
                    return page
        raise QueryError(f"There is no page {number} in {document}.")

    def page_words(self, page: str) -> tuple[Word, ...]:
        """The words of a page, by page id, in reading order."""
        return self.catalog.words(page)

    def page_passages(self, page: str) -> tuple[Passage, ...]:
        """The passages of a page, by page id, in reading order."""
        return self.catalog.passages(page)

    def page_image(self, page: Page) -> bytes:
        """The picture of a page, WebP. Raises `CorruptFile` when it is not the one that was stored."""
        file = self.image_path(page.document, page.number)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != self.catalog.image_sha(page.id):
            raise CorruptFile(f"{file} is missing or damaged; remove the document and add it again.")
        return data

    def image_path(self, document: str, number: int) -> Path:
        return self.path / "pages" / document / f"{number:05d}.webp"

    def resolve(self, document: str) -> list[str]:
        """Ids of the documents that a name stands for: a file name, the end of a path, or an id (8 digits or more)."""
        return _resolve(document, self.catalog.documents())

    @contextmanager
    def writer(self) -> Iterator[LibraryWriter]:
        """Open for writing. Raises `LibraryLocked` when another process, or another thread, is writing."""
        from .writer import LibraryWriter

        with LibraryWriter.open(self) as writer:
            yield writer

    def close(self) -> None:
        """Close this thread's connections."""
        self.catalog.close()
        self.lexical.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scope(self, where: Where | None) -> Scope:
        with self._lock:
            generation = self.catalog.generation()
            if generation != self._pages[0]:
                self._pages = generation, self.catalog.page_documents()
            pages = self._pages[1]
        if not where:
            return Scope(pages, None)
        unknown = where.keys() - {"document"}
        if unknown:
            raise QueryError(f"There is no filter {min(unknown)!r}; there is 'document'.")
        names = [where["document"]] if isinstance(where["document"], str) else list(where["document"])
        known = self.catalog.documents()
        documents = frozenset(id_ for name in names for id_ in _resolve(name, known))
        return Scope({page: owner for page, owner in pages.items() if owner in documents}, documents)


def _resolve(name: str, documents: Sequence[Document]) -> list[str]:
    parts = PurePath(name).parts
    found = [
        document.id
        for document in documents
        if (len(name) >= 8 and document.id.startswith(name))
        or any(parts and PurePath(source).parts[-len(parts) :] == parts for source in document.sources)
    ]
    if not found:
        raise QueryError(f"There is no document {name!r} in the library; `pagesight list` shows those there are.")
    return found


def _encoders(settings: Settings) -> tuple[SentenceEncoder, WordsEncoder]:
    text = SentenceEncoder(None if settings.encoder is None else str(settings.encoder))
    return text, WordsEncoder(text)


def _encoder_ids(text: SentenceEncoder, words: WordsEncoder) -> dict[str, dict[str, object]]:
    return {"dense": asdict(text.id), "words": asdict(words.id)}


def _check_manifest(path: Path, settings: Settings) -> None:
    file = path / "library.json"
    if not file.is_file():
        raise LibraryNotFound(f"There is no library at {path}; make one with: pagesight add FILES --library {path}")
    try:
        manifest = json.loads(file.read_text())
        version, encoders = manifest["format"], manifest["encoders"]
        built = {channel: EncoderId(**entry) for channel, entry in encoders.items()} if version == FORMAT else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(f"{file} is damaged ({error}); restore it, or add the documents to a new library.") from error
    if version != FORMAT:
        raise LibraryError(
            f"The library at {path} has format {version}, this version of pagesight reads {FORMAT}; "
            "add the documents to a new library."
        )
    for channel, entry in _encoder_ids(*_encoders(settings)).items():
        now = EncoderId(**entry)  # pyright: ignore[reportArgumentType]
        if built.get(channel) != now:
            raise EncoderMismatch(
                f"The library at {path} was built with {built.get(channel, 'none')} for its channel {channel!r}, and "
                f"the settings name {now}; set PAGESIGHT_ENCODER to the former, or add the documents to a new library."
            )
