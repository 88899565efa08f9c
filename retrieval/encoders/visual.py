"""The visual encoder: pages as pictures, one row a patch (ColPali: Faysse et al. 2024), for late interaction.

Which model it is stands in the checkpoint's own files (`visual_families.py`); it is loaded at the first use.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints import Checkpoint
from ..errors import DocumentUnreadable, ModelUnavailable
from ..protocols import PageEncoder
from ..types import EncoderId, PageContent, PageVectors, QueryVectors, Vectors
from .device import Runtime, choose_runtime, free_memory
from .patches import Boxes, in_points, pooled
from .visual_batches import Batches
from .visual_families import Source, recognise
from .visual_loading import is_out_of_memory, no_room, quiet
from .visual_text import Window

if TYPE_CHECKING:
    from PIL.Image import Image

    from .visual_model import Encoded, VisualModel

WINDOW = 256
"""Pieces of a page's text that are encoded in one go, with each other as context."""

_SHORTEST_SIDE = 32
_LONGEST_RATIO = 100
"""Thinner pictures are stretched first: Qwen's processor refuses a ratio above 200, and none can cut 3 pixels up."""

_LARGEST_BATCH = 16
"""A GPU is busy with fewer pages than this; more only cost memory."""


def visual_encoder(
    checkpoint: Checkpoint,
    runtime: Runtime | None = None,
    *,
    folder: Path | None = None,
    max_pixels: int | None = None,
    pool_factor: int = 1,
    page_text: bool = False,
    batch: int | None = None,
    trust_remote_code: bool = False,
) -> PageEncoder:
    """An encoder of pages for a late-interaction checkpoint; making it reads configurations and no weights.

    `runtime`: `None` takes the best device at the first use. `folder`: where an adapter's base model is looked for.
    `max_pixels`: larger pages are shrunk to that many; families with one fixed size ignore it. `pool_factor`: so many
    patches are merged into one, on average. `page_text`: the page's words are encoded too, by the same model, and
    their rows joined to the patches'. `batch`: pages in one go; `None` goes by the memory that is free.

    Raises `ModelUnavailable` when the checkpoint is of no known family, or an adapter's base is not on this machine.
    """
    source = recognise(checkpoint, folder)
    return VisualEncoder(
        source,
        runtime,
        max_pixels=max_pixels if source.resizes else None,
        pool_factor=pool_factor if source.images else 1,
        page_text=page_text or not source.images,
        batch=batch,
        trust_remote_code=trust_remote_code,
    )


class VisualEncoder:
    """A `PageEncoder` whose rows are patches of the page, pieces of its words, or both. All rows are one group.

    Safe to share between threads: a query waits for the batch that is running, not for the document.
    """

    def __init__(
        self,
        source: Source,
        runtime: Runtime | None,
        *,
        max_pixels: int | None,
        pool_factor: int,
        page_text: bool,
        batch: int | None,
        trust_remote_code: bool,
    ) -> None:
        self._source = source
        self._runtime = runtime
        self._max_pixels = max_pixels
        self._pool_factor = max(1, pool_factor)
        self._page_text = page_text
        self._batch = batch
        self._trust = trust_remote_code
        self._loading = Lock()
        self._loaded: VisualModel | None = None
        self._batches: Batches | None = None

    @property
    def id(self) -> EncoderId:
        kinds = ["patches"] if self._source.images else []
        if self._pool_factor > 1:
            kinds = [f"patches/{self._pool_factor}"]
        if self._page_text:
            kinds.append("text")
        pooling = "+".join(kinds) + (f" of {self._max_pixels} pixels" if self._max_pixels else "")
        return EncoderId(self._source.checkpoint.name, self._source.revision, self._source.dim, pooling)

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        """Rows of patches first, special tokens among them, then those of words. A page without picture has no patches.

        Raises `DocumentUnreadable` for a picture that cannot be decoded, `ModelUnavailable` when memory is too short
        for a single page.
        """
        if not pages:
            return []
        parts = [self._empty() for _ in pages]
        if self._source.images:
            seen = [i for i, page in enumerate(pages) if page.image]
            for i, encoded in zip(seen, self._encode_pictures([pages[i] for i in seen]), strict=True):
                rows, boxes = pooled(encoded.rows, encoded.boxes, self._pool_factor)
                parts[i] = (rows, in_points(boxes, pages[i].width, pages[i].height))
        if self._page_text:
            for i, (rows, boxes) in enumerate(self._encode_words(pages)):
                parts[i] = (np.concatenate([parts[i][0], rows]), np.concatenate([parts[i][1], boxes]))
        return [
            PageVectors(page.id, rows, boxes, np.zeros(len(rows), np.int32))
            for page, (rows, boxes) in zip(pages, parts, strict=True)
        ]

    def encode_query(self, text: str) -> QueryVectors:
        """One row a token as the model's own library makes them, prefix and augmentation included; all weigh the same.

        MaxSim with these weights times the number of rows is the score that the library gives. A text without a
        letter or a number has no rows; a very long one is cut.
        """
        if not any(letter.isalnum() for letter in text):
            return self._no_query()
        model = self._model
        asked = model.cut_query(text)
        if not any(letter.isalnum() for letter in asked):  # it was one of the tokenizer's own marks
            return self._no_query()
        (encoded,) = model.run(model.query_inputs(asked), query=True)
        count = len(encoded.rows)
        weights = np.full(count, 1 / count, np.float32)
        return QueryVectors(model.pieces(encoded, asked), encoded.rows, weights)

    def coverage(self, text: str) -> float:
        return self._model.prompts.coverage(text)

    def _encode_pictures(self, pages: Sequence[PageContent]) -> list[Encoded]:
        if not pages:
            return []
        model = self._model
        sizes = [model.size(*_stretched(*_open(page).size)) for page in pages]
        batches = self._sized_batches(model, max(sizes))
        return batches.run(
            pages,
            sizes,
            lambda chosen: model.image_inputs([_picture(page) for page in chosen]),
            model.run,
        )

    def _encode_words(self, pages: Sequence[PageContent]) -> list[tuple[Vectors, Boxes]]:
        model = self._model
        windows = [(i, w) for i, page in enumerate(pages) for w in model.windows(page.words, WINDOW)]
        lengths = [len(window.text) for _, window in windows]
        found: list[list[tuple[Vectors, Boxes]]] = [[self._empty()] for _ in pages]
        batches = self._sized_batches(model, WINDOW)
        texts = [window.text for _, window in windows]
        for (i, window), encoded in zip(
            windows, batches.run(texts, lengths, model.text_inputs, model.run), strict=True
        ):
            found[i].append(_rows_of_words(model, window, encoded, pages[i]))
        return [
            (np.concatenate([rows for rows, _ in parts]), np.concatenate([boxes for _, boxes in parts]))
            for parts in found
        ]

    def _sized_batches(self, model: VisualModel, size: int) -> Batches:
        if self._batches is None:
            if self._batch is None:
                # a third stays free: for fragments, and for a page larger than those of now
                fitting = int(free_memory(model.runtime.device) * 2 / 3 / max(1, model.bytes_of(size)))
                self._batches = Batches(min(fitting, _LARGEST_BATCH if model.runtime.on_gpu else 4))
            else:
                self._batches = Batches(self._batch)
        return self._batches

    @property
    def _model(self) -> VisualModel:
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    self._loaded = self._load()
        return self._loaded

    def _load(self) -> VisualModel:
        runtime = self._runtime or choose_runtime()
        if self._source.family:
            from .colpali import ColpaliModel as Model
        else:
            from .multivector import MultiVectorModel as Model
        with quiet():
            model = Model(self._source, runtime, max_pixels=self._max_pixels, trust_remote_code=self._trust)
            try:  # transformers says at the first use which kernels it goes without: let it be now
                rows = model.run(model.query_inputs("a"), query=True)[0].rows
            except (RuntimeError, MemoryError) as error:
                if is_out_of_memory(error):
                    raise no_room(self._source, runtime) from error
                raise
        if rows.shape[1] != self._source.dim:
            raise ModelUnavailable(
                f"The model at {self._source.checkpoint.folder} gives rows of {rows.shape[1]} numbers, its "
                f"weights say {self._source.dim}; fetch it again."
            )
        return model

    def _empty(self) -> tuple[Vectors, Boxes]:
        return np.zeros((0, self._source.dim), np.float32), np.zeros((0, 4), np.float32)

    def _no_query(self) -> QueryVectors:
        return QueryVectors((), self._empty()[0], np.zeros(0, np.float32))


def _rows_of_words(model: VisualModel, window: Window, encoded: Encoded, page: PageContent) -> tuple[Vectors, Boxes]:
    """Only the rows of pieces of words: prompts and marks around them say nothing of the page."""
    owners = model.owners(encoded, window)
    kept = owners >= 0
    boxes = np.array([page.words[i].box for i in owners[kept]], np.float32).reshape(-1, 4)
    return encoded.rows[kept], boxes


def _open(page: PageContent) -> Image:
    """The picture, not decoded yet."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(page.image))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DocumentUnreadable(f"The picture of page {page.id} cannot be read: {error}.") from error


def _picture(page: PageContent) -> Image:
    """The picture, decoded, in RGB, no thinner than processors can take."""
    opened = _open(page)
    try:
        picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:  # as PIL says that a file is cut short or damaged
        raise DocumentUnreadable(f"The picture of page {page.id} cannot be read: {error}.") from error
    size = _stretched(*picture.size)
    return picture if size == picture.size else picture.resize(size)


def _stretched(width: int, height: int) -> tuple[int, int]:
    """A size at least 32 pixels wide and high, and at most 100 times as long as wide.

    >>> _stretched(800, 600), _stretched(1, 1), _stretched(10, 50000)
    ((800, 600), (32, 32), (500, 50000))
    """
    least = max(_SHORTEST_SIDE, max(width, height) // _LONGEST_RATIO)
    return max(width, least), max(height, least)
