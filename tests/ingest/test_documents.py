"""Opening files of all kinds, and saying why one cannot be opened."""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pdfs
import pytest
from PIL import Image

from pagesight.ingest.documents import ParseOptions, display_path, open_document
from pagesight.retrieval.errors import DocumentEncrypted, DocumentUnreadable

NO_OCR = ParseOptions(ocr="off")
ONE_PAGE = pdfs.pdf(pdfs.text_page("Größe"))


def refusal(path: Path, password: str | None = None) -> str:
    with pytest.raises((DocumentEncrypted, DocumentUnreadable)) as caught:
        open_document(path, password=password, options=NO_OCR)
    message = str(caught.value)
    assert message.startswith(f"Cannot read {display_path(path)}: ")
    assert "\n" not in message
    return message.removeprefix(f"Cannot read {display_path(path)}: ")


def save(folder: Path, data: bytes, name: str = "Datei ä.pdf") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty (0 bytes); get another copy."),
        (bytes(2000), "it holds nothing but zeros; get another copy."),
        (b"PK\x03\x04" + bytes(50), "it is broken or cut short; get another copy."),
        ("<!doctype html><p>für".encode(), "it is a web page, and its name ends in .pdf; get another copy"),
        ("nur Text, für niemanden".encode(), "it is text, and its name ends in .pdf; get another copy"),
        (b"MZ\x90\0\x03\0\0\0", "it is neither a PDF nor a picture, an Office file or text that can be read"),
        (b"\x7fELF\2\1\1\0", "it is a program."),
        (ONE_PAGE[9:200], "it is broken or cut short; get another copy"),
        (b"%PDF-1.7\nnothing", "it is broken or cut short; get another copy"),
        (ONE_PAGE[:200], "it is broken or cut short; get another copy"),
        (pdfs.truncated(), "it is broken or cut short; get another copy"),
        (pdfs.no_pages(), "it has no pages"),
        (b"\x89PNG\r\n\x1a\nnothing", "it is broken or cut short; get another copy."),
    ],
)
def test_a_file_that_cannot_be_read_says_why_in_one_line(tmp_path: Path, data: bytes, reason: str):
    assert refusal(save(tmp_path, data)).startswith(reason)


def test_an_encrypted_file_asks_for_its_password_and_opens_with_it(tmp_path: Path):
    path = save(tmp_path, pdfs.pdf(pdfs.text_page("geheime Größe"), title="Übersicht", password="pässwort"))
    assert refusal(path) == "it is encrypted; give its password (--password)."
    assert refusal(path, "falsch") == "it is encrypted with another password; check --password."
    with open_document(path, password="pässwort", options=NO_OCR) as document:
        assert document.info.title == "Übersicht"
        assert document.read_page(1).text == "geheime Größe"


def test_a_file_without_pages_is_not_taken_for_the_encrypted_one_before_it(tmp_path: Path):
    refusal(save(tmp_path, pdfs.pdf(pdfs.text_page("ß"), password="x")))
    assert refusal(save(tmp_path, pdfs.no_pages())).startswith("it has no pages")


def test_a_password_that_is_not_needed_does_no_harm(tmp_path: Path):
    with open_document(save(tmp_path, ONE_PAGE), password="unnötig", options=NO_OCR) as document:
        assert document.info.pages == 1


def test_what_is_not_a_file_says_so(tmp_path: Path):
    assert refusal(tmp_path).startswith("it is a folder")
    assert refusal(tmp_path / "nicht da.pdf") == "there is no such file; check the path."
    assert refusal(save(tmp_path, ONE_PAGE) / "darin.pdf") == "there is no such file; check the path."
    (tmp_path / "kreis.pdf").symlink_to(tmp_path / "kreis.pdf")
    assert "circle" in refusal(tmp_path / "kreis.pdf")
    os.mkfifo(tmp_path / "röhre.pdf")
    assert refusal(tmp_path / "röhre.pdf") == "it is not a regular file."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path):
    path = save(tmp_path, ONE_PAGE)
    path.chmod(0)
    assert refusal(path) == "permission denied; make it readable for this user."


def test_what_a_file_holds_counts_and_not_its_name(tmp_path: Path):
    Image.new("RGB", (200, 100), "white").save(tmp_path / "bild.png")
    picture = (tmp_path / "bild.png").rename(tmp_path / "größe.pdf")
    with open_document(picture, options=NO_OCR) as document:
        assert document.info.media_type == "image/png"
    with open_document(save(tmp_path, ONE_PAGE, "größe.png"), options=NO_OCR) as document:
        assert document.info.media_type == "application/pdf"


def test_a_pdf_may_have_a_few_bytes_before_it(tmp_path: Path):
    with open_document(save(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n" + ONE_PAGE), options=NO_OCR) as document:
        assert document.read_page(1).text == "Größe"


def test_a_name_that_is_not_utf_8_is_read_and_shown(tmp_path: Path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pdf"))
    path.write_bytes(ONE_PAGE)
    with open_document(path, options=NO_OCR) as document:
        assert document.read_page(1).text == "Größe"
    path.write_bytes(b"")
    assert display_path(path).endswith("caf\\xe9.pdf")
    refusal(path)


def test_opening_and_closing_leaves_no_file_open(tmp_path: Path):
    paths = [save(tmp_path, ONE_PAGE), save(tmp_path, pdfs.truncated(), "halb.pdf")]
    paths.append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pdf")))
    paths[-1].write_bytes(pdfs.truncated())
    Image.new("RGB", (20, 10)).save(tmp_path / "bild.tiff")
    paths.append(tmp_path / "bild.tiff")

    def opened() -> list[Path]:
        """Files of this test that the process has open; other tests' threads have theirs."""
        found = []
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.append(entry.readlink())
        return [path for path in found if tmp_path in path.parents]

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list open files")
    with paths[0].open("rb"):
        assert len(opened()) == 1
    for path in paths:
        with suppress(DocumentUnreadable):
            open_document(path, options=NO_OCR).close()
    assert opened() == []


def test_what_crosses_to_a_worker_process_and_back_comes_through_whole(tmp_path: Path):
    assert pickle.loads(pickle.dumps(NO_OCR)) == NO_OCR
    with open_document(save(tmp_path, ONE_PAGE), options=NO_OCR) as document:
        page = document.read_page(1)
        assert pickle.loads(pickle.dumps((document.info, page))) == (document.info, page)
    with pytest.raises(DocumentUnreadable) as caught:
        open_document(tmp_path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_importing_the_reader_loads_no_library_that_reads():
    code = (
        "import sys, pagesight.ingest.documents; "
        "print([name for name in ('pypdfium2', 'PIL', 'rapidocr', 'onnxruntime', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
