"""The catalog: what is there, what is gone, and that gone means gone from the bytes too."""

import sqlite3
import threading
from pathlib import Path

import pytest
from fakes import words_of

from pagesight.retrieval.catalog import Catalog, DocumentRow, PageRow, Source, page_id
from pagesight.retrieval.errors import LibraryError
from pagesight.retrieval.types import Passage


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "catalog.sqlite")


def document(id_: str, pages: int = 1) -> DocumentRow:
    return DocumentRow(id_, "Größen", "application/pdf", 10, pages, "indexed", None, 0.1)


def page(number: int = 1, *lines: str) -> PageRow:
    words = words_of(*lines)
    passages = [Passage("", 0, len(words))] if words else []
    return PageRow(number, 612, 792, 0, "\n".join(lines), "layer", words, passages, "sha")


def at(path: str, document: str | None) -> Source:
    return Source(path, document, 10, 123_456_789_012_345_678, None if document else "Cannot read it: böse.")


def test_a_document_comes_back_as_it_went_in(catalog: Catalog, tmp_path: Path):
    lines = ("Die Größe der Fläche:", "12 m² 東京 🙂 매출은")
    catalog.put_document(document("ab"), [page(1, *lines)], at("/bücher/ä.pdf", "ab"))
    again = Catalog(tmp_path / "catalog.sqlite")
    (found,) = again.documents()
    assert (found.id, found.title, found.sources, found.state) == ("ab", "Größen", ("/bücher/ä.pdf",), "indexed")
    (stored,) = again.pages_of("ab")
    assert (stored.id, stored.number, stored.source, stored.text) == ("ab/1", 1, "/bücher/ä.pdf", "\n".join(lines))
    words = again.words("ab/1")
    assert [word.text for word in words] == " ".join(lines).split()
    assert all(stored.text[word.start :].startswith(word.text) for word in words if stored.text)
    for word, original in zip(words, words_of(*lines), strict=True):
        assert word.box == pytest.approx(original.box, abs=1e-3)
    assert again.passages("ab/1") == (Passage("\n".join(lines), 0, len(words)),)
    assert again.source("/bücher/ä.pdf") == at("/bücher/ä.pdf", "ab")


def test_a_page_that_was_read_and_is_empty_differs_from_one_that_was_not(catalog: Catalog):
    failed = PageRow(2, 0, 0, 0, None, "none", failure="page 2: zu groß")
    catalog.put_document(document("ab", 2), [page(1), failed], at("/ä.pdf", "ab"))
    assert [one.text for one in catalog.pages_of("ab")] == ["", None]
    assert catalog.words("ab/1") == catalog.words("ab/2") == catalog.words("nobody/1") == ()
    assert catalog.passages("ab/2") == catalog.passages("nobody/1") == ()
    assert catalog.page_documents() == {"ab/1": "ab"}
    assert catalog.failures("ab") == {2: "page 2: zu groß"}


def test_the_same_bytes_under_two_names_stay_until_the_last_name_goes(catalog: Catalog):
    catalog.put_document(document("ab"), [page(1, "Größe")], at("/b.pdf", "ab"))
    assert catalog.put_source(at("/a.pdf", "ab")) == []
    assert catalog.documents()[0].sources == ("/a.pdf", "/b.pdf")
    assert catalog.remove_sources(["/a.pdf"]) == []
    assert catalog.has_document("ab")
    assert catalog.remove_sources(["/b.pdf", "/nie gesehen.pdf"]) == ["ab"]
    assert not catalog.has_document("ab")
    assert catalog.pages([page_id("ab", 1)]) == {}
    assert catalog.jobs() == ["ab"], "its index rows are still to be purged"


def test_a_path_that_holds_something_else_drops_what_it_held(catalog: Catalog):
    catalog.put_document(document("alt"), [page(1, "Größe")], at("/ä.pdf", "alt"))
    assert catalog.put_document(document("neu"), [page(1, "Höhe")], at("/ä.pdf", "neu")) == ["alt"]
    assert [one.id for one in catalog.documents()] == ["neu"]
    assert catalog.put_source(at("/ä.pdf", None)) == ["neu"]
    assert [(one.path, one.document, one.reason) for one in catalog.sources()] == [
        ("/ä.pdf", None, "Cannot read it: böse.")
    ]


def test_every_change_that_readers_see_makes_a_new_generation(catalog: Catalog):
    seen = [catalog.generation()]
    catalog.begin_job("ab", "add")
    assert catalog.generation() == seen[0]
    catalog.put_document(document("ab"), [page()], at("/ä.pdf", "ab"))
    seen.append(catalog.generation())
    catalog.remove_sources(["/ä.pdf"])
    seen.append(catalog.generation())
    assert seen == sorted(set(seen))
    assert catalog.generation() == seen[-1]


def test_a_change_that_fails_changes_nothing(catalog: Catalog):
    before = catalog.generation()
    with pytest.raises(sqlite3.IntegrityError):
        catalog.put_document(document("ab", 2), [page(1, "Größe"), page(1, "Höhe")], at("/ä.pdf", "ab"))
    assert catalog.documents() == []
    assert catalog.sources() == []
    assert catalog.generation() == before


def test_a_reader_sees_the_last_commit_while_a_writer_writes(catalog: Catalog):
    catalog.put_document(document("ab"), [page(1, "Größe")], at("/ä.pdf", "ab"))
    seen: list[int] = []
    with catalog.transaction() as connection:
        connection.execute("DELETE FROM documents")
        reading = threading.Thread(target=lambda: seen.append(len(catalog.documents())))
        reading.start()
        reading.join(20)
        assert seen == [1]
    assert catalog.documents() == []


def test_many_pages_are_looked_up_at_once(catalog: Catalog):
    catalog.put_document(document("ab", 1200), [page(n, f"Größe {n}") for n in range(1, 1201)], at("/ä.pdf", "ab"))
    assert len(catalog.pages(page_id("ab", n) for n in range(1, 1300))) == 1200
    assert [one.number for one in catalog.pages_of("ab")] == list(range(1, 1201))


def test_deleted_text_is_not_in_the_file(catalog: Catalog, tmp_path: Path):
    secret = "Quarzuhrwerk"
    catalog.put_document(document("offen"), [page(1, "Wasserpumpe für alle")], at("/offen.pdf", "offen"))
    catalog.put_document(document("geheim", 300), [page(n, secret) for n in range(1, 301)], at("/geheim.pdf", "geheim"))
    assert secret.encode() in stored_bytes(tmp_path)
    catalog.remove_sources(["/geheim.pdf"])
    catalog.end_job("geheim")
    catalog.close()
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert secret.encode() not in stored_bytes(tmp_path)
    assert "Wasserpumpe für alle".encode() in stored_bytes(tmp_path)


def stored_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("catalog.sqlite*"))


def test_a_missing_catalog_is_named_and_not_made_anew(tmp_path: Path):
    with pytest.raises(LibraryError, match=r"größe.*is missing"):
        Catalog(tmp_path / "größe").documents()
    assert list(tmp_path.iterdir()) == []
