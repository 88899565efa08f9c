"""A library: a folder of documents made searchable. The composition root names concrete encoders and stores here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .catalog import Catalog
from .channels import (
    Asked,
    Channel,
    DenseChannel,
    DocumentChannel,
    LateInteractionChannel,
    LexicalChannel,
    Scope,
)
from .copies import all_pages, without_copies
from .encoders.sentence import SentenceEncoder
from .encoders.words import WordsEncoder
from .errors import MEND, CorruptFile, EncoderMismatch, QueryError
from .evidence import PageMatch, find_evidence, match_page
from .figures import figures_of
from .fusion import default_weights
from .heat import PatchHeat, patch_heat
from .manifest import Manifest, read_manifest
from .optional import find_image, find_reranker, find_visual
from .picture_channels import ImageChannel, ImageStores, PerceptualChannel
from .picture_query import PictureQuery, read_picture
from .regions import find_regions
from .scope import Scopes, Where, resolve
from .search import Ranked, at_most, rerank, search
from .settings import Settings
from .spelling import corrected
from .stores.tantivy_index import TantivyIndex
from .typed_filters import joined, typed_filters
from .types import Document, EncoderId, Evidence, Hit, Page, PageContent, Passage, QueryVectors, Vectors, Word
from .vector_stores import open_multivectors, open_vectors

if TYPE_CHECKING:
    from PIL.Image import Image

    from .writer import LibraryWriter

MOST_HITS = 1000
RERANKED = 50
"""Pages that a reranker reads."""


class Library:
    """An open library. Safe to use from several threads; reading never waits for a writer."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.manifest = read_manifest(path)
        _check_encoders(path, self.manifest, settings)
        self.catalog = Catalog(path / "catalog.sqlite")
        self.text_encoder, self.page_encoder = _encoders(settings)
        self.lexical = TantivyIndex(path / "lexical")
        self.dense = open_vectors(path, "passages", settings)
        self.words = open_multivectors(path, "words", str(self.page_encoder.id), settings)
        # The stores of optional channels are there with or without their model: removing a document reaches them all.
        visual = self.manifest.encoders.get("visual")
        self.visual = open_multivectors(path, "visual", None if visual is None else str(visual), settings)
        self.images = ImageStores(open_vectors(path, "figures", settings), open_vectors(path, "pages", settings))
        self.visual_part = find_visual(settings, self.manifest)
        self.image_part = find_image(settings, self.manifest)
        self.reranker, _ = find_reranker(settings)
        self._words = LateInteractionChannel("words", self.page_encoder, self.words, thesaurus=True)
        self._visual = (
            LateInteractionChannel("visual", self.visual_part.encoder, self.visual, optional=True)
            if self.visual_part.encoder is not None
            else None
        )
        self._image = (
            ImageChannel(self.image_part.encoder, self.images) if self.image_part.encoder is not None else None
        )
        dense = DenseChannel(self.text_encoder, self.dense, self.page_encoder)
        found = (LexicalChannel(self.lexical), dense, self._words, DocumentChannel(self.lexical), self._visual)
        self.channels: tuple[Channel, ...] = tuple(channel for channel in found if channel is not None)
        """Those that words can be put to."""
        self._scopes = Scopes(self.catalog)

    def retrieve(
        self,
        question: str = "",
        k: int = 5,
        where: Where | None = None,
        *,
        image: bytes | str | Path | Image | PictureQuery | None = None,
        weights: Mapping[str, float] | None = None,
        per_document: int | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The `k` pages that answer a question best, best first, each with its scores and evidence.

        The question is words, a picture (`image`: bytes, a file, or Pillow's), or both. A picture is read by OCR and
        searched for by its words, compared with the library's pictures as a copy (`perceptual`), and by likeness where
        the image channel is on. `where` narrows the search: `{"document": "report.pdf"}`, `{"language": "uk"}`,
        `{"figure": "chart"}`, metadata as `{"year": {">=": 2022}}`; see `scope.Where`.
        `weights` replaces the channels' own weights in the fusion, for example `{"words": 1}` for one channel alone.
        `per_document`: at most so many pages of one document. `min_score`: the least fused score of a hit; 0 is what
        the candidates of this question have on average. Pages that say the same are one hit, with its `copies`, unless
        the question has a picture. Filters may be typed in the question, too
        (`typed_filters.py`), and pages that have what stands there in quotes, word for word, come before others.

        Raises `QueryError` for an empty question, a `k` outside 1 to 1000, a filter that is unknown or does not fit, a
        document that is not in the library, or a picture that is none.
        """
        if not question.strip() and image is None:
            raise QueryError("The question is empty; ask for something.")
        if not 1 <= k <= MOST_HITS:
            raise QueryError(f"k is {k}; it must lie between 1 and {MOST_HITS}.")
        if per_document is not None and per_document < 1:
            raise QueryError(f"per_document is {per_document}; it must be 1 or more.")
        question, where = self._typed(question, where)
        picture = image if image is None or isinstance(image, PictureQuery) else read_picture(image, self.settings)
        text = question if question.strip() or picture is None else picture.words(self.lexical)
        asked = self._ask(question, text, picture)
        unknown = (weights or {}).keys() - asked.keys()
        if unknown:
            there = ", ".join(asked)
            raise QueryError(f"There is no channel {min(unknown)!r} for this question; there are {there}.")
        ranked = search(asked, self.scope(where), weights or default_weights(picture=picture is not None))
        if self.reranker is not None and question.strip():
            ranked = self._rerank(question, ranked)
        if per_document is not None:
            ranked = at_most(ranked, per_document)
        if min_score is not None:
            ranked = [one for one in ranked if one.score >= min_score]
        query = self._weighed(text) if text else None
        # Who shows a picture looks for its copies.
        found = without_copies(ranked, k, self.catalog) if picture is None else all_pages(ranked, k, self.catalog)
        return [
            Hit(page, one.score, rank, one.channels, self._evidence(text, picture, page.id, query), copies)
            for rank, (one, page, copies) in enumerate(found, start=1)
        ]

    def suggest(self, question: str) -> str:
        """The question with words that the library has in place of those that it has not and that are spelt alike.

        Empty when there is nothing to offer.
        """
        return corrected(question, self.lexical, self.catalog.words)

    def rank(
        self, question: str, where: Where | None = None, *, weights: Mapping[str, float] | None = None
    ) -> list[Ranked]:
        """All candidate pages of a question in words, best first, with what each channel said of them.

        What `retrieve` begins with: no page is looked up, nothing is reranked. Raises `QueryError` as it does.
        """
        if not question.strip():
            raise QueryError("The question is empty; ask for something.")
        question, where = self._typed(question, where)
        return search(self._ask(question, question, None), self.scope(where), weights or default_weights())

    def _typed(self, question: str, where: Where | None) -> tuple[str, Where | None]:
        """The question and the filter, with those filters that are typed in the question."""
        if ":" not in question:
            return question, where
        rest, typed = typed_filters(question, self._scopes.names())
        return rest, joined(where, typed) if typed else where

    def askers(self) -> dict[str, Callable[[str], Asked]]:
        """The channels that words can be put to, by name, one by one; `rank` puts them to all."""
        found: dict[str, Callable[[str], Asked]] = {channel.name: channel.ask for channel in self.channels}
        if self._image is not None:
            image = self._image
            found[image.name] = lambda question: image.ask(question.strip(), None, self.page_encoder.coverage(question))
        return found

    def scope(self, where: Where | None = None) -> Scope:
        """The pages that a filter lets through, of those that are in the library now."""
        return self._scopes.scope(where)

    def match(self, question: str, page: str) -> PageMatch:
        """How the words of a page match those of a question: what evidence and answers are made of."""
        return self._match(self._weighed(question), page)

    def _weighed(self, question: str) -> QueryVectors:
        query = self._words.encode_query(question)
        # A rare word says more than a common one. Ranking gains nothing by that, places and abstention do.
        rarity = self.lexical.rarity(query.tokens)
        weights = query.weights * np.array([rarity[token] for token in query.tokens], np.float32)
        return replace(query, weights=weights / max(float(weights.sum()), 1e-9))

    def _match(self, query: QueryVectors, page: str) -> PageMatch:
        found = self.words.similarities(query, page)
        return match_page(self.catalog.words(page), query, *(found or (None, None)))

    def evidence(self, question: str, page: str) -> tuple[Evidence, ...]:
        """The places on a page, by its id, that speak for it, whether or not it would be found: what its hit has."""
        return self._evidence(question, None, page, self._weighed(question))

    def heat(self, question: str, page: str) -> PatchHeat | None:
        """How like the question's words the patches of a page's picture are; `None` where no visual channel saw it."""
        seen = self._patches(question, page)
        return None if seen is None else patch_heat(question, *seen)

    def _ask(self, question: str, text: str, picture: PictureQuery | None) -> dict[str, Asked]:
        """The question, put to all channels that can take it; a picture without words asks those for pictures only."""
        asked: dict[str, Asked] = {channel.name: channel.ask(text) for channel in self.channels if text}
        if picture is not None:
            asked[PerceptualChannel.name] = PerceptualChannel(self.catalog).ask(picture.image)
        if self._image is not None:
            image = None if picture is None else picture.image
            asked[ImageChannel.name] = self._image.ask(question.strip(), image, self.page_encoder.coverage(question))
        return asked

    def _rerank(self, question: str, ranked: list[Ranked]) -> list[Ranked]:
        assert self.reranker is not None
        contents = {content.id: content for content in self.contents([one.page for one in ranked[:RERANKED]])}
        read = [one for one in ranked[:RERANKED] if one.page in contents]
        return rerank(read + ranked[RERANKED:], self.reranker.score(question, [contents[one.page] for one in read]))

    def _evidence(
        self, text: str, picture: PictureQuery | None, page: str, query: QueryVectors | None
    ) -> tuple[Evidence, ...]:
        """The words that match, then the places on the picture, then the copy of the picture that was asked about."""
        figures = figures_of(self.catalog, [page])[page]
        shown = [row.figure.box for row in figures if row.figure.kind != "page"]
        evidence = find_evidence(self._match(query, page), shown) if query is not None else ()
        seen = self._patches(text, page)
        if seen is not None:
            evidence += find_regions(*seen, self.catalog.words(page))
        if picture is not None:
            copy = PerceptualChannel.best_figure(picture.image, figures)
            evidence = ((copy,) if copy else ()) + evidence
        return evidence

    def _patches(self, text: str, page: str) -> tuple[QueryVectors, Vectors, NDArray[np.float32]] | None:
        """Words as the visual channel reads them, the similarities of a page's rows to them, and the rows' boxes."""
        if self._visual is None or not text:
            return None
        query = self._visual.encode_query(text)
        similar = self.visual.similarities(query, page)
        return None if similar is None else (query, *similar)

    def contents(self, pages: Sequence[str]) -> list[PageContent]:
        """Pages as encoders and rerankers look at them, those that are here and have a picture, in order."""
        found = self.catalog.pages(pages)
        return [
            PageContent(
                id_,
                found[id_].title,
                self.catalog.words(id_),
                self.catalog.passages(id_),
                self.page_image(found[id_]),
                found[id_].width,
                found[id_].height,
            )
            for id_ in pages
            if id_ in found and self.catalog.image_sha(id_) is not None
        ]

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
            raise CorruptFile(f"{file} is missing or damaged; {MEND}.")
        return data

    def image_path(self, document: str, number: int) -> Path:
        return self.path / "pages" / document / f"{number:05d}.webp"

    def resolve(self, document: str) -> list[str]:
        """Ids of the documents that a name stands for: a file name, the end of a path, or an id (8 digits or more)."""
        return resolve(document, self.catalog.documents())

    @contextmanager
    def writer(self) -> Iterator[LibraryWriter]:
        """Open for writing. Raises `LibraryLocked` when another process, or another thread, is writing."""
        from .writer import LibraryWriter

        with LibraryWriter.open(self) as writer:
            yield writer

    def close(self) -> None:
        """Close this thread's connections."""
        self.catalog.close()
        self.lexical.settle()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _encoders(settings: Settings) -> tuple[SentenceEncoder, WordsEncoder]:
    # 16 bits with a smaller range are for GPUs, and this encoder runs on the CPU.
    dtype = "auto" if settings.dtype == "float16" else settings.dtype
    text = SentenceEncoder(None if settings.encoder is None else str(settings.encoder), dtype=dtype)
    return text, WordsEncoder(text)


def encoder_ids(settings: Settings) -> dict[str, EncoderId]:
    """By channel, those that every library has."""
    text, words = _encoders(settings)
    return {"dense": text.id, "words": words.id}


def _check_encoders(path: Path, manifest: Manifest, settings: Settings) -> None:
    for channel, now in encoder_ids(settings).items():
        built = manifest.encoders.get(channel)
        if built != now:
            raise EncoderMismatch(
                f"The library at {path} was built with {built or 'none'} for its channel {channel!r}, and "
                f"the settings name {now}; set PAGESIGHT_ENCODER to the former, or add the documents to a new library."
            )
