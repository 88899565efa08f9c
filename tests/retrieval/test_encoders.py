"""Encoders: the packaged MiniLM through the real loading code, and the fakes, under one contract."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from contracts import PageEncoderContract, TextEncoderContract
from fakes import FakePageEncoder, FakeTextEncoder, page_content

from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.encoders.words import LONGEST_WORD, WordsEncoder
from pagesight.retrieval.errors import ModelUnavailable


class TestFakeTextEncoder(TextEncoderContract):
    @pytest.fixture
    def encoder(self) -> FakeTextEncoder:
        return FakeTextEncoder()


class TestSentenceEncoder(TextEncoderContract):
    @pytest.fixture
    def encoder(self, minilm: SentenceEncoder) -> SentenceEncoder:
        return minilm


class TestFakePageEncoder(PageEncoderContract):
    @pytest.fixture
    def page_encoder(self) -> FakePageEncoder:
        return FakePageEncoder()


class TestWordsEncoder(PageEncoderContract):
    @pytest.fixture
    def page_encoder(self, minilm: SentenceEncoder) -> WordsEncoder:
        return WordsEncoder(minilm)


def test_the_passages_that_come_with_the_words_are_those_the_sentence_encoder_makes(minilm: SentenceEncoder):
    page = page_content("a/1", "The pump delivers 35 m³ of water per hour.", "Penguins breed in winter.", passages=2)
    (encoded,) = WordsEncoder(minilm).encode_pages([page])
    assert encoded.passages is not None
    alone = minilm.encode_document([passage.text for passage in page.passages])
    assert (encoded.passages * alone).sum(axis=1) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("text", "coverage"),
    [
        ("What was the revenue in Zürich?", 1.0),
        ("Скільки становить бюджет міста на освіту?", 0.0),
        ("서울의 매출은 얼마입니까?", 0.0),
        ("מהו תקציב העירייה", 0.0),
        ("2021: 12 %", 1.0),
        ("", 1.0),
    ],
)
def test_an_encoder_knows_which_languages_it_has_learnt(minilm: SentenceEncoder, text: str, coverage: float):
    assert WordsEncoder(minilm).coverage(text) == pytest.approx(coverage, abs=0.25)


def test_small_words_count_for_little(minilm: SentenceEncoder):
    query = WordsEncoder(minilm).encode_query("What is the Größe")
    assert query.tokens == ("What", "is", "the", "Größe")
    assert query.weights[3] == pytest.approx(10 * query.weights[0])


def test_a_word_too_long_to_be_one_does_not_push_out_its_neighbours(minilm: SentenceEncoder):
    page = page_content("a/1", f"{'ä' * 5000} water", "pumps")
    (encoded,) = WordsEncoder(minilm).encode_pages([page])
    assert len(encoded.rows) == 3
    assert LONGEST_WORD < 256


def test_an_encoder_of_another_size_has_another_name(minilm: SentenceEncoder):
    assert minilm.id.dim == 384
    assert minilm.id.model == "all-MiniLM-L6-v2"
    assert WordsEncoder(minilm).id != minilm.id


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    encoder = SentenceEncoder(str(tmp_path / "modèle"))
    with pytest.raises(ModelUnavailable, match="modèle"):
        _ = encoder.id


def test_texts_that_are_not_text_are_encoded_all_the_same(minilm: SentenceEncoder):
    """Names of files and arguments of commands come with bytes that are not UTF-8, as lone surrogates."""
    assert np.isfinite(minilm.encode_query(["caf\udce9", "a\0b"])).all()
    words = WordsEncoder(minilm)
    assert len(words.encode_query("caf\udce9 water").rows) >= 2
    assert words.coverage("caf\udce9") <= 1


def test_threads_do_not_change_each_others_padding(minilm: SentenceEncoder):
    """The tokenizer keeps padding and truncation as state; a page is encoded while another thread asks."""
    words = WordsEncoder(minilm)
    pages = [page_content(f"ä/{n}", *["Wasser für Pumpen"] * n) for n in (1, 3, 9)]
    expected = [len(page.rows) for page in words.encode_pages(pages)]
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            words.coverage("How large is the Fläche?")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(12):
            assert [len(page.rows) for page in words.encode_pages(pages)] == expected
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)


def test_cores_that_take_a_sequence_each_find_what_one_finds_and_leave_torch_as_it_was(minilm: SentenceEncoder):
    import torch

    sequences = [["Water", "rises", "slowly", "."] * n for n in (1, 3, 2, 7, 5)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = minilm.encode_words(sequences)
        torch.set_num_threads(2)
        together = minilm.encode_words(sequences)
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert (torch.get_num_threads(), later) == (2, [2]), "what this thread and later ones compute on"
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, together, strict=True):
        assert (one.words == other.words).all()
        assert (one.rows * other.rows).sum(axis=1) == pytest.approx(1, abs=0.005)
