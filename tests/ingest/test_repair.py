"""A library that is damaged in every way: it is said in words, mended, and then the one that was built in one go."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import fakes
import pdfs
import pytest
from drafts import empty_library, write
from sharing import share_encoder

from pagesight.ingest import add
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.ingest.passages import headings
from pagesight.ingest.restore import Restorer
from pagesight.ingest.words import recompose
from pagesight.retrieval import Library, Settings, create_library
from pagesight.retrieval.checkup import Finding, check
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import LibraryLocked
from pagesight.retrieval.packed_words import pack_words, unpack_words
from pagesight.retrieval.repair import repair
from pagesight.retrieval.stores.tantivy_index import TantivyIndex

OPTIONS: dict[str, Any] = {"ocr": "off", "dpi": 36}
STRANGER = "fremd"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three documents: of eleven pages, with a heading and a word broken at a line's end on each; of one; of two."""
    folder = tmp_path_factory.mktemp("unterlagen ä")
    marks = [pdfs.Text(72, 600, "Wärmepumpen sind Ma-", 12), pdfs.Text(72, 585, "schinen, die heizen.", 12)]
    long = [pdfs.Page([pdfs.Text(72, 700, f"Größe {n}", 24), *marks]) for n in range(1, 12)]
    (folder / "lang_ä.pdf").write_bytes(pdfs.pdf(*long, title="Wärmepumpen"))
    (folder / "план.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Бюджет міста на освіту")))
    (folder / "zwei.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Zürich"), pdfs.text_page("Genève")))
    return folder


@pytest.fixture(scope="module", params=["chroma", "faiss"])
def built(request: pytest.FixtureRequest, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of these, added once. For copying."""
    folder = tmp_path_factory.mktemp("gebaut") / "бібліотека"
    with empty_library(folder, vector_store=request.param, **OPTIONS) as library:
        assert {outcome.state for outcome in add(library, [files])} == {"indexed"}
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "größen"))


def opened(path: Path) -> Library:
    return empty_library(path, **OPTIONS)


def whole(library: Library) -> list[object]:
    """Everything in the library but times, row for row and vector for vector."""
    library.lexical.compact()  # pages that were deleted count in what is rare until they have gone
    catalog = library.catalog
    pages = [id_ for (id_,) in catalog.rows("SELECT id FROM pages ORDER BY id")]
    question = library.page_encoder.encode_query("Wärmepumpen Größe Zürich освіту")
    return [
        catalog.rows("SELECT id, title, media_type, bytes, pages, state, reason FROM documents ORDER BY id"),
        catalog.rows("SELECT path, document, bytes, modified, reason FROM sources ORDER BY path"),
        catalog.rows("SELECT * FROM pages ORDER BY id"),
        catalog.rows("SELECT * FROM figures ORDER BY id"),
        catalog.rows("SELECT * FROM jobs"),
        sorted(library.words.pages()),
        [[array.tolist() for array in library.words.similarities(question, id_) or ()] for id_ in pages],
        [sorted(library.dense.keys(one.id)) for one in sorted(library.documents(), key=lambda one: one.id)],
        # page by page: a product of matrices depends, in its last bit, on where a row lies
        [library.dense.score(row, [id_]) for row in question.rows for id_ in pages],
        [sorted(library.lexical.search(word).items()) for word in ("Maschinen", "Größe", "lang", "Zürich", "освіту")],
        sorted(library.lexical.search_documents("Wärmepumpen Maschinen Größe").items()),
        sorted((file.name, file.read_bytes()) for file in library.path.glob("pages/*/*")),
    ]


def faults(library: Library) -> dict[str, str]:
    return {finding.name: finding.note for finding in check(library) if not finding.ok}


def flip(file: Path, at: float = 0.5) -> None:
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 1
    file.write_bytes(data)


def one(path: Path, pattern: str) -> Path:
    return sorted(path.glob(pattern))[0]


def in_catalog(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path / "catalog.sqlite")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def lose_pages_of_text(path: Path) -> None:
    index = TantivyIndex(path / "lexical")
    with index._pages.writing() as writer:
        for page in sorted(index.pages())[1:12:4]:
            writer.delete_documents_by_term("page", page)
    index.settle()


def lose_documents_of_text(path: Path) -> None:
    index = TantivyIndex(path / "lexical")
    with index._documents.writing() as writer:
        writer.delete_all_documents()
    index.settle()


def lose_vectors(path: Path) -> None:
    """Some rows of Chroma's collection, or a segment of faiss's."""
    with opened(path) as library:
        if (path / "faiss").is_dir():
            shutil.rmtree(one(path, "faiss/passages/0*"))
        else:
            collection = library.dense._collection()  # type: ignore[attr-defined]
            collection.delete(ids=collection.get()["ids"][:3])


def lose_the_list_of_vectors(path: Path) -> None:
    one(
        path, "faiss/passages/segments.json" if (path / "faiss").is_dir() else "chroma/passages/chroma.sqlite3"
    ).unlink()


def garble_vectors(path: Path) -> None:
    if (path / "faiss").is_dir():
        flip(one(path, "faiss/passages/*/vectors.faiss"), 0.9)
    else:
        file = one(path, "chroma/passages/chroma.sqlite3")
        data = bytearray(file.read_bytes())
        data[4096:9000] = bytes(9000 - 4096)
        file.write_bytes(data)


def index_a_stranger(path: Path) -> None:
    with opened(path) as library:
        vectors = fakes.unit_rows(1, seed=1, dim=384)
        library.lexical.add(STRANGER, {f"{STRANGER}/1": {"body": "Größe Maschinen"}})
        library.lexical.seal(STRANGER)
        library.dense.add(STRANGER, [f"{STRANGER}/1"], [f"{STRANGER}/1#0"], vectors)
        library.words.add(STRANGER, [fakes.random_page(f"{STRANGER}/1", seed=1, rows=3, dim=384)])


def index_a_page_too_many(path: Path) -> None:
    """Of a document that is there."""
    with opened(path) as library:
        document = library.documents()[0].id
        library.words.add(document, [fakes.random_page(f"{document}/99", seed=1, rows=3, dim=384)])
        library.lexical.add(document, {f"{document}/99": {"body": "Größe Maschinen"}})
        library.dense.add(document, [f"{document}/1"], [f"{document}/1#7"], fakes.unit_rows(1, seed=1, dim=384))


def leave_things_about(path: Path) -> None:
    (path / "pages" / STRANGER).mkdir()
    (path / "pages" / STRANGER / "00001.webp").write_bytes(b"Bild")
    one(path, "pages/*/00001.webp").with_name("00077.webp").write_bytes(b"Bild")
    for folder in (".", "pages", "multivectors/words"):
        leave_half_a_file(path / folder)


def leave_half_a_file(folder: Path) -> None:
    """Long ago."""
    (folder / ".new-halb").write_bytes(b"halb")
    os.utime(folder / ".new-halb", (1, 1))


WAYS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a picture is deleted": (lambda path: one(path, "pages/*/00001.webp").unlink(), "pictures", "00001.webp"),
    "a picture is damaged": (lambda path: flip(one(path, "pages/*/00002.webp")), "pictures", "page 2"),
    "rows of words are damaged": (lambda path: flip(one(path, "multivectors/words/*/rows.u8")), "words", "rows.u8"),
    "boxes of words are cut short": (
        lambda path: one(path, "multivectors/words/*/boxes.f32").write_bytes(b"kurz"),
        "words",
        "boxes.f32 is damaged (cut short)",
    ),
    "the list of segments is lost": (
        lambda path: one(path, "multivectors/words/manifest.json").unlink(),
        "words",
        "manifest.json is missing",
    ),
    "the list of segments is damaged": (
        lambda path: flip(one(path, "multivectors/words/manifest.json")),
        "words",
        "manifest.json is damaged",
    ),
    "all words are lost": (lambda path: shutil.rmtree(path / "multivectors"), "words", "14 pages lack"),
    "full text lacks pages": (
        lose_pages_of_text,
        "lexical",
        "3 pages lack the channel lexical: ",
    ),
    "full text lacks whole documents": (
        lose_documents_of_text,
        "lexical",
        "14 pages lack the channel lexical: ",
    ),
    "full text is damaged": (
        lambda path: flip(one(path, "lexical/pages/*.idx"), 0.02),
        "lexical",
        ".idx is damaged (its checksum does not match)",
    ),
    "full text has lost a file": (
        lambda path: one(path, "lexical/documents/*.term").unlink(),
        "lexical",
        ".term is damaged (it is missing)",
    ),
    "the list of the full text is damaged": (
        lambda path: (path / "lexical" / "pages" / "meta.json").write_bytes(b"Wort" * 5000),
        "lexical",
        "pages is damaged (meta.json: ",
    ),
    "full text is lost": (lambda path: shutil.rmtree(path / "lexical"), "lexical", "14 pages lack"),
    "vectors are lost": (lose_vectors, "dense", ""),
    "the list of vectors is lost": (lose_the_list_of_vectors, "dense", "is missing"),
    "vectors are damaged": (garble_vectors, "dense", ""),
    "indexes hold a document of nobody's": (index_a_stranger, "orphans", "3 things belong to no document"),
    "indexes hold too much of a document": (index_a_page_too_many, "orphans", "dense: "),
    "things lie about": (leave_things_about, "orphans", "5 things belong to no document"),
    "the catalog lacks pages": (
        lambda path: in_catalog(path, "DELETE FROM pages WHERE number IN (1, 7)"),
        "catalog",
        "lang_ä.pdf, page 1: it is lost",
    ),
    "words in the catalog are damaged": (
        lambda path: in_catalog(path, "UPDATE pages SET words = x'789c' WHERE number = 2"),
        "catalog",
        "page 2: its words are damaged",
    ),
    "the counter of changes is lost": (lambda path: in_catalog(path, "DELETE FROM counters"), "catalog", "counter"),
    "rows of the catalog belong to nothing": (
        lambda path: in_catalog(
            path,
            "INSERT INTO figures SELECT 'x#0', 'x/1', kind, x0, y0, x1, y1, hash, tags FROM figures LIMIT 1",
            "INSERT INTO sources SELECT '/x.pdf', 'x', 1, 1, NULL, seen FROM sources LIMIT 1",
            "INSERT INTO draft_pages SELECT * FROM pages LIMIT 1",
        ),
        "catalog",
        "1 sources of documents that are not there; 1 figures of pages",
    ),
    "a finished document counts as unfinished": (
        lambda path: in_catalog(path, "INSERT INTO jobs SELECT id, 'add', added, '' FROM documents"),
        "catalog",
        "3 notes of unfinished work",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_damage_is_named_and_mended(way: str, copy: Path, built: Path):
    damage, name, words = WAYS[way]
    with opened(built) as library:
        before = whole(library)
    damage(copy)
    with opened(copy) as library:
        found = faults(library)
        assert {name} <= set(found) <= {name, "orphans"}  # a page that is lost leaves its picture behind
        assert words in found[name]
        assert "pagesight doctor --repair" in found[name]
        assert "\n" not in found[name]
        said: list[str] = []
        repair(library, Restorer(library), said.append)
        assert faults(library) == {}
        assert said
        assert whole(library) == before
        again: list[str] = []
        repair(library, Restorer(library), again.append)
        assert again == []
    with opened(copy) as library:
        assert whole(library) == before


def test_a_sound_library_is_looked_at_without_a_change(copy: Path):
    def bytes_of() -> dict[str, bytes]:
        # Chroma writes into its database whenever it is opened; SQLite's shared memory is no part of the library.
        found = (file for file in sorted(copy.rglob("*")) if file.is_file() and "chroma" not in str(file))
        return {str(file): file.read_bytes() for file in found if not file.name.endswith(("-shm", "-wal"))}

    with opened(copy) as library:
        library.documents()  # what was copied may have a log, which goes into the database when who read it closes it
    before = bytes_of()
    with opened(copy) as library:
        findings = check(library)
    assert {finding.name for finding in findings} == {
        *("catalog", "pictures", "lexical", "dense", "words", "visual", "image", "orphans", "journal", "library"),
    }
    assert all(finding.ok for finding in findings)
    assert Finding("pictures", True, "14 pages, each as it was drawn") in findings
    assert bytes_of() == before


def test_without_its_file_a_picture_waits_for_it(files: Path, copy: Path, built: Path, tmp_path: Path):
    away = shutil.move(files / "zwei.pdf", tmp_path / "weg.pdf")
    try:
        with opened(copy) as library:
            (document,) = library.resolve("zwei.pdf")
            library.image_path(document, 2).unlink()
            repair(library, Restorer(library))
            found = faults(library)
            assert set(found) == {"pictures"}
            assert f"once these files are back as they were: {files / 'zwei.pdf'}" in found["pictures"]
            other = pdfs.pdf(pdfs.text_page("Zürich"), pdfs.text_page("Genève, anders"))  # not as it was
            (files / "zwei.pdf").write_bytes(other)
            repair(library, Restorer(library))
            assert set(faults(library)) == {"pictures"}
    finally:
        shutil.move(away, files / "zwei.pdf")
    with opened(copy) as library, opened(built) as untouched:
        repair(library, Restorer(library))
        assert faults(library) == {}
        assert whole(library) == whole(untouched)


def test_a_page_that_would_be_drawn_otherwise_keeps_what_is_drawn_now(copy: Path):
    with empty_library(copy, ocr="off", dpi=72) as library:
        one(copy, "pages/*/00001.webp").unlink()
        repair(library, Restorer(library))
        assert faults(library) == {}
        assert [library.page_image(page) for page in library.catalog.pages_of(library.documents()[0].id)]


def test_words_that_cannot_be_read_again_stay_as_they_are(copy: Path, files: Path):
    in_catalog(copy, "UPDATE pages SET words = x'00' WHERE number = 2", "UPDATE sources SET path = '/weg' || path")
    with opened(copy) as library:
        repair(library, Restorer(library))
        assert library.page("lang_ä.pdf", 2).text
        found = faults(library)
    assert set(found) == {"catalog"}
    assert f"once these files are back as they were: /weg{files}" in found["catalog"]


def test_a_document_that_no_file_stands_for_goes_everywhere(copy: Path):
    in_catalog(copy, "DELETE FROM sources WHERE path LIKE '%zwei.pdf'")
    with opened(copy) as library:
        assert "1 documents that no file stands for" in faults(library)["catalog"]
        repair(library, Restorer(library))
        assert faults(library) == {}
        assert len(library.documents()) == 2
        assert library.lexical.search("Zürich") == {}


@pytest.mark.parametrize("size", [0, 5000, 9000])
def test_a_catalog_that_is_cut_short_is_said_with_the_way_out(copy: Path, files: Path, size: int):
    with closing(sqlite3.connect(copy / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = (copy / "catalog.sqlite").read_bytes()
    (copy / "catalog.sqlite").write_bytes(data[:size])
    with opened(copy) as library:
        repair(library, Restorer(library))
        (finding,) = check(library)
    assert (finding.name, finding.ok) == ("catalog", False)
    assert "catalog.sqlite is damaged" in finding.note
    assert "pagesight add FILES --library NEW" in finding.note
    assert (copy / "catalog.sqlite").read_bytes() == data[:size]


def test_a_damaged_catalog_still_says_which_files_were_in_it(copy: Path, files: Path):
    in_catalog(copy, "DROP TABLE figures")
    with opened(copy) as library:
        (finding,) = check(library)
    assert str(files / "zwei.pdf") in finding.note


def test_what_a_writer_has_begun_is_no_fault_and_is_left_alone(copy: Path, files: Path, built: Path):
    with opened(copy) as library, opened(copy) as doctor:
        with library.writer() as writer, writer.document("neu") as draft:
            del draft
            document = library.documents()[0].id
            library.lexical.add("neu", {"neu/1": {"body": "Größe"}})
            (copy / "pages" / "neu").mkdir()
            leave_half_a_file(copy)
            assert faults(doctor) == {}
            with pytest.raises(LibraryLocked, match="is being written by process"):
                repair(doctor, Restorer(doctor))
        assert document in {one.id for one in doctor.documents()}
        assert set(faults(doctor)) == {"orphans"}  # the half file: the writer has gone


# A child that adds and removes documents until its stdin ends.
WRITING = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from drafts import empty_library, write
library = empty_library(Path(sys.argv[1]))
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set())).start()
n = 0
while not done.is_set() or n < 8:
    n += 1
    with library.writer() as writer:
        write(writer, f"neu{n}", f"/neu{n}.pdf", "Quarzuhrwerk geht", "und steht")
        if n > 3:
            writer.remove_sources([f"/neu{n - 3}.pdf"])
    if n == 4:
        print("writing", flush=True)
"""


def test_nothing_is_wrong_while_another_process_writes(copy: Path, child: Callable[..., subprocess.Popen[str]]):
    process = child(WRITING, copy, Path(__file__).parents[1])
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    with opened(copy) as library:
        looks = [faults(library) for _ in range(8)]
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert looks == [{}] * 8


# A child that repairs again and again, killed a few steps later each time, until it gets through.
KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from drafts import empty_library
from killing import survives
from pagesight.ingest.restore import Restorer
from pagesight.retrieval.repair import repair

def work():
    with empty_library(Path(sys.argv[1]), ocr="off", dpi=36) as library:
        repair(library, Restorer(library))

kills, step = 0, 1
while not survives(step, work):
    kills += 1
    step += 9
print(kills)
"""


@pytest.mark.timeout(600)
def test_a_repair_that_is_killed_is_gone_on_with(copy: Path, built: Path, child: Callable[..., subprocess.Popen[str]]):
    for way in (
        "a picture is damaged",
        "rows of words are damaged",
        "full text is lost",
        "vectors are damaged",
        "things lie about",
        "a finished document counts as unfinished",
    ):
        WAYS[way][0](copy)
    process = child(KILLED, copy, Path(__file__).parents[1])
    out, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors
    assert int(out) >= 5
    with opened(copy) as library, opened(built) as untouched:
        assert faults(library) == {}
        assert whole(library) == whole(untouched)


def test_headings_are_told_from_the_catalogs_words_as_from_the_file():
    seen = 0
    for file in sorted((Path(__file__).parents[2] / "data" / "samples").glob("*.pdf")):
        with open_document(file, options=ParseOptions(ocr="off", dpi=36)) as document:
            for number in range(1, document.info.pages + 1):
                page = document.read_page(number)
                again = recompose(page.text, unpack_words(pack_words(page.words), page.text))
                assert headings(again) == page.headings, (file.name, number)
                seen += bool(page.headings)
    assert seen > 10


def test_a_page_of_marks_that_the_encoder_has_no_rows_for_lacks_nothing(tmp_path: Path, minilm: SentenceEncoder):
    with create_library(tmp_path / "größen", Settings(**OPTIONS)) as library:
        share_encoder(library, minilm)
        with library.writer() as writer:
            write(writer, "ab", "/ä.pdf", "\u0301 \u0308", "Größe", "")
        assert library.words.pages() == {"ab/2"}
        assert faults(library) == {}
