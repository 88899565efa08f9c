"""Models of colpali-engine: ColPali (Faysse et al. 2024) and its kin, merged or as adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .device import Runtime
from .visual_families import Family, Source
from .visual_loading import explained, load_model, quiet
from .visual_model import VisualModel, cap_pixels

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class ColpaliModel(VisualModel):
    """A model class and a processor class of `colpali_engine.models`, used as the library uses them."""

    def __init__(self, source: Source, runtime: Runtime, *, max_pixels: int | None, trust_remote_code: bool) -> None:
        assert source.family is not None
        self._family: Family = source.family
        with explained(source, runtime):
            from colpali_engine import models

            folder = _processor_folder(source)
            processor = getattr(models, self._family.processor).from_pretrained(
                str(folder.folder), local_files_only=True, trust_remote_code=trust_remote_code
            )
            cap_pixels(processor.image_processor, self._family.geometry, max_pixels)
        self._model: Any = load_model(getattr(models, self._family.model), source, runtime, trust_remote_code)
        super().__init__(source, runtime, processor, self._family.geometry)

    @property
    def config(self) -> Any:
        return self._model.config

    def _image_inputs(self, images: list[Image]) -> dict[str, Any]:
        with quiet():  # transformers 5.23's PaliGemma makes an array of a tensor in a way that numpy 2 warns about
            tensors = dict(self._processor.process_images(images))
        tensors.pop("labels", None)  # PaliGemma's processor adds them: with labels the model computes a loss
        return tensors

    def _text_inputs(self, texts: list[str]) -> dict[str, Any]:
        return self._processor.process_texts(texts)

    def _query_inputs(self, text: str) -> dict[str, Any]:
        return self._processor.process_queries(queries=[text])

    def _forward(self, tensors: dict[str, Any], query: bool) -> tuple[Tensor, Tensor]:
        return self._model(**tensors, **self._family.forward), tensors["attention_mask"]


def _processor_folder(source: Source) -> Any:
    """An adapter comes with its processor as a rule; else its base has one."""
    names = ("processor_config.json", "preprocessor_config.json")
    ours = any((source.checkpoint.folder / name).is_file() for name in names)
    return source.checkpoint if ours or source.base is None else source.base
