"""Conversations: what was said so far in this one, and the list of all of a person's, beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

import streamlit as st

from ..generation.export import export_chat
from ..retrieval import Answer, Library
from ..retrieval.journal import Session, Turn
from .plain import plain, plain_answer
from .session import journal_of, person

SESSION = "talk"
"""Session key: the id of the conversation that goes on; absent until something is said."""
TURNS = "talk-turns"
"""Session key: its `Turn`s."""

MOST_TITLE = 60
LISTED = 30


def history() -> list[Answer]:
    """What was answered in this conversation, in order."""
    return [turn.answer for turn in st.session_state.get(TURNS, ())]


def add_turn(library: Library, address: str, answer: Answer) -> str:
    """Keep an answer in this conversation, or in a new one; returns its id. The same question is kept once."""
    turns: list[Turn] = st.session_state.setdefault(TURNS, [])
    journal = journal_of(library)
    for turn in turns:
        if turn.address == address and turn.answer.text == answer.text:
            return turn.id
    if SESSION not in st.session_state:
        st.session_state[SESSION] = journal.begin(person(), answer.question[:MOST_TITLE])
    turn = Turn(journal.say(st.session_state[SESSION], address, answer), address, answer, None)
    turns.append(turn)
    return turn.id


def earlier(address: str) -> None:
    """The turns of this conversation before the one at this address."""
    turns: Sequence[Turn] = [turn for turn in st.session_state.get(TURNS, ()) if turn.address != address]
    if not turns:
        return
    with st.expander(f"Earlier in this conversation ({len(turns)})"):
        for turn in turns:
            said = turn.answer.text if not turn.answer.abstained else "The documents do not answer this."
            st.markdown(f"**{plain(turn.answer.question)}**")
            st.markdown(plain_answer(said, {one.marker for one in turn.answer.citations}))
            st.button("Ask again", key=f"again-{turn.id}", type="tertiary", on_click=_turn_to, args=(turn.address,))
        st.download_button(
            "Save the conversation",
            export_chat([turn.answer for turn in st.session_state[TURNS]]),
            file_name="conversation.md",
            icon=":material/download:",
            on_click="ignore",
        )


def conversations(library: Library) -> None:
    """The list of conversations, with a new one to begin."""
    journal = journal_of(library)
    st.subheader("Conversations")
    st.button("New conversation", icon=":material/add:", width="stretch", on_click=_begin)
    kept = journal.sessions(person())[:LISTED]
    if not kept:
        st.caption("What you ask is listed here.")
    elif not journal.lasting:
        st.caption("This library may only be read: conversations last until the server stops.")
    for session in kept:
        title, more = st.columns([4, 1], gap="small")
        with title:
            now = session.id == st.session_state.get(SESSION)
            st.button(
                plain(session.title),
                key=f"talk-{session.id}",
                type="secondary" if now else "tertiary",
                width="stretch",
                on_click=_open,
                args=(library, session.id),
            )
        with more, st.popover("", icon=":material/more_horiz:", type="tertiary", help="Rename or delete"):
            _manage(library, session)


def _manage(library: Library, session: Session) -> None:
    key = f"talk-name-{session.id}"
    name = st.text_input("Name", value=session.title, key=key, max_chars=MOST_TITLE)
    journal = journal_of(library)
    if st.button("Rename", key=f"talk-rename-{session.id}", disabled=not (name or "").strip()):
        journal.rename(session.id, (name or "").strip())
        st.rerun()
    if st.button("Delete", key=f"talk-delete-{session.id}", icon=":material/delete:"):
        journal.delete(session.id)
        if st.session_state.get(SESSION) == session.id:
            _begin()
        st.rerun()


def _begin() -> None:
    st.session_state.pop(SESSION, None)
    st.session_state.pop(TURNS, None)
    st.session_state.pop("written", None)
    st.query_params.clear()


def _open(library: Library, session: str) -> None:
    turns = journal_of(library).turns(session)
    _begin()
    st.session_state[SESSION], st.session_state[TURNS] = session, turns
    if turns:
        _turn_to(turns[-1].address)


def _turn_to(address: str) -> None:
    st.query_params.from_dict(parse_qs(address))
