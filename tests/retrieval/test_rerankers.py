"""Rerankers through the real loading code, on tiny random checkpoints."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import tiny_rerankers
from fakes import page_content
from PIL import Image
from tiny_rerankers import webp

from pagesight.retrieval.checkpoints import find_checkpoint
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.retrieval.protocols import Reranker
from pagesight.retrieval.rerankers import MARGIN, MAX_PIXELS, TextReranker, VisualReranker, open_reranker
from pagesight.retrieval.types import PageContent

pytestmark = pytest.mark.usefixtures("no_network")

CPU = Runtime("cpu", "float32")
QUESTION = "Wie groß ist die Fläche in Zürich?"


PAGES = (
    replace(page_content("a/1", "Die Größe der Fläche", "beträgt 12 m² in Zürich", passages=2), image=webp(1)),
    page_content("a/2"),
    replace(page_content("b/1", "Скільки води подають насоси?"), title="", image=webp(2, 200, 60)),
    replace(page_content("b/2", *["revenue of the year rose by 12 %"] * 9, passages=3), image=webp(3, 64, 64)),
)
READ = [0, 2, 3]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_rerankers.all_of(tmp_path_factory.mktemp("rerankeurs-é"))


KINDS = ("bert", "bert2", "bert-saved", "qwen", "qwen-saved")


@pytest.fixture(scope="session")
def rerankers(checkpoints: dict[str, Path]) -> dict[str, Reranker]:
    return {kind: open_reranker(str(checkpoints[kind]), CPU) for kind in KINDS}


def logits(folder: Path, pairs: Sequence[Any]) -> np.ndarray:
    from sentence_transformers import CrossEncoder
    from torch import nn

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return np.array([model.predict([pair], activation_fn=nn.Identity())[0] for pair in pairs])


def text_pairs(page: PageContent) -> list[tuple[str, str]]:
    title = f"{page.title}\n" if page.title else ""
    return [(QUESTION, title + passage.text) for passage in page.passages]


@pytest.mark.parametrize("kind", KINDS)
def test_each_page_gets_a_score_in_order_and_what_cannot_be_read_comes_last(rerankers: dict[str, Reranker], kind: str):
    reranker = rerankers[kind]
    scores = reranker.score(QUESTION, PAGES)
    assert reranker.name == kind
    assert isinstance(reranker, TextReranker if "bert" in kind else VisualReranker)
    assert all(type(score) is float for score in scores)
    assert len({scores[i] for i in READ}) == 3  # the checkpoint tells pages apart
    assert scores[1] == min(scores[i] for i in READ) - MARGIN
    assert reranker.score(QUESTION, PAGES[1:2]) == [0.0]
    assert reranker.score(QUESTION, []) == []


def test_a_page_is_worth_its_best_passage_as_sentence_transformers_scores_it(
    checkpoints: dict[str, Path], rerankers: dict[str, Reranker]
):
    expected = [logits(checkpoints["bert"], text_pairs(PAGES[i])).max() for i in READ]
    for kind in ("bert", "bert-saved"):
        scores = rerankers[kind].score(QUESTION, PAGES)
        assert [scores[i] for i in READ] == pytest.approx(expected, abs=1e-5)
    assert logits(checkpoints["bert"], text_pairs(PAGES[0]))[0] != pytest.approx(expected[0])  # the second is better


def test_of_two_labels_the_odds_of_the_relevant_one_count(
    checkpoints: dict[str, Path], rerankers: dict[str, Reranker], copy: Any
):
    pairs = [logits(checkpoints["bert2"], text_pairs(PAGES[i])) for i in READ]
    scores = rerankers["bert2"].score(QUESTION, PAGES)
    assert [scores[i] for i in READ] == pytest.approx([(rows[:, 1] - rows[:, 0]).max() for rows in pairs], abs=1e-5)
    turned = copy("bert2")
    tiny_models.edit_json(turned / "config.json", id2label={"0": "Relevant", "1": "no"}, label2id=None)
    scores = open_reranker(str(turned), CPU).score(QUESTION, PAGES)
    assert [scores[i] for i in READ] == pytest.approx([(rows[:, 0] - rows[:, 1]).max() for rows in pairs], abs=1e-5)


def test_a_page_that_is_seen_scores_the_odds_of_yes_against_no(
    checkpoints: dict[str, Path], rerankers: dict[str, Reranker]
):
    """Once through transformers by hand, with the prompt of Qwen3-VL-Reranker's model card."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(checkpoints["qwen"])
    model = AutoModelForImageTextToText.from_pretrained(checkpoints["qwen"]).eval()
    prompt = (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
        'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a '
        f"search query, retrieve relevant candidates that answer the query.<Query>:{QUESTION}\n<Document>:"
        "<|vision_start|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    )
    yes, no = (processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))
    expected = []
    for i in READ:
        picture = Image.open(io.BytesIO(PAGES[i].image)).convert("RGB")
        with torch.inference_mode():
            last = model(**processor(text=[prompt], images=[picture], return_tensors="pt")).logits[0, -1]
        expected.append(float(last[yes] - last[no]))
    for kind in ("qwen", "qwen-saved"):
        scores = rerankers[kind].score(QUESTION, PAGES)
        assert [scores[i] for i in READ] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_scores_the_same_alone_and_in_company(
    checkpoints: dict[str, Path], rerankers: dict[str, Reranker], kind: str
):
    together = rerankers[kind].score(QUESTION, PAGES)
    for i in READ:
        assert rerankers[kind].score(QUESTION, [PAGES[i]]) == pytest.approx([together[i]], abs=1e-4)
    made = TextReranker if "bert" in kind else VisualReranker
    small = made(find_checkpoint(str(checkpoints[kind])), CPU, batch=2)
    assert small.score(QUESTION, PAGES) == pytest.approx(together, abs=1e-4)


@pytest.mark.parametrize("kind", ["bert", "qwen"])
def test_half_the_bits_give_nearly_the_same_scores(
    checkpoints: dict[str, Path], rerankers: dict[str, Reranker], kind: str
):
    scores = open_reranker(str(checkpoints[kind]), Runtime("cpu", "bfloat16")).score(QUESTION, PAGES)
    assert scores == pytest.approx(rerankers[kind].score(QUESTION, PAGES), abs=0.3)


def test_a_large_page_is_shown_to_a_yes_or_no_model_as_large_as_it_was_trained_with(rerankers: dict[str, Reranker]):
    page = replace(PAGES[0], image=webp(5, 1700, 2200))
    reranker: Any = rerankers["qwen"]
    _, shown = reranker._show((QUESTION, page.image))
    assert shown["image"].width / shown["image"].height == pytest.approx(1700 / 2200, abs=0.01)
    assert 0.98 * MAX_PIXELS < shown["image"].width * shown["image"].height <= MAX_PIXELS
    as_it_says: Any = rerankers["qwen-saved"]
    assert as_it_says._show((QUESTION, page.image))[1]["image"].size == (1700, 2200)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_question_and_a_page_say_they_are_text(rerankers: dict[str, Reranker], kind: str):
    """Marks of the prompt are taken out; what looks like an address is not opened; broken UTF-8 is replaced."""
    page = replace(page_content("a/1", "[SEP] <|im_end|> 서울", "\udcff"), title="\udcff", image=webp(1))
    for question in ("<|image_pad|><|im_end|>", "https://example.com/größe.png", "ä \udcff", ""):
        assert len(rerankers[kind].score(question, [page, PAGES[0]])) == 2


def test_a_document_cannot_end_the_prompt(rerankers: dict[str, Reranker]):
    (passage,) = page_content("a/1", "Größe").passages
    marked, plain = (
        replace(PAGES[0], passages=(replace(passage, text=text),)) for text in ("Größe[SEP]12 [CLS]", "Größe 12  ")
    )
    assert rerankers["bert"].score("é", [marked]) == pytest.approx(rerankers["bert"].score("é", [plain]), abs=1e-6)
    questions = ("Größe<|im_end|>12", "Größe 12")
    marked, plain = (rerankers["qwen"].score(question, PAGES) for question in questions)
    assert marked == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("kind", ["bert", "qwen"])
def test_a_batch_that_finds_no_room_is_halved(checkpoints: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch):
    import torch

    made = TextReranker if kind == "bert" else VisualReranker
    reranker: Any = made(find_checkpoint(str(checkpoints[kind])), CPU, batch=3)
    pages = [replace(PAGES[0], passages=PAGES[0].passages[:1]) for _ in range(5)]
    expected = reranker.score(QUESTION, pages)
    model, seen = reranker._model._ready(), []
    real = model.predict

    def full(pairs: list[Any], **arguments: Any) -> Any:
        seen.append(len(pairs))
        if len(pairs) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(pairs, **arguments)

    monkeypatch.setattr(model, "predict", full)
    room = 1
    assert reranker.score(QUESTION, pages) == pytest.approx(expected, abs=1e-5)
    assert seen == [3, 2, 1, 1, 1, 1, 1]
    room = 0
    with pytest.raises(ModelUnavailable, match="no memory for a single page") as caught:
        reranker.score(QUESTION, pages)
    assert "PAGESIGHT_RERANKER" in str(caught.value)


def test_numbers_that_overflow_are_said(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    reranker: Any = open_reranker(str(checkpoints["bert"]), CPU)
    model = reranker._model._ready()
    monkeypatch.setattr(model, "predict", lambda pairs, **_: np.full(len(pairs), np.nan, np.float32))
    with pytest.raises(ModelUnavailable, match="overflows in its numbers"):
        reranker.score(QUESTION, PAGES)


@pytest.mark.parametrize("kind", ["bert", "qwen"])
def test_threads_share_a_reranker(checkpoints: dict[str, Path], rerankers: dict[str, Reranker], kind: str):
    reranker, found = open_reranker(str(checkpoints[kind]), CPU), []
    threads = [threading.Thread(target=lambda: found.append(reranker.score(QUESTION, PAGES))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for scores in found:
        assert scores == pytest.approx(rerankers[kind].score(QUESTION, PAGES), abs=1e-4)


def test_opening_a_reranker_imports_no_torch(checkpoints: dict[str, Path]):
    code = (
        "import sys; from pagesight.retrieval.rerankers import open_reranker\n"
        "print([open_reranker(folder).name for folder in sys.argv[1:]])\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-W", "error", "-c", code, *(str(checkpoints[kind]) for kind in KINDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(list(KINDS)), "[]"]


def test_the_scores_on_cuda_are_those_on_the_cpu(checkpoints: dict[str, Path], rerankers: dict[str, Reranker]):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    for kind in KINDS:
        expected = rerankers[kind].score(QUESTION, PAGES)
        assert open_reranker(str(checkpoints[kind]), Runtime("cuda", "float32")).score(QUESTION, PAGES) == (
            pytest.approx(expected, abs=0.02)
        )
        assert open_reranker(str(checkpoints[kind]), Runtime("cuda", "bfloat16")).score(QUESTION, PAGES) == (
            pytest.approx(expected, abs=0.3)
        )
