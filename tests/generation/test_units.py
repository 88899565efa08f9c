"""Cutting a page into what can be quoted."""

import pytest
from fakes import words_of

from pagesight.generation.units import LONGEST, quotable_units


def units(*lines: str) -> list[str]:
    words = words_of(*lines)
    return [" ".join(word.text for word in words[first:last]) for first, last in quotable_units(words)]


def test_running_text_is_cut_into_sentences_across_lines():
    assert units("Die Größe beträgt 12 m². Die Höhe", "beträgt 3 m! Wirklich?") == [
        "Die Größe beträgt 12 m².",
        "Die Höhe beträgt 3 m!",
        "Wirklich?",
    ]


def test_rows_of_a_table_stand_alone():
    assert units("Region        Umsatz", "Thüringen      120 €", "Sachsen         60 €") == [
        "Region Umsatz",
        "Thüringen 120 €",
        "Sachsen 60 €",
    ]


def test_a_table_in_running_text_ends_the_sentence_before_it():
    assert units("The table shows the Größe", "Thüringen      120 €", "of each region.") == [
        "The table shows the Größe",
        "Thüringen 120 €",
        "of each region.",
    ]


def test_paragraphs_are_not_joined():
    assert units("Überschrift", "", "", "Der Text beginnt.") == ["Überschrift", "Der Text beginnt."]


@pytest.mark.parametrize(
    "sentence",
    [
        "Mr. Müller and Dr. Weiß came.",
        "See Fig. 3 in J. S. Bach.",
        "Видатки 5 млн. гривень на 2021 р. зросли.",
        "Um 3. Mai war es.",
        "It cost 1.5 € per m².",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str):
    assert units(sentence) == [sentence]


@pytest.mark.parametrize("end", [".", "!", "?", "…", "。", "！", "؟", ".”", "?»", ".)", ".]"])
def test_sentences_end_in_many_ways(end: str):
    assert units(f"Größe zählt{end} Weiter geht’s{end}") == [f"Größe zählt{end}", f"Weiter geht’s{end}"]


def test_a_sentence_without_end_is_cut_at_its_rows():
    found = units(*["wörter ohne ein ende"] * 40)
    assert found == ["wörter ohne ein ende"] * 40
    assert max(len(unit.split()) for unit in units(*["ein zwei drei"] * 15)) <= LONGEST


def test_units_cover_every_word_once_in_order():
    words = words_of("Größe 1. Höhe", "a        b", "", "x y z. ", *["lang"] * 70)
    spans = quotable_units(words)
    assert [i for first, last in spans for i in range(first, last)] == list(range(len(words)))
    assert quotable_units(()) == []
