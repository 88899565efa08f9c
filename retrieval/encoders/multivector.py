"""Multi-vector models of sentence-transformers 6: over pages, or over words (ColBERT: Khattab & Zaharia 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ModelUnavailable
from .device import Runtime
from .visual_families import GEOMETRIES, Source
from .visual_loading import check_weights, explained
from .visual_model import LONGEST_QUERY, VisualModel, cap_pixels

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class MultiVectorModel(VisualModel):
    """A `MultiVectorEncoder` checkpoint, or a late-interaction model of transformers that it can load."""

    def __init__(self, source: Source, runtime: Runtime, *, max_pixels: int | None, trust_remote_code: bool) -> None:
        folder = str(source.checkpoint.folder)
        with explained(source, runtime):
            from sentence_transformers import MultiVectorEncoder

            options = {"dtype": runtime.torch_dtype, "attn_implementation": runtime.attention, "use_safetensors": True}
            self._encoder: Any = MultiVectorEncoder(
                folder,
                device=runtime.device,
                local_files_only=True,
                trust_remote_code=trust_remote_code,
                model_kwargs=options,
            )
            self._encoder.eval()
            self._first: Any = self._encoder[0]
            check_weights(type(self._first.model), source.checkpoint.folder, source, trust_remote_code)
        processor = self._first.processor
        geometry = GEOMETRIES.get(self.config.model_type) if source.images else None
        if source.images and geometry is None:
            raise ModelUnavailable(
                f"The model {source.checkpoint.name} lays pages out in a way that is not known here (model_type "
                f"{self.config.model_type!r}); known are {', '.join(GEOMETRIES)}."
            )
        if geometry:
            cap_pixels(processor.image_processor, geometry, max_pixels)
        super().__init__(source, runtime, processor, geometry)

    @property
    def config(self) -> Any:
        config = self._first.model.config
        return getattr(config, "vlm_config", config)

    @property
    def _query_room(self) -> int:
        expansion = self._first.query_expansion
        lengths = [LONGEST_QUERY, self._first.query_length, self._first.max_seq_length]
        if expansion and expansion["strategy"] == "fixed":
            lengths.append(expansion["length"] - 1)  # a question that fills it is reported as cut, every time
        return max(1, min(length for length in lengths if length) - self._overhead("query"))

    @property
    def _page_room(self) -> int:
        lengths = [LONGEST_QUERY, self._first.document_length, self._first.max_seq_length]
        return max(1, min(length for length in lengths if length) - self._overhead("document"))

    def _prompt(self, task: str) -> str:
        """What this model puts before its texts."""
        names = {"query": ("query",), "document": ("document", "passage", "corpus")}[task]
        return next((self._encoder.prompts[name] or "" for name in names if name in self._encoder.prompts), "")

    def _overhead(self, task: str) -> int:
        return len(self.tokenizer(self._prompt(task))["input_ids"])

    def _image_inputs(self, images: list[Image]) -> dict[str, Any]:
        if self._source.native:
            # sentence-transformers 6.2 calls the processor itself, which for ColModernVBert gives pixels and no prompt
            return {**self._processor.process_images(images), "modality": "image"}
        return self._encoder.preprocess(images, prompt=self._prompt("document") or None, task="document")

    def _text_inputs(self, texts: list[str]) -> dict[str, Any]:
        if self._source.native:  # without the tokens that queries are augmented with
            return {**self._processor.process_queries(texts, suffix=""), "modality": "text"}
        return self._encoder.preprocess(texts, prompt=self._prompt("document") or None, task="document")

    def _query_inputs(self, text: str) -> dict[str, Any]:
        if self._source.native:  # likewise: for ColModernVBert the processor's call leaves augmentation out
            return {**self._processor.process_queries([text]), "modality": "text"}
        return self._encoder.preprocess([text], prompt=self._prompt("query") or None, task="query")

    def _forward(self, tensors: dict[str, Any], query: bool) -> tuple[Tensor, Tensor]:
        output = self._encoder(tensors, task="query" if query else "document")
        return output["token_embeddings"], output["attention_mask"]
