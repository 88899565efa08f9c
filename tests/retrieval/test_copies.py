"""Pages that say the same are one hit; who shows a picture sees each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from drafts import empty_library, write
from PIL import Image

from pagesight.retrieval import Library

BY_WORDS = {"lexical": 1.0}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = empty_library(tmp_path / "größen")
    with library.writer() as writer:
        write(writer, "alt", "/alt.pdf", "Die Wärmepumpe läuft", "Der Druck der Wärmepumpe")
        write(writer, "neu", "/neu.pdf", "DIE  Wärmepumpe\nläuft", "Der Druck der Wärmepumpe ist 5 bar")
        write(writer, "drei", "/drei.pdf", "die Wärmepumpe läuft", "Eine Wärmepumpe")
    return library


def test_pages_of_one_text_are_one_hit_that_names_the_others(library: Library):
    hits = library.retrieve("läuft Wärmepumpe", k=9, weights=BY_WORDS)
    best = hits[0]
    assert {page.id for page in (best.page, *best.copies)} == {"alt/1", "neu/1", "drei/1"}
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert all(hit.copies == () for hit in hits[1:])
    assert [one["source"] for one in best.to_dict()["copies"]] == [page.source for page in best.copies]


def test_copies_take_no_place_from_others(library: Library):
    assert len(library.retrieve("läuft Wärmepumpe", k=2)) == 2


def test_in_a_document_its_own_page_is_found(library: Library):
    (hit,) = library.retrieve("läuft", where={"document": ["neu.pdf"]}, k=1, weights=BY_WORDS)
    assert (hit.page.id, hit.copies) == ("neu/1", ())


def test_pages_without_text_are_alike_by_their_picture(tmp_path: Path):
    library = empty_library(tmp_path / "größen")
    with library.writer() as writer:
        write(writer, "a", "/a.pdf", "", "Wärmepumpe")
        write(writer, "b", "/b.pdf", "", "Wärmepumpe im Keller")
    assert {hit.page.id: [page.id for page in hit.copies] for hit in library.retrieve("b.pdf a.pdf Titel", k=9)} in (
        {"a/1": ["b/1"], "a/2": [], "b/2": []},
        {"b/1": ["a/1"], "a/2": [], "b/2": []},
    )


def test_who_shows_a_picture_sees_each_copy(library: Library):
    out = BytesIO()
    Image.new("RGB", (40, 40), "white").save(out, "PNG")
    hits = library.retrieve("läuft Wärmepumpe", image=out.getvalue(), k=9)
    assert {"alt/1", "neu/1", "drei/1"} <= {hit.page.id for hit in hits}


def test_hits_below_a_score_are_left_out(library: Library):
    every = library.retrieve("läuft Wärmepumpe", k=9)
    bar = every[1].score
    assert [hit.page for hit in library.retrieve("läuft Wärmepumpe", k=9, min_score=bar)] == [
        hit.page for hit in every[:2]
    ]
    assert library.retrieve("läuft Wärmepumpe", k=9, min_score=99) == []
