"""The page as a reader uses it, without a browser: Streamlit's own test harness runs the script."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pdfs
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pagesight.ingest import add
from pagesight.retrieval import Answer, Citation, Hit, Library, create_library
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.ui import session, uploads
from pagesight.ui.views import documents, search

APP = Path(__file__).parents[2] / "ui" / "app.py"
HOSTILE = "<script>alert(1)</script> **bold** $x$ :smile:"
TARIFF = "The zebra tariff is 41 euros per month."


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("файли")
    (folder / "hostile.pdf").write_bytes(
        pdfs.pdf(pdfs.text_page(HOSTILE, "A lion sleeps twenty hours."), title=HOSTILE)
    )
    (folder / "тарифи.pdf").write_bytes(
        pdfs.pdf(
            pdfs.text_page("Contents, façade and overview"),
            pdfs.text_page(TARIFF, "It rises by two percent in 2025."),
            pdfs.text_page("Nothing of interest is written here."),
            title="Тарифи 2024",
        )
    )
    return folder


@pytest.fixture(scope="module")
def built(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library of two documents, open for all tests of this file: its encoder is loaded once."""
    library = create_library(tmp_path_factory.mktemp("бібліотека") / "library")
    assert [outcome.state for outcome in add(library, [files])] == ["indexed", "indexed"]
    library.close()
    return library


@pytest.fixture
def at_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Point the page at a folder."""
    st.cache_resource.clear()
    st.cache_data.clear()
    yield lambda path: monkeypatch.setenv("PAGESIGHT_LIBRARY", str(path))
    st.cache_resource.clear()


@pytest.fixture
def app(built: Library, at_library: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The whole page over the shared library."""
    at_library(built.path)
    monkeypatch.setattr(session, "open_library", lambda _: built)
    return AppTest.from_file(str(APP), default_timeout=120)


def documents_view() -> None:
    from pagesight.ui.views import documents

    documents.show()


@pytest.fixture
def own(at_library: Callable[[Path], None], built: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The documents view over a library that does not exist yet."""
    at_library(tmp_path / "мої" / "library")

    def with_shared_encoder(path: Path) -> Library:
        library = Library(path, built.settings)
        library.text_encoder = library.page_encoder = SimpleNamespace()  # type: ignore[assignment]
        return library

    del with_shared_encoder
    return AppTest.from_function(documents_view, default_timeout=120)


def ask(app: AppTest, question: str) -> AppTest:
    app.text_input(key="question").set_value(question)
    return app.button[0].click().run()


def markdown_of(app: AppTest) -> list[str]:
    """Everything on the page that Streamlit reads as Markdown."""
    labels = [widget.label for kind in (app.button, app.text_input, app.selectbox) for widget in kind]
    blocks = [
        element.value for kind in (app.markdown, app.caption, app.error, app.info, app.warning) for element in kind
    ]
    return labels + blocks + [element.value for kind in (app.success, app.title, app.subheader) for element in kind]
