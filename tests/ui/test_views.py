"""The page as a reader uses it, without a browser: Streamlit's own test harness runs the script."""

from __future__ import annotations

import json
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
from pagesight.ui import adding, answers, browser_parts, session
from pagesight.ui.plain import JOINER, plain
from pagesight.ui.views import search

APP = Path(__file__).parents[2] / "ui" / "app.py"
HOSTILE = "<script>alert(1)</script> **bold** $x$ :smile:"
TARIFF = "The zebra tariff is 41 euros per month."
QUESTION = "What is the zebra tariff?"


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


def ask(app: AppTest, question: str, **address: str | list[str]) -> AppTest:
    """Follow a link to a question."""
    app.query_params.clear()
    for name, value in {"q": question, **address}.items():
        app.query_params[name] = value
    return app.run()


def sends(monkeypatch: pytest.MonkeyPatch, name: str, **events: object) -> None:
    """Let a part of the browser report something in the next run."""
    real, left = browser_parts.part, dict(events)

    def part(of: Any, key: str, data: dict[str, Any], *names: str) -> dict[str, Any]:
        done = real(of, key, data, *names)
        return done | {event: left.pop(event) for event in list(left)} if of == name else done

    for module in (search, answers):
        monkeypatch.setattr(module, "part", part)


def part_data(app: AppTest, name: str) -> dict[str, Any]:
    """What a part of the browser was given; it fails when the part is not there."""
    protos: list[Any] = [element.proto for element in app.get("bidi_component")]
    (found,) = [proto for proto in protos if proto.component_name == f"pagesight_{name}"]
    return json.loads(found.json or found.mixed.json)


def cards(app: AppTest) -> list[dict[str, Any]]:
    return part_data(app, "results")["cards"]


def has_part(app: AppTest, name: str) -> bool:
    protos: list[Any] = [element.proto for element in app.get("bidi_component")]
    return any(proto.component_name == f"pagesight_{name}" for proto in protos)


def markdown_of(app: AppTest) -> list[str]:
    """Everything on the page that Streamlit reads as Markdown."""
    labels = [widget.label for kind in (app.button, app.text_input, app.selectbox, app.multiselect) for widget in kind]
    blocks = [
        element.value for kind in (app.markdown, app.caption, app.error, app.info, app.warning) for element in kind
    ]
    return labels + blocks + [element.value for kind in (app.success, app.title, app.subheader) for element in kind]


def said(app: AppTest) -> str:
    return (
        "\n".join([*markdown_of(app), *(element.value for element in app.text)]).replace("\\", "").replace(JOINER, "")
    )


def buttons(app: AppTest, label: str) -> list[Any]:
    return [button for button in app.button if button.label == label]


def faked(monkeypatch: pytest.MonkeyPatch, *pieces: str, **changes: Any) -> list[str]:
    """Let answers be these pieces. Returns the questions asked, as they come."""
    asked: list[str] = []

    def stream(library: Library, question: str, hits: Sequence[Hit], **_: object) -> Iterator[str | Answer]:
        asked.append(question)
        yield from pieces
        yield Answer(
            **{"question": question, "text": "".join(pieces), "citations": (), "hits": tuple(hits), "model": "fake"}
            | changes
        )

    monkeypatch.setattr(answers, "stream_answer", stream)
    return asked


# Searching


def test_the_page_opens_on_an_empty_question(app: AppTest) -> None:
    assert not app.exception
    assert app.title[0].value == "Search what your documents say and show"
    assert app.multiselect(key="filter-documents").options == [f"{HOSTILE} — hostile.pdf", "Тарифи 2024 — тарифи.pdf"]
    assert not has_part(app, "results")


def test_a_question_shows_pages_and_then_the_answer_with_its_place(app: AppTest) -> None:
    ask(app, QUESTION)
    assert not app.exception
    assert not app.error
    assert re.search(r"4 pages from 2 documents in [\d,]+ ms", said(app))
    first = cards(app)[0]
    assert (first["title"], first["file"], first["number"]) == ("Тарифи 2024", "тарифи.pdf", 2)
    assert {(one["name"], one["rank"]) for one in first["channels"]} == {("lexical", 1), ("dense", 1), ("words", 1)}
    assert sum(one["share"] for one in first["channels"]) == pytest.approx(1, abs=0.01)
    assert ["zebra", True] in first["snippet"] or any("zebra" in text for text, matched in first["snippet"] if matched)
    assert "/media/" in first["picture"]
    assert first["blur"].startswith("data:image/png")
    answer = part_data(app, "answer")
    assert answer["parts"][0]["text"].strip() == f"“{TARIFF}”"
    assert answer["parts"][1] == {"marker": 1}
    assert answer["citations"][0]["boxes"]


def test_what_is_typed_in_the_box_goes_into_the_address(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, "Сорок один.")
    sends(monkeypatch, "ask", asked={"question": "  Що таке zebra? ", "answer": False, "picture": None})
    app.run()
    assert app.query_params == {"q": "Що таке zebra?", "answer": "off"}
    assert not has_part(app, "answer")
    assert cards(app)


def test_search_only_never_asks_what_writes_answers(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = faked(monkeypatch, "Сорок один.")
    ask(app, QUESTION, answer="off")
    assert len(cards(app)) == 4
    assert asked == []


def test_a_rerun_neither_searches_nor_answers_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = faked(monkeypatch, "Сорок один.")
    searched: list[str] = []
    retrieve = Library.retrieve

    def counted(library: Library, question: str, **limits: Any) -> list[Hit]:
        searched.append(question)
        return retrieve(library, question, **limits)

    monkeypatch.setattr(Library, "retrieve", counted)
    ask(app, QUESTION).run().run()
    assert (len(searched), len(asked)) == (1, 1)
    app.selectbox(key="most").set_value(3).run()
    assert (len(searched), len(asked)) == (2, 2)
    assert app.query_params["k"] == "3"
    assert "3 pages" in said(app)


def test_filters_are_in_the_address_and_narrow_the_search(app: AppTest, folder: Path) -> None:
    ask(app, QUESTION)
    with open_library(folder) as library:
        hostile = library.page("hostile.pdf", 1).document
    app.multiselect(key="filter-documents").set_value([hostile]).run()
    assert app.query_params["document"] == hostile[:16]
    assert [card["file"] for card in cards(app)] == ["hostile.pdf"]
    assert "1 filter on: " in said(app)
    app.button(key="filter-clear").click().run()
    assert "document" not in app.query_params
    assert len(cards(app)) == 4


def test_filters_that_no_document_passes_say_so(app: AppTest) -> None:
    ask(app, QUESTION, until="1999-12-31")
    assert "No page was found. Take a filter away" in said(app)


def test_a_link_to_a_page_opens_it(app: AppTest, folder: Path) -> None:
    with open_library(folder) as library:
        document = library.page("тарифи.pdf", 2).document
    ask(app, QUESTION, page=f"{document[:16]}/2")
    viewer = part_data(app, "viewer")
    assert (viewer["number"], viewer["pages"], viewer["title"]) == (2, 3, "Тарифи 2024")
    assert [word[4] for word in viewer["words"]][:3] == ["The", "zebra", "tariff"]
    zebra = next(entry for entry in viewer["heat"] if entry["token"] == "zebra")
    assert [*viewer["words"][1][:4], 1.0] in zebra["places"]
    assert viewer["original"].endswith(".pdf")
    ask(app, QUESTION, page=f"{'0' * 16}/2")
    assert "no longer in the library" in said(app)


def test_an_original_that_has_changed_is_not_shown_as_the_one_that_was_read(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pagesight.ui.viewer._is_document", lambda *_: False)
    with open_library(folder) as library:
        document = library.page("тарифи.pdf", 2).document
    ask(app, QUESTION, page=f"{document[:16]}/2")
    assert part_data(app, "viewer")["original"] is None


def test_more_like_a_page_finds_others(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(app, QUESTION)
    first = cards(app)[0]["page"]
    sends(monkeypatch, "results", like=first)
    app.run()
    assert app.query_params["like"] == first
    assert first not in [card["page"] for card in cards(app)]
    ask(app, "", like="0000/1")
    assert "no longer in the library" in app.error[0].value


def test_search_inside_a_document(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(app, QUESTION)
    sends(monkeypatch, "results", inside=cards(app)[0]["page"])
    app.run()
    assert {card["file"] for card in cards(app)} == {"тарифи.pdf"}


def test_an_abstention_says_why_what_was_looked_at_and_the_pages_stay(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked(monkeypatch, text="", abstained=True, reason="Not found: *Neptune*.")
    ask(app, "Who discovered Neptune?")
    assert app.warning[0].value == "**The documents do not answer this.**  \nNot found\\:\u2060 \\*Neptune\\*\\."
    assert "Looked at: " in said(app)
    assert "Тарифи 2024, page 2" in said(app)
    assert len(cards(app)) == 4


def test_text_of_documents_is_never_markup(app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with open_library(folder) as library:
        page = library.page("hostile.pdf", 1)
    citation = Citation(1, 0, len(HOSTILE), page, (Box(72, 72, 200, 90),), HOSTILE)
    faked(monkeypatch, f"{HOSTILE} [1]\n", f"“{HOSTILE}” [9]", citations=(citation,))
    ask(app, "Which alert is bold?", document=page.document)
    # As data, to be set as text, it is as it was written.
    assert cards(app)[0]["title"] == HOSTILE
    assert part_data(app, "answer")["citations"][0]["quote"] == HOSTILE
    ask(app, HOSTILE)
    for written in markdown_of(app):
        assert not re.search(r"(?<!\\)<script|(?<!\\)\*\*bold|(?<!\\)\$|:smile", written), written


def test_weak_evidence_and_what_nothing_bears_out_are_marked(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, "Сорок ", "один.", unsupported=((0, 5),))
    monkeypatch.setattr("pagesight.ui.cards.WEAK", 2.0)
    ask(app, QUESTION)
    assert "The evidence for this is weak" in app.warning[0].value
    assert part_data(app, "answer")["parts"] == [{"text": "Сорок", "weak": True}, {"text": " один.", "weak": False}]


def test_when_answering_breaks_the_pages_stay_and_no_trace_is_shown(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Iterator[str]:
        yield "begun"
        raise ZeroDivisionError("internal détail")

    monkeypatch.setattr(answers, "stream_answer", broken)
    ask(app, QUESTION)
    assert [error.value for error in app.error] == [
        plain("Something went wrong here. The log of the server says what.")
    ]
    assert not app.exception
    assert "détail" not in said(app)
    assert "ZeroDivisionError: internal détail" in caplog.text
    assert len(cards(app)) == 4


def test_a_generator_that_is_down_says_so_and_can_be_tried_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> Iterator[str]:
        raise ModelUnavailable("The model *qwen* is not on this machine; run: pagesight models pull visual")
        yield

    monkeypatch.setattr(answers, "stream_answer", absent)
    ask(app, QUESTION)
    assert [error.value for error in app.error] == [
        plain("The model *qwen* is not on this machine; run: pagesight models pull visual")
    ]
    faked(monkeypatch, "Сорок один.")
    app.button(key="answer-again").click().run()
    assert part_data(app, "answer")["copy"] == "Сорок один."


def test_a_damaged_picture_is_one_card_without_a_picture(app: AppTest, folder: Path) -> None:
    with open_library(folder) as library:
        library.image_path(library.page("тарифи.pdf", 2).document, 2).write_bytes(b"x")
    ask(app, QUESTION)
    assert [card["picture"] is None for card in cards(app)] == [True, False, False, False]


# Conversations


def test_a_follow_up_is_understood_and_the_conversation_kept(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    faked(monkeypatch, "Сорок один.")
    sends(monkeypatch, "ask", asked={"question": "What was the zebra tariff in 2023?", "answer": True})
    app.run()
    sends(monkeypatch, "ask", asked={"question": "And in 2024?", "answer": True})
    app.run()
    assert app.query_params["q"] == "What was the zebra tariff in 2024?"
    assert "“And in 2024?” was understood as: What was the zebra tariff in 2024?" in said(app)
    assert "What was the zebra tariff in 2023?" in said(app)
    titles = [button.label for button in app.button if (button.key or "").startswith("talk-")]
    assert plain("What was the zebra tariff in 2023?") in titles
    buttons(app, "New conversation")[0].click().run()
    assert not has_part(app, "results")
    buttons(app, plain("What was the zebra tariff in 2023?"))[0].click().run()
    assert app.query_params["q"] == "What was the zebra tariff in 2024?"


def test_a_conversation_can_be_renamed_and_deleted(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, "Сорок один.")
    ask(app, QUESTION)
    app.run()
    name = next(field for field in app.text_input if (field.key or "").startswith("talk-name-"))
    name.set_value("Зебри")
    buttons(app, "Rename")[0].click().run()
    assert buttons(app, "Зебри")
    buttons(app, "Delete")[0].click().run()
    assert not buttons(app, "Зебри")
    assert not app.exception


def test_thumbs_are_kept_for_evaluation(app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    faked(monkeypatch, "Сорок один.")
    ask(app, QUESTION)
    app.feedback[0].set_value(1).run()
    with open_library(folder) as library:
        (turn,) = session.journal_of(library).rated()
    assert (turn.answer.question, turn.rating) == (QUESTION, 1)


def test_two_visitors_have_conversations_of_their_own(
    run_on: Callable[..., AppTest], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked(monkeypatch, "Сорок один.")
    one, other = run_on(folder), run_on(folder)
    ask(one, QUESTION)
    other.run()
    assert plain(QUESTION) not in [button.label for button in other.button]
    assert plain(QUESTION) in [button.label for button in one.run().button]


# Documents


def test_without_a_library_the_page_says_how_to_begin(run_on: Callable[..., AppTest], tmp_path: Path) -> None:
    page = run_on(tmp_path / "нема")
    assert "There are no documents here yet" in said(page)
    assert page.code[0].value == f'pagesight add FILES --library "{tmp_path / "нема"}"'
    assert not (tmp_path / "нема").exists()


def upload(view: AppTest, *files: tuple[str, bytes], password: str = "") -> AppTest:
    view.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    next(field for field in view.text_input if "Password" in field.label).set_value(password)
    buttons(view, "Add")[0].click().run()
    return settled(view)


def settled(view: AppTest) -> AppTest:
    """Wait until what is being added is done, and look again."""
    now = adding.adding_now()
    assert now is None or now.wait(60)
    return view.run()


def stages(view: AppTest) -> dict[str, str]:
    """What became of the files that were added last."""
    table = view.dataframe[-1].value
    return dict(zip(table["File"], table["State"], strict=True))


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
    assert (stages(new)["Звіт.pdf"], stages(new)["half.pdf"]) == ("✓ indexed", "◐ partial")
    assert "**half.pdf** was added in part." in said(new)
    assert re.search(r"\*\*locked.pdf\*\* was not added. .*encrypted", said(new))
    assert re.search(r"\*\*notes.docx\*\* was not added. .*save it as PDF", said(new))
    assert "2 documents, 3 pages, " in said(new)
    table = new.dataframe[0].value
    assert list(table["File"]) == ["locked.pdf", "notes.docx", "half.pdf", "Звіт.pdf"]
    assert list(table["State"]) == ["✗ failed", "✗ failed", "◐ partial", "✓ indexed"]
    assert table["Title"].iloc[-1] == HOSTILE
    kept = sorted(path.name for path in (tmp_path / "мої" / "library" / "uploads").iterdir())
    assert kept == ["half.pdf", "locked.pdf", "notes.docx", "Звіт.pdf"]

    upload(new, ("locked.pdf", pdfs.pdf(pdfs.text_page("Hidden"), password="geheim")), password="geheim")
    assert stages(new) == {"locked.pdf": "✓ indexed"}
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
        filled.button(key="adding-close").click().run()
        mark(filled, 0)
        buttons(filled, "Remove")[0].click().run()
        assert "is being written by process" in filled.error[0].value
    assert not filled.exception
    assert len(filled.dataframe[0].value) == 2
    assert sorted(path.name for path in (folder / "uploads").iterdir()) == ["a.pdf"]
