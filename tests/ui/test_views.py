"""The page as a reader uses it, without a browser: Streamlit's own test harness runs the script."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pdfs
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pagesight.ingest import add
from pagesight.retrieval import Answer, Box, Citation, Hit, Library, create_library, open_library
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.ui import session
from pagesight.ui.plain import JOINER, plain
from pagesight.ui.views import search

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
def folder(files: Path, tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEncoder) -> Path:
    """A library of two documents, added once. For reading."""
    folder = tmp_path_factory.mktemp("бібліотека") / "library"
    with create_library(folder) as library:
        library.text_encoder._loaded = minilm._model
        assert [outcome.state for outcome in add(library, [files])] == ["indexed", "indexed"]
    return folder


@pytest.fixture
def run_on(open_shared: Callable[[Path], Library], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Makes a page over the library in a folder: `run_on(folder)` the whole one, `run_on(folder, script)` a part."""

    def make(folder: Path, view: str = "") -> AppTest:
        monkeypatch.setenv("PAGESIGHT_LIBRARY", str(folder))
        monkeypatch.setattr(session, "open_library", open_shared)
        made = AppTest.from_string(view) if view else AppTest.from_file(str(APP))
        made.default_timeout = 120
        return made.run()

    st.cache_resource.clear()
    st.cache_data.clear()
    yield make
    st.cache_resource.clear()


# Guarded as `app.py` is: the process that reads uploads imports the script that is running.
DOCUMENTS_VIEW = """
if __name__ == "__main__":
    from pagesight.ui.views import documents

    documents.show()
"""


@pytest.fixture
def app(run_on: Callable[..., AppTest], folder: Path) -> AppTest:
    return run_on(folder)


@pytest.fixture
def new(run_on: Callable[..., AppTest], tmp_path: Path) -> AppTest:
    """The documents view where there is no library yet."""
    return run_on(tmp_path / "мої" / "library", DOCUMENTS_VIEW)


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


def texts(app: AppTest) -> list[str]:
    """What is shown as it stands."""
    return [element.value for element in app.text]


def said(app: AppTest) -> str:
    return "\n".join([*markdown_of(app), *texts(app)]).replace("\\", "").replace(JOINER, "")


def buttons(app: AppTest, label: str) -> list[Any]:
    return [button for button in app.button if button.label == label]


def faked(monkeypatch: pytest.MonkeyPatch, *pieces: str, **changes: Any) -> list[str]:
    """Let answers be these pieces. Returns the questions asked, as they come."""
    asked: list[str] = []

    def stream(library: Library, question: str, hits: Sequence[Hit]) -> Iterator[str | Answer]:
        asked.append(question)
        yield from pieces
        yield Answer(
            **{"question": question, "text": "".join(pieces), "citations": (), "hits": tuple(hits), "model": "fake"}
            | changes
        )

    monkeypatch.setattr(search, "stream_answer", stream)
    return asked


# Searching


def test_the_page_opens_on_an_empty_question(app: AppTest) -> None:
    assert not app.exception
    assert app.title[0].value == "Search what your documents say and show"
    assert app.selectbox(key="scope").options == [
        "All documents",
        f"{HOSTILE} — hostile.pdf",
        "Тарифи 2024 — тарифи.pdf",
    ]
    assert not app.get("image")


def test_a_question_shows_pages_and_then_the_answer_with_its_place(app: AppTest) -> None:
    ask(app, "What is the zebra tariff?")
    assert not app.exception
    assert not app.error
    assert re.search(r"4 pages from 2 documents in [\d,]+ ms", said(app))
    assert "1. Тарифи 2024" in said(app)
    assert "тарифи.pdf · page 2 · score" in said(app)
    bars: list[Any] = list(app.get("progress"))
    assert re.search(r"lexical · #1.*dense · #1.*words · #1", " ".join(bar.text for bar in bars), re.DOTALL)
    assert f"“{TARIFF}” :orange-badge[1]" in said(app)
    assert TARIFF in texts(app)
    assert len(app.get("image")) == 4 + 1  # each page, and the strip that is cited


def test_a_rerun_neither_searches_nor_answers_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = faked(monkeypatch, "Сорок один.")
    searched: list[str] = []
    retrieve = Library.retrieve

    def counted(library: Library, question: str, **limits: Any) -> list[Hit]:
        searched.append(question)
        return retrieve(library, question, **limits)

    monkeypatch.setattr(Library, "retrieve", counted)
    ask(app, "What is the zebra tariff?").run().run()
    assert (len(searched), len(asked)) == (1, 1)
    app.selectbox(key="most").set_value(3)
    ask(app, "What is the zebra tariff?")
    assert (len(searched), len(asked)) == (2, 2)
    assert "3 pages" in said(app)


def test_a_search_can_stay_inside_one_document(app: AppTest, folder: Path) -> None:
    with open_library(folder) as library:
        app.selectbox(key="scope").set_value(library.page("hostile.pdf", 1).document)
    ask(app, "What is the zebra tariff?")
    assert "1 page from 1 document" in said(app)
    assert "hostile.pdf · page 1" in said(app)


def test_an_abstention_says_why_and_the_pages_stay(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, text="", abstained=True, reason="Not found: *Neptune*.")
    ask(app, "Who discovered Neptune?")
    assert app.warning[0].value == "**The documents do not answer this.**  \nNot found\\:\u2060 \\*Neptune\\*\\."
    assert len(app.get("image")) == 4


def test_an_empty_question_is_answered_in_one_line(app: AppTest) -> None:
    ask(app, "   ")
    assert [error.value for error in app.error] == [plain("The question is empty; ask for something.")]


def test_text_of_documents_is_never_markup(app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with open_library(folder) as library:
        page = library.page("hostile.pdf", 1)
    citation = Citation(1, 0, len(HOSTILE), page, (Box(72, 72, 200, 90),), HOSTILE)
    faked(monkeypatch, f"{HOSTILE} [1]\n", f"“{HOSTILE}” [9]", citations=(citation,))
    ask(app, "Which alert is bold?")
    assert [text for text in texts(app) if HOSTILE in text] == [HOSTILE, HOSTILE]  # the quote and the card's words
    assert said(app).count(HOSTILE) == 2 + 4  # and the titles of both, and the two lines of the answer
    app.button(key="open-hit-1").click().run()
    assert "Page 1 of 1" in said(app)
    for written in markdown_of(app):
        assert not re.search(r"(?<!\\)<script|(?<!\\)\*\*bold|(?<!\\)\$|:smile", written), written


def test_a_citation_without_boxes_is_the_page_as_a_whole(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    with open_library(folder) as library:
        page = library.page("тарифи.pdf", 3)
    faked(monkeypatch, "So it is [1].", citations=(Citation(1, 0, 8, page, (), ""),))
    ask(app, "What is written here?")
    assert "This page as a whole." in said(app)
    assert not app.error


def test_when_answering_breaks_the_pages_stay_and_no_trace_is_shown(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Iterator[str]:
        yield "begun"
        raise ZeroDivisionError("internal détail")

    monkeypatch.setattr(search, "stream_answer", broken)
    ask(app, "What is the zebra tariff?")
    assert [error.value for error in app.error] == ["Something went wrong here. The log of the server says what."]
    assert not app.exception
    assert "détail" not in said(app)
    assert "ZeroDivisionError: internal détail" in caplog.text
    assert len(app.get("image")) == 4


def test_an_error_on_purpose_is_shown_in_its_own_words(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> Iterator[str]:
        raise ModelUnavailable("The model *qwen* is not on this machine; run: pagesight models pull visual")
        yield

    monkeypatch.setattr(search, "stream_answer", absent)
    ask(app, "What is the zebra tariff?")
    assert [error.value for error in app.error] == [
        plain("The model *qwen* is not on this machine; run: pagesight models pull visual")
    ]


def test_a_damaged_picture_is_named_and_the_rest_is_shown(
    run_on: Callable[..., AppTest], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    page = run_on(tmp_path / "copy")
    with open_library(tmp_path / "copy") as library:
        library.image_path(library.page("тарифи.pdf", 2).document, 2).write_bytes(b"x")
    ask(page, "What is the zebra tariff?")
    assert "is missing or damaged" in said(page)
    assert len(page.get("image")) == 3


def test_the_viewer_turns_pages(app: AppTest) -> None:
    ask(app, "What is the zebra tariff?")
    app.button(key="open-hit-1").click().run()
    assert "Page 2 of 3" in said(app)
    app.button(key="next-page").click().run()
    assert "Page 3 of 3" in said(app)
    assert app.button(key="next-page").disabled
    assert not app.button(key="previous-page").disabled
    assert not app.error


# Documents


def test_without_a_library_the_page_says_how_to_begin(run_on: Callable[..., AppTest], tmp_path: Path) -> None:
    page = run_on(tmp_path / "нема")
    assert "There are no documents here yet" in said(page)
    assert page.code[0].value == f'pagesight add FILES --library "{tmp_path / "нема"}"'
    assert not (tmp_path / "нема").exists()


def upload(view: AppTest, *files: tuple[str, bytes], password: str = "") -> AppTest:
    view.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    view.text_input[0].set_value(password)
    return buttons(view, "Add")[0].click().run()


def test_uploads_make_the_library_and_each_file_says_what_became_of_it(new: AppTest, tmp_path: Path) -> None:
    assert "There are no documents here yet" in said(new)
    upload(
        new,
        ("../../Звіт.pdf", pdfs.pdf(pdfs.text_page("Früher Bericht"), title=HOSTILE)),
        ("locked.pdf", pdfs.pdf(pdfs.text_page("Hidden"), password="geheim")),
        ("half.pdf", pdfs.lost_page()),
        ("notes.docx", b"PK\x03\x04"),
    )
    assert not new.exception
    assert "**Звіт.pdf**: 1 page added." in said(new)
    assert "**half.pdf**: 1 page added, others failed." in said(new)
    assert re.search(r"\*\*locked.pdf\*\* was not added. .*encrypted", said(new))
    assert re.search(r"\*\*notes.docx\*\* was not added. .*save it as PDF", said(new))
    assert "2 documents, 3 pages; 2 files could not be read" in said(new)
    table = new.dataframe[0].value
    assert list(table["File"]) == ["locked.pdf", "notes.docx", "half.pdf", "Звіт.pdf"]
    assert list(table["State"]) == ["✗ failed", "✗ failed", "◐ partial", "✓ indexed"]
    assert table["Title"].iloc[-1] == HOSTILE
    kept = sorted(path.name for path in (tmp_path / "мої" / "library" / "uploads").iterdir())
    assert kept == ["half.pdf", "locked.pdf", "notes.docx", "Звіт.pdf"]

    upload(new, ("locked.pdf", pdfs.pdf(pdfs.text_page("Hidden"), password="geheim")), password="geheim")
    assert "**locked.pdf**: 1 page added." in said(new)
    assert "1 file could not be read" in said(new)


def test_two_files_of_one_name_are_both_kept(new: AppTest) -> None:
    upload(new, ("a.pdf", pdfs.pdf(pdfs.text_page("один Ä"))), ("a.pdf", pdfs.pdf(pdfs.text_page("два Ö"))))
    assert list(new.dataframe[0].value["File"]) == ["a (2).pdf", "a.pdf"]


def mark(view: AppTest, *lines: int) -> AppTest:
    view.session_state[view.dataframe[0].key or ""] = {"selection": {"rows": list(lines), "columns": [], "cells": []}}
    return view.run()


@pytest.fixture
def filled(new: AppTest, tmp_path: Path) -> AppTest:
    """The documents view with an uploaded file, and one from elsewhere on the machine."""
    upload(new, ("a.pdf", pdfs.pdf(pdfs.text_page("Äpfel"))))
    elsewhere = tmp_path / "b.pdf"
    elsewhere.write_bytes(pdfs.pdf(pdfs.text_page("Birnen, überall")))
    with open_library(tmp_path / "мої" / "library") as library:
        list(add(library, [elsewhere]))
    return new.run()


def test_documents_go_at_the_second_press_and_only_uploaded_files_are_deleted(filled: AppTest, tmp_path: Path) -> None:
    assert list(filled.dataframe[0].value["File"]) == ["b.pdf", "a.pdf"]
    mark(filled, 0, 1)
    assert "Remove these 2 files from the library?" in said(filled)
    assert len(filled.dataframe[0].value) == 2
    buttons(filled, "Remove")[0].click().run()
    assert not filled.error
    assert "There are no documents here yet" in said(filled)
    assert not (tmp_path / "мої" / "library" / "uploads" / "a.pdf").exists()
    assert (tmp_path / "b.pdf").exists()


def test_keeping_changes_nothing(filled: AppTest) -> None:
    mark(filled, 0)
    buttons(filled, "Keep")[0].click().run()
    assert len(filled.dataframe[0].value) == 2
    assert not buttons(filled, "Remove")


def test_what_goes_is_what_was_named_though_the_list_changed_meanwhile(filled: AppTest, tmp_path: Path) -> None:
    mark(filled, 0)
    assert f"{tmp_path / 'b.pdf'}" in said(filled)
    (tmp_path / "c.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Čaj")))
    with open_library(tmp_path / "мої" / "library") as library:
        list(add(library, [tmp_path / "c.pdf"]))  # now the first line of the table
    buttons(filled, "Remove")[0].click().run()
    assert list(filled.dataframe[0].value["File"]) == ["c.pdf", "a.pdf"]


def test_a_library_that_is_being_written_says_so_and_keeps_no_new_file(filled: AppTest, tmp_path: Path) -> None:
    folder = tmp_path / "мої" / "library"
    with open_library(folder) as library, library.writer():
        upload(filled, ("new.pdf", pdfs.pdf(pdfs.text_page("Neu"))))
        assert "is being written by process" in filled.error[0].value
        mark(filled, 0)
        buttons(filled, "Remove")[0].click().run()
        assert "is being written by process" in filled.error[0].value
    assert not filled.exception
    assert len(filled.dataframe[0].value) == 2
    assert sorted(path.name for path in (folder / "uploads").iterdir()) == ["a.pdf"]
