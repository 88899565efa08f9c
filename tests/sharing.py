"""What tests share because making it takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pagesight.retrieval import Library
    from pagesight.retrieval.encoders.sentence import SentenceEncoder


def share_encoder(library: Library, encoder: SentenceEncoder) -> Library:
    """Give the library's own encoder the model that another one has loaded: loading takes a second."""
    library.text_encoder._loaded = encoder._model
    return library
