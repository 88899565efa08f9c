"""Memory that runs out while pages are encoded: smaller batches, then single pages, never the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pdfs
import pytest
import torch
from drafts import empty_library
from fakes import FakePageEncoder

from pagesight.ingest import Progress, add
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import PageTooLarge
from pagesight.retrieval.types import PageContent, PageVectors


class SmallEncoder(FakePageEncoder):
    """Has room for so many passages at once."""

    def __init__(self, room: int, error: Exception) -> None:
        super().__init__(384)
        self.room, self.error = room, error
        self.batches: list[int] = []

    def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
        self.batches.append(len(pages))
        if sum(len(page.passages) for page in pages) > self.room:
            raise self.error
        return super().encode_pages(pages)


OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_fewer_pages_are_encoded_together_when_memory_runs_out(tmp_path: Path, error: Exception):
    (tmp_path / "lang ä.pdf").write_bytes(pdfs.pdf(*[pdfs.text_page(f"Wärmepumpe {n}") for n in range(1, 21)]))
    library = empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)
    library.page_encoder = encoder = SmallEncoder(3, error)  # type: ignore[assignment]
    seen: list[Progress] = []
    (outcome,) = add(library, [tmp_path / "lang ä.pdf"], on_progress=seen.append)
    assert (outcome.state, outcome.pages) == ("indexed", 20)
    assert [one.page for one in seen] == list(range(1, 21))
    assert encoder.batches[:2] == [8, 4]
    assert set(encoder.batches[2:]) == {2}, "what was learnt is kept"
    assert library.retrieve("Wärmepumpe 17", k=1)[0].page.number == 17


def test_a_page_that_finds_no_room_alone_fails_alone_and_is_tried_again(tmp_path: Path):
    pages = [pdfs.text_page(f"Wärmepumpe {n}") for n in range(1, 11)]
    pages[4] = pdfs.text_page(*["Größe und Höhe und Breite und Tiefe" for _ in range(50)])
    file = tmp_path / "lang ä.pdf"
    file.write_bytes(pdfs.pdf(*pages))
    library = empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)
    library.page_encoder = encoder = SmallEncoder(2, MemoryError())  # type: ignore[assignment]
    (outcome,) = add(library, [file])
    assert (outcome.state, outcome.pages) == ("partial", 9)
    assert outcome.reason == "page 5: there is no memory to encode it; free some, and add it with --retry-failed"
    encoder.room = 100
    (outcome,) = add(library, [file], retry_failed=True)
    assert (outcome.state, outcome.pages, outcome.reason) == ("indexed", 10, None)


def test_an_error_that_is_no_lack_of_memory_is_not_hidden(tmp_path: Path):
    (tmp_path / "ä.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Wärmepumpe")))
    library = empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)
    library.page_encoder = SmallEncoder(0, RuntimeError("shapes do not match"))  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(add(library, [tmp_path / "ä.pdf"]))


def test_passages_are_encoded_fewer_at_a_time_with_the_same_vectors(
    minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
):
    texts = [["Wärme", "pumpe", str(n)] for n in range(10)]
    expected = minilm.encode_words(texts)
    model = minilm._model
    sizes: list[int] = []
    forward = model.forward

    def small(features: dict[str, torch.Tensor]) -> object:
        sizes.append(len(features["input_ids"]))
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("out of memory")
        return forward(features)

    monkeypatch.setattr(model, "forward", small)
    found = minilm.encode_words(texts)
    assert max(size for size in sizes if size <= 3) in (2, 3)
    assert sum(size for size in sizes if size <= 3) == len(texts), "each once"
    for one, other in zip(found, expected, strict=True):
        assert (one.rows * other.rows).sum(1) == pytest.approx(1, abs=1e-3)  # of 16 bits
    monkeypatch.setattr(model, "forward", lambda _: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        minilm.encode_words(texts)


def test_a_page_too_large_for_the_visual_model_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Visual(FakePageEncoder):
        batches: ClassVar[list[int]] = []

        def encode_pages(self, pages: Sequence[PageContent]) -> list[PageVectors]:
            self.batches.append(len(pages))
            if any("riesig" in word.text for page in pages for word in page.words):
                raise PageTooLarge("There is no memory to encode a page alone; lower PAGESIGHT_VISUAL_MAX_PIXELS.")
            return super().encode_pages(pages)

    file = tmp_path / "lang ä.pdf"
    file.write_bytes(pdfs.pdf(*[pdfs.text_page("riesig" if n == 3 else f"Wärmepumpe {n}") for n in range(1, 25)]))
    library = empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)
    library.visual_part = replace(library.visual_part, encoder=Visual(16))
    monkeypatch.setattr("pagesight.ingest.pipeline.require", lambda *_: None)
    (outcome,) = add(library, [file])
    assert (outcome.state, outcome.pages) == ("partial", 23)
    assert outcome.reason == ("page 3: There is no memory to encode a page alone; lower PAGESIGHT_VISUAL_MAX_PIXELS.")
    assert Visual.batches == [8, *[1] * 8, 8, 8], "the others keep their batches"
