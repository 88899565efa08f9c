"""Channels that look at pictures on pages: by description or by likeness (`image`), and as copies (`perceptual`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .catalog import Catalog
from .channels import CANDIDATES, Scope
from .figures import FigureRow, figure_hashes
from .pictures import hash_similarities, perceptual_hash
from .protocols import ImageEncoder, VectorStore
from .types import Evidence, Vectors

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class ImageStores:
    """Vectors of the library's pictures."""

    figures: VectorStore
    """Of pictures and drawings on pages, and of picture files."""
    pages: VectorStore
    """Of whole pages, for questions that are pictures; words are never compared with them: CLIP cannot read."""


class ImageChannel:
    """CLIP: pictures by description, by likeness, or both. It puts pages forward and never keeps others out."""

    name = "image"

    def __init__(self, encoder: ImageEncoder, stores: ImageStores) -> None:
        self._encoder, self._stores = encoder, stores

    def ask(self, question: str, picture: Image | None, coverage: float) -> ImageAsked:
        """`coverage`: how far the encoder understands the question's language; a picture is in none."""
        sides: list[tuple[Vectors, Sequence[VectorStore]]] = []
        if question:
            sides.append((self._encoder.encode_texts([question])[0], [self._stores.figures]))
        if picture is not None:
            vector = self._encoder.encode_images([picture])[0]
            sides.append((vector, [self._stores.figures, self._stores.pages]))
        return ImageAsked(sides, 1.0 if picture is not None else coverage)


class ImageAsked:
    """A page is worth its best picture. Words and picture together are summed, each brought to the same scale:
    cosines of two pictures are three times those of a picture and a text."""

    neutral = False
    scaled = False

    def __init__(self, sides: Sequence[tuple[Vectors, Sequence[VectorStore]]], coverage: float) -> None:
        self._sides, self.coverage = sides, coverage

    def candidates(self, scope: Scope) -> dict[str, float]:
        if not self.coverage:
            return {}
        found = {
            page
            for vector, stores in self._sides
            for store in stores
            for page, _ in store.search(vector, CANDIDATES, scope.documents)
        }
        return self.score([page for page in found if page in scope.pages])

    def score(self, pages: Collection[str]) -> dict[str, float]:
        sides = [_best(stores, vector, pages) for vector, stores in self._sides]
        if len(sides) == 1:
            return sides[0]
        total = dict.fromkeys({page for side in sides for page in side}, 0.0)
        for side in sides:
            values = np.array(list(side.values()) or [0.0])
            spread = float(values.std()) or 1.0
            for page in total:
                total[page] += (side.get(page, float(values.min())) - float(values.mean())) / spread
        return total


class PerceptualChannel:
    """Copies of a picture: the same figure, scaled, recompressed or with another margin. Needs no model."""

    name = "perceptual"

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def ask(self, picture: Image) -> PerceptualAsked:
        return PerceptualAsked(self._catalog, perceptual_hash(picture))

    @staticmethod
    def best_figure(picture: Image, figures: Sequence[FigureRow]) -> Evidence | None:
        """The figure that a picture is most likely a copy of; `None` when it is none of these."""
        bits = perceptual_hash(picture)
        hashed = [row.figure for row in figures if row.figure.hash is not None]
        if bits is None or not hashed:
            return None
        similar = hash_similarities(bits, np.array([figure.hash for figure in hashed], np.uint64))
        best = int(similar.argmax())
        if similar[best] <= 0:
            return None
        return Evidence(hashed[best].box, "", (), float(similar[best]), PerceptualChannel.name)


class PerceptualAsked:
    coverage = 1.0
    neutral = False
    scaled = False

    def __init__(self, catalog: Catalog, bits: int | None) -> None:
        pages, hashes = figure_hashes(catalog) if bits is not None else ([], np.zeros(0, np.uint64))
        self._best: dict[str, float] = {}
        for page, similarity in zip(pages, hash_similarities(bits or 0, hashes).tolist(), strict=True):
            if similarity > self._best.get(page, 0.0):
                self._best[page] = similarity

    def candidates(self, scope: Scope) -> dict[str, float]:
        inside = [page for page in self._best if page in scope.pages]
        return {page: self._best[page] for page in sorted(inside, key=lambda page: -self._best[page])[:CANDIDATES]}

    def score(self, pages: Collection[str]) -> dict[str, float]:
        return {page: self._best.get(page, 0.0) for page in pages}


def _best(stores: Sequence[VectorStore], vector: Vectors, pages: Collection[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for store in stores:
        for page, score in store.score(vector, pages).items():
            found[page] = max(score, found.get(page, score))
    return found
