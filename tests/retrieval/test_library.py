"""Opening a library, and refusing to when it cannot be read rightly."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pagesight.retrieval import Library, Settings, create_library, open_library
from pagesight.retrieval.errors import CorruptFile, EncoderMismatch, LibraryError, LibraryNotFound, QueryError


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "library.json").read_text())
    change(manifest)
    (folder / "library.json").write_text(json.dumps(manifest))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_library(tmp_path / "größen").close()
    return tmp_path / "größen"


def test_an_empty_library_finds_nothing_and_makes_no_index(folder: Path, open_shared: Callable[[Path], Library]):
    with open_shared(folder) as library:
        assert library.documents() == []
        assert library.retrieve("Wie groß?") == []
    assert {file.name for file in folder.iterdir()} <= {
        "library.json", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "faiss"
    }  # fmt: skip
    assert not list((folder / "faiss").iterdir())


def test_creating_a_library_that_is_there_opens_it(folder: Path):
    manifest = (folder / "library.json").read_bytes()
    create_library(folder).close()
    assert (folder / "library.json").read_bytes() == manifest


def test_a_folder_that_is_not_a_library_is_left_alone(tmp_path: Path):
    with pytest.raises(LibraryNotFound, match=r"größe; make one with: pagesight add FILES --library"):
        open_library(tmp_path / "größe")
    (tmp_path / "Brief an Jürgen.txt").write_text("…")
    with pytest.raises(LibraryError, match="is not a library"):
        create_library(tmp_path)
    with pytest.raises(LibraryError, match="is not a library"):
        create_library(tmp_path / "Brief an Jürgen.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["Brief an Jürgen.txt"]


def test_another_encoder_is_refused_with_the_way_out(folder: Path):
    edit_manifest(folder, lambda manifest: manifest["encoders"]["dense"].update(model="bäcker/encoder", revision="1"))
    with pytest.raises(EncoderMismatch, match=r"bäcker/encoder@1.*'dense'.*all-MiniLM-L6-v2.*PAGESIGHT_ENCODER"):
        open_library(folder)


def test_an_encoder_that_is_not_the_one_a_library_was_built_with_is_refused(folder: Path, tmp_path: Path):
    other = tmp_path / "modèle"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"hidden_size": 8}))
    with pytest.raises(EncoderMismatch, match="modèle"):
        open_library(folder, Settings(encoder=other))


def test_a_library_of_another_format_is_refused(folder: Path):
    edit_manifest(folder, lambda manifest: manifest.update(format=99))
    with pytest.raises(LibraryError, match="format 99"):
        open_library(folder)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": 4}',
        '{"format": 4, "encoders": []}',
        '{"format": 4, "encoders": {}}',
        '{"format": 4, "encoders": {}, "models": {"visual": {"größe": 3}}}',
        '{"format": 4, "encoders": {"dense": "ä"}}',
        '{"format": 4, "encoders": {"dense": {"größe": 3}}}',
    ],
)
def test_a_damaged_manifest_is_named(folder: Path, damaged: str):
    (folder / "library.json").write_text(damaged)
    with pytest.raises(CorruptFile, match=r"größen.library\.json is damaged"):
        open_library(folder)


def test_a_library_built_without_a_channel_is_refused(folder: Path):
    edit_manifest(folder, lambda manifest: manifest["encoders"].pop("words"))
    with pytest.raises(EncoderMismatch, match="built with none for its channel 'words'"):
        open_library(folder)


def test_a_library_without_its_catalog_says_so(folder: Path):
    for file in folder.glob("catalog.sqlite*"):
        file.unlink()
    with pytest.raises(LibraryError, match=r"catalog\.sqlite is missing"):
        open_library(folder).documents()


def test_a_page_is_found_by_its_document_and_number(library: Library):
    for name in ("план.pdf", library.documents()[-2].id, library.documents()[-2].id[:8]):
        assert library.page(name, 1).source.endswith("план.pdf")
    for name, number in (("план.pdf", 2), ("план.pdf", 0)):
        with pytest.raises(QueryError, match=r"no page \d in план\.pdf"):
            library.page(name, number)
    with pytest.raises(QueryError, match=r"no document 'ніщо\.pdf'"):
        library.page("ніщо.pdf", 1)


def test_words_and_passages_of_a_page_lie_in_its_text(library: Library):
    for document in library.documents():
        for page in library.catalog.pages_of(document.id):
            assert page.text is not None
            words = library.page_words(page.id)
            assert words
            for word in words:
                assert page.text[word.start : word.start + len(word.text)] == word.text
                assert 0 <= word.box.x0 < word.box.x1 <= page.width
                assert 0 <= word.box.y0 < word.box.y1 <= page.height
            covered = [i for passage in library.page_passages(page.id) for i in range(passage.first, passage.last)]
            assert covered == list(range(len(words)))


def test_a_page_has_its_picture_and_a_damaged_one_is_never_served(library_copy: Library):
    page = library_copy.page("план.pdf", 1)
    file = library_copy.image_path(page.document, 1)
    whole = file.read_bytes()
    assert library_copy.page_image(page) == whole
    assert whole[8:12] == b"WEBP"
    for damaged in (whole[:-1], b"", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        file.write_bytes(damaged)
        with pytest.raises(CorruptFile, match=r"00001\.webp is missing or damaged"):
            library_copy.page_image(page)
    file.unlink()
    with pytest.raises(CorruptFile, match=r"00001\.webp is missing or damaged"):
        library_copy.page_image(page)
