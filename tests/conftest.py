"""What all tests share: the builders beside this file, by name (`import pdfs`), and one small library."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("contracts", "contracts_stores", "drafts", "fakes")

from sharing import share_encoder  # noqa: E402 - from beside this file, which the path had to name first

if TYPE_CHECKING:
    from pagesight.retrieval import Library
    from pagesight.retrieval.encoders.sentence import SentenceEncoder

FIRST = (
    "test_kills",
    "test_repair",
    "test_multivectors",
    "test_batch_segments",
    "test_inverted_lists",
    "test_first_visit",
    "test_browser",
    "test_compact",
    "test_optional_channels",
    "test_transformers_serve",
    "test_docs",
    "test_visual_encoders",
    "test_visual_places",
    "test_crashes",
    "test_faiss_store",
    "test_cli",
    "test_formats",
    "test_sealed",
)
"""Files of tests that come first: those that fork, before others start threads, whose locks a fork would keep for ever;
then those that take longest, for of two processes that share them neither should end with a long one.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    """The packaged encoder, loaded once."""
    from pagesight.retrieval.encoders.sentence import SentenceEncoder

    return SentenceEncoder()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting or looking up a name fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture
def copy(checkpoints: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of a module's `checkpoints`, which a test may damage."""
    return lambda kind: Path(shutil.copytree(checkpoints[kind], tmp_path / f"копія-{kind}"))


@pytest.fixture(scope="session")
def sample_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small documents, in several scripts; see `sample_documents.py`."""
    import sample_documents

    folder = tmp_path_factory.mktemp("unterlagen-ä")
    for name, data in sample_documents.DOCUMENTS.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def library_folder(sample_files: Path, tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEncoder) -> Path:
    """A library of `sample_files`, added once. For reading; tests that write take `library_copy`."""
    from pagesight.ingest import add
    from pagesight.retrieval import create_library

    folder = tmp_path_factory.mktemp("library") / "бібліотека"
    with create_library(folder) as library:
        share_encoder(library, minilm)
        outcomes = list(add(library, [sample_files]))
    assert [outcome.state for outcome in outcomes] == ["indexed"] * len(outcomes), outcomes
    return folder


@pytest.fixture(scope="session")
def demo_library(tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEncoder) -> Iterator[Library]:
    """What `make demo` builds from `data/samples`, for tests that read it."""
    from pagesight.ingest import add
    from pagesight.retrieval import create_library

    with create_library(tmp_path_factory.mktemp("demo") / "library") as library:
        share_encoder(library, minilm)
        outcomes = list(add(library, [Path(__file__).parents[1] / "data" / "samples"]))
        assert {outcome.state for outcome in outcomes} == {"indexed"}
        yield library


@pytest.fixture
def open_shared(minilm: SentenceEncoder) -> Callable[[Path], Library]:
    """Opens a library without loading its encoder once more."""
    from pagesight.retrieval import open_library

    return lambda folder: share_encoder(open_library(folder), minilm)


@pytest.fixture
def library(library_folder: Path, open_shared: Callable[[Path], Library]) -> Iterator[Library]:
    """The shared library, open for reading."""
    with open_shared(library_folder) as library:
        yield library


@pytest.fixture
def library_copy(library_folder: Path, tmp_path: Path, open_shared: Callable[[Path], Library]) -> Iterator[Library]:
    """A copy of the shared library that a test may change."""
    shutil.copytree(library_folder, tmp_path / "копія")
    with open_shared(tmp_path / "копія") as library:
        yield library


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs a Python program beside the test: `child(code, *arguments)`. What still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"))
        return started[-1]

    yield run
    for process in started:
        with process:  # closes its pipes
            process.kill()
