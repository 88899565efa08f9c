"""The viewer: a page in full over the search page, in a dialog of its own, so that turning pages searches nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from ..retrieval import Box, Hit, Library, Page
from ..retrieval.errors import CorruptFile, QueryError
from .address import ID_DIGITS
from .browser_parts import media_address, part
from .cards import file_name, page_data
from .plain import plain
from .session import opened_library, shown_errors

VIEWED = "viewed"
"""Session key: the `Viewed` that the dialog shows."""
PARAMETER = "page"
"""In the address: begin of the document's id, `/`, page number."""
NEXT = "viewer-next"
"""Session key: what was chosen in the viewer for the search page: an event and a place."""

MOST_ORIGINAL = 50_000_000
"""Bytes of a file that the browser is given; a larger one is opened where it lies."""
KINDS = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""What a browser may be given as it is: nothing in which a script runs."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """A page that is looked at, and the places on it that it was opened for."""

    document: str
    number: int
    title: str
    """The document's."""
    boxes: tuple[Box, ...] = ()


def view(page: Page, boxes: Sequence[Box] = ()) -> None:
    """Open the viewer on a page, in this run or the next."""
    st.session_state[VIEWED] = Viewed(page.document, page.number, page.title, tuple(boxes))
    st.query_params[PARAMETER] = f"{page.document[:ID_DIGITS]}/{page.number}"


def show_viewer(library: Library, question: str, hits: Sequence[Hit]) -> None:
    """The dialog, when a page is being looked at or the address names one; once a run, last of all."""
    named = st.query_params.get(PARAMETER)
    if not named:
        st.session_state.pop(VIEWED, None)
        return
    viewed: Viewed | None = st.session_state.get(VIEWED)
    if viewed is None or named != f"{viewed.document[:ID_DIGITS]}/{viewed.number}":
        document, _, number = named.partition("/")
        try:
            page = library.page(document, int(number) if number.isdecimal() else 0)
        except QueryError:
            st.info("The page that this link opens is no longer in the library.")
            return
        boxes = [place.box for hit in hits if hit.page.id == page.id for place in hit.evidence]
        st.session_state[VIEWED] = Viewed(page.document, page.number, page.title, tuple(boxes))
    marks = {hit.page.id: tuple(place.box for place in hit.evidence) for hit in hits}
    opened = st.dialog(plain(st.session_state[VIEWED].title) or "Page", width="large", on_dismiss=_close)
    opened(_dialog)(question, marks)


def _close() -> None:
    st.session_state.pop(VIEWED, None)
    st.query_params.pop(PARAMETER, None)


def _dialog(question: str, marks: dict[str, tuple[Box, ...]]) -> None:
    viewed: Viewed = st.session_state[VIEWED]
    with shown_errors(), opened_library() as library:
        if library is None:
            return
        page = library.page(viewed.document, viewed.number)
        document = next((one for one in library.documents() if one.id == page.document), None)
        boxes = viewed.boxes or marks.get(page.id, ())
        match = library.match(question, page.id) if question and page.text else None
        patches = library.heat(question, page.id) if question else None
        pages = document.pages if document else page.number
        data = page_data(library, page, pages=pages, boxes=boxes, match=match, patches=patches)
        data |= {"text": page.text or "", "picture_name": f"{Path(file_name(page.source)).stem}-{page.number}.webp"}
        data |= {"picture": picture_address(library, page), "lost": _lost(library, page)}
        data |= {"original": _original_address(page, document.bytes if document else -1)}
        done = part("viewer", "viewer", data, "turn", "inside", "like")
    if done["turn"] is not None:
        number = min(max(int(done["turn"]), 1), data["pages"])
        st.session_state[VIEWED] = replace(viewed, number=number, boxes=())
        st.query_params[PARAMETER] = f"{viewed.document[:ID_DIGITS]}/{number}"
        st.rerun(scope="fragment")
    for event in ("inside", "like"):
        if done[event] is not None:
            st.session_state[NEXT] = event, str(done[event])
            _close()
            st.rerun()


def picture_address(library: Library, page: Page) -> str | None:
    """Where the browser finds a page's picture; `None` when there is none or it is damaged."""
    if page.text is None:
        return None
    try:
        return media_address(library.page_image(page), "image/webp", f"page-{page.id}")
    except CorruptFile:
        return None


def _lost(library: Library, page: Page) -> str:
    reason = library.catalog.failures(page.document).get(page.number)
    return f"There is no picture of this page: {reason or 'it is missing or damaged; add the document again'}."


def _original_address(page: Page, size: int) -> str | None:
    """Where the browser finds the file that a page is from, while it still is the file that was added."""
    file = Path(page.source)
    kind = KINDS.get(file.suffix.lower())
    try:
        found = file.stat()
        if kind is None or found.st_size != size or size > MOST_ORIGINAL:
            return None
        if not _is_document(str(file), found.st_mtime_ns, page.document):
            return None
        return media_address(file.read_bytes(), kind, f"original-{page.document}")
    except OSError:
        return None


@st.cache_data(max_entries=200, show_spinner=False)
def _is_document(file: str, modified: int, document: str) -> bool:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() == document
