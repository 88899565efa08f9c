"""Visual encoders against the libraries they stand on: the same numbers, whatever else is in the batch."""

import threading
from typing import Any

import numpy as np
import pytest
import tiny_encoders
import tiny_models
import tiny_multivector
import torch
from numpy.typing import NDArray
from tiny_encoders import noise, picture_page

from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.encoders.visual import visual_encoder
from pagesight.retrieval.encoders.visual_loading import quiet
from pagesight.retrieval.errors import DocumentUnreadable
from pagesight.retrieval.scoring import maxsim
from pagesight.retrieval.types import PageContent

LINES = ("Die Größe der Fläche beträgt 12 m².", "The <image> pump delivers water.")
SHAPES = [(150, 200), (300, 100), (64, 64), (40, 400), (150, 200), (16, 24)]
PAGES = [picture_page(f"ä/{n}", noise(*size, seed=n), *LINES) for n, size in enumerate(SHAPES)]
NATIVE = [kind for kind in tiny_multivector.KINDS if kind.endswith("ForRetrieval")]
SEEING = [*tiny_models.FAMILIES, *NATIVE, "Qwen2-VL with a head"]
KINDS = [*SEEING, "ColBERT"]
QUESTION = "Wie groß ist die Größe?"


def by_colpali_engine(kind: str, pictures: list[Any], question: str) -> tuple[list[Any], Any]:
    """Rows of pages, one at a time, and of a question, the way the library's own examples make them."""
    from colpali_engine import models

    folder = str(tiny_encoders.checkpoint(kind).folder)
    processors = {"ColGemma3": "ColGemmaProcessor3", "ColQwen2_5": "ColQwen2_5_Processor"}
    with quiet(), torch.inference_mode():
        model = getattr(models, kind).from_pretrained(folder, local_files_only=True).eval()
        processor = getattr(models, processors.get(kind, f"{kind}Processor")).from_pretrained(folder)
        pages = [model(**processor.process_images([picture]))[0].numpy() for picture in pictures]
        return pages, model(**processor.process_queries(queries=[question]))[0].numpy()


def by_transformers(kind: str, pictures: list[Any], question: str) -> tuple[list[Any], Any]:
    import transformers

    folder = str(tiny_encoders.checkpoint(kind).folder)
    with quiet(), torch.inference_mode():
        model = getattr(transformers, kind).from_pretrained(folder).eval()
        processor = getattr(transformers, kind.replace("ForRetrieval", "Processor")).from_pretrained(folder)
        pages = [model(**processor.process_images([picture])).embeddings[0].numpy() for picture in pictures]
        return pages, model(**processor.process_queries([question])).embeddings[0].numpy()


def by_sentence_transformers(kind: str, documents: list[Any], question: str) -> tuple[list[Any], Any]:
    from sentence_transformers import MultiVectorEncoder

    with quiet():
        model = MultiVectorEncoder(str(tiny_encoders.checkpoint(kind).folder), device="cpu", local_files_only=True)
        pages = [model.encode_document([document])[0].numpy() for document in documents]
        return pages, model.encode_query([question])[0].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_that_the_model_s_own_library_computes(kind: str):
    encoder = tiny_encoders.encoder(kind)
    found, query = encoder.encode_pages(PAGES[:3]), encoder.encode_query(QUESTION)
    pictures = [noise(*size, seed=n) for n, size in enumerate(SHAPES[:3])]
    if kind in tiny_models.FAMILIES:
        pages, asked = by_colpali_engine(kind, pictures, QUESTION)
    elif kind == "ColModernVBertForRetrieval":  # which sentence-transformers 6.2 loads and cannot give a picture
        pages, asked = by_transformers(kind, pictures, QUESTION)
    else:
        pages, asked = by_sentence_transformers(kind, pictures if kind in SEEING else [], QUESTION)
    for mine, theirs in zip(found, pages, strict=kind in SEEING):
        assert mine.rows == pytest.approx(theirs, abs=1e-4)
    assert query.rows == pytest.approx(asked, abs=1e-4)
    assert len({row.tobytes() for row in query.rows}) > 3  # a model of zeros would agree with itself


def test_a_colbert_s_words_are_what_sentence_transformers_computes_for_the_text():
    page = picture_page("ä/1", noise(9, 9), "how much water do the pumps deliver")
    (found,) = tiny_encoders.encoder("ColBERT").encode_pages([page])
    (theirs,), _ = by_sentence_transformers("ColBERT", ["how much water do the pumps deliver"], QUESTION)
    assert found.rows == pytest.approx(theirs[2:-1], abs=1e-5)  # without [CLS], [D] and [SEP]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_encoded_the_same_alone_and_in_company(kind: str):
    encoder = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(), page_text=True, batch=6)
    together = encoder.encode_pages(PAGES)
    assert [page.id for page in together] == [page.id for page in PAGES]
    for content, page in zip(PAGES, together, strict=True):
        (alone,) = encoder.encode_pages([content])
        assert alone.rows.shape == page.rows.shape
        assert alone.rows == pytest.approx(page.rows, abs=1e-4)
        assert (alone.boxes == page.boxes).all()
    assert (together[0].boxes == together[4].boxes).all()
    if kind in SEEING:
        assert np.abs(together[0].rows - together[4].rows).max() > 0.01  # another picture


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_unit_rows_with_a_box_and_one_group(kind: str):
    encoder = tiny_encoders.encoder(kind)
    for content, page in zip(PAGES, encoder.encode_pages(PAGES), strict=True):
        assert page.rows.dtype == page.boxes.dtype == np.float32
        assert page.rows.shape == (len(page.boxes), encoder.id.dim)
        assert np.linalg.norm(page.rows, axis=1) == pytest.approx(1, abs=1e-5)
        assert (page.groups == np.zeros(len(page.rows), np.int32)).all()
        assert (page.boxes[:, 2] <= max(content.width, 222)).all()
        assert (page.boxes[:, 0] >= 0).all()
    assert encoder.encode_pages([]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_maxsim_over_rows_is_the_score_of_sentence_transformers(kind: str):
    from sentence_transformers.util import maxsim as theirs

    encoder = tiny_encoders.encoder(kind)
    query, pages = encoder.encode_query(QUESTION), encoder.encode_pages(PAGES)
    scores = [maxsim(query.rows, page.rows, query.weights) * len(query.rows) for page in pages]
    expected = theirs([torch.from_numpy(query.rows)], [torch.from_numpy(page.rows) for page in pages])
    assert scores == pytest.approx(expected[0].tolist(), abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_s_tokens_are_named_by_the_words_they_stand_for(kind: str):
    query = tiny_encoders.encoder(kind).encode_query("how much Größe")
    assert len(query.tokens) == len(query.rows) == len(query.weights)
    assert float(query.weights.sum()) == pytest.approx(1, abs=1e-5)
    assert (query.weights == query.weights[0]).all()
    assert "".join(dict.fromkeys(token for token in query.tokens if token)) == "howmuchGröße"
    assert "" in query.tokens  # augmentation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("question", ["", "?!…", " \n"])
def test_a_query_without_words_has_no_rows(kind: str, question: str):
    query = tiny_encoders.encoder(kind).encode_query(question)
    assert (query.tokens, query.rows.shape) == ((), (0, tiny_encoders.encoder(kind).id.dim))
    assert len(query.weights) == 0


@pytest.mark.parametrize("kind", SEEING)
def test_marks_of_the_tokenizer_in_a_question_are_text_and_no_picture(kind: str):
    encoder = tiny_encoders.encoder(kind)
    (mark,) = encoder._model.tokenizer.convert_ids_to_tokens(encoder._model._processor.image_token_ids)
    assert len(encoder.encode_query(mark).rows) == 0
    assert same(encoder.encode_query(f"{mark} water {mark}").rows, encoder.encode_query("water").rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_huge_query_is_cut_to_what_the_model_takes(kind: str):
    query = tiny_encoders.encoder(kind).encode_query("PS-400 Größe " * 2000)
    assert 0 < len(query.rows) < 600
    assert query.tokens.count("Größe") > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_tokenizer_knows_is_covered(kind: str):
    encoder = tiny_encoders.encoder(kind)
    assert encoder.coverage("how much water the pumps deliver") == 1
    assert encoder.coverage("Скільки становить бюджет") == 0
    assert encoder.coverage("매출은 water") == 0.5
    assert encoder.coverage("") == encoder.coverage("12 %") == 1


@pytest.mark.parametrize("kind", ["ColQwen2", "ColPali", "ColIdefics3"])
def test_pooling_leaves_one_row_for_so_many_patches_and_all_special_ones(kind: str):
    (whole,) = tiny_encoders.encoder(kind).encode_pages(PAGES[:1])
    encoder = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(), pool_factor=3)
    (page,) = encoder.encode_pages(PAGES[:1])
    special = int((whole.boxes[:, 2] == 0).sum())
    assert len(page.rows) == special + (len(whole.rows) - special) // 3
    assert (page.boxes[:special] == 0).all()
    assert (page.rows[:special] == whole.rows[whole.boxes[:, 2] == 0]).all()
    assert (page.boxes[special:, 2] > page.boxes[special:, 0]).all()
    assert page.boxes.max() <= max(PAGES[0].width, PAGES[0].height)
    assert np.linalg.norm(page.rows, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", SEEING)
def test_the_page_s_words_can_be_joined_with_their_boxes(kind: str):
    many = picture_page("ä/1", noise(90, 90), *["Größe der Fläche <image> Ventile water"] * 60)
    encoder = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(), page_text=True)
    (plain,), (page,) = tiny_encoders.encoder(kind).encode_pages([many]), encoder.encode_pages([many])
    assert page.rows[: len(plain.rows)] == pytest.approx(plain.rows, abs=1e-5)
    found = {tuple(box) for box in page.boxes[len(plain.rows) :].tolist()}
    boxes: dict[str, list[Any]] = {}
    for word in many.words:
        boxes.setdefault(word.text, []).append(tuple(np.array(word.box, np.float32).tolist()))
    assert {box for text, all_ in boxes.items() if not text.startswith("<") for box in all_} <= found
    assert found <= {box for all_ in boxes.values() for box in all_}
    (wordless,) = encoder.encode_pages([picture_page("ä/2", noise(90, 90))])
    assert len(wordless.rows) == len(plain.rows)


def test_each_piece_of_a_word_has_the_box_of_its_word():
    page = picture_page("ä/1", noise(9, 9), "how Überfluss much")
    encoder: Any = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime(), page_text=True)
    (found,) = encoder.encode_pages([page])
    words = ["how", " Überfluss", " much"]
    counts = [len(encoder._model.tokenizer.tokenize(word)) for word in words]
    assert max(counts) > 2
    expected = [word.box for word, count in zip(page.words, counts, strict=True) for _ in range(count)]
    assert found.boxes[-sum(counts) :] == pytest.approx(np.array(expected))


@pytest.mark.parametrize("kind", ["ColQwen2", "ColIdefics3", "ColQwen2ForRetrieval"])
def test_a_cap_on_pixels_makes_fewer_patches(kind: str):
    capped = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(), max_pixels=8000)
    (few,), (many,) = capped.encode_pages(PAGES[:1]), tiny_encoders.encoder(kind).encode_pages(PAGES[:1])
    assert len(few.rows) < len(many.rows)
    assert few.boxes[:, 2:].max(axis=0) == pytest.approx([PAGES[0].width, PAGES[0].height])
    wide = visual_encoder(tiny_encoders.checkpoint(kind), Runtime(), max_pixels=10**9)
    assert len(wide.encode_pages(PAGES[:1])[0].rows) == len(many.rows)  # the model's own cap stays


def test_what_changes_vectors_is_in_the_name():
    def name(kind: str, **options: Any) -> str:
        return visual_encoder(tiny_encoders.checkpoint(kind), **options).id.pooling

    assert name("ColQwen2") == "patches"
    assert name("ColQwen2", pool_factor=3, page_text=True, max_pixels=9000) == "patches/3+text of 9000 pixels"
    assert name("ColPali", max_pixels=9000) == "patches"  # one fixed size
    assert name("ColBERT", pool_factor=3) == "text"
    assert visual_encoder(tiny_encoders.checkpoint("ColQwen3")).id.dim == 320
    assert visual_encoder(tiny_encoders.checkpoint("ColBERT")).id.dim == 24


def test_a_page_without_a_picture_has_its_words_and_a_broken_picture_says_so():
    encoder = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime(), page_text=True)
    bare = PageContent("ä/1", "", PAGES[0].words, (), b"", 600, 800)
    (found,) = encoder.encode_pages([bare])
    assert len(found.rows) > 0
    assert (found.boxes[:, 2] > 0).all()
    (empty,) = tiny_encoders.encoder("ColQwen2").encode_pages([bare])
    assert empty.rows.shape == (0, 128)
    for broken in (b"no picture", PAGES[0].image[: len(PAGES[0].image) // 2]):
        with pytest.raises(DocumentUnreadable, match="picture of page ä/1 cannot be read"):
            encoder.encode_pages([PageContent("ä/1", "", (), (), broken, 600, 800)])


def test_threads_can_share_an_encoder():
    encoder = visual_encoder(tiny_encoders.checkpoint("ColQwen2"), Runtime(), batch=2)
    expected, asked = tiny_encoders.encoder("ColQwen2").encode_pages(PAGES), []
    found: list[Any] = []
    work = [threading.Thread(target=lambda: found.append(encoder.encode_pages(PAGES))) for _ in range(2)]
    work += [threading.Thread(target=lambda: asked.append(encoder.encode_query(QUESTION))) for _ in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(asked) == 4
    for pages in found:
        assert all(same(a.rows, b.rows) for a, b in zip(pages, expected, strict=True))
    assert all(same(query.rows, asked[0].rows) for query in asked)


def same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() < 1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", SEEING)
def test_a_gpu_in_bfloat16_agrees_with_the_cpu_in_float32(kind: str):
    """bfloat16 has 8 bits: a unit row's direction is off by about 1 in 100, through a few layers by a few."""
    runtime = Runtime("cuda", "bfloat16", "sdpa")
    encoder = visual_encoder(tiny_encoders.checkpoint(kind), runtime)
    for gpu, cpu in zip(encoder.encode_pages(PAGES), tiny_encoders.encoder(kind).encode_pages(PAGES), strict=True):
        assert (gpu.boxes == cpu.boxes).all()
        assert (gpu.rows * cpu.rows).sum(axis=1).mean() > 0.98
    query = encoder.encode_query(QUESTION), tiny_encoders.encoder(kind).encode_query(QUESTION)
    assert query[0].tokens == query[1].tokens
    assert (query[0].rows * query[1].rows).sum(axis=1).mean() > 0.98
