"""The first visit: no documents yet. How to add one's own, or the samples, to see what it does."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ..adding import Adding, adding_now, start
from ..cards import file_name
from ..plain import plain
from ..session import library_path, opened_library, shown_errors
from .adding_area import adding_area

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
"""In a checkout; an installed copy has none."""
EVERY = 0.5
"""Seconds between two looks at what is being added."""


def first_run() -> None:
    st.title("Search your documents")
    adding = adding_now()
    if adding is not None and not adding.done:
        st.markdown("The first documents are being read. They can be searched as soon as one of them is there.")
        st.fragment(_first_documents, run_every=EVERY)()
        return
    st.markdown("There are no documents here yet.")
    if SAMPLES.is_dir():
        st.button(
            "Try it with the samples",
            key="samples",
            type="primary",
            icon=":material/science:",
            on_click=_add_samples,
            help="Eleven small documents: reports, a paper, an invoice, a scanned letter, in four scripts",
        )
    adding_area(())  # here, too: on a narrow screen the library's own page is behind a menu
    st.caption("Or add them from a terminal:")
    st.code(f'pagesight add FILES --library "{library_path()}"', language=None, wrap_lines=True)


def still_adding() -> None:
    """A line on documents that are on their way, for as long as they are; nothing when there are none."""
    adding = adding_now()
    if adding is not None and not adding.done:
        st.fragment(_further_documents, run_every=EVERY)()


def _first_documents() -> None:
    adding = adding_now()
    with opened_library() as library:
        there = library is not None and library.catalog.has_documents()
    if there or adding is None or adding.done:
        st.rerun()  # the search page, or what became of them
    st.progress(min(1.0, adding.share), text=_far(adding))


def _further_documents() -> None:
    adding = adding_now()
    if adding is None or adding.done:
        st.caption("All documents have been read. Ask again to search them, too.")
    else:
        st.progress(
            min(1.0, adding.share), text=f"Documents are being read: {_far(adding)}. The others can be searched."
        )


def _far(adding: Adding) -> str:
    entries = list(adding.entries.values())
    now = next((one for one in entries if one.stage == "encoding"), None)
    page = f"; {plain(file_name(now.path))}, page {now.page} of {now.pages}" if now is not None else ""
    return f"{sum(entry.over for entry in entries)} of {len(entries)} files done{page}"


def _add_samples() -> None:
    with shown_errors(), opened_library(create=True) as library:
        if library is not None:
            start(library, [SAMPLES])
