"""Rerankers: models that read the question and a page together, over sentence-transformers' `CrossEncoder`."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from .checkpoints import Checkpoint, find_checkpoint
from .encoders.device import Runtime, choose_runtime
from .encoders.visual_batches import Batches
from .errors import ModelUnavailable
from .protocols import Reranker
from .reranker_loading import (
    Load,
    brings_modules,
    check_yes_no,
    load_cross_encoder,
    load_whole,
    load_yes_no,
    relevant_label,
    sees,
)
from .types import PageContent

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

MARGIN = 1.0
"""How far below the worst page that was read a page lies that has nothing to read, in log-odds."""
MAX_PIXELS = 1280 * 32 * 32
"""Of a page's picture for a yes-or-no model: what Qwen3-VL-Reranker was trained with, 1280 tokens."""


def open_reranker(model: str, runtime: Runtime | None = None, folder: Path | None = None) -> Reranker:
    """The reranker of a checkpoint: one that reads pages' text, or one that sees their pictures, as its files say.

    `model`: a folder, or a name that `find_checkpoint` finds. Weights are loaded at the first score. Raises
    `ModelUnavailable` when it is not there or its files show that it is no reranker.
    """
    checkpoint = find_checkpoint(model, folder)
    return (VisualReranker if sees(checkpoint) else TextReranker)(checkpoint, runtime)


class TextReranker:
    """A cross-encoder over texts. A page is read passage by passage, and is worth its best one."""

    def __init__(self, checkpoint: Checkpoint, runtime: Runtime | None = None, batch: int | None = None) -> None:
        """`batch`: passages at once; `None` is 32. Raises `ModelUnavailable` when the checkpoint is no reranker."""
        column = relevant_label(checkpoint)
        self.name = checkpoint.name
        self._model = _Model(checkpoint, runtime, batch or 32, column, load_cross_encoder, lambda: ("?", "?"))

    def score(self, question: str, pages: Sequence[PageContent]) -> list[float]:
        """Log-odds that a page answers the question, of its best passage after its document's title.

        A page without text comes `MARGIN` below the worst of the others; where none has text all score 0.
        """
        owners, pairs = [], []
        for number, page in enumerate(pages):
            for passage in page.passages:
                if passage.text.strip():
                    owners.append(number)
                    pairs.append((question, f"{page.title}\n{passage.text}".lstrip()))
        scores = self._model.score(pairs, [len(text) for _, text in pairs], self._show)
        best: dict[int, float] = {}
        for owner, score in zip(owners, scores, strict=True):
            best[owner] = max(score, best.get(owner, -math.inf))
        return _filled(best, len(pages))

    def _show(self, pair: tuple[str, str]) -> tuple[str, str]:
        return self._model.plain(pair[0]), self._model.plain(pair[1])


class VisualReranker:
    """A vision-language model that is shown the page's picture: Qwen3-VL-Reranker, or any that sentence-transformers
    saved as a `CrossEncoder` for pairs of text and image. Brings no code of its own."""

    def __init__(self, checkpoint: Checkpoint, runtime: Runtime | None = None, batch: int | None = None) -> None:
        """`batch`: pages at once; `None` is 4. Raises `ModelUnavailable` when the checkpoint is no such reranker."""
        own = brings_modules(checkpoint)
        if not own:
            check_yes_no(checkpoint)
        self.name = checkpoint.name
        self._max_pixels = None if own else MAX_PIXELS
        self._model = _Model(
            checkpoint, runtime, batch or 4, None, load_cross_encoder if own else load_yes_no, _white_page
        )

    def score(self, question: str, pages: Sequence[PageContent]) -> list[float]:
        """Log-odds of yes against no, that a page answers the question.

        A page without a picture comes `MARGIN` below the worst of the others; where none has one all score 0.
        """
        seen = [number for number, page in enumerate(pages) if page.image]
        sizes = [int(pages[number].width * pages[number].height) for number in seen]
        scores = self._model.score([(question, pages[number].image) for number in seen], sizes, self._show)
        return _filled(dict(zip(seen, scores, strict=True)), len(pages))

    def _show(self, pair: tuple[str, bytes]) -> tuple[dict[str, str], dict[str, Any]]:
        from PIL import Image

        with Image.open(io.BytesIO(pair[1])) as opened:
            picture = opened.convert("RGB")
        if self._max_pixels and picture.width * picture.height > self._max_pixels:
            scale = math.sqrt(self._max_pixels / (picture.width * picture.height))
            picture = picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
        # As a dictionary: a bare string that looks like the address of a picture would be taken for one, and fetched.
        return {"text": self._model.plain(pair[0])}, {"image": picture}


class _Model:
    """A checkpoint that is loaded at its first use and scores pairs in batches; safe to share between threads."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        runtime: Runtime | None,
        batch: int,
        column: int | None,
        load: Load,
        example: Callable[[], Any],
    ) -> None:
        """`column`: which of two labels says that the page is relevant; `None` for a model of one score. `example`
        makes a pair to try the model with once it is loaded."""
        self._checkpoint, self._runtime, self._column, self._load = checkpoint, runtime, column, load
        self._example = example
        self._batches = Batches(batch)
        self._lock = Lock()
        self._loaded: CrossEncoder | None = None
        self._marks: tuple[str, ...] = ()

    def score(self, pairs: Sequence[tuple[str, Any]], sizes: Sequence[int], show: Callable[[Any], Any]) -> list[float]:
        """One log-odds a pair, in order; pairs of like size share a batch. `show` makes
        of each what the model is given, a batch ahead."""
        if not pairs:
            return []
        self._ready()
        try:
            scores = self._batches.run(pairs, sizes, lambda chosen: [show(pair) for pair in chosen], self._predict)
        except ModelUnavailable:
            raise ModelUnavailable(
                f"There is no memory for a single page with {self._checkpoint.name}; free memory on the device, choose "
                "a smaller reranker, or set PAGESIGHT_RERANKER=off."
            ) from None
        if not all(map(math.isfinite, scores)):
            raise ModelUnavailable(
                f"The reranker {self._checkpoint.name} overflows in its numbers; set PAGESIGHT_DTYPE=float32."
            )
        return scores

    def plain(self, text: str) -> str:
        """The text without what is not text: a document that says `<|im_end|>` or `[SEP]` shall not end the prompt."""
        for mark in self._marks:
            text = text.replace(mark, " ")
        # A byte of an argument or a name that is not UTF-8 comes as a lone surrogate, which tokenizers refuse.
        return text.encode("utf-8", "replace").decode()

    def _predict(self, pairs: list[Any]) -> list[float]:
        from torch import nn

        model = self._ready()
        with self._lock:  # padding and truncation are the tokenizer's state
            # Not through the checkpoint's sigmoid: in float32 all beyond log-odds of 17 would be 1, and tied.
            found = model.predict(
                pairs, batch_size=len(pairs), activation_fn=nn.Identity(), show_progress_bar=False
            ).astype(float)
        if self._column is not None:
            found = found[:, self._column] - found[:, 1 - self._column]
        return [float(score) for score in found]

    def _ready(self) -> CrossEncoder:
        with self._lock:
            if self._loaded is None:
                labels = 1 if self._column is None else 2
                runtime = self._runtime or choose_runtime()
                model = load_whole(self._checkpoint, runtime, self._load, labels, self._example)
                tokens = model.tokenizer.added_tokens_decoder.values()
                self._marks = tuple(token.content for token in tokens if token.special and token.content.strip())
                self._loaded = model
            return self._loaded


def _white_page() -> tuple[dict[str, str], dict[str, Any]]:
    from PIL import Image

    return {"text": "?"}, {"image": Image.new("RGB", (112, 112), "white")}


def _filled(scores: dict[int, float], count: int) -> list[float]:
    """Scores of `count` pages, where those that could not be read come last.

    >>> _filled({0: 2.0, 2: -3.0}, 3), _filled({}, 1)
    ([2.0, -4.0, -3.0], [0.0])
    """
    floor = min(scores.values()) - MARGIN if scores else 0.0
    return [scores.get(number, floor) for number in range(count)]
