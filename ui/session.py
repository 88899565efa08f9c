"""What every view needs: the library of this process, who is visiting, and errors in one friendly line."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import streamlit as st

from ..retrieval import Library, Settings, create_library, open_library
from ..retrieval.errors import LibraryNotFound, PagesightError
from ..retrieval.journal import Journal
from .plain import plain
from .writing import BROKEN

logger = logging.getLogger(__name__)

COOKIE = "pagesight"
"""Tells one visitor's conversations from another's; `browser/ask.js` sets it."""
CHOSEN = "generator-chosen"
"""Session key: settings of the generator that this visitor chose, by name. A service's key stays here."""


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
        st.error(BROKEN, icon=":material/error:")


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


def journal_of(library: Library) -> Journal:
    """The journal of this process's library."""
    return _journal(library.path, library)


def person() -> str:
    """Who is visiting: a random name that the browser keeps, or, on the first visit, one that it is given now."""
    known = str(st.context.cookies.get(COOKIE, ""))
    if re.fullmatch("[0-9a-f]{32}", known):
        return known
    return st.session_state.setdefault("person", uuid.uuid4().hex)


def answer_settings(library: Library) -> Settings:
    """The library's settings with what this visitor chose to write answers."""
    chosen: dict[str, Any] = st.session_state.get(CHOSEN, {})
    return library.settings.model_copy(update=chosen)


@st.cache_resource(show_spinner=False)
def _open(path: Path) -> Library:
    return open_library(path)


def warm_up(library: Library) -> None:
    """Load what the first question or document needs while the visitor still writes or chooses: it takes seconds."""
    _warm_up(library.path, library)


@st.cache_resource(show_spinner=False)
def _warm_up(path: Path, _library: Library) -> None:
    def load() -> None:
        try:
            _library.page_encoder.encode_query("warm")
            _library.dense.search(np.zeros(_library.text_encoder.id.dim, np.float32), 1, None)
        except Exception:  # the first question says what is wrong, where somebody sees it
            logger.exception("Warming up failed")
        finally:
            _library.close()

    Thread(target=load, name="warm-up", daemon=True).start()


@st.cache_resource(show_spinner=False)
def _journal(path: Path, _library: Library) -> Journal:
    return Journal(path, _library.catalog)
