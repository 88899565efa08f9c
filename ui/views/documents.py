"""The library view: what is in it, what could not be read and why; adding and removing, while others search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ...retrieval import Library
from ...retrieval.errors import PagesightError
from ...retrieval.files import disk_use
from ..adding import adding_now
from ..cards import file_name
from ..metadata_area import metadata_area
from ..plain import plain
from ..session import library_path, opened_library, shown_errors
from ..uploads import remove
from .adding_area import adding_area

REMOVING = "removing"
"""Session key: the paths whose removal was confirmed."""
ROUND = "round"
"""Session key: grows when the table must forget what was marked in it."""
COMPACTED = "compacted"
"""Session key: what the last compaction gained, and why it failed: `(told, error)`."""

SIGNS = {"indexed": "✓ indexed", "unchanged": "✓ already there", "partial": "◐ partial", "failed": "✗ failed"}
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Row:
    """A line of the table: a document, or a file that could not be read."""

    title: str
    sources: tuple[str, ...]
    pages: int | None
    state: str
    reason: str | None
    added: str | None
    bytes: int | None


def show() -> None:
    st.session_state.setdefault(ROUND, 0)
    with shown_errors(), opened_library() as library:
        sources = st.session_state.pop(REMOVING, ())
        if library is not None and sources:
            _remove(library, sources)
        generation = library.catalog.generation() if library is not None else 0
        rows = list_rows(library) if library is not None else []
        st.title("Library")
        if not rows:
            st.info("There are no documents here yet. Add PDF files, pictures of pages or Office files below.")
            st.caption(f"The library: {plain(str(library_path()))}")
        elif library is not None:
            _table(library, rows, generation)
            metadata_area(library, library.documents())
            _upkeep(library)
    adding_area([path for row in rows if row.state in ("failed", "partial") for path in row.sources])


def list_rows(library: Library) -> list[Row]:
    """Documents, the latest first, after the files that could not be read."""
    failed = [
        Row(file_name(source.path), (source.path,), None, "failed", source.reason, None, source.bytes)
        for source in library.catalog.sources()
        if source.document is None
    ]
    documents = [
        Row(entry.title, entry.sources, entry.pages, entry.state, entry.reason, entry.added, entry.bytes)
        for entry in reversed(library.documents())
    ]
    return failed + documents


def _table(library: Library, rows: Sequence[Row], generation: int) -> None:
    read = [row for row in rows if row.state != "failed"]
    failed = len(rows) - len(read)
    use = sum(disk_use(library.path).values()) / MEGABYTE
    st.caption(
        _count(len(read), "document")
        + ", "
        + _count(sum(row.pages or 0 for row in read), "page")
        + f", {use:,.1f} MB on disk"
        + (f"; {_count(failed, 'file')} could not be read" if failed else "")
        + ". Mark documents in the table to remove them."
    )
    wanted = st.text_input("Find a document", key="find-document", placeholder="Part of a title, file name or reason")
    rows = [row for row in rows if _matches(row, wanted or "")]
    if not rows:
        st.info("No document is called that.")
        return
    chosen = st.dataframe(
        {
            "Title": [row.title for row in rows],
            "File": [", ".join(dict.fromkeys(file_name(source) for source in row.sources)) for row in rows],
            "Pages": [row.pages for row in rows],
            "Size": [row.bytes for row in rows],
            "State": [SIGNS[row.state] for row in rows],
            "Note": [row.reason or "" for row in rows],
            "Added": [(row.added or "")[:10] for row in rows],
        },
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        # A mark is a line's number.
        key=f"documents-{st.session_state[ROUND]}-{generation}-{wanted}",
        column_config={
            "Title": st.column_config.TextColumn(width="medium"),
            "Pages": st.column_config.NumberColumn(width="small"),
            "Size": st.column_config.NumberColumn(width="small", format="bytes"),
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


def _upkeep(library: Library) -> None:
    """Room that removed documents still take, given back to the disk."""
    busy = (adding := adding_now()) is not None and not adding.done
    st.button(
        "Compact",
        key="compact",
        icon=":material/compress:",
        disabled=busy,
        on_click=_compact,
        args=(library,),
        help="Takes what was removed out of all files of the library. Searching goes on meanwhile.",
    )
    told, error = st.session_state.pop(COMPACTED, ("", ""))
    if told:
        st.success(told, icon=":material/check:")
    if error:
        st.error(plain(error), icon=":material/error:")


def _compact(library: Library) -> None:
    told = error = ""
    try:
        with library.writer() as writer:
            done = writer.compact()
        before, after = (sum(sizes.values()) / MEGABYTE for sizes in (done.before, done.after))
        told = f"{before:,.1f} MB on disk before, {after:,.1f} MB now."
    except PagesightError as raised:
        error = str(raised)
    finally:
        library.close()
    st.session_state[COMPACTED] = told, error


def _matches(row: Row, wanted: str) -> bool:
    return wanted.casefold() in " ".join([row.title, *row.sources, row.reason or ""]).casefold()


def _confirm_removal(rows: Sequence[Row]) -> None:
    """Name what would go; it goes at the second press."""
    sources = tuple(source for row in rows for source in row.sources)
    with st.container(border=True):
        st.markdown(f"Remove {'this file' if len(sources) == 1 else f'these {len(sources)} files'} from the library?")
        st.text("\n".join(sources))
        st.caption("Files that were uploaded here are deleted. Files elsewhere on this machine stay where they are.")
        adding = adding_now()
        busy = adding is not None and not adding.done
        if busy:
            st.caption("Wait until the documents below are added.")
        with st.container(horizontal=True):
            # The button carries the paths that are named above it. The table may be another one by the time it is
            # pressed, when somebody else added documents, and then its lines are not those that were marked.
            st.button(
                "Remove",
                type="primary",
                icon=":material/delete:",
                key="remove",
                disabled=busy,
                on_click=_confirmed,
                args=(sources,),
            )
            st.button("Keep", key="keep", on_click=_next_round)


def _confirmed(sources: tuple[str, ...]) -> None:
    st.session_state[REMOVING] = sources
    _next_round()


def _remove(library: Library, sources: Sequence[str]) -> None:
    with shown_errors(), st.spinner("Removing…"):
        remove(library, sources)
        st.toast(f"Removed {_count(len(sources), 'file')}.", icon=":material/delete:")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _next_round() -> None:
    st.session_state[ROUND] += 1
