"""What a repair of a library needs from the files its documents came from, and from how their pages were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..retrieval.types import Page, Word
from .documents import indexed_name
from .parsed import ParsedPage
from .passages import HEADING_RATIO, headings
from .pictures import OCR_HEADING_RATIO
from .pipeline import add
from .reading import parse_options
from .words import recompose
from .worker import Reader

if TYPE_CHECKING:
    from ..retrieval.library import Library


class Restorer:
    """The `SourceFiles` of `retrieval/repair.py`, for one library."""

    def __init__(self, library: Library, password: str | None = None) -> None:
        self._library, self._password = library, password

    def headings(self, page: Page, words: Sequence[Word]) -> str:
        ratio = OCR_HEADING_RATIO if page.text_origin == "ocr" else HEADING_RATIO
        return headings(recompose(page.text or "", words), ratio)

    def name(self, path: str) -> str:
        return indexed_name(Path(path))

    def draw(self, file: Path, pages: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        settings = self._library.settings
        options = replace(parse_options(self._library), ocr="off")  # the words are there
        memory = int(settings.parse_memory_gb * 1e9)
        with Reader(options, page_seconds=settings.page_seconds, memory_bytes=memory) as reader:
            for found in reader.read(file, self._password, only=pages):
                if isinstance(found, ParsedPage):
                    yield found.number, found.image

    def read_again(self, file: Path) -> None:
        for _ in add(self._library, [file], password=self._password, retry_failed=True):
            pass
