"""What both kinds of late-interaction models share: inputs on the CPU, rows from the device, places from the grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelUnavailable
from ..types import Vectors, Word
from . import patches
from .device import Runtime
from .sentence import unit_rows
from .visual_families import Geometry, Source
from .visual_text import Prompts, Window

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

LONGEST_QUERY = 512
"""Pieces of a query that are encoded: models are trained on fifty, and scoring is linear in them."""


_LONGEST_PROMPT = 64
"""Pieces that a family puts around a text at most: prefixes, chat marks, ten tokens of augmentation."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch, ready for the model."""

    tensors: dict[str, Any]
    places: list[patches.Boxes] | None
    """Of pages: `(tokens, 4)` each, fractions of the page, padding included; empty for a token that is no patch."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """`(batch, tokens)`."""
        return self.tensors["input_ids"].cpu().numpy()


class Encoded(NamedTuple):
    """What a model made of one page or text."""

    rows: Vectors
    """`(rows, dim)`, unit rows; padding is left out."""
    ids: NDArray[np.int64]
    """`(tokens,)`: the tokens of the prompt, without padding."""
    kept: NDArray[np.bool_]
    """`(tokens,)`: those that have a row; a ColBERT leaves out punctuation."""
    boxes: patches.Boxes
    """`(rows, 4)`, fractions of the page; empty for all rows of a text."""


class VisualModel(ABC):
    """A loaded model. Its processor and its weights have a lock each: a query need not wait for a page's decoding."""

    def __init__(self, source: Source, runtime: Runtime, processor: Any, geometry: Geometry | None) -> None:
        self._source = source
        self.runtime = runtime
        self._processor = processor
        self._geometry: Geometry | None = geometry
        self._reading = Lock()  # padding and truncation are the tokenizer's state
        self._running = Lock()
        self.prompts = Prompts(self.tokenizer)

    @property
    @abstractmethod
    def config(self) -> Any:
        """Of the vision-language model, with `vision_config` where it has one."""

    @abstractmethod
    def _image_inputs(self, images: list[Image]) -> dict[str, Any]: ...

    @abstractmethod
    def _text_inputs(self, texts: list[str]) -> dict[str, Any]: ...

    @abstractmethod
    def _query_inputs(self, text: str) -> dict[str, Any]: ...

    @abstractmethod
    def _forward(self, tensors: dict[str, Any], query: bool) -> tuple[Tensor, Tensor]:
        """Rows `(batch, tokens, dim)` and which of them count `(batch, tokens)`."""

    @property
    def tokenizer(self) -> Any:
        return getattr(self._processor, "tokenizer", self._processor)

    def cut_query(self, text: str) -> str:
        """As much of the beginning of a question as is encoded."""
        with self._reading:
            return self.prompts.cut(self.prompts.plain(text), self._query_room)

    def pieces(self, encoded: Encoded, text: str) -> tuple[str, ...]:
        """What people recognise of each row of a question."""
        with self._reading:
            pieces = self.prompts.pieces(encoded.ids, text, self._prompt("query"))
        return tuple(piece for piece, kept in zip(pieces, encoded.kept, strict=True) if kept)

    def windows(self, words: Sequence[Word], room: int) -> list[Window]:
        """The words of a page as texts of at most `room` pieces, and no more than the model takes."""
        with self._reading:
            return self.prompts.windows(words, min(room, self._page_room))

    def owners(self, encoded: Encoded, window: Window) -> NDArray[np.int32]:
        """The word of the page that each row of a window stands for, -1 for none. `(rows,)`."""
        with self._reading:
            spans = self.prompts.spans(encoded.ids, window.text, self._prompt("document"))
        return window.owners(spans[encoded.kept])

    @property
    def _query_room(self) -> int:
        """Pieces of a question that fit beside its prompt."""
        limit = getattr(self.config.get_text_config(), "max_position_embeddings", None) or LONGEST_QUERY
        limit = min(int(limit), self.tokenizer.model_max_length) - _LONGEST_PROMPT
        return max(1, min(LONGEST_QUERY, limit))

    @property
    def _page_room(self) -> int:
        """Pieces of a page's text that fit into one window."""
        return self._query_room

    def _prompt(self, task: str) -> str:
        """What stands before a text, where it is known."""
        return ""

    def image_inputs(self, images: Sequence[Image]) -> Inputs:
        """Process pictures, RGB, and find out which patch each token stands for."""
        with self._reading:
            tensors = dict(self._image_inputs(list(images)))
            ids, mask = tensors["input_ids"].numpy(), tensors["attention_mask"].numpy().astype(bool)
            marks = np.isin(ids, self._processor.image_token_ids) & mask
            places = [self._places(i, ids[i], marks[i], tensors) for i in range(len(images))]
        return Inputs(self._pinned(tensors), places)

    def text_inputs(self, texts: Sequence[str]) -> Inputs:
        with self._reading:
            return Inputs(self._pinned(dict(self._text_inputs(list(texts)))), None)

    def query_inputs(self, text: str) -> Inputs:
        with self._reading:
            return Inputs(self._pinned(dict(self._query_inputs(text))), None)

    def run(self, inputs: Inputs, *, query: bool = False) -> list[Encoded]:
        """Encode a batch, in order. Out of memory comes through as torch raises it."""
        import torch

        ids, present = inputs.ids, inputs.tensors["attention_mask"].cpu().numpy().astype(bool)
        with self._running, torch.inference_mode():
            on_device = {
                key: value.to(self.runtime.device, non_blocking=True) if isinstance(value, torch.Tensor) else value
                for key, value in inputs.tensors.items()
            }
            rows, mask = self._forward(on_device, query)
            found, kept = rows.float().cpu().numpy(), mask.bool().cpu().numpy()
        if not np.isfinite(found[kept]).all():
            raise ModelUnavailable(
                f"The model {self._source.checkpoint.name} computes no finite numbers in {self.runtime.dtype}; "
                "set PAGESIGHT_DTYPE=float32."
            )
        places = inputs.places or [np.zeros((ids.shape[1], 4), np.float32)] * len(ids)
        # tokens that queries are expanded by have rows although no token attends to them
        tokens = present | kept
        return [
            Encoded(unit_rows(found[i][kept[i]]), ids[i][tokens[i]], kept[i][tokens[i]], places[i][kept[i]])
            for i in range(len(found))
        ]

    def size(self, width: int, height: int) -> int:
        """Patches that the vision tower looks at for a picture of so many pixels."""
        processor = self._processor.image_processor
        if self._geometry == "grid":
            return int(processor.get_number_of_image_patches(height, width))
        vision = self.config.vision_config
        tile = (int(vision.image_size) // int(vision.patch_size)) ** 2
        if self._geometry == "tiles" and processor.do_image_splitting:
            return tile * max(1, int(processor.get_number_of_image_patches(height, width)[0]))
        return tile

    def bytes_of(self, size: int) -> int:
        """Memory for a page of `size` patches beside the weights, roughly: what the widest layers keep at once.

        Hidden states of all layers are kept too, since colpali-engine asks for them. Tokens are counted as if none were
        merged, which is up to four times too many; doubling a batch that is large already gains little.
        """
        text, vision = self.config.get_text_config(), getattr(self.config, "vision_config", None)
        wide = _width(text) + int(text.num_hidden_layers) * int(text.hidden_size)
        number = 4 if self.runtime.dtype == "float32" else 2
        return size * number * (wide + (_width(vision) if vision else 0))

    def _places(
        self, i: int, ids: NDArray[np.int64], marks: NDArray[np.bool_], tensors: dict[str, Any]
    ) -> patches.Boxes:
        if self._geometry == "grid":
            merge = int(self._processor.image_processor.merge_size)
            return patches.merged_patches(marks, tensors["image_grid_thw"][i].tolist(), merge)
        if self._geometry == "tiles":
            others = self.tokenizer.convert_ids_to_tokens(np.where(marks, -1, ids)[~marks].tolist())
            tokens = np.full(len(ids), "", object)
            tokens[~marks] = others
            return patches.tiles(marks, tokens.tolist())
        return patches.square(marks)

    def _pinned(self, tensors: dict[str, Any]) -> dict[str, Any]:
        if not self.runtime.device.startswith("cuda"):
            return tensors
        # from pinned memory the copy to the GPU overlaps with what the GPU is doing
        return {key: value.pin_memory() if hasattr(value, "pin_memory") else value for key, value in tensors.items()}


def cap_pixels(image_processor: Any, geometry: Geometry | None, max_pixels: int | None) -> None:
    """Make the processor shrink larger pages to at most so many pixels; its own cap stays where it is lower.

    Families with one fixed size (PaliGemma, Gemma 3) have nothing to cap.
    """
    if max_pixels is None or geometry == "square" or geometry is None:
        return
    size = image_processor.size
    if geometry == "grid":
        size["longest_edge"] = min(size["longest_edge"], max_pixels)  # these two are pixels, whatever their name says
        size["shortest_edge"] = min(size["shortest_edge"], max_pixels)
        return
    tile = image_processor.max_image_size["longest_edge"]
    side = max(1, int(max_pixels**0.5) // tile) * tile  # a square page of whole tiles is the largest there is
    size["longest_edge"] = min(size["longest_edge"], side)


def _width(config: Any) -> int:
    """Numbers a token takes in a layer at once: attention's vectors and the feed-forward's."""
    hidden = int(getattr(config, "embed_dim", None) or config.hidden_size)
    inner = getattr(config, "intermediate_size", None) or int(hidden * getattr(config, "mlp_ratio", 4))
    return 12 * hidden + 3 * int(inner)
