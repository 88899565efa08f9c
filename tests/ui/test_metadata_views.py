"""Languages and metadata on the page: as filters, as fields to change; and compaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from looking import HOSTILE, QUESTION, VIEW, ask, cards, has_part, markdown_of, said
from streamlit.testing.v1 import AppTest

from pagesight.retrieval import open_library


@pytest.fixture
def told(folder: Path) -> Path:
    """The library, with something known of both documents and pages in two languages."""
    with open_library(folder) as library, library.writer() as writer:
        hostile, tariff = (library.resolve(name) for name in ("hostile.pdf", "тарифи.pdf"))
        writer.set_metadata(hostile, {"company": HOSTILE, "year": 2020, "signed": "2020-03-01", "final": True})
        writer.set_metadata(hostile, {"one": 1})
        writer.set_metadata(tariff, {"company": "Ö & Co", "year": 2024.5, "signed": "2024-03-01", "final": False})
        with library.catalog.transaction() as connection:
            connection.execute("UPDATE pages SET language = 'en'")
            connection.execute("UPDATE pages SET language = 'uk' WHERE document = ? AND number = 3", tariff)
    return folder


@pytest.fixture
def page(run_on: Callable[..., AppTest], told: Path) -> AppTest:
    return ask(run_on(told), QUESTION, answer="off")


def found(page: AppTest) -> set[str]:
    assert not page.exception
    assert not page.error, [error.value for error in page.error]
    return {card["file"] for card in cards(page)}


@pytest.mark.parametrize(
    ("kind", "key", "value", "address", "passing"),
    [
        ("multiselect", "fact|company|is", ["Ö & Co"], ["company=Ö & Co"], {"тарифи.pdf"}),
        ("multiselect", "fact|company|is", [HOSTILE], [f"company={HOSTILE}"], {"hostile.pdf"}),
        ("multiselect", "fact|final|is", ["true"], ["final=true"], {"hostile.pdf"}),
        ("number_input", "fact|year|from", 2021.0, ["year>=2021"], {"тарифи.pdf"}),
        ("number_input", "fact|year|to", 2020.0, ["year<=2020"], {"hostile.pdf"}),
        ("date_input", "fact|signed|to", date(2020, 3, 1), ["signed<=2020-03-01"], {"hostile.pdf"}),
    ],
)
def test_metadata_narrows_the_search_and_is_in_the_link(
    page: AppTest, kind: str, key: str, value: Any, address: list[str], passing: set[str]
) -> None:
    assert found(page) == {"hostile.pdf", "тарифи.pdf"}
    getattr(page, kind)(key=key).set_value(value).run()
    assert page.query_params["where"] in (address, address[0])
    assert found(page) == passing
    assert "1 filter on: " in said(page)
    page.button(key="filter-clear").click().run()
    assert "where" not in page.query_params
    assert len(found(page)) == 2
    for text in markdown_of(page):
        assert "<script" not in text.replace("\\<script", "")


def test_languages_narrow_the_search_to_their_pages(page: AppTest) -> None:
    page.multiselect(key="filter-languages").set_value(["uk"]).run()
    assert page.query_params["language"] in ("uk", ["uk"])
    assert [card["number"] for card in cards(page)] == [3]


def test_a_key_that_tells_nothing_apart_is_no_filter(page: AppTest) -> None:
    assert not [widget for widget in page.number_input if "one" in widget.label]


def test_a_link_with_several_conditions_shows_them_all(run_on: Callable[..., AppTest], told: Path) -> None:
    page = ask(run_on(told), QUESTION, answer="off", where=["year>=2000", "year<=2021", "company=Ö & Co"])
    assert page.number_input(key="fact|year|from").value == 2000
    assert page.number_input(key="fact|year|to").value == 2021
    assert page.multiselect(key="fact|company|is").value == ["Ö & Co"]
    assert "No page was found. Take a filter away" in said(page)


def test_a_link_that_asks_for_what_there_is_not_says_what_there_is(run_on: Callable[..., AppTest], told: Path) -> None:
    page = ask(run_on(told), QUESTION, answer="off", where=["größe=7"])
    assert not page.exception
    assert "There is no filter 'größe'; there are document" in said(page)
    ask(page, QUESTION, answer="off", where=["year=колись"])
    assert "'year' does not fit" in said(page)
    assert not has_part(page, "results")


def test_conditions_that_no_widget_shows_stay_when_another_filter_changes(
    run_on: Callable[..., AppTest], told: Path
) -> None:
    page = ask(run_on(told), QUESTION, answer="off", where=["year=2020", "company>=A"])
    page.number_input(key="fact|year|to").set_value(2021.0).run()
    assert set(page.query_params["where"]) == {"year=2020", "company>=A", "year<=2021"}


def test_what_was_found_is_looked_up_again_when_its_filters_let_others_through(page: AppTest, told: Path) -> None:
    page.number_input(key="fact|year|from").set_value(2019.0).run()
    assert found(page) == {"hostile.pdf", "тарифи.pdf"}
    for year, passing in ((2000, {"тарифи.pdf"}), (2030, {"hostile.pdf", "тарифи.pdf"})):
        with open_library(told) as library, library.writer() as writer:
            writer.set_metadata(library.resolve("hostile.pdf"), {"year": year})
        assert found(page.run()) == passing
    with open_library(told) as library, library.writer() as writer:
        writer.unset_metadata([one.id for one in library.documents()], ["year"])
    assert "There is no filter 'year'" in said(page.run())
    assert not has_part(page, "results")


@pytest.fixture
def view(run_on: Callable[..., AppTest], told: Path) -> AppTest:
    return run_on(told, VIEW.format("documents"))


def field(view: AppTest, label: str) -> Any:
    return next(one for one in view.text_input if one.label.startswith(label))


def known(folder: Path) -> dict[str, Any]:
    with open_library(folder) as library:
        return dict(next(one for one in library.documents() if one.title.startswith("Тарифи")).metadata)


def test_what_is_known_is_changed_added_and_taken_out(view: AppTest, told: Path) -> None:
    chosen = next(one for one in view.selectbox(key="metadata-document").options if "тарифи" in one)
    view.selectbox(key="metadata-document").select(chosen).run()
    field(view, "company").set_value("Ä & Söhne")
    field(view, "final").set_value("")
    field(view, "New key").set_value("Наклад")
    field(view, "Its value").set_value("1200")
    view.button(key="metadata-save").click().run()
    assert not view.exception
    assert "Saved." in said(view)
    assert known(told) == {"company": "Ä & Söhne", "signed": date(2024, 3, 1), "year": 2024.5, "наклад": 1200}
    assert field(view, "наклад: a number, from you").value == "1200"
    assert field(view, "New key").value == ""

    field(view, "year").set_value("колись")
    field(view, "company").set_value("")
    view.button(key="metadata-save").click().run()
    assert "The metadata 'year' is a number in this library: 'колись' is text" in said(view)
    assert known(told)["company"] == "Ä & Söhne", "all of a change, or nothing"
    assert field(view, "year").value == "колись"


def test_while_somebody_writes_it_says_so_and_changes_nothing(view: AppTest, told: Path) -> None:
    with open_library(told) as library, library.writer():
        field(view, "company").set_value("")
        view.button(key="metadata-save").click().run()
        assert "is being written by process" in said(view)
        view.button(key="compact").click().run()
        assert said(view).count("is being written by process") == 1
    assert not view.exception


def test_compacting_says_how_much_it_gained(view: AppTest, told: Path) -> None:
    with open_library(told) as library, library.writer() as writer:
        writer.remove_sources([source for one in library.documents()[:1] for source in one.sources])
    before = {file.name for file in (told / "multivectors" / "words").iterdir() if file.is_dir()}
    view.run().button(key="compact").click().run()
    assert not view.exception
    after = {file.name for file in (told / "multivectors" / "words").iterdir() if file.is_dir()}
    assert after, "what stays"
    assert after.isdisjoint(before), "new ones without what went"
    assert re.search(r"[\d.]+ MB on disk before, [\d.]+ MB now", said(view))
