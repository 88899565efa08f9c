"""The answer over the pages found: written beside the page, then shown with its places, to be rated and exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import streamlit as st

from ..generation import stream_answer
from ..generation.export import export_answer
from ..retrieval import Answer, Box, Library
from .address import write_address
from .browser_parts import part
from .cards import answer_parts, citation_data, is_weak
from .conversation import generator_for
from .crops import crops
from .finding import Found
from .plain import plain, plain_answer
from .session import answer_settings, journal_of, opened_library, shown_errors
from .talks import add_turn, history
from .viewer import picture_address, view
from .writing import Writing

WRITTEN = "written"
"""Session key: the `Written` of the last question."""
PATIENCE = 0.3
"""Seconds that a run waits for an answer before the page asks again by itself."""
EVERY = 0.25
"""Seconds between two looks at an answer that is being written."""
NAMED = 5
"""Pages that an abstention names."""


@dataclass
class Written:
    """An answer on its way, and the question and settings that it is for."""

    found: Found
    generator: str
    writing: Writing
    turn: str | None = None
    """Its place in the journal, once it is there."""
    crops: dict[int, Box] | None = None
    """Figures and tables to show with it, by citation, once they have been looked for."""


def answer_area(library: Library, found: Found) -> None:
    """Show the answer to what was found; the run ends whether it is written or not, and a fragment looks on."""
    written = _written(library, found)
    waiting = not written.writing.wait(PATIENCE) and not written.writing.stopped
    # A fragment that looks again by itself, until there is nothing to wait for.
    st.fragment(_follow, run_every=EVERY if waiting else None)(waiting)


def _written(library: Library, found: Found) -> Written:
    settings = answer_settings(library)
    named = f"{settings.generator} {settings.generator_model} {settings.generator_url}"
    written: Written | None = st.session_state.get(WRITTEN)
    if written is not None:
        same = replace(written.found.asked, answer=True) == replace(found.asked, answer=True)
        if same and (written.generator, written.found.generation) == (named, found.generation):
            return written
        written.writing.stop()
    before = history()

    def stream() -> Iterator[str | Answer]:
        try:
            generator = generator_for(library, before, settings)
            yield from stream_answer(library, found.asked.question, found.hits, generator=generator)
        finally:
            library.close()  # the connections of the thread that writes

    written = st.session_state[WRITTEN] = Written(found, named, Writing(stream))
    return written


def _follow(waiting: bool) -> None:
    written: Written | None = st.session_state.get(WRITTEN)
    if written is None:
        st.rerun()  # somebody wants it written anew: a press in here runs this fragment alone
    if waiting and (written.writing.done or written.writing.stopped):
        st.rerun()  # once more as a whole, so that nobody looks any longer
    with st.container(border=True), shown_errors():
        writing = written.writing
        if writing.error is not None:
            st.error(plain(writing.error), icon=":material/error:")
            st.caption("The pages below were found all the same.")
            st.button("Try again", key="answer-again", icon=":material/refresh:", on_click=_again)
        elif writing.answer is None:
            _unfinished(writing)
        else:
            with opened_library() as library:
                if library is not None:
                    _show(library, written, writing.answer)


def _unfinished(writing: Writing) -> None:
    """What there is of an answer that is still being written, or was stopped."""
    if writing.text or not writing.stopped:
        st.markdown(plain_answer(writing.text) if writing.text else "Reading the pages…")
    if writing.stopped:
        st.caption("Stopped. What was written until then has not been checked against the pages.")
        st.button("Write it anew", key="answer-again", icon=":material/refresh:", on_click=_again)
    else:
        st.button("Stop", key="answer-stop", icon=":material/stop_circle:", on_click=writing.stop)


def _again() -> None:
    st.session_state.pop(WRITTEN, None)


def _show(library: Library, written: Written, answer: Answer) -> None:
    if written.turn is None:
        address = urlencode(write_address(written.found.asked), doseq=True)
        written.turn = add_turn(library, address, answer)
    if answer.abstained:
        _abstention(answer)
    else:
        if is_weak(answer.hits):
            st.warning("The evidence for this is weak: no page has much of the question.", icon=":material/balance:")
        if written.crops is None:
            written.crops = crops(library, answer)
        data = {
            "parts": answer_parts(answer),
            "copy": answer.text,
            "citations": [
                citation_data(one, picture_address(library, one.page), written.crops.get(number))
                for number, one in enumerate(answer.citations)
            ],
        }
        done = part("answer", "answer", data, "cite")
        if done["cite"] is not None and 0 <= int(done["cite"]) < len(answer.citations):
            citation = answer.citations[int(done["cite"])]
            view(citation.page, citation.boxes)
            st.rerun()
        if answer.unsupported:
            st.caption("Underlined: no place in these pages bears it out.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_how(answer), width="content")
        if written.turn:
            rated = st.feedback("thumbs", key=f"rate-{written.turn}")
            if rated is not None:
                journal_of(library).rate(written.turn, rated)
        for form, suffix in (("markdown", "md"), ("json", "json")):
            st.download_button(
                suffix.upper(),
                export_answer(answer, "json" if form == "json" else "markdown"),
                file_name=f"answer.{suffix}",
                key=f"export-{suffix}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                help=f"Save the answer with its sources as {'Markdown' if suffix == 'md' else 'JSON'}",
            )


def _abstention(answer: Answer) -> None:
    st.warning(f"**The documents do not answer this.**  \n{plain(answer.reason or '')}", icon=":material/help_center:")
    looked = [f"{plain(hit.page.title)}, page {hit.page.number}" for hit in answer.hits[:NAMED]]
    rest = len(answer.hits) - len(looked)
    st.caption("Looked at: " + "; ".join(looked) + (f"; and {rest} more" if rest > 0 else "") + ".")


def _how(answer: Answer) -> str:
    pages = len(answer.hits)
    said = f"Answered by {plain(answer.model)} from {pages} page{'s' if pages != 1 else ''}"
    usage = answer.usage
    if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
        said += f"; {usage.input_tokens:,} tokens read, {usage.output_tokens:,} written"
    if usage is not None and usage.dollars is not None:
        said += f"; \\${usage.dollars:.4f}"
    return said
