"""The pieces of the page: a page that was found, a citation, and the viewer. Text of documents goes through `plain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

import streamlit as st

from pagesight.retrieval import Box, Citation, Hit, Library, Page

from .page_images import page_picture, strip_around
from .plain import plain
from .session import opened_library, shown_errors

THUMBNAIL = 480
"""Pixels across; shown at about half of that, so that it is sharp on a dense screen."""
STRIP = 1000
FULL_PAGE = 1400

VIEWER = "viewer"
"""Session key: the document's id and the page's number that the viewer shows."""

Marks = Mapping[str, Sequence[Box]]
"""Boxes to mark, by page id."""


def file_name(source: str) -> str:
    return PurePath(source).name


def place_name(page: Page) -> str:
    """Where a page is to be found, for a Markdown widget."""
    return f"{plain(file_name(page.source))} · page {page.number}"


def result_card(library: Library, hit: Hit, best: Mapping[str, float]) -> None:
    """A page that was found: its picture, what speaks for it, and how each channel rated it.

    `best` is the highest score of each channel among the pages shown: a full bar.
    """
    page = hit.page
    with st.container(border=True):
        picture, words = st.columns([2, 3], gap="medium")
        with picture:
            show_page(library, page, [place.box for place in hit.evidence], width=THUMBNAIL)
        with words:
            st.markdown(f"**{hit.rank}. {plain(page.title)}**")
            st.caption(f"{place_name(page)} · score {hit.score:.2f}")
            said = [place.text for place in hit.evidence if place.text]
            if said:
                st.text("\n".join(said))
            elif hit.evidence:
                st.caption("The marked place shows it; there are no words in it.")
            else:
                st.caption("No single place on this page stands out.")
            _channel_bars(hit, best)
            viewer_button(page, key=f"open-hit-{hit.rank}")


def _channel_bars(hit: Hit, best: Mapping[str, float]) -> None:
    columns = st.columns(max(1, len(best)), gap="small")
    for column, name in zip(columns, best, strict=False):
        entry = hit.channels.get(name)
        if entry is None:
            column.progress(0.0, text=f"{plain(name)}  \nno match")
        else:
            share = min(1.0, max(0.0, entry.score / best[name])) if best[name] > 0 else 0.0
            column.progress(share, text=f"{plain(name)} · #{entry.rank}  \n{entry.score:.2f}")


def citation_card(library: Library, citation: Citation, key: str) -> None:
    """The place that a claim of an answer stands on: the words, and the strip of the page where they are."""
    page = citation.page
    with st.container(border=True):
        st.markdown(f":orange-badge[{citation.marker}] **{plain(page.title)}** · {place_name(page)}")
        st.text(citation.quote or "This page as a whole.")
        part = strip_around(page, citation.boxes) if citation.boxes else None
        width = STRIP if part else THUMBNAIL
        show_page(library, page, citation.boxes, width=width, part=part)
        viewer_button(page, key=key)


def show_page(library: Library, page: Page, boxes: Sequence[Box], *, width: int, part: Box | None = None) -> None:
    """A page's picture with boxes marked, or one line when there is none."""
    with shown_errors():
        if page.text is None:
            reason = library.catalog.failures(page.document).get(page.number, "it could not be read")
            st.warning(f"There is no picture of this page: {plain(reason)}.", icon=":material/broken_image:")
            return
        what = "Part of page" if part else "Page"
        places = f", {len(boxes)} place{'s' if len(boxes) > 1 else ''} marked" if boxes else ""
        alt = f"{what} {page.number} of {file_name(page.source)}{places}"
        st.image(_picture(library, page, page.id, tuple(boxes), width, part), width="stretch", alt=alt)


@st.cache_data(max_entries=300, show_spinner=False)
def _picture(
    _library: Library, _page: Page, page_id: str, boxes: tuple[Box, ...], width: int, part: Box | None
) -> bytes:
    """A page's id holds the hash of its document, so what is kept under it does not go stale."""
    return page_picture(_library.page_image(_page), _page, boxes, width=width, part=part)


def forget_pictures() -> None:
    """Drop the pictures that are kept, once their document is removed."""
    _picture.clear()


def viewer_button(page: Page, key: str) -> None:
    st.button(
        "Open page",
        key=key,
        icon=":material/zoom_in:",
        type="tertiary",
        on_click=_turn_to,
        args=(page.document, page.number),
    )


def show_viewer(hits: Iterable[Hit], citations: Iterable[Citation]) -> None:
    """Open the viewer when somebody asked for it; it marks what the search and the answer point at."""
    if VIEWER not in st.session_state:
        return
    marks: dict[str, list[Box]] = {}
    for hit in hits:
        marks.setdefault(hit.page.id, []).extend(place.box for place in hit.evidence)
    for citation in citations:
        marks.setdefault(citation.page.id, []).extend(citation.boxes)
    _viewer(marks)


def _turn_to(document: str, number: int) -> None:
    st.session_state[VIEWER] = document, number


def _close() -> None:
    st.session_state.pop(VIEWER, None)


@st.dialog("Page", width="medium", on_dismiss=_close)
def _viewer(marks: Marks) -> None:
    document, number = st.session_state[VIEWER]
    with shown_errors(), opened_library() as library:
        if library is None:
            return
        page = library.page(document, number)
        pages = next((entry.pages for entry in library.documents() if entry.id == document), number)
        st.markdown(f"**{plain(page.title)}**  \n{plain(file_name(page.source))}")
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.button(
                "Previous", args=(document, number - 1), disabled=number <= 1, key="previous-page", on_click=_turn_to
            )
            st.markdown(f"Page {number} of {pages}", width="content")
            st.button("Next", args=(document, number + 1), disabled=number >= pages, key="next-page", on_click=_turn_to)
        show_page(library, page, marks.get(page.id, ()), width=FULL_PAGE)
