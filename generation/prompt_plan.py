"""Which parts of which pages go into a prompt of so many tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..retrieval.errors import CorruptFile
from ..retrieval.types import Box
from .chat import Limits
from .protocols import ShownPage
from .shown import LEGIBLE_DPI, PagePicture, Piece, Shown, described, places_of, quoted_lines

PICTURE_TOKENS = 4
"""Around each picture: its start and end."""
LEAST_TEXT = 40
"""Tokens of a page's text; less is not worth its block."""


@dataclass(slots=True)
class _Draft:
    """What a page has been granted so far."""

    page: ShownPage
    places: tuple[Box, ...]
    crops: list[tuple[Box, tuple[Piece, ...]]] = field(default_factory=list)
    whole: tuple[Piece, ...] = ()
    lines: tuple[str, ...] | None = None
    """`None`: its text has not been looked at, or did not fit."""
    partly: bool = False


class Plan:
    """Grants pages what fits, one thing after the other. Each is tried on the whole, so that the sum always holds."""

    def __init__(
        self,
        pages: Sequence[ShownPage],
        images: Callable[[ShownPage], bytes],
        limits: Limits,
        budget: int,
        counted: Callable[[str], int],
        nonce: str,
    ) -> None:
        self._images, self._limits, self._budget, self._counted, self._nonce = images, limits, budget, counted, nonce
        self._drafts = [_Draft(page, places_of(page.hit)) for page in pages]
        self._pictures: dict[int, PagePicture | None] = {}
        self._texts: dict[int, tuple[list[str], int]] = {}

    def fill(self) -> None:
        if self._limits.pictures:
            for number in range(max((len(draft.places) for draft in self._drafts), default=0)):
                for draft in self._drafts:
                    self._grant_place(draft, number)
            for draft in self._drafts:
                if draft.crops:
                    self._grant_text(draft)
            for draft in self._drafts:
                if draft.lines is None:
                    self._grant_text(draft)
                self._grant_whole(draft)
        for draft in self._drafts:
            if draft.lines is None:
                self._grant_text(draft)

    def shown(self) -> tuple[Shown, ...]:
        return tuple(
            Shown(
                draft.page,
                bool(draft.whole),
                tuple(box for box, _ in draft.crops),
                "none" if draft.lines is None else "part" if draft.partly else "all",
            )
            for draft in self._drafts
        )

    def parts(self) -> Iterator[str | tuple[PagePicture, Piece]]:
        """The blocks, with the pieces that are to be cut in their places."""
        number = 0
        for draft in self._drafts:
            if not (draft.crops or draft.whole or draft.lines):
                continue
            marker = f"PAGE [{draft.page.marker}] {self._nonce}\n"
            yield f"BEGIN {marker}" + _quoted(described(draft.page.hit.page))
            labelled = [("the page", draft.whole)] + [("a detail of the page", pieces) for _, pieces in draft.crops]
            for label, pieces in labelled:
                for tile, piece in enumerate(pieces, start=1):
                    picture = self._picture(draft)
                    assert picture is not None, "a piece was granted"
                    number += 1
                    part = f", part {tile} of {len(pieces)}" if len(pieces) > 1 else ""
                    yield f"Picture {number}: {label}{part}.\n"
                    yield picture, piece
                    yield "\n"
            if draft.lines:
                yield ("Some of the text:\n" if draft.partly else "Text:\n") + _quoted(draft.lines)
            yield f"END {marker}\n"

    def spent(self) -> int:
        """Tokens of all blocks."""
        total = 0
        for part in self.parts():
            if isinstance(part, str):
                total += self._counted(part)
            else:
                total += self._limits.picture_tokens(part[1].width, part[1].height) + PICTURE_TOKENS
        return total

    def _fits(self) -> bool:
        return self.spent() <= self._budget

    def _picture(self, draft: _Draft) -> PagePicture | None:
        marker = draft.page.marker
        if marker not in self._pictures:
            try:
                data = self._images(draft.page)
            except CorruptFile:  # its text is still there, and retrieval says what to do about the picture
                data = b""
            page = draft.page.hit.page
            self._pictures[marker] = PagePicture(page, data) if data and page.width > 0 < page.height else None
        return self._pictures[marker]

    def _grant_place(self, draft: _Draft, number: int) -> None:
        picture = self._picture(draft) if number < len(draft.places) else None
        if picture is None:
            return
        box = draft.places[number]
        side = self._limits.picture_side
        for pieces in (picture.pieces(box, side), picture.pieces(box, side, LEGIBLE_DPI)):
            draft.crops.append((box, pieces))
            if pieces and self._fits():
                return
            draft.crops.pop()

    def _grant_whole(self, draft: _Draft) -> None:
        picture = self._picture(draft)
        if picture is None:
            return
        side = self._limits.picture_side
        for pieces in (picture.pieces(picture.box, side), picture.pieces(picture.box, side, LEGIBLE_DPI)):
            draft.whole = pieces
            if pieces and self._fits():
                return
        draft.whole = ()

    def _grant_text(self, draft: _Draft) -> None:
        """All of the text; or what is around the evidence, where no more than that fits or is fair to other pages."""
        marker = draft.page.marker
        lines, anchor = self._texts.setdefault(marker, self._texts.get(marker) or quoted_lines(draft.page))
        before = draft.lines
        draft.lines = tuple(lines)
        if not lines and not (draft.crops or draft.whole):
            draft.lines = None  # nothing to show
            return
        share = max(self._budget // 2, LEAST_TEXT)  # a page of 100,000 characters leaves the others their half
        if self._counted(_quoted(draft.lines)) <= share and self._fits():
            return
        draft.lines, draft.partly = ("",), True
        room = min(self._budget - self.spent(), share)
        draft.lines = tuple(_around(lines, anchor, room, self._counted))
        if not draft.lines or room < LEAST_TEXT or not self._fits():
            draft.lines, draft.partly = before, False


def _quoted(lines: Sequence[str]) -> str:
    return "".join(f"> {line}\n" for line in lines)


def _around(lines: Sequence[str], anchor: int, room: int, counted: Callable[[str], int]) -> list[str]:
    """Lines around one of them, in order, as many as fit; a line that is too long alone is cut."""
    first, last, left = anchor, anchor, room - 2 * counted("> …\n")
    while True:
        grown = False
        for number in (last, first - 1):
            if 0 <= number < len(lines) and counted(f"> {lines[number]}\n") <= left:
                left -= counted(f"> {lines[number]}\n")
                first, last, grown = min(first, number), max(last, number + 1), True
        if not grown:
            break
    chosen = list(lines[first:last])
    if not chosen and lines:
        part = lines[anchor]
        while part and counted(f"> {part}\n") > left:
            part = part[: len(part) // 2]
        chosen, last = [part] if part else [], anchor + 1
    if not chosen:
        return []
    return (["…"] if first > 0 else []) + chosen + (["…"] if last < len(lines) else [])
