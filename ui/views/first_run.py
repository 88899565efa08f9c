"""The first visit: no documents yet. How to add one's own, or the samples, to see what it does."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ..adding import adding_now, start
from ..session import library_path, opened_library, shown_errors

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
"""In a checkout; an installed copy has none."""


def first_run() -> None:
    st.title("Search your documents")
    st.markdown("There are no documents here yet. Add PDF files and pictures of pages under **Library**.")
    adding = adding_now()
    if adding is not None and not adding.done:
        st.info("Documents are being added; see **Library**.", icon=":material/hourglass:")
    elif SAMPLES.is_dir():
        st.button(
            "Try it with the samples",
            key="samples",
            type="primary",
            icon=":material/science:",
            on_click=_add_samples,
            help="Eleven small documents: reports, a paper, an invoice, a scanned letter, in four scripts",
        )
    st.caption("Or add them from a terminal:")
    st.code(f'pagesight add FILES --library "{library_path()}"', language=None, wrap_lines=True)


def _add_samples() -> None:
    with shown_errors(), opened_library(create=True) as library:
        if library is not None:
            start(library, [SAMPLES])
