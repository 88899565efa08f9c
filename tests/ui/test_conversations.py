"""Conversations: follow-ups, the list of them, ratings; each visitor's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from looking import QUESTION, ask, buttons, faked, has_part, said, sends
from streamlit.testing.v1 import AppTest

from pagesight.retrieval import open_library
from pagesight.ui import session
from pagesight.ui.plain import plain


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
