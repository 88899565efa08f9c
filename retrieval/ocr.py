"""The OCR engines, and the text of a question that is a picture. Pages are read in `ingest/ocr.py`."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .tesseract import read_by_line

if TYPE_CHECKING:
    from PIL.Image import Image

    from .settings import Settings

LONG_SIDE = 2000
"""Pixels. RapidOCR shrinks longer pictures itself."""
MIN_SCORE = 0.5
"""Lines that the engine is less sure of are textures and drawings more often than text."""


@lru_cache(maxsize=4)
def rapidocr_engine(threads: int) -> Any:
    """RapidOCR with the PP-OCR models in its wheel: Latin, Chinese, Japanese; loading takes a second, once."""
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",  # it logs every picture, and warns when one has no text
            "Global.text_score": 0.0,  # what reads badly tells that the page is upside down; see MIN_SCORE
            "Global.max_side_len": LONG_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
            # a batch is as wide as its widest line, the rest computed for nothing: one by one takes a tenth less
            "Rec.rec_batch_num": 1,
        }
    )


def read_lines(image: Image, settings: Settings) -> list[str]:
    """The lines of text in a picture, as the engine finds them, top to bottom; `[]` when it shows none.

    Raises `ModelUnavailable` when the settings name an engine or a language that is not here.
    """
    if settings.ocr_engine == "tesseract":
        return [" ".join(word.text for word in line) for line in read_by_line(image, settings.ocr_languages)]
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])  # as OpenCV has them: blue first
    found = rapidocr_engine(os.cpu_count() or 1)(pixels, use_det=True, use_cls=False, use_rec=True)
    if found.txts is None:
        return []
    return [text for text, score in zip(found.txts, found.scores, strict=True) if score >= MIN_SCORE and text.strip()]
