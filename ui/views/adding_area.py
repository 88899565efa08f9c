"""Adding documents from the browser: files and folders to drop, and how far each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ...ingest import add
from ..adding import Adding, Entry, adding_now, forget, start
from ..cards import file_name
from ..plain import plain
from ..session import opened_library, shown_errors
from ..uploads import Upload, add_saved, save

UPLOADS = "uploads-round"
"""Session key: grows when the upload box must forget what was chosen in it."""
EVERY = 0.5
"""Seconds between two looks at what is being added."""
SHOWN = 200
"""Files that are listed while they are added."""

STAGES = {
    "queued": "… queued",
    "reading": "▸ reading",
    "encoding": "▸ encoding",
    "indexed": "✓ indexed",
    "unchanged": "✓ already there",
    "partial": "◐ partial",
    "failed": "✗ failed",
    "removed": "– removed",
    "cancelled": "– cancelled",
}


def adding_area(failed: Sequence[str]) -> None:
    """The form, what is being added, and another try for the files that `failed`, wholly or in part, by their paths."""
    st.session_state.setdefault(UPLOADS, 0)
    adding = adding_now()
    busy = adding is not None and not adding.done
    st.fragment(_progress, run_every=EVERY if busy else None)(busy)
    _retry(failed, busy)
    st.subheader("Add documents")
    number = st.session_state[UPLOADS]
    folder = st.toggle("A whole folder", key="whole-folder", help="Choose or drop a folder with everything in it")
    with st.form("upload", border=True):
        files = st.file_uploader(
            "PDF files, pictures of pages (PNG, JPEG, TIFF, WebP), Office files, web pages, Markdown, text and mail",
            accept_multiple_files="directory" if folder else True,
            key=f"files-{folder}-{number}",
            help="A file with the name of one that was uploaded before replaces it.",
        )
        password = st.text_input(
            "Password, if the files are encrypted", type="password", autocomplete="off", key=f"password-{number}"
        )
        sent = st.form_submit_button("Add", type="primary", icon=":material/upload_file:", disabled=busy)
    if sent and files:
        with shown_errors():
            _start_uploads(files, password or None)
            st.session_state[UPLOADS] += 1
            st.rerun()  # the progress above was drawn before
    elif sent:
        st.info("Choose one or more files first.")


def _start_uploads(files: Sequence[Upload], password: str | None) -> None:
    with opened_library(create=True) as library:
        assert library is not None
        paths = save(library, files)
        start(library, paths, lambda on_progress: add_saved(library, paths, password, on_progress))


def _retry(failed: Sequence[str], busy: bool) -> None:
    there = [path for path in failed if Path(path).is_file()]
    if there:
        label = f"Try {'it' if len(there) == 1 else f'these {len(there)}'} again"
        st.caption(f"{len(failed)} file{'s' if len(failed) > 1 else ''} could not be read, or not whole.")
        st.button(label, key="retry", icon=":material/refresh:", disabled=busy, on_click=_try_again, args=(there,))


def _try_again(paths: Sequence[str]) -> None:
    with shown_errors(), opened_library() as library:
        if library is not None:
            files = [Path(path) for path in paths]
            start(library, files, lambda progress: add(library, files, retry_failed=True, on_progress=progress))


def _progress(waiting: bool) -> None:
    adding = adding_now()
    if adding is None:
        return
    if waiting and adding.done:
        st.rerun()  # the table above, too
    entries = list(adding.entries.values())
    done = sum(entry.over for entry in entries)
    with st.container(border=True):
        if adding.done:
            st.markdown("**What became of the files that were added last**")
        else:
            st.progress(min(1.0, adding.share), text=f"{done} of {len(entries)} files done")
        if adding.error is not None:
            st.error(plain(adding.error), icon=":material/error:")
        st.dataframe(
            {
                "File": [file_name(entry.path) for entry in entries[:SHOWN]],
                "State": [STAGES[entry.stage] for entry in entries[:SHOWN]],
                "Pages": [_pages(entry) for entry in entries[:SHOWN]],
                "Note": [entry.reason or "" for entry in entries[:SHOWN]],
            },
            hide_index=True,
            key="adding-table",
            column_config={"State": st.column_config.TextColumn(width="small")},
            alt="The files that are being added, and how far each of them is",
        )
        if not adding.done:
            st.button("Cancel", key="cancel", icon=":material/close:", on_click=adding.cancel)
            st.caption("Searching goes on meanwhile. Documents that are done stay when the rest is cancelled.")
        else:
            _failures(adding)
            st.button("Close", key="adding-close", on_click=forget)


def _failures(adding: Adding) -> None:
    """Those that failed say why, in full: a table cuts long lines."""
    for entry in adding.entries.values():
        name = f"**{plain(file_name(entry.path))}**"
        if entry.stage == "failed":
            st.error(f"{name} was not added. {plain(entry.reason or '')}", icon=":material/error:")
        elif entry.stage == "partial":
            st.warning(f"{name} was added in part. {plain(entry.reason or '')}", icon=":material/warning:")


def _pages(entry: Entry) -> str:
    if entry.stage == "encoding":
        return f"{entry.page} of {entry.pages}"
    return str(entry.pages) if entry.pages else ""
