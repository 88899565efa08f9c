"""What the answerer without a model quotes: cells, rows, labels with their values, parts of questions, yes and no."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import shown_page

from pagesight.generation import answer
from pagesight.generation.candidates import rank_candidates
from pagesight.generation.extractive import ExtractiveGenerator, question_parts
from pagesight.generation.protocols import Abstention, ShownPage
from pagesight.generation.tables import find_tables
from pagesight.retrieval import Library
from pagesight.retrieval.analysis import STOP_WORDS

TABLE = (
    "Harbour        Berths     Depth     Dues 2023    Dues 2024",
    "Tåsinge          12        4.5         1,204        1,310",
    "Løkken           31        3.2         2,377        2,590",
    "Ærø              24        2.8         1,992        1,875",
    "Total            67       10.5         5,573        5,775",
)


def tables(page: ShownPage):
    return find_tables(page.match.words, (612, 792))


def weighed(page: ShownPage) -> ShownPage:
    """As a library has it: common words weigh nothing."""
    weights = np.array([token.casefold() not in STOP_WORDS for token in page.match.tokens], np.float32)
    return replace(page, match=replace(page.match, weights=weights / weights.sum()))


def said(question: str, *pages: tuple[str, ...]) -> str:
    shown = [weighed(shown_page(number, question, *lines)) for number, lines in enumerate(pages, start=1)]
    pieces = list(ExtractiveGenerator(tables).generate(question, shown))
    return "" if isinstance(pieces[0], Abstention) else "".join(map(str, pieces))


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("How many berths are there in Løkken?", "“31” (“Løkken”, “Berths”) [1]"),
        ("What were the dues of Tåsinge in 2024?", "“1,310” (“Tåsinge”, “Dues 2024”) [1]"),
        ("What were the dues of Tåsinge in 2023?", "“1,204” (“Tåsinge”, “Dues 2023”) [1]"),
        ("Which harbour has the most berths?", "“Løkken” (“31”, “Berths”) [1]"),
        ("Which harbour has the lowest dues in 2023?", "“Tåsinge” (“1,204”, “Dues 2023”) [1]"),
        # more than one cell, or no column in particular: the row
        ("How did the dues of Ærø change from 2023 to 2024?", "“Ærø 24 2.8 1,992 1,875” [1]"),
        ("What were the dues of Ærø?", "“Ærø 24 2.8 1,992 1,875” [1]"),
    ],
)
def test_the_right_cell_of_the_right_row_is_quoted(question: str, begins: str):
    assert said(question, TABLE).startswith(begins)


def test_a_cell_is_cited_with_its_row_and_column(library: Library):
    found = answer(library, "What is the Umsatz of Thüringen?")
    assert found.text.startswith("“120 €” (“Thüringen”, “Umsatz”) [1]")
    citation = found.citations[0]
    assert Path(citation.page.source).name == "umsatz tabelle.pdf"
    words = library.page_words(citation.page.id)
    own = [word for word in words if any(box.union(word.box) == box for box in citation.boxes)]
    assert sorted(word.text for word in own) == ["120", "Thüringen", "Umsatz", "€"]
    # "120 €" stands in two rows of this table; the one beside the label is meant
    label = next(word for word in own if word.text == "Thüringen")
    figure = next(word for word in own if word.text == "120")
    assert abs(figure.box.center[1] - label.box.center[1]) < 2


def test_a_label_is_quoted_with_what_follows_it():
    assert said(
        "Who is the Vermieter?", ("Vermieter", "Käthe Öhlmann", "", "", "Die Wohnung ist 60 m² groß.")
    ).startswith("“Vermieter Käthe Öhlmann” [1]")


def test_what_a_sentence_leaves_to_the_one_before_counts():
    question = "How long is the racket of the Größenklasse B?"
    page = shown_page(1, question, "The racket of the Größenklasse B is light. It is 50 cm long. Nets are 9 m long.")
    texts = [one.text for one in rank_candidates(question, [page])]
    assert texts.index("It is 50 cm long.") < texts.index("Nets are 9 m long.")


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Where and when do the members meet?", ["Where", "when do the members meet?"]),
        ("How much is it, and at what price per metre?", ["How much is it", "at what price per metre?"]),
        ("Хто очолює відділ і коли його створено?", ["Хто очолює відділ", "коли його створено?"]),
        ("Who are the chair and the treasurer?", []),
        ("What is the Größe?", []),
    ],
)
def test_a_question_for_several_things_has_parts(question: str, parts: list[str]):
    assert question_parts(question) == parts


def test_each_part_of_a_question_gets_its_quote():
    text = said(
        "Who founded the Brückenverein and when was the Fähre sold?",
        (
            "The Brückenverein was founded by Øystein Dahl. The Brückenverein meets on Mondays. "
            "The Brückenverein is small. The Brückenverein has founded a choir.",
            "",
            "",
            "The Fähre was sold in 1987.",
        ),
    )
    assert "Øystein Dahl" in text
    assert "1987" in text


@pytest.mark.parametrize(
    ("question", "sentence", "begins"),
    [
        ("Is the Brücke open to cars?", "The Brücke is open to cars.", "Yes: “"),
        ("Is the Brücke open to cars?", "The Brücke is not open to cars.", "No: “"),
        ("Is the Brücke not open to cars?", "The Brücke is not open to cars, they say.", "Yes: “"),
    ],
)
def test_a_plain_statement_is_a_yes_or_a_no(question: str, sentence: str, begins: str):
    assert said(question, (sentence,)).startswith(begins)


def test_several_quotes_never_overlap():
    text = said("What does Löwe cost?", ("Löwe", "Löwe costs 12 €", "Löwe costs 13 €", "Löwe costs 14 €"))
    assert text.count("12 €") == 1


def test_a_name_must_stand_on_the_page_that_is_quoted():
    question = "What is the revenue of Løkken in 2022?"
    other = ("The revenue of Ærø is 24 € in 2022.",)
    assert said(question, other, ("The revenue of Løkken is 31 € in 2021.",)) == ""
    assert said(question, other, ("2022: Løkken has 31 €.",)).startswith("“2022: Løkken has 31 €.” [2]")
    assert said(question, ("The revenue of Løkken is 31 € in 4Q22.",)) != "", "a quarter names its year"


def test_there_is_no_telephone_number_where_none_stands():
    question = "What is the telephone number of the Fährverein?"
    shown = [weighed(shown_page(1, question, "The Fährverein meets on Mondays at 19 in the hall, telephone there."))]
    (only,) = ExtractiveGenerator().generate(question, shown)
    assert isinstance(only, Abstention)
    assert "no telephone number" in only.reason
    assert "0421 35 36 37" in said(question, ("The telephone number of the Fährverein is 0421 35 36 37.",))
