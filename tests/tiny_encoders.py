"""Encoders of tiny checkpoints, built and loaded once a run, and pages for them to look at."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tiny_models
import tiny_multivector
from fakes import words_of

from pagesight.retrieval.checkpoints import Checkpoint, find_checkpoint
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.encoders.visual import visual_encoder
from pagesight.retrieval.encoders.visual_loading import quiet
from pagesight.retrieval.types import PageContent


@cache
def checkpoint(kind: str) -> Checkpoint:
    """A checkpoint of `tiny_models.FAMILIES` or `tiny_multivector.KINDS`; built once, not to be changed."""
    build = tiny_multivector.build if kind in tiny_multivector.KINDS else tiny_models.build
    with quiet():
        return find_checkpoint(str(build(kind, _scratch() / kind)))


@cache
def encoder(kind: str) -> Any:
    """The encoder of a checkpoint, on the CPU in float32; loaded once."""
    return visual_encoder(checkpoint(kind), Runtime())


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tiny-ä-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def picture_page(id_: str, picture: Any, *lines: str) -> PageContent:
    """A page of this picture, a pixel for three quarters of a point, and these lines of words."""
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", lossless=True)
    words = words_of(*lines, x=10, y=10, size=6)
    return PageContent(id_, "Titel ä", words, (), encoded.getvalue(), picture.width * 0.75, picture.height * 0.75)


def noise(width: int, height: int, seed: int = 0) -> Any:
    """A picture that looks nowhere alike."""
    from PIL import Image

    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))
