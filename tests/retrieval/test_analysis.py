"""Texts to index terms."""

import pytest

from pagesight.retrieval.analysis import query_terms, terms


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Revenues", "revenue"),
        ("STRASSE", "Straße"),
        ("ﬁnancial", "financial"),
        ("１２３", "123"),
        ("Größe", "gro\u0308ße".replace("o\u0308", "ö")),
        ("Cafe\u0301", "CAFÉ"),
        ("1,577", "1577"),
        ("12,5", "12.5"),
        ("PS-400", "ps400"),
        ("PS/400", "PS-400"),
        ("об'єкт", "обʼєкт"),
        ("об’єкт", "об'єкт"),
        ("company's", "company’s"),
        ("매출은", "매출"),
        ("東京都", "東京"),
        ("ภาษาไทย", "ไทย"),
        ("résumé", "resume"),
        ("Łódź", "lodz"),
        ("السَّلَام", "السلام"),
        ("שָׁלוֹם", "שלום"),
        ("re\u00adport", "report"),
        ("всё", "все"),
        ("1\u202f577 грн", "1577"),
        ("1.577.000", "1,577,000"),
        ("1.577", "1577"),
        ("8.70 %", "8.7"),
        ("31.12.2021", "December 31, 2021"),
        ("2021-12-31", "31 грудня 2021 року"),
        ("le 1er mai 2021", "May 1st, 2021"),
        ("3/4/2021", "4 March 2021"),
    ],
)
def test_what_is_the_same_to_a_reader_shares_a_term(written: str, asked: str):
    assert set(terms(written)) & set(terms(asked))


@pytest.mark.parametrize(
    ("one", "other"),
    [("2021", "2022"), ("PS-400", "PS-401"), ("бюджет", "будинок"), ("서울", "부산"), ("31.12.2021", "30.12.2021")],
)
def test_what_differs_to_a_reader_keeps_a_term_of_its_own(one: str, other: str):
    assert set(terms(one)) - set(terms(other))


@pytest.mark.parametrize("text", ["", " ", "—…!", "\0", "\udce9", "_"])
def test_a_text_without_words_has_no_terms(text: str):
    assert terms(text) == []


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("de", "Häuser", "Haus"),
        ("fr", "nationales", "national"),
        ("it", "bambini", "bambino"),
        ("ru", "книгами", "книга"),
        ("ar", "الكتاب", "كتابان"),
        ("hi", "किताबों", "किताब"),
        ("tr", "evlerimizden", "evler"),
    ],
)
def test_a_word_is_found_in_another_form_of_its_language(language: str, written: str, asked: str):
    assert set(terms(written, language)) & set(query_terms(asked, (None, "en", language)))
    assert not set(terms(written)) & set(query_terms(asked)), "or this tests nothing"


def test_words_that_only_ask_are_left_out_in_the_language_that_they_belong_to():
    assert query_terms("Wie alt sind diese Pinguine?", ("de",)) == ["alt", "pinguin"]
    assert query_terms("Who will die in the die cast?", ("en", "de")) == ["die", "cast"]
    assert query_terms("Что он и она там кормили?", ("ru",)) == ["корм"]


def test_a_vowel_sign_does_not_end_a_word():
    assert terms("प्रधानमंत्री") == [terms("प्रधानमंत्री")[0]]


def test_terms_come_in_order_and_as_often_as_they_stand_there():
    assert terms("Größe, größe; 3 Pumpen") == ["grösse", "grösse", "3", "pumpen", "gross", "gross"]


def test_a_query_has_each_term_once_and_no_words_that_only_ask():
    assert query_terms("What is the Maß of the Maß?") == ["mass"]
    assert query_terms("Who is who?") == ["who", "is"]
    assert query_terms("“The” [2021]") == ["2021"]


def test_terms_hold_nothing_that_a_query_language_reads():
    assert all(term.replace(".", "").isalnum() for term in terms('a" OR b* NEAR(ä,1) {c}:d ^e -f 3.5 PS-400 \0 х"у'))
