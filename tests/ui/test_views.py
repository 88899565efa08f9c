"""The search view as a reader uses it, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from looking import HOSTILE, QUESTION, TARIFF, ask, cards, faked, has_part, markdown_of, part_data, said, sends
from streamlit.testing.v1 import AppTest

from pagesight.retrieval import Box, Citation, Hit, Library, open_library
from pagesight.retrieval.catalog import Catalog
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.ui import answers
from pagesight.ui.plain import plain


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


def test_a_word_that_is_misspelt_is_offered_as_it_is_written(app: AppTest) -> None:
    ask(app, "Що таке zebbra?", answer="off")
    app.button(key="meant").click().run()
    assert app.query_params == {"q": "Що таке zebra?", "answer": "off"}
    assert cards(app)
    assert "meant" not in {button.key for button in app.button}


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


def test_what_came_meanwhile_is_searched_when_one_asks_again_and_what_went_is_not_shown(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    asked = faked(monkeypatch, "Сорок один.")
    ask(app, QUESTION)
    generation = Catalog.generation
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "generation", lambda self: generation(self) + 1000)
        app.run()
        assert len(asked) == 1  # somebody's file arrived: no reason to throw an answer away
        sends(patch, "ask", asked={"question": QUESTION, "answer": True, "picture": None})
        app.run()
        assert len(asked) == 2
    with open_library(folder) as library, library.writer() as writer:
        writer.remove_sources(library.documents()[0].sources)
    app.run()
    assert (len(asked), len(cards(app))) == (3, 3)


def test_an_answer_can_be_stopped_and_begun_anew(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, go = Event(), Event()

    def slow(*_: object, **__: object) -> Iterator[str]:
        try:
            yield "Сорок "
            go.wait(30)
            yield "один"
        finally:
            closed.set()

    monkeypatch.setattr(answers, "stream_answer", slow)
    monkeypatch.setattr(answers, "PATIENCE", 0.3)
    ask(app, QUESTION)
    assert "Сорок" in said(app)
    app.button(key="answer-stop").click().run()
    assert "Сорок" in said(app)
    assert "Stopped. What was written until then has not been checked" in said(app)
    assert not closed.is_set()
    go.set()
    assert closed.wait(30)  # its next piece was its last
    app.run()
    assert "один" not in said(app)
    faked(monkeypatch, "Сорок один.")
    monkeypatch.setattr(answers, "PATIENCE", 60)
    app.button(key="answer-again").click().run()
    assert part_data(app, "answer")["copy"] == "Сорок один."


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
    assert (viewer["number"], viewer["pages"], viewer["file"]) == (2, 3, "тарифи.pdf")
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


def test_a_page_that_says_the_same_is_named_and_opens_with_its_own_evidence(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrieve = Library.retrieve

    def with_copy(library: Library, question: str, **limits: Any) -> list[Hit]:
        best, second, *_ = retrieve(library, question, **limits)
        return [replace(best, copies=(second.page,) * 6)]

    monkeypatch.setattr(Library, "retrieve", with_copy)
    ask(app, QUESTION, answer="off")
    (card,) = cards(app)
    (copy, label), *_ = card["copies"]
    assert re.fullmatch(r"\S+\.pdf, page \d", label)
    assert (len(card["copies"]), card["more"]) == (4, 2)
    sends(monkeypatch, "results", open=copy)
    app.run()
    assert not app.exception
    assert part_data(app, "viewer")["page"] == copy


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
