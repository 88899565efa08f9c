"""Office files are ZIP archives: what their directory says, and bombs, before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import office
import pytest

from pagesight.ingest import archives
from pagesight.ingest.archives import properties
from pagesight.ingest.kinds import KINDS, kind_of
from pagesight.retrieval.errors import DocumentEncrypted, DocumentUnreadable


def kind(tmp_path: Path, data: bytes, name: str = "ohne Endung ä") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return kind_of(path, data[:1024]).suffix


def refusal(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        kind(tmp_path, data)
    return str(caught.value)


def test_office_files_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    assert kind(tmp_path, office.docx("ä")) == ".docx"
    assert kind(tmp_path, office.xlsx([["ä"]]), "falsch.docx") == ".xlsx"
    assert kind(tmp_path, office.odt("ä")) == ".odt"
    assert kind(tmp_path, office.ods([["ä"]])) == ".ods"
    assert kind(tmp_path, office.odp("ä")) == ".odp"
    assert kind(tmp_path, office.rtf("ä")) == ".rtf"


def test_old_office_files_are_told_apart_by_their_directory(tmp_path: Path) -> None:
    def old(*streams: str) -> bytes:
        names = "".join(f"\0\0{stream}\0\0" for stream in streams).encode("utf-16-le")
        return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + names

    assert kind(tmp_path, old("WordDocument")) == ".doc"
    assert kind(tmp_path, old("Workbook")) == ".xls"
    assert kind(tmp_path, old("PowerPoint Document", "WordDocument"), "mit Bericht.ppt") == ".ppt"
    with pytest.raises(DocumentEncrypted, match="save it without its password"):
        kind(tmp_path, old("EncryptedPackage"))
    assert "an old Office file of a kind that is not known" in refusal(tmp_path, old("Bookmark"))


def test_texts_are_told_apart_by_their_names(tmp_path: Path) -> None:
    text = "# Größe".encode()
    names = {"a.md": ".md", "b.markdown": ".md", "c.eml": ".eml", "d.txt": ".txt", "README": ".txt", "e.htm": ".html"}
    assert {name: kind(tmp_path, text, name) for name in names} == names
    assert kind(tmp_path, "<!DOCTYPE html><p>ä".encode(), "f") == ".html"
    assert kind(tmp_path, "<html><p>ä".encode(), "g.xls") == ".html", "what web sites call a spreadsheet"


def test_other_archives_say_what_they_are(tmp_path: Path) -> None:
    assert refusal(tmp_path, office.archive({"ä.txt": "x"})).startswith("it is a ZIP archive, and no Office file")
    assert refusal(tmp_path, office.archive({"mimetype": "application/epub+zip"})).startswith("it is a ZIP archive")
    assert refusal(tmp_path, office.docx("ä")[:-30]) == "it is broken or cut short; get another copy"


def test_an_encrypted_office_file_asks_for_one_without_a_password(tmp_path: Path) -> None:
    manifest = '<manifest:encryption-data manifest:checksum="ä"/>'
    data = office.archive({"mimetype": KINDS[".odt"].media_type, "META-INF/manifest.xml": manifest})
    with pytest.raises(DocumentEncrypted, match="save it without its password"):
        kind(tmp_path, data)


def test_a_bomb_is_refused_by_what_its_directory_says(tmp_path: Path) -> None:
    stream = io.BytesIO(office.docx("ä"))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as made, made.open("word/big.xml", "w") as part:
        for _ in range(60):
            part.write(bytes(1_000_000))
    assert "kB would unpack to 60.0 MB, as a ZIP bomb does; when you trust it, save it as PDF" in refusal(
        tmp_path, stream.getvalue()
    )


def test_a_bomb_of_many_files_or_much_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 4)
    assert "an archive of 5 files, more than 4" in refusal(tmp_path, office.docx("ä"))
    monkeypatch.setattr(archives, "MOST_MEMBERS", 100)
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    assert "as a ZIP bomb does" in refusal(tmp_path, office.docx("ä"))


def test_what_a_file_says_of_itself_is_read_without_its_entities(tmp_path: Path) -> None:
    path = tmp_path / "ä.docx"
    path.write_bytes(office.docx("ä"))
    said = {"Title": "Звіт про насоси", "Author": "Олена Коваль", "CreationDate": "D:20210304"}
    assert properties(path) == said
    path.write_bytes(office.odt("ä"))
    assert properties(path) == said, "the author is who began it, not who saved it last"
    bomb = '<!DOCTYPE x [<!ENTITY a "ä">]>' + office.CORE.replace("Звіт", "&a;")
    for core in (bomb, "<kaputt", ""):
        path.write_bytes(office.archive({"docProps/core.xml": core}))
        assert properties(path) == {}
