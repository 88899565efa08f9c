"""The library view: adding, what could not be read, and removing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pdfs
import pytest
from looking import HOSTILE, VIEW, buttons, said
from streamlit.testing.v1 import AppTest

from pagesight.ingest import add
from pagesight.retrieval import open_library
from pagesight.ui import adding
from pagesight.ui.plain import plain
from pagesight.ui.views import first_run


@pytest.fixture
def new(run_on: Callable[..., AppTest], tmp_path: Path) -> AppTest:
    """The documents view where there is no library yet."""
    return run_on(tmp_path / "мої" / "library", VIEW.format("documents"))


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
    assert re.search(r"\*\*notes.docx\*\* was not added. .*get another copy", said(new))
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


def test_the_samples_are_one_press_away(
    run_on: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "зразки").mkdir()
    (tmp_path / "зразки" / "лист.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Шановні друзі")))
    monkeypatch.setattr(first_run, "SAMPLES", tmp_path / "зразки")
    page = run_on(tmp_path / "нова", VIEW.format("search"))
    reading, go = Event(), Event()
    begin = adding.Adding._begin_next

    def held(self: adding.Adding) -> None:
        begin(self)
        reading.set()
        go.wait(30)

    monkeypatch.setattr(adding.Adding, "_begin_next", held)
    page.button(key="samples").click().run()
    assert reading.wait(30)
    page.run()
    assert "The first documents are being read" in said(page)
    assert not buttons(page, "Try it with the samples")
    go.set()
    settled(page)
    assert page.title[0].value == "Search what your documents say and show"


def test_documents_of_one_s_own_are_added_on_the_first_page(run_on: Callable[..., AppTest], tmp_path: Path) -> None:
    page = upload(run_on(tmp_path / "нова", VIEW.format("search")), ("лист.pdf", pdfs.pdf(pdfs.text_page("Früh"))))
    assert page.title[0].value == "Search what your documents say and show"


def test_samples_of_which_nothing_came_say_why(
    run_on: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "зразки").mkdir()
    (tmp_path / "зразки" / "лист.pdf").write_bytes(b"%PDF-1.7 nothing")
    monkeypatch.setattr(first_run, "SAMPLES", tmp_path / "зразки")
    page = run_on(tmp_path / "нова", VIEW.format("search"))
    page.button(key="samples").click().run()
    settled(page)
    assert plain("лист.pdf") in page.error[0].value
    assert buttons(page, "Try it with the samples")


def test_files_that_failed_can_be_tried_again(new: AppTest, tmp_path: Path) -> None:
    upload(new, ("a.pdf", b"%PDF-1.7 nothing"))
    file = tmp_path / "мої" / "library" / "uploads" / "a.pdf"
    file.write_bytes(pdfs.pdf(pdfs.text_page("Äpfel")))
    new.button(key="retry").click().run()
    settled(new)
    assert stages(new) == {"a.pdf": "✓ indexed"}
    assert "could not be read" not in said(new)


def test_cancelling_keeps_what_is_done_and_nothing_of_the_rest(
    new: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = adding.Adding._on_progress

    def cancelled(self: adding.Adding, event: object) -> None:
        if "b.pdf" in str(event):
            self.cancel()
        progress(self, event)  # type: ignore[arg-type]

    monkeypatch.setattr(adding.Adding, "_on_progress", cancelled)
    upload(new, *((f"{name}.pdf", pdfs.pdf(pdfs.text_page(f"Сторінка {name}"))) for name in "abc"))
    assert stages(new) == {"a.pdf": "✓ indexed", "b.pdf": "– cancelled", "c.pdf": "– cancelled"}
    with open_library(tmp_path / "мої" / "library") as library:
        assert [Path(one.sources[0]).name for one in library.documents()] == ["a.pdf"]
    assert [file.name for file in (tmp_path / "мої" / "library" / "uploads").iterdir()] == ["a.pdf"]
