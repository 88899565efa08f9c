"""The search view: a question, the pages that were found, and the answer over them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from pagesight.generation import stream_answer
from pagesight.retrieval import Answer, Document, Hit, Library

from ..components import citation_card, file_name, result_card, show_viewer
from ..plain import plain, plain_answer
from ..session import library_path, opened_library, shown_errors

RESULT = "result"
"""Session key: the last `Result`, so that a rerun of the page neither searches nor answers again."""
ASKED = "asked"
"""Session key: the `Asked` that was sent last."""

EVERYWHERE = ""
"""The scope that is all documents. Not `None`, by which a selectbox means that nothing is chosen."""

COUNTS = (3, 5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form held when it was sent."""

    question: str
    scope: str
    """Id of the document to search in, or `EVERYWHERE`."""
    most: int
    """Pages to find."""


@dataclass
class Result:
    """What was found for a question in a library as it was then; the answer comes after the pages."""

    asked: Asked
    generation: int
    """The library's; another one means that documents came or went."""
    hits: list[Hit]
    milliseconds: float
    answer: Answer | None = None


def show() -> None:
    with shown_errors(), opened_library() as library:
        documents = library.documents() if library is not None else []
        if library is None or not documents:
            _first_run()
            return
        heading = st.empty()
        _form(documents)
        answer_place = st.container()
        asked: Asked | None = st.session_state.get(ASKED)
        if asked is None:
            heading.title("Search what your documents say and show")
            return
        result = _find(library, asked)
        _cards(library, result)
        show_viewer(result.hits, result.answer.citations if result.answer else ())
        with answer_place, shown_errors():
            _answer(library, result)


def _first_run() -> None:
    st.title("Search your documents")
    st.info("There are no documents here yet. Add some under **Documents**, or from a terminal:")
    st.code(f'pagesight add FILES --library "{library_path()}"', language=None, wrap_lines=True)


def _form(documents: list[Document]) -> None:
    """The question with its scope; what was asked last stays in it when the reader comes back from another view."""
    asked = st.session_state.get(ASKED, Asked("", EVERYWHERE, 5))
    names = _scope_names(documents)
    st.session_state.setdefault("question", asked.question)
    st.session_state.setdefault("scope", asked.scope)
    st.session_state.setdefault("most", asked.most)
    if st.session_state["scope"] not in names:
        st.session_state["scope"] = EVERYWHERE  # it was removed
    with st.form("ask", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            question = st.text_input(
                "Question", key="question", placeholder="Ask your documents", label_visibility="collapsed"
            )
            sent = st.form_submit_button("Search", type="primary", icon=":material/search:")
        scope, most = st.columns([3, 1])
        document = scope.selectbox(
            "Search in", list(names), key="scope", format_func=lambda option: names.get(option, "")
        )
        count = most.selectbox("Pages", COUNTS, key="most")
    if sent:
        st.session_state[ASKED] = Asked((question or "").strip(), document, count)


def _scope_names(documents: list[Document]) -> dict[str, str]:
    """A name for each scope, each another one: Streamlit tells options apart by what they show."""
    names = {EVERYWHERE: "All documents"}
    taken = set(names.values())
    for document in documents:
        name = f"{document.title} — {file_name(document.sources[0])}" if document.sources else document.title
        names[document.id] = f"{name} ({document.id[:8]})" if name in taken else name
        taken.add(name)
    return names


def _find(library: Library, asked: Asked) -> Result:
    generation = library.catalog.generation()
    result: Result | None = st.session_state.get(RESULT)
    if result is not None and (result.asked, result.generation) == (asked, generation):
        return result
    started = time.perf_counter()
    where = None if asked.scope == EVERYWHERE else {"document": asked.scope}
    with st.spinner("Looking through the pages…"):
        hits = library.retrieve(asked.question, k=asked.most, where=where)
    result = Result(asked, generation, hits, (time.perf_counter() - started) * 1000)
    st.session_state[RESULT] = result
    return result


def _cards(library: Library, result: Result) -> None:
    if not result.hits:
        st.info("No page was found. Ask with other words, or search in all documents.")
        return
    pages, documents = len(result.hits), len({hit.page.document for hit in result.hits})
    st.caption(
        f"{pages} page{'s' if pages > 1 else ''} from {documents} document{'s' if documents > 1 else ''} "
        f"in {result.milliseconds:,.0f} ms"
    )
    best = {
        name: max(hit.channels[name].score for hit in result.hits if name in hit.channels)
        for name in dict.fromkeys(name for hit in result.hits for name in hit.channels)
    }
    for hit in result.hits:
        result_card(library, hit, best)


def _answer(library: Library, result: Result) -> None:
    """Write the answer as it comes, then its citations."""
    if not result.hits:
        return
    with st.container(border=True):
        text = st.empty()
        answer = result.answer
        if answer is None:
            text.caption("Reading the pages…")
            written = ""
            for piece in stream_answer(library, result.asked.question, result.hits):
                if isinstance(piece, Answer):
                    answer = result.answer = piece
                    break
                written += piece
                text.markdown(plain_answer(written))
        if answer is None:
            raise AssertionError("a stream ends with its answer")
        if answer.abstained:
            text.warning(
                f"**The documents do not answer this.**  \n{plain(answer.reason or '')}", icon=":material/help_center:"
            )
            st.caption("The pages below come nearest to the question.")
            return
        text.markdown(plain_answer(answer.text, {citation.marker for citation in answer.citations}))
        st.caption(f"Answered by {plain(answer.model)} from the pages below.")
        for number, citation in enumerate(answer.citations):
            citation_card(library, citation, key=f"open-citation-{number}")
