"""The search view: a question, the pages that were found at once, and the answer over them as it is written."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ...generation import documents_meant
from ...retrieval import Library
from ...retrieval.errors import QueryError
from ...retrieval.pictures import open_picture
from ..address import ID_DIGITS, Asked, inside, like_this, read_address, write_address
from ..answers import answer_area
from ..browser_parts import part
from ..cards import card
from ..conversation import standalone_for
from ..filter_bar import filter_bar
from ..filters import count
from ..finding import Found, find, picture_name
from ..plain import plain
from ..session import answer_settings, opened_library, person, shown_errors, warm_up
from ..talks import conversations, earlier, history
from ..viewer import NEXT, picture_address, show_viewer, view
from .first_run import first_run, still_adding

FOUND = "found"
"""Session key: the last `Found`, so that a rerun of the page does not search again."""
PICTURES = "pictures"
"""Session key: the pictures of this visit's questions, by their name in the address."""
ASKED_AS = "asked-as"
"""Session key: a follow-up as it was written, and the question that it was searched for as."""


def show() -> None:
    with shown_errors(), opened_library() as library:
        if library is None or not library.catalog.has_documents():
            first_run()
            return
        warm_up(library)
        side = st.sidebar.container()
        _page(library)
        with side:  # last, because the answer is in the list by now
            conversations(library)


def _page(library: Library) -> None:
    asked = _chosen_in_viewer(read_address({name: st.query_params.get_all(name) for name in st.query_params}))
    # Each has its place on every run: what moves is shown twice until the run ends (seen with Streamlit 1.67).
    heading, box, bar, on_the_way, before, answer_place = (st.container() for _ in range(6))
    with box:
        asked = _ask(library, asked)
    with bar:
        filter_bar(library, asked)
    with on_the_way:
        still_adding()
    if asked.empty:
        heading.title("Search what your documents say and show")
        before.caption("Press / to write a question. Paste or drop a picture to look for what is like it.")
        show_viewer(library, "", ())
        return
    with before:
        _before(asked)
    _results(library, asked, answer_place)


def _before(asked: Asked) -> None:
    """What was said before, and what a follow-up was taken to mean."""
    earlier(urlencode(write_address(asked), doseq=True))
    said, searched = st.session_state.get(ASKED_AS, ("", ""))
    if searched == asked.question and said != searched:
        st.caption(f"“{plain(said)}” was understood as: {plain(searched)}")


def _results(library: Library, asked: Asked, answer_place: DeltaGenerator) -> None:
    found = _find(library, asked)
    if found is None:
        return
    _cards(library, found, asked)
    show_viewer(library, asked.question, found.hits)
    if asked.answer and asked.question and found.hits:
        with answer_place, shown_errors():
            answer_area(library, found)


def _ask(library: Library, asked: Asked) -> Asked:
    """The box; what was sent in it goes into the address."""
    kept = st.session_state.setdefault(PICTURES, {})
    picture = kept.get(asked.picture)
    data = {
        "question": asked.question,
        "answer": asked.answer,
        "picture": _thumbnail(picture) if picture else None,
        "placeholder": "Ask on, or search for something else" if history() else "Ask your documents",
        "person": person(),
        "round": st.session_state.get(FOUND) is None,
    }
    sent: dict[str, Any] | None = part("ask", "ask", data, "asked")["asked"]
    if sent is None:
        return asked
    st.session_state.pop(FOUND, None)  # whoever asks again wants to know what is there now
    with shown_errors():
        name = asked.picture if sent.get("keep") else ""
        if sent.get("picture"):
            picture = _decoded(str(sent["picture"]))
            name = picture_name(picture)
            kept[name] = picture
        question, documents = str(sent.get("question", "")).strip(), asked.documents
        answer = bool(sent.get("answer"))
        if answer and question:
            meant = documents_meant(history(), question)
            documents = tuple(id_[:ID_DIGITS] for id_ in meant) if meant else documents
            searched = standalone_for(library, history(), question, answer_settings(library))
            st.session_state[ASKED_AS] = question, searched
            question = searched
        asked = replace(asked, question=question, answer=answer, picture=name, like="", documents=documents)
        _go(asked)
    return asked


def _find(library: Library, asked: Asked) -> Found | None:
    kept: Found | None = st.session_state.get(FOUND)
    searched = replace(asked, answer=True)
    if kept is not None and kept.answers(searched, library):
        return kept
    picture = st.session_state[PICTURES].get(asked.picture)
    if asked.picture and picture is None:
        st.info("The picture of this question is not part of the link; add it again, or search by words alone.")
        if not asked.question:
            return None
    with shown_errors(), st.spinner("Looking through the pages…"):
        found = find(library, searched, picture)
        st.session_state[FOUND] = found
        return found
    return None


def _cards(library: Library, found: Found, asked: Asked) -> None:
    _offer(found, asked)
    if not found.hits:
        hint = "Take a filter away" if count(found.asked) else "Ask with other words"
        st.info(f"No page was found. {hint}, or look at what there is under **Library**.")
        return
    pages, documents = len(found.hits), len({hit.page.document for hit in found.hits})
    like = "like the one you chose, " if found.asked.like else ""
    st.caption(
        f"{pages} page{'s' if pages > 1 else ''} {like}from {documents} document{'s' if documents > 1 else ''} "
        f"in {found.milliseconds:,.0f} ms"
    )
    cards = [
        card(
            library,
            hit,
            picture=picture_address(library, hit.page),
            date=found.dates.get(hit.page.document, ""),
            shares=shares,
        )
        for hit, shares in zip(found.hits, found.shares, strict=True)
    ]
    done = part("results", "results", {"cards": cards}, "open", "inside", "like")
    for hit in found.hits:
        copy = next((page for page in hit.copies if done["open"] == page.id), None)
        if copy is not None:
            view(copy, [place.box for place in library.evidence(asked.question, copy.id)])
        elif done["open"] == hit.page.id:
            view(hit.page, [place.box for place in hit.evidence])
        elif done["inside"] == hit.page.id:
            _go(inside(asked, hit.page.document))
            st.rerun()
        elif done["like"] == hit.page.id:
            _go(like_this(asked, hit.page.id))
            st.rerun()


def _offer(found: Found, asked: Asked) -> None:
    """Another spelling of the question, where a word of it is in no document."""
    if found.meant and st.button(f"Search for “{plain(found.meant)}” instead", key="meant", type="tertiary"):
        _go(replace(asked, question=found.meant))
        st.rerun()


def _chosen_in_viewer(asked: Asked) -> Asked:
    """What somebody chose in the viewer is asked now."""
    if NEXT not in st.session_state:
        return asked
    event, place = st.session_state.pop(NEXT)
    asked = inside(asked, place) if event == "inside" else like_this(asked, place)
    _go(asked)
    return asked


def _go(asked: Asked) -> None:
    st.query_params.from_dict(write_address(asked))


def _decoded(address: str) -> bytes:
    """The bytes of a data URL. Raises `QueryError` when they are no picture."""
    try:
        data = base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise QueryError("The picture did not arrive whole; add it again.") from error
    open_picture(data)
    return data


@st.cache_data(max_entries=50, show_spinner=False)
def _thumbnail(picture: bytes) -> str:
    """A picture of at most 160 pixels, as a data URL: made anew, so that it is nothing but pixels."""
    image = open_picture(picture).convert("RGB")
    image.thumbnail((160, 160))
    out = BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
