"""What every view needs: the library of this process, and errors in one friendly line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from pagesight.retrieval import Library, Settings, create_library, open_library
from pagesight.retrieval.errors import LibraryNotFound, PagesightError

from .plain import plain

logger = logging.getLogger(__name__)


def library_path() -> Path:
    return Settings().library.absolute()


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what goes wrong inside as one line on the page. A bug goes to the server's log with its traceback."""
    try:
        yield
    except PagesightError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except Exception:  # Streamlit's own rerun and stop signals are no `Exception`s
        logger.exception("The page failed")
        st.error("Something went wrong here. The log of the server says what.", icon=":material/error:")


@contextmanager
def opened_library(*, create: bool = False) -> Iterator[Library | None]:
    """The library of this process, opened once; `None` when there is none yet and none is to be made.

    On leaving, this thread's connections are closed: Streamlit runs each visit in a thread of its own.
    """
    path = library_path()
    try:
        library = _open(path)
    except LibraryNotFound:
        if not create:
            yield None
            return
        create_library(path).close()
        library = _open(path)
    try:
        yield library
    finally:
        library.close()


@st.cache_resource(show_spinner=False)
def _open(path: Path) -> Library:
    return open_library(path)
