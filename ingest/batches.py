"""Pages on their way from the reader into the library: encoded together, fewer at a time when memory runs out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..retrieval.catalog import PageRow
from ..retrieval.errors import PageTooLarge
from ..retrieval.language import language_of
from ..retrieval.types import PageContent
from ..retrieval.writer import PageSink
from .changes import File
from .documents import indexed_name
from .parsed import FailedPage, ParsedPage

BATCH = 8
"""Pages encoded together: some 40 passages, enough to sort by length; and the most that wait in memory twice."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One page was written."""

    path: str
    page: int
    pages: int


NO_MEMORY = "there is no memory to encode it; free some, and add it with --retry-failed"


class Batches:
    """Writes pages in batches of at most `limit`, which falls when memory ran out and stays there."""

    def __init__(self, on_progress: Callable[[Progress], None], limit: int = BATCH) -> None:
        self._on_progress = on_progress
        self.limit = limit

    def write(self, sink: PageSink, file: File, of: int, title: str, pages: Sequence[ParsedPage]) -> list[FailedPage]:
        """Encode and index pages of a file that has `of` of them, in order; returns those that found no room alone."""
        failures: list[FailedPage] = []
        left, alone = deque(pages), 0
        while left:
            together = [left.popleft() for _ in range(1 if alone else min(self.limit, len(left)))]
            alone = max(0, alone - 1)
            reason = NO_MEMORY
            try:
                fits = _fits(sink, file, title, together)
            except PageTooLarge as error:  # one of them; the others have room, as many together as before
                fits, reason, alone = False, str(error), len(together) if len(together) > 1 else alone
            else:
                if not fits and len(together) > 1:
                    self.limit = (len(together) + 1) // 2
            if fits:
                for page in together:
                    self._on_progress(Progress(file.name, page.number, of))
            elif len(together) > 1:
                left.extendleft(reversed(together))
            else:
                number = together[0].number
                failures.append(FailedPage(number, f"page {number}: {reason}"))
                sink.add_failed_page(failed_row(failures[-1]))
        return failures


def failed_row(page: FailedPage) -> PageRow:
    """A page that could not be read, as the catalog has it."""
    return PageRow(page.number, 0.0, 0.0, 0, None, "none", failure=page.reason)


def _fits(sink: PageSink, file: File, title: str, pages: Sequence[ParsedPage]) -> bool:
    """Encode and index pages; `False` where memory ran out. What was done by then is done again with fewer."""
    try:
        sink.add_pages(*_as_taken(file, title, pages))
    except (MemoryError, RuntimeError) as error:
        from ..retrieval.encoders.visual_loading import free_cache, is_out_of_memory

        if not is_out_of_memory(error):
            raise
        free_cache()
        return False
    return True


def _as_taken(
    file: File, title: str, pages: Sequence[ParsedPage]
) -> tuple[list[PageRow], list[PageContent], list[dict[str, str]]]:
    """Pages as the catalog, the encoders and the lexical index take them."""
    rows = [
        PageRow(
            page.number,
            page.width,
            page.height,
            page.rotation,
            page.text,
            page.text_origin,
            page.words,
            page.passages,
            figures=page.figures,
            language=language_of(page.text),
        )
        for page in pages
    ]
    contents = [
        PageContent("", title, page.words, page.passages, page.image, page.width, page.height) for page in pages
    ]
    name = indexed_name(file.path)
    return rows, contents, [{"title": title, "headings": page.headings, "name": name} for page in pages]
