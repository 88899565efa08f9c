"""A small library to look at, and pages over it without a browser: Streamlit's own test harness runs the script."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlparse

import pdfs
import pytest
import streamlit as st
from browser_server import CHROMIUM
from looking import APP, HOSTILE, TARIFF
from streamlit.testing.v1 import AppTest

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.ui import adding, answers, cli, session
from pagesight.ui.views import search

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Run = Callable[..., tuple[int, str, str]]

PATIENCE = 180_000
"""Milliseconds that anything in a browser may take: the first question waits for the encoder, on a machine that
has other things to do."""


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def built(files: Path, tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEncoder) -> Path:
    """A library of two documents, added once. For reading."""
    folder = tmp_path_factory.mktemp("бібліотека") / "library"
    with create_library(folder) as library:
        library.text_encoder._loaded = minilm._model
        assert [outcome.state for outcome in add(library, [files])] == ["indexed", "indexed"]
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it, with a journal of its own."""
    shutil.copytree(built, tmp_path / "копія")
    return tmp_path / "копія"


@pytest.fixture
def run_on(open_shared: Callable[[Path], Library], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Makes a page over the library in a folder: `run_on(folder)` the whole one, `run_on(folder, script)` a part.

    Further arguments are its address.
    """

    def make(folder: Path, view: str = "", **address: str | list[str]) -> AppTest:
        monkeypatch.setenv("PAGESIGHT_LIBRARY", str(folder))
        monkeypatch.setattr(session, "open_library", open_shared)
        for module in (adding, search):
            monkeypatch.setattr(module, "warm_up", lambda library: None)
        monkeypatch.setattr(answers, "PATIENCE", 60)  # nobody looks again by themselves here
        made = AppTest.from_string(view) if view else AppTest.from_file(str(APP))
        made.default_timeout = 120
        for name, value in address.items():
            made.query_params[name] = value
        return made.run()

    st.cache_resource.clear()
    st.cache_data.clear()
    yield make
    st.cache_resource.clear()


@pytest.fixture
def app(run_on: Callable[..., AppTest], folder: Path) -> AppTest:
    return run_on(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Any]:
    """Opens a module's `address` as a new visitor: `visit("?q=…")`. Nothing that it loads may come from elsewhere."""
    contexts, hosts = [], set()

    def open_page(path: str = "", *, width: int = 1200, scheme: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
        page.on("dialog", lambda dialog: pytest.fail(f"A document's text was run: {dialog.message}"))
        page.goto(f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert hosts <= {"localhost", None}


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`main()` with these arguments: exit status, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pagesight", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capfd.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
