"""Files that mean harm: each costs itself at most, within its limits, and the reader goes on with the next."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import hostile_pdfs as hostile
import pdfs
import pytest
from drafts import empty_library

from pagesight.ingest import add
from pagesight.ingest.parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions
from pagesight.ingest.worker import Reader
from pagesight.retrieval.errors import DocumentUnreadable

SECONDS, MEMORY = 60.0, 2_000_000_000


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(ParseOptions(dpi=36, ocr="off"), page_seconds=SECONDS, memory_bytes=MEMORY) as reader:
        yield reader


def read(reader: Reader, file: Path, data: bytes) -> tuple[list[str], list[str]]:
    """What the pages say that could be read, and why the others, or all of it, could not."""
    file.write_bytes(data)
    texts, reasons = [], []
    try:
        for message in reader.read(file):
            if isinstance(message, ParsedPage):
                texts.append(message.text)
            elif isinstance(message, FailedPage):
                reasons.append(message.reason)
    except DocumentUnreadable as error:
        reasons.append(str(error))
    assert all("\n" not in reason for reason in reasons)
    return texts, reasons


def assert_it_goes_on(reader: Reader, folder: Path) -> None:
    assert read(reader, folder / "gut ä.pdf", pdfs.pdf(pdfs.text_page("alles gut, Größe"))) == (
        ["alles gut, Größe"],
        [],
    )


@pytest.mark.parametrize(
    "make",
    [
        hostile.parents_in_a_circle,
        hostile.outline_in_a_circle,
        hostile.table_before_itself,
        hostile.nested_arrays,
        hostile.nested_states,
        hostile.nested_forms,
        hostile.huge_picture,
        hostile.broken_font,
        hostile.xfa_form,
        lambda: hostile.many_annotations(100_000),
        lambda: hostile.many_paths(50_000),
    ],
)
def test_what_a_reader_can_do_without_is_no_reason_not_to_read(
    reader: Reader, tmp_path: Path, make: Callable[[], bytes], capfd: pytest.CaptureFixture[str]
):
    assert read(reader, tmp_path / "böse.pdf", make()) == ([hostile.GOOD], [])
    assert capfd.readouterr() == ("", ""), "what libraries have to say of it is no concern of a person's"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (hostile.form_that_draws_itself, "page 1: the process that read it died (signal"),
        (
            hostile.many_forms,
            "page 1: the process that read it died (signal 6, as when it needs more memory than PAGESIGHT_",
        ),
        (hostile.deep_page_tree, "page 1 is broken or missing in the file; get another copy"),
        (hostile.huge_page, "page 1 is 100000 x 100000 points, and a page has at most 20000"),
        (hostile.content_bomb, "page 1: the process that read it died (signal"),
        (lambda: hostile.many_words(600_000), "page 1 cannot be read: it has "),
        (
            lambda: hostile.word_without_end(2_000_000),
            "page 1 cannot be read: it has 2,000,000 characters, and a page may have 500,000",
        ),
        (lambda: hostile.huge_jpeg(), "Cannot read {}: it has more than 178 million pixels; make it smaller."),
        (lambda: hostile.huge_tiff(), "Cannot read {}: it has more than 178 million pixels; make it smaller."),
        (lambda: hostile.huge_webp(), "Cannot read {}: it is broken or cut short; get another copy."),
    ],
)
def test_what_cannot_be_read_costs_its_page_and_says_why(
    reader: Reader, tmp_path: Path, make: Callable[[], bytes], reason: str
):
    texts, (said,) = read(reader, tmp_path / "böse.pdf", make())
    assert texts == []
    assert said.startswith(reason.format(tmp_path / "böse.pdf"))
    assert_it_goes_on(reader, tmp_path)


@pytest.mark.parametrize("make", [hostile.object_stream_in_itself, lambda: hostile.content_bomb(200)])
def test_what_says_nothing_says_nothing(reader: Reader, tmp_path: Path, make: Callable[[], bytes]):
    assert read(reader, tmp_path / "böse.pdf", make()) == ([""], [])
    assert_it_goes_on(reader, tmp_path)


def test_pages_that_are_their_own_parents_fail_and_the_others_are_read(reader: Reader, tmp_path: Path):
    texts, reasons = read(reader, tmp_path / "böse.pdf", hostile.pages_in_themselves())
    assert texts == [hostile.GOOD]
    assert reasons == [f"page {number} is broken or missing in the file; get another copy" for number in (2, 3)]


def test_a_word_of_half_a_million_accents_is_read_in_seconds(reader: Reader, tmp_path: Path):
    (text,), reasons = read(reader, tmp_path / "böse.pdf", hostile.marks_without_end(400_000))
    first, *rest = text.split()
    assert (reasons, first.casefold(), len(rest)) == ([], hostile.GOOD.casefold(), 400)
    assert {len(word) for word in rest} == {1000}


def test_nothing_in_a_file_is_run_sent_or_unpacked(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "arbeit"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        data = hostile.programs(f"touch {tmp_path}/gestartet", f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert read(reader, tmp_path / "böse.pdf", data) == ([hostile.GOOD], [])
        with pytest.raises(BlockingIOError):
            server.accept()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["arbeit", "böse.pdf"]


def test_text_that_would_steer_a_terminal_is_not_taken_over(reader: Reader, tmp_path: Path):
    meanings = ("001b", "0000", "202e", "d800", "200b", "0007", "009b", "2066")
    pairs = b"\n".join(b"<%02x> <%s>" % (0x61 + n, code.encode()) for n, code in enumerate(meanings))
    unicode = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange %d beginbfchar %s endbfchar endcmap" % (
        len(meanings),
        pairs,
    )
    data = hostile.one_page(
        (b"", unicode),
        content=b"BT /F1 12 Tf 72 700 Td (ONEaTWObTHREEcFOURdFIVEfSIXgSEVENh) Tj ET",
        font=hostile.FONT.replace(b">>", b"/ToUnicode 6 0 R >>"),
    )
    (text,), reasons = read(reader, tmp_path / "böse.pdf", data)
    assert reasons == []
    assert text == "ONETWOTHREEFOURFIVESIXSEVEN"


@pytest.mark.parametrize(
    "title", [b"\xd8\x00\xd8\x00\x00x\x00y\x00z", b"\x00a\x00\x1b\x00[\x002\x00J\x20\x2e\x00b", b"\xdc"]
)
def test_a_title_that_is_no_text_is_no_reason_not_to_read(reader: Reader, tmp_path: Path, title: bytes):
    (tmp_path / "böse.pdf").write_bytes(hostile.titled(title))
    document, page = reader.read(tmp_path / "böse.pdf")
    assert isinstance(document, ParsedDocument)
    assert document.title is None or document.title.isprintable()
    assert isinstance(page, ParsedPage)
    assert page.text == hostile.GOOD


def test_a_run_over_all_of_them_ends_with_an_outcome_for_each(tmp_path: Path):
    folder = tmp_path / "unterlagen ä"
    folder.mkdir()
    files = {
        "bombe.pdf": hostile.content_bomb(200),
        "bild.pdf": hostile.huge_jpeg(),
        "kreis.pdf": hostile.pages_in_themselves(),
        "titel.pdf": hostile.titled(b"\xd8\x00\xdc"),
        "wort.pdf": hostile.marks_without_end(400_000),
        "wurzel.pdf": hostile.deep_page_tree(),
        "zuletzt gut.pdf": pdfs.pdf(pdfs.text_page("alles gut, Größe")),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    library = empty_library(tmp_path / "бібліотека", ocr="off", dpi=36, parse_memory_gb=2)
    states = {Path(outcome.path).name: outcome.state for outcome in add(library, [folder])}
    assert states == {
        "bombe.pdf": "indexed",
        "bild.pdf": "failed",
        "kreis.pdf": "partial",
        "titel.pdf": "indexed",
        "wort.pdf": "indexed",
        "wurzel.pdf": "failed",
        "zuletzt gut.pdf": "indexed",
    }
    assert library.retrieve("Größe", k=1)[0].page.source.endswith("zuletzt gut.pdf")
