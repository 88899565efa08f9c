"""The lab and the settings, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from looking import HOSTILE, QUESTION, VIEW, buttons, faked, markdown_of, said
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from pagesight.retrieval import Settings, open_library
from pagesight.ui import session
from pagesight.ui.trials import try_out
from pagesight.ui.views.settings import NO_KEY, choice


@pytest.fixture
def lab(run_on: Callable[..., AppTest], folder: Path) -> AppTest:
    return run_on(folder, VIEW.format("lab"))


def test_channels_and_fusions_stand_side_by_side_and_weights_move_ranks(lab: AppTest) -> None:
    lab.text_input(key="lab-question").set_value(QUESTION).run()
    table = lab.dataframe[0].value
    assert table["Found"].iloc[0] == "Тарифи 2024, page 2"
    assert {"lexical", "dense", "words", "Reciprocal ranks", "Usual weights"} <= set(table.columns)
    assert set(table["Moved"]) == {""}
    for name in ("dense", "words"):
        lab.slider(key=f"weight-{name}").set_value(0.0)
    lab.run()
    assert list(lab.dataframe[0].value["Your weights"]) == [1, 2, 3, 4]
    assert not lab.exception
    for written in markdown_of(lab):
        assert "<script" not in written.replace("\\<", "")


def test_a_question_becomes_a_test_case_and_its_result_leads_to_the_page(lab: AppTest, folder: Path) -> None:
    lab.text_input(key="lab-question").set_value(QUESTION).run()
    with open_library(folder) as library:
        page = library.page("тарифи.pdf", 2)
    lab.multiselect(key="case-pages").set_value([page.id])
    buttons(lab, "Keep as a test question")[0].click().run()
    lab.run()
    cases = lab.dataframe[1].value
    assert list(cases["Question"]) == [QUESTION]
    assert list(cases["First right page"]) == [1]
    assert f"page={page.document[:16]}%2F2" in cases["Page"].iloc[0]
    assert [metric.value for metric in lab.metric] == ["1.000", "1.000"]


def test_an_empty_question_and_a_library_without_documents_are_said(
    lab: AppTest, run_on: Callable[..., AppTest], tmp_path: Path
) -> None:
    assert "None yet" in said(lab)
    assert "There are no documents here yet" in said(run_on(tmp_path / "нема", VIEW.format("lab")))


def test_reciprocal_ranks_and_channels_know_the_same_pages(folder: Path, open_shared: Any) -> None:
    with open_shared(folder) as library:
        trial = try_out(library, QUESTION, {"lexical": 1.0})
        assert trial.tried.keys() == trial.usual.keys() == trial.reciprocal.keys()
        assert trial.channels["lexical"][trial.shown(1)[0]] == 1


@pytest.fixture
def settings_view(run_on: Callable[..., AppTest], folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("PAGESIGHT_GENERATOR_KEY", "sk-geheim")
    return run_on(folder, VIEW.format("settings"))


def test_settings_say_what_is_on_and_why_not_and_never_show_a_key(settings_view: AppTest) -> None:
    assert not settings_view.exception
    health = settings_view.dataframe[0].value
    assert dict(zip(health["Part"], health["State"], strict=True))["words"] == "✓ on"
    assert list(settings_view.dataframe[1].value["Part"])[:1] == ["Catalog"]
    key = settings_view.text_input(key="generator-key")
    assert (key.value, key.placeholder) == ("", "A key is set")
    assert "geheim" not in str(settings_view.main)


def test_a_generator_is_chosen_for_one_visit(settings_view: AppTest) -> None:
    settings_view.selectbox(key="generator-name").set_value("openai")
    settings_view.text_input(key="generator-model").set_value("qwen-ü")
    settings_view.text_input(key="generator-key").set_value("sk-інший")
    buttons(settings_view, "Use for my visit")[0].click().run()
    chosen = settings_view.session_state[session.CHOSEN]
    assert (chosen["generator"], chosen["generator_model"]) == ("openai", "qwen-ü")
    assert "інший" not in str(chosen)


def test_a_server_of_the_visitor_s_own_never_gets_the_key_of_this_machine() -> None:
    settings = Settings(generator_url="http://here/v1", generator_key=SecretStr("sk-geheim"))

    def key(chosen: dict[str, Any], url: str, given: str = "") -> str | None:
        update = choice(settings, chosen, "openai", "m", url, given)
        found = settings.model_copy(update=update).generator_key
        return None if found is None else found.get_secret_value()

    assert key({}, "http://here/v1") == "sk-geheim"
    assert key({}, "http://elsewhere/v1") == NO_KEY
    assert key({}, "http://elsewhere/v1", "sk-own") == "sk-own"
    own = choice(settings, {}, "openai", "m", "http://elsewhere/v1", "sk-own")
    assert key(own, "http://elsewhere/v1") == "sk-own"
    assert key(own, "http://here/v1") == "sk-geheim"
    assert key(own, "http://third/v1") == NO_KEY


def test_ratings_are_listed_as_they_were_written(
    run_on: Callable[..., AppTest], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked(monkeypatch, f"{HOSTILE}")
    page = run_on(folder, q=QUESTION)
    page.feedback[0].set_value(0).run()
    lab = run_on(folder, VIEW.format("lab"))
    assert "Answers that people rated: 0 good, 1 bad" in [expander.label for expander in lab.expander]
    assert not any("<script" in written.replace("\\<", "") for written in markdown_of(lab))
