"""What is known of a document beside its text, to be changed by the visitor."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ..retrieval import Document, Library
from ..retrieval.errors import PagesightError
from ..retrieval.facts import FILE, PERSON, SIDECAR, facts_of
from ..retrieval.metadata import spelled, type_of
from .cards import file_name
from .plain import plain

SAVED = "metadata-saved"
"""Session key: how the last change went, `(document, error or "")`."""
ORIGINS = {FILE: "from the file", SIDECAR: "from a metadata file", PERSON: "from you"}
KINDS = {"text": "text", "number": "a number", "date": "a date", "boolean": "true or false"}


def metadata_area(library: Library, documents: Sequence[Document]) -> None:
    """Choose a document; change, add and take out what is known of it."""
    with st.expander("What is known of a document", icon=":material/sell:"):
        names = {one.id: f"{one.title} — {file_name(one.sources[0])}" for one in documents if one.sources}
        ids = list(names)
        chosen = st.selectbox("Document", ids, key="metadata-document", format_func=names.__getitem__)
        if chosen is None:
            return
        document = next(one for one in documents if one.id == chosen)
        if document.languages:
            pages = ", ".join(f"{language} ({count})" for language, count in document.languages.items())
            st.caption(f"Pages by language: {plain(pages)}")
        _form(library, chosen)


def _form(library: Library, document: str) -> None:
    known = facts_of(library.catalog, document)
    # Fields stay as they were written when saving fails, and are new ones when what is known is another.
    mark = f"{document}|{hash(tuple((key, spelled(value)) for key, (value, _) in known.items()))}"
    with st.form(f"metadata|{mark}", border=False):
        for key, (value, origin) in known.items():
            label = f"{plain(key)}: {KINDS[type_of(value)]}, {ORIGINS[origin]}"
            st.text_input(label, value=spelled(value), key=f"known|{mark}|{key}")
        name, value = st.columns(2)
        name.text_input("New key", key=f"new-key|{mark}", placeholder="year")
        value.text_input("Its value", key=f"new-value|{mark}", placeholder="2022")
        st.caption("A field that is left empty is taken out. Dates are written 2023-04-30; text can stand in quotes.")
        st.form_submit_button("Save", key="metadata-save", on_click=_save, args=(library, document, mark))
    whose, error = st.session_state.pop(SAVED, ("", ""))
    if whose == document and error:
        st.error(plain(error), icon=":material/error:")
    elif whose == document:
        st.success("Saved.", icon=":material/check:")


def _save(library: Library, document: str, mark: str) -> None:
    known = {key: spelled(value) for key, (value, _) in facts_of(library.catalog, document).items()}
    written = {key: str(st.session_state.get(f"known|{mark}|{key}", value)).strip() for key, value in known.items()}
    changed = {key: value for key, value in written.items() if value and value != known[key]}
    name = st.session_state[f"new-key|{mark}"].strip()
    if name:
        changed[name] = st.session_state[f"new-value|{mark}"]
    gone = [key for key, value in written.items() if not value]
    error = ""
    try:
        with library.writer() as writer:
            if changed:
                writer.set_metadata([document], changed)
            if gone:
                writer.unset_metadata([document], gone)
    except PagesightError as raised:
        error = str(raised)
    finally:
        library.close()
    st.session_state[SAVED] = document, error
