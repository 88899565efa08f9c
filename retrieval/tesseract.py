"""Tesseract, another OCR engine: a program of its own, for the many languages and scripts that it has been taught."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from .errors import ModelUnavailable
from .types import Box

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = "apt install tesseract-ocr, or brew install tesseract"
MIN_SCORE = 0.5
"""Of a line, over its words."""
PICTURE_SECONDS = 300.0
"""For a picture. Reading a page has a limit of its own, which is lower; this one is for a question's picture."""
_TURNS = "osd"
"""The model that tells which way up a page is."""


@dataclass(frozen=True, slots=True)
class TesseractWord:
    """A word as Tesseract saw it."""

    text: str
    box: Box
    """Pixels of the picture."""
    score: float
    """0 to 1: how sure Tesseract is of it."""


@cache
def installed() -> tuple[str, frozenset[str]] | None:
    """Tesseract's version and the models it has, by their names (`eng`, `ukr`); `None` when there is no Tesseract."""
    if shutil.which("tesseract") is None:
        return None
    try:
        version, listed = (
            subprocess.run(
                ["tesseract", option], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=True
            ).stdout
            for option in ("--version", "--list-langs")
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return version.split("\n", 1)[0].split()[-1], frozenset(listed.split("\n")[1:]) - {""}


def require(languages: str) -> str:
    """Tesseract's version, when it is here with these languages, its names joined by `+`. Raises `ModelUnavailable`."""
    found = installed()
    if found is None:
        raise ModelUnavailable(
            f"Tesseract is not installed; install it ({INSTALL}), or read pictures with PAGESIGHT_OCR_ENGINE=rapidocr."
        )
    version, models = found
    missing = [name for name in languages.split("+") if name not in models]
    if missing:
        raise ModelUnavailable(
            f"Tesseract has no model for {', '.join(repr(name) for name in missing)}; install it (for example: apt "
            f"install tesseract-ocr-{missing[0] or 'eng'}), or name others in PAGESIGHT_OCR_LANGUAGES. It has: "
            f"{', '.join(sorted(models - {_TURNS})) or 'none'}."
        )
    return version


def read_by_line(image: Image, languages: str, *, dpi: int = 150, threads: int = 1) -> list[list[TesseractWord]]:
    """The lines of a picture that shows a page at so many dots per inch, in reading order, whichever way up it lies.

    Lines that are more likely texture than text are left out.

    Raises `ModelUnavailable` where Tesseract or a language is not, or when it gives up on the picture.
    """
    require(languages)
    _, models = installed() or ("", frozenset())
    given = io.BytesIO()
    image.convert("RGB").save(given, "PPM")
    layout = "1" if _TURNS in models else "3"
    command = ["tesseract", "stdin", "stdout", "-l", languages, "--dpi", str(dpi), "--psm", layout, "tsv"]
    environment = os.environ | {"OMP_THREAD_LIMIT": str(threads)}
    try:
        done = subprocess.run(
            command,
            input=given.getbuffer(),
            capture_output=True,
            timeout=PICTURE_SECONDS,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().split("\n")[-1][:200]
        raise ModelUnavailable(f"Tesseract could not read the picture: {said or error}; try again.") from error
    rows = csv.DictReader(io.StringIO(done.stdout.decode(errors="replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = (row for row in rows if row["level"] == "5" and row["text"].strip())
    places = itemgetter("block_num", "par_num", "line_num")
    lines = ([_word(row) for row in line] for _, line in groupby(words, key=places))
    return [line for line in lines if sum(word.score for word in line) / len(line) >= MIN_SCORE]


def _word(row: dict[str, str]) -> TesseractWord:
    left, top, width, height = (int(row[name]) for name in ("left", "top", "width", "height"))
    box = Box(left, top, left + width, top + height)
    return TesseractWord(row["text"].strip(), box, max(float(row["conf"]), 0) / 100)
