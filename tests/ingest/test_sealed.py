"""Documents that reach for the network or for other files get neither; and no program is left behind by a reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir

import office
import psutil
import pytest
from PIL import Image

from pagesight.ingest import libreoffice
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.ingest.worker import Reader
from pagesight.retrieval.errors import DocumentUnreadable

pytestmark = office.needs_libreoffice

OPTIONS = ParseOptions(dpi=36, ocr="off")
DRAWING = f"{office.OOXML}/drawingml/2006"


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """An address at which somebody listens, and what was asked for there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_OPTIONS = do_PROPFIND = do_GET  # noqa: N815 - the standard library's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}", asked
        served.shutdown()


def picture_docx(address: str) -> bytes:
    picture = (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{DRAWING}/wordprocessingDrawing" xmlns:a="{DRAWING}/main" '
        f'xmlns:pic="{DRAWING}/picture"><wp:extent cx="3000000" cy="3000000"/><wp:docPr id="1" name="x"/><a:graphic>'
        f'<a:graphicData uri="{DRAWING}/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="x"/><pic:cNvPicPr/>'
        '</pic:nvPicPr><pic:blipFill><a:blip r:link="r5"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr>'
        '<a:xfrm><a:off x="0" y="0"/><a:ext cx="3000000" cy="3000000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/>'
        "</a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )
    return office.docx("Größe", body=picture, relations=office.relation("r5", "image", address, external=True))


def frame(content: str) -> str:
    size = 'svg:width="5cm" svg:height="5cm" text:anchor-type="as-char"'
    return f"<text:p><draw:frame {size}>{content}</draw:frame></text:p>"


def reaching_odt(address: str) -> bytes:
    """A linked picture, a linked object, a frame with another document, and a section from another file."""
    return office.odt(
        "Größe",
        body=frame(f'<draw:image xlink:href="{address}" xlink:type="simple" xlink:actuate="onLoad"/>')
        + frame(f'<draw:object xlink:href="{address}" xlink:type="simple"/>')
        + frame(f'<draw:floating-frame xlink:href="{address}" xlink:type="simple"/>')
        + f'<text:section text:name="ä"><text:section-source xlink:href="{address}" xlink:type="simple" '
        'text:filter-name="Text"/><text:p>Ersatz</text:p></text:section>',
    )


def shown(path: Path) -> str:
    with open_document(path, options=OPTIONS) as document:
        return " ".join(document.read_page(number).text for number in range(1, document.info.pages + 1))


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_documents_that_link_to_the_network_ask_it_for_nothing(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    html = f'<html><link rel=stylesheet href="{address}/s.css"><p>Größe<img src="{address}/p.png"></html>'
    assert "Größe" in shown(save(tmp_path / "ä.docx", picture_docx(f"{address}/p.png")))
    assert "Größe" in shown(save(tmp_path / "ä.odt", reaching_odt(f"{address}/p.png")))
    assert "Größe" in shown(save(tmp_path / "ä.html", html.encode()))
    sheet = office.xlsx([["Größe", f'=_xlfn.WEBSERVICE("{address}/w")']])
    assert "Größe" in shown(save(tmp_path / "ä.xlsx", sheet))
    assert asked == []


def test_the_same_documents_would_ask_without_the_settings(
    tmp_path: Path, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the test above would show nothing."""
    address, asked = server
    monkeypatch.setattr(libreoffice, "_SETTINGS", ())
    monkeypatch.setattr(libreoffice, "_DEAD_PROXY", "")
    shown(save(tmp_path / "ä.docx", picture_docx(f"{address}/p.png")))
    assert "/p.png" in asked


def test_documents_that_link_to_other_files_show_nothing_of_them(tmp_path: Path) -> None:
    secret = save(tmp_path / "geheim.txt", b"Geheimnis der Platte")
    text = shown(save(tmp_path / "ä.odt", reaching_odt(secret.as_uri())))
    assert "Größe" in text
    assert "Geheimnis" not in text
    Image.new("RGB", (50, 50), "red").save(tmp_path / "rot.png")
    with open_document(
        save(tmp_path / "ä.docx", picture_docx((tmp_path / "rot.png").as_uri())), options=OPTIONS
    ) as document:
        assert [figure.kind for figure in document.read_page(1).figures] == ["page"], "no picture was drawn"


def programs(reader: Reader) -> list[psutil.Process]:
    """What a reader's process has started."""
    process = reader._process
    return psutil.Process(process.pid).children(recursive=True) if process is not None else []


def read_until_a_program_runs(reader: Reader, path: Path) -> tuple[list[psutil.Process], threading.Thread, list[str]]:
    said: list[str] = []

    def read() -> None:
        try:
            list(reader.read(path))
        except DocumentUnreadable as error:
            said.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    ends = time.monotonic() + 60
    while time.monotonic() < ends and thread.is_alive():
        if any("soffice.bin" in one.name() for one in programs(reader)):
            break
        time.sleep(0.02)
    return programs(reader), thread, said


def test_no_program_and_no_file_is_left_when_a_reader_is_killed(tmp_path: Path) -> None:
    path = save(tmp_path / "довгий.odt", office.odt(*["Größe der Pumpe und vieles mehr. " * 40] * 3000))
    with Reader(OPTIONS, page_seconds=60, memory_bytes=6_000_000_000) as reader:
        running, thread, said = read_until_a_program_runs(reader, path)
        scratch = reader._scratch
        assert scratch is not None
        reader.interrupt()
        thread.join(30)
        assert not thread.is_alive()
        assert len(running) >= 1, "LibreOffice was not running when the reader was killed"
        assert psutil.wait_procs(running, 10)[1] == []
        assert "the process that read it died (signal 9)" in said[0]
        assert not Path(scratch.name).exists()


def test_a_conversion_that_takes_too_long_is_ended_with_all_of_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libreoffice, "CONVERT_SECONDS", 0.5)
    before = sorted(Path(gettempdir()).glob("pagesight-*"))
    with pytest.raises(DocumentUnreadable, match=r"LibreOffice took longer than 0\.5 s .* split it, or save it as PDF"):
        open_document(save(tmp_path / "ä.odt", office.odt("Größe")), options=OPTIONS)
    assert psutil.Process().children(recursive=True) == []
    assert sorted(Path(gettempdir()).glob("pagesight-*")) == before
