"""What every implementation of a seam must do. A test file inherits a contract and gives it the implementation.

Those of the stores are in `contracts_stores.py`.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from fakes import page_content, shown_page
from numpy.typing import NDArray

from pagesight.generation.protocols import Abstention, Generator
from pagesight.retrieval.protocols import PageEncoder, TextEncoder
from pagesight.retrieval.types import Vectors

TEXTS = ("Größe der Fläche", "a long sentence about pumps that deliver water", "", "매출은 증가했다", "x")


def lengths(rows: Vectors) -> NDArray[np.float64]:
    return np.linalg.norm(rows.astype(np.float64), axis=1)


class TextEncoderContract:
    @pytest.fixture
    def encoder(self) -> TextEncoder:
        raise NotImplementedError

    def test_each_text_becomes_one_unit_row(self, encoder: TextEncoder):
        for encode in (encoder.encode_query, encoder.encode_document):
            rows = encode(TEXTS)
            assert rows.dtype == np.float32
            assert rows.shape == (len(TEXTS), encoder.id.dim)
            assert lengths(rows) == pytest.approx(1, abs=1e-5)

    def test_no_texts_become_no_rows(self, encoder: TextEncoder):
        assert encoder.encode_query([]).shape == (0, encoder.id.dim)
        assert encoder.encode_document([]).shape == (0, encoder.id.dim)

    def test_a_text_is_encoded_the_same_alone_and_in_company(self, encoder: TextEncoder):
        together = encoder.encode_document(TEXTS)
        for text, row in zip(TEXTS, together, strict=True):
            assert encoder.encode_document([text])[0] == pytest.approx(row, abs=1e-5)

    def test_a_query_is_nearest_to_the_document_that_says_the_same(self, encoder: TextEncoder):
        documents = encoder.encode_document(TEXTS)
        similarities = encoder.encode_query(["Größe der Fläche"])[0] @ documents.T
        assert similarities.argmax() == 0

    def test_its_name_does_not_change(self, encoder: TextEncoder):
        before = encoder.id
        encoder.encode_query(["ä"])
        assert encoder.id == before


class PageEncoderContract:
    @pytest.fixture
    def page_encoder(self) -> PageEncoder:
        raise NotImplementedError

    PAGES = (
        page_content("a/1", "Die Größe der Fläche beträgt 12 m².", "The pump delivers water.", passages=2),
        page_content("a/2", "one"),
        page_content("b/1"),
        page_content("b/2", *["Ein längerer Absatz über Pumpen, Ventile und Wasser PS-400."] * 30, passages=3),
    )

    def test_every_row_is_unit_and_has_its_box_and_its_group(self, page_encoder: PageEncoder):
        found = page_encoder.encode_pages(self.PAGES)
        assert [page.id for page in found] == [page.id for page in self.PAGES]
        for content, page in zip(self.PAGES, found, strict=True):
            count = len(page.rows)
            assert page.rows.dtype == np.float32
            assert page.rows.shape == (count, page_encoder.id.dim)
            assert page.boxes.shape == (count, 4)
            assert page.groups.shape == (count,)
            assert lengths(page.rows) == pytest.approx(np.ones(count), abs=1e-5)
            assert (np.diff(page.groups) >= 0).all()
            boxes = {tuple(np.float32(edge) for edge in word.box) for word in content.words}
            assert {tuple(box) for box in page.boxes} <= boxes
            if page.passages is not None:
                assert page.passages.shape == (len(content.passages), page_encoder.id.dim)
                assert lengths(page.passages) == pytest.approx(np.ones(len(content.passages)), abs=1e-5)

    def test_no_word_of_a_long_page_is_lost(self, page_encoder: PageEncoder):
        page = page_content("a/1", *["Wörter, die das Fenster des Modells überfüllen: Überprüfungsausschüsse"] * 40)
        assert len(page_encoder.encode_pages([page])[0].rows) == len(page.words)

    def test_a_page_without_words_has_no_rows(self, page_encoder: PageEncoder):
        (empty,) = page_encoder.encode_pages([page_content("leer/1")])
        assert empty.rows.shape == (0, page_encoder.id.dim)
        assert empty.boxes.shape == (0, 4)

    def test_a_page_is_encoded_the_same_alone_and_in_company(self, page_encoder: PageEncoder):
        for content, together in zip(self.PAGES, page_encoder.encode_pages(self.PAGES), strict=True):
            (alone,) = page_encoder.encode_pages([content])
            cosines = (alone.rows * together.rows).sum(1)
            assert cosines == pytest.approx(1, abs=1e-3), "some encoders compute in 16 bits"
            assert (alone.boxes == together.boxes).all()
            assert (alone.groups == together.groups).all()

    @pytest.mark.parametrize("question", ["What is the Größe of the area?", "the", "매출은?", "PS-400 " * 400])
    def test_the_words_of_a_query_share_a_weight_of_one(self, page_encoder: PageEncoder, question: str):
        query = page_encoder.encode_query(question)
        assert len(query.tokens) == len(query.rows) == len(query.weights) > 0
        assert lengths(query.rows) == pytest.approx(1, abs=1e-5)
        assert (query.weights >= 0).all()
        assert float(query.weights.sum()) == pytest.approx(1, abs=1e-4)

    def test_a_query_without_words_has_no_rows(self, page_encoder: PageEncoder):
        query = page_encoder.encode_query("?!…")
        assert (len(query.tokens), query.rows.shape, len(query.weights)) == (0, (0, page_encoder.id.dim), 0)

    def test_coverage_is_a_share(self, page_encoder: PageEncoder):
        assert page_encoder.coverage("how much water do the pumps deliver") == 1
        for text in ("", "12", "Größe", "Скільки", "매출은 pumps"):
            assert 0 <= page_encoder.coverage(text) <= 1


class GeneratorContract:
    @pytest.fixture
    def generator(self) -> Generator:
        raise NotImplementedError

    QUESTION = "How large is the Fläche?"
    LINES = ("Die Fläche is 12 m² large.", "Penguins breed in winter.")

    def test_it_has_a_name_for_people(self, generator: Generator):
        assert generator.name.strip()

    def test_an_answer_cites_only_pages_that_were_shown(self, generator: Generator):
        pages = [shown_page(n, self.QUESTION, *self.LINES) for n in (1, 2)]
        pieces = list(generator.generate(self.QUESTION, pages))
        assert all(isinstance(piece, str) for piece in pieces)
        markers = re.findall(r"\[(\d+)\]", "".join(str(piece) for piece in pieces))
        assert markers
        assert set(markers) <= {"1", "2"}

    def test_without_pages_it_abstains_with_a_reason_and_says_nothing_else(self, generator: Generator):
        (piece,) = generator.generate(self.QUESTION, [])
        assert isinstance(piece, Abstention)
        assert piece.reason.strip()

    def test_it_can_be_stopped(self, generator: Generator):
        pieces = generator.generate(self.QUESTION, [shown_page(1, self.QUESTION, *self.LINES)])
        next(pieces)
        close = getattr(pieces, "close", None)
        assert close is not None
        close()
        assert list(pieces) == []
