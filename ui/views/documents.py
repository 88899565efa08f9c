"""The documents view: what is in the library, what could not be read and why; adding and removing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pagesight.ingest import Outcome, Progress
from pagesight.retrieval import Library

from ..components import file_name, forget_pictures
from ..plain import plain
from ..session import library_path, opened_library, shown_errors
from ..uploads import Upload, add_uploads, remove

OUTCOMES = "outcomes"
"""Session key: what became of the files that were uploaded last."""
REMOVING = "removing"
"""Session key: the paths whose removal was confirmed."""
ROUND = "round"
"""Session key: grows when the table or the upload box must forget what was chosen in it."""

SIGNS = {"indexed": "✓ indexed", "unchanged": "✓ already there", "partial": "◐ partial", "failed": "✗ failed"}


@dataclass(frozen=True)
class Row:
    """A line of the table: a document, or a file that could not be read."""

    title: str
    sources: tuple[str, ...]
    pages: int | None
    state: str
    reason: str | None
    added: str | None


def show() -> None:
    st.session_state.setdefault(ROUND, 0)
    with shown_errors(), opened_library() as library:
        sources = st.session_state.pop(REMOVING, ())
        if library is not None and sources:
            _remove(library, sources)
        generation = library.catalog.generation() if library is not None else 0
        rows = list_rows(library) if library is not None else []
        if not rows:
            st.info("There are no documents here yet. Add PDF files or pictures of pages below.")
            st.caption(f"The library: {plain(str(library_path()))}")
        else:
            _table(rows, generation)
    _upload()


def list_rows(library: Library) -> list[Row]:
    """Documents, the latest first, after the files that could not be read."""
    failed = [
        Row(file_name(source.path), (source.path,), None, "failed", source.reason, None)
        for source in library.catalog.sources()
        if source.document is None
    ]
    documents = [
        Row(entry.title, entry.sources, entry.pages, entry.state, entry.reason, entry.added)
        for entry in reversed(library.documents())
    ]
    return failed + documents


def _table(rows: Sequence[Row], generation: int) -> None:
    read = [row for row in rows if row.state != "failed"]
    failed = len(rows) - len(read)
    st.caption(
        _count(len(read), "document")
        + ", "
        + _count(sum(row.pages or 0 for row in read), "page")
        + (f"; {_count(failed, 'file')} could not be read" if failed else "")
        + ". Mark documents in the table to remove them."
    )
    chosen = st.dataframe(
        {
            "Title": [row.title for row in rows],
            "File": [", ".join(dict.fromkeys(file_name(source) for source in row.sources)) for row in rows],
            "Pages": [row.pages for row in rows],
            "State": [SIGNS[row.state] for row in rows],
            "Note": [row.reason or "" for row in rows],
            "Added": [(row.added or "")[:10] for row in rows],
        },
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents-{st.session_state[ROUND]}-{generation}",  # a mark is a line's number
        column_config={
            "Title": st.column_config.TextColumn(width="medium"),
            "Pages": st.column_config.NumberColumn(width="small"),
            "State": st.column_config.TextColumn(width="small"),
        },
        alt="The documents of the library",
    )
    marked = [rows[index] for index in chosen["selection"]["rows"] if index < len(rows)]
    for row in marked:
        if row.reason:
            st.warning(f"**{plain(row.title)}**: {plain(row.reason)}", icon=":material/report:")
    if marked:
        _confirm_removal(marked)


def _confirm_removal(rows: Sequence[Row]) -> None:
    """Name what would go; it goes at the second press."""
    sources = tuple(source for row in rows for source in row.sources)
    with st.container(border=True):
        st.markdown(f"Remove {'this file' if len(sources) == 1 else f'these {len(sources)} files'} from the library?")
        st.text("\n".join(sources))
        st.caption("Files that were uploaded here are deleted. Files elsewhere on this machine stay where they are.")
        with st.container(horizontal=True):
            # The button carries the paths that are named above it. The table may be another one by the time it is
            # pressed, when somebody else added documents, and then its lines are not those that were marked.
            st.button(
                "Remove", type="primary", icon=":material/delete:", key="remove", on_click=_confirmed, args=(sources,)
            )
            st.button("Keep", key="keep", on_click=_next_round)


def _confirmed(sources: tuple[str, ...]) -> None:
    st.session_state[REMOVING] = sources
    _next_round()


def _remove(library: Library, sources: Sequence[str]) -> None:
    st.session_state.pop(OUTCOMES, None)
    with shown_errors(), st.spinner("Removing…"):
        remove(library, sources)
        forget_pictures()
        st.toast(f"Removed {_count(len(sources), 'file')}.", icon=":material/delete:")


def _upload() -> None:
    st.subheader("Add documents")
    with st.form("upload", border=True):
        files = st.file_uploader(
            "PDF files, and pictures of pages (PNG, JPEG, TIFF, WebP)",
            accept_multiple_files=True,
            key=f"files-{st.session_state[ROUND]}",
            help="A file with the name of one that was uploaded before replaces it.",
        )
        password = st.text_input(
            "Password, if the files are encrypted",
            type="password",
            autocomplete="off",
            key=f"password-{st.session_state[ROUND]}",
        )
        sent = st.form_submit_button("Add", type="primary", icon=":material/upload_file:")
    if sent and files:
        with shown_errors(), opened_library(create=True) as library:
            assert library is not None
            st.session_state[OUTCOMES] = []
            _add(library, files, password or None)
            _next_round()
            st.rerun()  # the table above was drawn before they came
    elif sent:
        st.info("Choose one or more files first.")
    _outcomes(st.session_state.get(OUTCOMES, ()))


def _add(library: Library, files: Sequence[Upload], password: str | None) -> None:
    """Add files, with a bar that moves with every page. Each outcome is kept as it comes: a run may be stopped."""
    bar = st.progress(0.0, text=f"Reading {_count(len(files), 'file')}…")
    done: list[Outcome] = st.session_state[OUTCOMES]

    def show_progress(progress: Progress) -> None:
        share = (len(done) + progress.page / max(1, progress.pages)) / len(files)
        bar.progress(
            min(1.0, share),
            text=f"{len(done) + 1} of {len(files)}: {plain(file_name(progress.path))}, "
            f"page {progress.page} of {progress.pages}",
        )

    for outcome in add_uploads(library, files, password, show_progress):
        done.append(outcome)
        bar.progress(len(done) / len(files), text=f"{len(done)} of {len(files)} read")
    bar.empty()


def _outcomes(outcomes: Sequence[Outcome]) -> None:
    """What became of each file; those that failed say why."""
    for outcome in outcomes:
        name = f"**{plain(file_name(outcome.path))}**"
        if outcome.state == "failed":
            st.error(f"{name} was not added. {plain(outcome.reason or '')}", icon=":material/error:")
        elif outcome.state == "partial":
            st.warning(
                f"{name}: {_count(outcome.pages, 'page')} added, others failed. {plain(outcome.reason or '')}",
                icon=":material/warning:",
            )
        elif outcome.state == "unchanged":
            st.info(f"{name} is in the library already.", icon=":material/check:")
        else:
            st.success(f"{name}: {_count(outcome.pages, 'page')} added.", icon=":material/check:")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _next_round() -> None:
    st.session_state[ROUND] += 1
