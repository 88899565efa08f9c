"""Batches: in order, made ahead of their use, halved when memory runs out."""

import threading
from typing import Any

import pytest
import tiny_encoders
import torch
from tiny_encoders import noise, picture_page

from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.encoders.visual import visual_encoder
from pagesight.retrieval.encoders.visual_batches import Batches
from pagesight.retrieval.errors import PageTooLarge

SHORT = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.11 GB)"),
    MemoryError(),
]


def test_results_are_in_order_and_like_sizes_share_a_batch():
    seen: list[list[int]] = []

    def run(made: list[int]) -> list[int]:
        seen.append(made)
        return [item * 10 for item in made]

    assert Batches(2).run([1, 2, 3, 4, 5], [5, 9, 5, 9, 1], lambda items: items, run) == [10, 20, 30, 40, 50]
    assert seen == [[2, 4], [1, 3], [5]]
    assert Batches(0).run([], [], lambda items: items, run) == []


@pytest.mark.parametrize("error", SHORT, ids=lambda error: str(error)[:12] or "MemoryError")
@pytest.mark.parametrize("where", ["make", "run"])
def test_a_batch_that_finds_no_room_is_halved_and_none_is_lost(error: BaseException, where: str):
    sizes: list[int] = []

    def work(items: list[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > 2:
            raise error
        return items

    make, run = (work, list) if where == "make" else (list, work)
    batches = Batches(8)
    assert batches.run(list(range(11)), [1] * 11, make, run) == list(range(11))
    assert batches.limit == 2  # and stays there for the next document
    assert max(sizes) == 8
    sizes.clear()
    batches.run(list(range(4)), [1] * 4, make, run)
    assert sizes == [2, 2]


def test_a_single_page_that_finds_no_room_says_so():
    def run(made: list[int]) -> list[int]:
        raise SHORT[0]

    with pytest.raises(PageTooLarge, match=r"no memory to encode a page alone \(CUDA out of memory.*MAX_PIXELS"):
        Batches(4).run([1, 2, 3], [1, 1, 1], list, run)


def test_another_error_is_not_taken_for_one_of_memory():
    def run(made: list[int]) -> list[int]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Batches(4).run([1, 2], [1, 1], list, run)


def test_the_next_batch_is_made_while_the_model_runs():
    second = threading.Event()

    def make(items: list[int]) -> list[int]:
        if items == [1]:
            second.set()
        return items

    def run(items: list[int]) -> list[int]:
        assert second.wait(10)  # were it made after this one, it would never come
        return items

    assert Batches(1).run([0, 1, 2], [3, 2, 1], make, run) == [0, 1, 2]


def test_pages_survive_a_model_that_has_room_for_two(monkeypatch: pytest.MonkeyPatch):
    pages = [picture_page(f"ä/{n}", noise(60 + 30 * n, 80, seed=n)) for n in range(7)]
    encoder: Any = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime(), batch=7)
    model, sizes = encoder._model, []
    forward = model._forward

    def crowded(tensors: dict[str, Any], query: bool) -> Any:
        sizes.append(len(tensors["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(tensors, query)

    monkeypatch.setattr(model, "_forward", crowded)
    expected = tiny_encoders.encoder("ColQwen2").encode_pages(pages)
    for found, usual in zip(encoder.encode_pages(pages), expected, strict=True):
        assert found.id == usual.id
        assert found.rows == pytest.approx(usual.rows, abs=1e-4)
    assert sizes[:3] == [7, 4, 2]
    monkeypatch.setattr(model, "_forward", lambda tensors, query: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(PageTooLarge, match="a page alone"):
        encoder.encode_pages(pages)


def test_batches_go_by_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch):
    page = picture_page("ä/1", noise(150, 200))
    limits = []
    for free in (0, 3, 10**6):
        encoder: Any = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime())
        need = encoder._model.bytes_of(encoder._model.size(150, 200))
        monkeypatch.setattr(
            "pagesight.retrieval.encoders.visual.free_memory", lambda device, free=free, need=need: free * need
        )
        encoder.encode_pages([page])
        limits.append(encoder._batches.limit)
    assert limits == [1, 2, 4]
