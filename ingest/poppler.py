"""A second opinion on PDFs that PDFium refuses: Poppler, when it is installed, writes them anew."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

POPPLER_SECONDS = 120.0
"""For writing one document anew. 500 pages of print take some ten seconds."""
INFO_SECONDS = 30.0

INSTALL = "apt install poppler-utils, or brew install poppler"


def has_poppler() -> bool:
    return shutil.which("pdfinfo") is not None and shutil.which("pdftocairo") is not None


def rewrite(path: Path, made: Path, password: str | None) -> dict[str, str] | None:
    """Write a PDF anew, as Poppler understands it; what it says of itself, by the names in the file.

    `None` when Poppler cannot make anything of it either.
    """
    from pdf2image import pdfinfo_from_path
    from pdf2image.exceptions import PDFInfoNotInstalledError, PDFPageCountError, PDFPopplerTimeoutError

    path = path.absolute()  # a name that begins with a hyphen would be an option
    try:
        info = pdfinfo_from_path(path, userpw=password, rawdates=True, timeout=INFO_SECONDS)  # type: ignore[arg-type]
    except (PDFInfoNotInstalledError, PDFPageCountError, PDFPopplerTimeoutError):
        return None
    if info["Pages"] < 1:
        return None
    command = ["pdftocairo", "-pdf", *(["-upw", password] if password else []), path, made]
    nothing = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, stdin=nothing, stdout=nothing, stderr=nothing, timeout=POPPLER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 or not made.is_file():
        return None
    return {name: text for name, text in info.items() if isinstance(text, str)}
