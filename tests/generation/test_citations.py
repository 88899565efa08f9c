"""Binding the markers of an answer to places on pages."""

import pytest
from fakes import shown_page, words_of

from pagesight.generation.citations import bind_citations, find_quotes
from pagesight.generation.protocols import ShownPage
from pagesight.retrieval import Library
from pagesight.retrieval.types import Citation


@pytest.fixture
def shown(library: Library) -> list[ShownPage]:
    """The three pages of the report, best first: revenue, pumps, penguins."""
    pages = library.catalog.pages_of(library.resolve("annual-report.pdf")[0])
    hits = {hit.page.id: hit for hit in library.retrieve("the Größe", k=9, where={"document": "annual-report.pdf"})}
    return [ShownPage(n, hits[page.id], library.match("the Größe", page.id)) for n, page in enumerate(pages, start=1)]


def assert_over_its_words(citation: Citation, library: Library) -> None:
    words = library.page_words(citation.page.id)
    inside = [w.text for w in words if any(box.union(w.box) == box for box in citation.boxes)]
    assert " ".join(inside) == citation.quote


def test_a_quote_is_cited_where_it_stands(library: Library, shown: list[ShownPage]):
    text = "“The pump PS-400 delivers 35 m³ of water per hour.” [2]"
    (citation,) = bind_citations(library, text, shown)
    assert (citation.marker, citation.page.number) == (2, 2)
    assert citation.quote == "The pump PS-400 delivers 35 m³ of water per hour."
    assert len(citation.boxes) == 1
    assert_over_its_words(citation, library)
    assert text[citation.start : citation.end] == "“The pump PS-400 delivers 35 m³ of water per hour.”"


def test_a_quote_over_two_lines_has_a_box_a_line(library: Library, shown: list[ShownPage]):
    text = "“1,240 people in Zürich and Genève. Its headquarters moved” [1]"
    (citation,) = bind_citations(library, text, shown)
    assert len(citation.boxes) == 2
    assert_over_its_words(citation, library)


def test_a_claim_in_other_words_is_cited_by_the_line_that_says_it(library: Library, shown: list[ShownPage]):
    text = "Penguins breed in the winter of Antarctica [3]. Revenue was over four billion euros in 2021 [1]."
    third, first = bind_citations(library, text, shown)
    assert third.quote == "Emperor penguins breed during the Antarctic winter."
    assert first.quote == "The net revenue in 2021 was 4,512 million euros."
    assert text[third.start : third.end] == "Penguins breed in the winter of Antarctica"
    assert text[first.start : first.end] == "Revenue was over four billion euros in 2021"
    for citation in (third, first):
        assert_over_its_words(citation, library)


def test_a_claim_that_stands_nowhere_cites_the_page_as_a_whole(library: Library, shown: list[ShownPage]):
    (citation,) = bind_citations(library, "Квантова хромодинаміка [3]", shown)
    assert (citation.boxes, citation.quote, citation.page.number) == ((), "", 3)


def test_markers_of_pages_that_were_not_shown_are_left_out(library: Library, shown: list[ShownPage]):
    found = bind_citations(library, "Größe [7]. Penguins breed in winter [3]. Mehr [0] und [999], [1234], [x].", shown)
    assert [citation.marker for citation in found] == [3]
    assert bind_citations(library, "Keine Marke, nirgends.", shown) == ()
    assert bind_citations(library, "", shown) == ()


def test_brackets_inside_a_quote_are_the_documents_own(library: Library, shown: list[ShownPage]):
    text = "It says “see [1] and [2] über alles” [3]."
    assert [citation.marker for citation in bind_citations(library, text, shown)] == [3]


def test_neighbouring_markers_stand_for_the_same_claim(library: Library, shown: list[ShownPage]):
    text = "First claim über Pumpen. Second claim über Ventile [2][3] [1]. Third [3]"
    found = bind_citations(library, text, shown)
    assert [citation.marker for citation in found] == [2, 3, 1, 3]
    assert [text[citation.start : citation.end] for citation in found] == ["Second claim über Ventile"] * 3 + ["Third"]


def test_a_marker_at_the_very_start_harms_nothing(library: Library, shown: list[ShownPage]):
    assert [citation.marker for citation in bind_citations(library, "[1] Größe", shown)] == [1]


@pytest.mark.parametrize(
    ("quote", "span"),
    [
        ("Größe der Fläche", (1, 4)),
        ("‘Größe’ der", (1, 3)),
        ("der  Fläche", (2, 4)),
        ("Größe Fläche", None),
        ("größe", None),
        ("", None),
        ("Die Größe der Fläche ist", None),
    ],
)
def test_a_quote_is_found_word_by_word(quote: str, span: tuple[int, int] | None):
    assert find_quotes(words_of("Die “Größe” der Fläche"), quote) == ([span] if span else [])


def test_a_shown_page_need_not_have_words(library: Library):
    page = shown_page(1, "Größe?")
    assert bind_citations(library, "Größe [1]", [page])[0].boxes == ()
