"""The retrieval lab: why pages rank as they do, what other weights would change, and the test questions."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from ...retrieval.fusion import default_weights
from ...retrieval.library import Library
from ...retrieval.types import Page
from ..address import ID_DIGITS
from ..plain import plain
from ..session import journal_of, opened_library, shown_errors
from ..trials import DEPTH, Trial, evaluate, moved, try_out
from ..viewer import PARAMETER

SHOWN = 10
"""Pages of each ranking that are compared."""
OPEN = st.column_config.LinkColumn("Page", display_text="Open", width="small")


def show() -> None:
    st.title("Retrieval lab")
    with shown_errors(), opened_library() as library:
        if library is None or not library.catalog.has_documents():
            st.info("There are no documents here yet. Add some under **Library**.")
            return
        names = [channel.name for channel in library.channels]
        question = st.text_input("Question", key="lab-question", placeholder="What should be found?")
        weights = _weights(names)
        if (question or "").strip():
            with shown_errors():
                _compare(library, (question or "").strip(), weights)
        st.subheader("Test questions")
        with shown_errors():
            _cases(library, weights)
            _ratings(library)


def _weights(names: list[str]) -> dict[str, float]:
    usual = default_weights()
    columns = st.columns(len(names))
    weights = {
        name: column.slider(f"Weight of {name}", 0.0, 2.0, float(usual.get(name, 0.0)), 0.05, key=f"weight-{name}")
        for name, column in zip(names, columns, strict=True)
    }
    if not any(weights.values()):
        st.caption("All weights are 0; every channel counts the same.")
    return weights


def _compare(library: Library, question: str, weights: Mapping[str, float]) -> None:
    trial = try_out(library, question, weights)
    shown = trial.shown(SHOWN)
    pages = library.catalog.pages(shown)
    shown = [page for page in shown if page in pages]
    if not shown:
        st.info("No page was found. Ask with other words.")
        return
    st.caption(f"Ranks by channel and by fusion, of {len(trial.usual):,} candidates.")
    st.dataframe(
        {
            "Found": [_name(pages[page]) for page in shown],
            "Your weights": [trial.tried.get(page) for page in shown],
            "Moved": [moved(trial.usual.get(page), trial.tried.get(page)) for page in shown],
            "Usual weights": [trial.usual.get(page) for page in shown],
            "Reciprocal ranks": [trial.reciprocal.get(page) for page in shown],
            **{name: [places.get(page) for page in shown] for name, places in trial.channels.items()},
            "Page": [_link(question, pages[page]) for page in shown],
        },
        hide_index=True,
        placeholder="–",
        key="lab-table",
        column_config={"Page": OPEN},
        alt="Ranks of pages by each channel and fusion",
    )
    _keep(library, question, trial, pages)


def _keep(library: Library, question: str, trial: Trial, pages: Mapping[str, Page]) -> None:
    with st.form("keep-case", border=True):
        names = {page: _name(pages[page]) for page in trial.shown(SHOWN) if page in pages}
        right = st.multiselect("Pages that answer it", list(names), format_func=names.__getitem__, key="case-pages")
        if st.form_submit_button("Keep as a test question", icon=":material/add_task:") and right:
            journal_of(library).keep_case(question, right)
            st.toast("Kept.", icon=":material/check:")


def _cases(library: Library, weights: Mapping[str, float]) -> None:
    journal = journal_of(library)
    cases = journal.cases()
    if not cases:
        st.caption("None yet. Ask something above, and keep it with the pages that answer it.")
        return
    with st.spinner("Asking the test questions…"):
        usual, tried = evaluate(library, cases), evaluate(library, cases, weights)
    pages = library.catalog.pages(case.pages[0] for case in cases)
    mean = [sum(one.ndcg for one in results) / len(results) for results in (usual, tried)]
    left, right = st.columns(2)
    left.metric(f"nDCG@{DEPTH}, usual weights", f"{mean[0]:.3f}")
    right.metric(f"nDCG@{DEPTH}, your weights", f"{mean[1]:.3f}", f"{mean[1] - mean[0]:+.3f}")
    chosen = st.dataframe(
        {
            "Question": [case.question for case in cases],
            "First right page": [one.first for one in usual],
            "With your weights": [one.first for one in tried],
            f"nDCG@{DEPTH}": [round(one.ndcg, 3) for one in usual],
            f"Found in {DEPTH}": ["yes" if one.recall else "no" for one in usual],
            "Page": [_link(case.question, pages[case.pages[0]]) for case in cases],
        },
        hide_index=True,
        placeholder="not found",
        on_select="rerun",
        selection_mode="multi-row",
        key=f"cases-{len(cases)}",
        column_config={"Page": OPEN},
        alt="The test questions and how well their pages are found",
    )
    marked = [cases[row].question for row in chosen["selection"]["rows"] if row < len(cases)]
    if marked and st.button(f"Remove {len(marked)} from the test questions", key="drop-cases"):
        for question in marked:
            journal.drop_case(question)
        st.rerun()


def _ratings(library: Library) -> None:
    rated = journal_of(library).rated()
    if not rated:
        return
    good = sum(turn.rating == 1 for turn in rated)
    with st.expander(f"Answers that people rated: {good} good, {len(rated) - good} bad"):
        for turn in rated:
            sign = ":material/thumb_up:" if turn.rating == 1 else ":material/thumb_down:"
            st.markdown(f"{sign} **{plain(turn.answer.question)}**  \n{plain(turn.answer.text or 'Not answered.')}")


def _name(page: Page) -> str:
    return f"{page.title}, page {page.number}"


def _link(question: str, page: Page) -> str:
    opened = {"q": question, "answer": "off", PARAMETER: f"{page.document[:ID_DIGITS]}/{page.number}"}
    return f"./?{urlencode(opened)}"  # the search view is the one without a name, beside this one
