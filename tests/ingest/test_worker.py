"""Reading in a process of its own: what a file does to it costs pages, never the run."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import deadly
import pdfs
import pytest

from pagesight.ingest import worker
from pagesight.ingest.parsed import FailedPage, ParsedDocument, ParsedPage, ParseOptions
from pagesight.ingest.worker import Reader
from pagesight.retrieval.errors import DocumentEncrypted, DocumentUnreadable

PAGES = pdfs.pdf(*[pdfs.text_page(f"Seite {n}: Größe") for n in range(1, 6)], title="Fünf Größen")


@pytest.fixture
def make_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Reader]]:
    """A reader whose process is `deadly`."""
    monkeypatch.setattr(worker, "_serve", deadly.serve)
    made: list[Reader] = []

    def make(page_seconds: float = 60.0, memory_bytes: int = 6_000_000_000) -> Reader:
        made.append(Reader(ParseOptions(dpi=36, ocr="off"), page_seconds=page_seconds, memory_bytes=memory_bytes))
        return made[-1]

    yield make
    for reader in made:
        process = reader._process
        reader.close()
        assert process is None or process.returncode is not None, "it left a process behind"


def save(folder: Path, name: str, data: bytes = PAGES) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def story(messages: Iterator[worker.Parsed]) -> list[str]:
    return [
        f"{one.pages} pages" if isinstance(one, ParsedDocument)
        else f"{one.number}" if isinstance(one, ParsedPage)
        else f"{one.number} failed"
        for one in messages
    ]  # fmt: skip


def test_a_document_comes_before_its_pages_in_order(tmp_path: Path, make_reader: Callable[..., Reader]):
    document, *pages = make_reader().read(save(tmp_path, "ä.pdf"))
    assert document == ParsedDocument("Fünf Größen", 5, "application/pdf")
    assert [page.text for page in pages if isinstance(page, ParsedPage)] == [f"Seite {n}: Größe" for n in range(1, 6)]


def test_one_process_reads_many_files_also_after_bad_ones(tmp_path: Path, make_reader: Callable[..., Reader]):
    reader = make_reader()
    list(reader.read(save(tmp_path, "ä.pdf")))
    first = reader._process
    with pytest.raises(DocumentUnreadable, match=r"kaputt ß\.pdf"):
        list(reader.read(save(tmp_path, "kaputt ß.pdf", pdfs.truncated())))
    with pytest.raises(DocumentEncrypted):
        list(reader.read(save(tmp_path, "zu.pdf", pdfs.pdf(pdfs.text_page("ß"), password="x"))))
    assert story(reader.read(tmp_path / "zu.pdf", "x")) == ["1 pages", "1"]
    assert reader._process is first


def test_a_page_that_kills_its_process_fails_alone(tmp_path: Path, make_reader: Callable[..., Reader]):
    messages = list(make_reader().read(save(tmp_path, "stirbt 2.pdf")))
    assert story(iter(messages)) == ["5 pages", "1", "2 failed", "3", "4", "5"]
    assert messages[2] == FailedPage(2, "page 2: the process that read it died (signal 9)")


def test_a_document_that_goes_on_killing_is_given_up(tmp_path: Path, make_reader: Callable[..., Reader]):
    reader = make_reader()
    messages = list(reader.read(save(tmp_path, "stirbt immer.pdf")))
    assert story(iter(messages)) == ["5 pages", *[f"{n} failed" for n in range(1, 6)]]
    last = messages[-1]
    assert isinstance(last, FailedPage)
    assert last.reason == "page 5: not tried, after 3 pages that took the reader down"
    assert story(reader.read(save(tmp_path, "ä.pdf")))[0] == "5 pages"


def test_a_file_that_kills_on_opening_is_one_error(tmp_path: Path, make_reader: Callable[..., Reader]):
    reader = make_reader()
    with pytest.raises(DocumentUnreadable, match=r"Cannot read .*stirbt 0\.pdf: the process that read it died"):
        list(reader.read(save(tmp_path, "stirbt 0.pdf")))
    assert len(story(reader.read(save(tmp_path, "ä.pdf")))) == 6


def test_a_page_that_takes_too_long_fails_alone(tmp_path: Path, make_reader: Callable[..., Reader]):
    messages = list(make_reader(page_seconds=6.0).read(save(tmp_path, "hängt 3.pdf")))
    assert story(iter(messages)) == ["5 pages", "1", "2", "3 failed", "4", "5"]
    assert messages[3] == FailedPage(3, "page 3: reading took longer than 6 s")


def test_a_file_that_takes_too_long_to_open_is_one_error(
    tmp_path: Path, make_reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "START_SECONDS", 3.0)
    with pytest.raises(DocumentUnreadable, match=r"hängt 0\.pdf: reading took longer than 3 s; the file was skipped"):
        list(make_reader(page_seconds=1.0).read(save(tmp_path, "hängt 0.pdf")))


def test_a_file_that_needs_more_memory_than_allowed_is_one_error(tmp_path: Path, make_reader: Callable[..., Reader]):
    with pytest.raises(DocumentUnreadable, match=r"ä\.pdf"):
        list(make_reader(memory_bytes=50_000_000).read(save(tmp_path, "ä.pdf")))


def test_a_document_left_in_the_middle_does_not_mix_with_the_next(tmp_path: Path, make_reader: Callable[..., Reader]):
    reader = make_reader()
    left = reader.read(save(tmp_path, "ä.pdf"))
    next(left)
    left.close()  # type: ignore[attr-defined]
    other = save(tmp_path, "ö.pdf", pdfs.pdf(pdfs.text_page("anders"), title="Öffnung"))
    document, page = reader.read(other)
    assert document == ParsedDocument("Öffnung", 1, "application/pdf")
    assert isinstance(page, ParsedPage)
    assert page.text == "anders"


def test_the_process_ends_with_its_reader(tmp_path: Path, make_reader: Callable[..., Reader]):
    with make_reader() as reader:
        list(reader.read(save(tmp_path, "ä.pdf")))
        process = reader._process
        assert process is not None
        assert process.poll() is None
    assert process.returncode is not None


def test_the_process_runs_no_program_that_lies_in_the_current_folder(
    tmp_path: Path, make_reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pickle.py").write_text("raise SystemExit('this pickle is none of ours')")
    monkeypatch.chdir(tmp_path)
    assert len(list(make_reader().read(save(tmp_path, "ä.pdf")))) == 6


def test_a_script_need_not_guard_its_main_part(tmp_path: Path):
    save(tmp_path, "ä.pdf")
    script = tmp_path / "скрипт.py"
    script.write_text(
        "from pathlib import Path\n"
        "from pagesight.ingest.parsed import ParseOptions\n"
        "from pagesight.ingest.worker import Reader\n"
        "with Reader(ParseOptions(dpi=36, ocr='off'), page_seconds=60, memory_bytes=6_000_000_000) as reader:\n"
        "    print(len(list(reader.read(Path(__file__).with_name('ä.pdf')))))\n",
        encoding="utf-8",
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("6\n", "")
