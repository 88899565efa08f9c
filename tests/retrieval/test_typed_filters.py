"""Filters typed into a question."""

from __future__ import annotations

import pytest

from pagesight.retrieval import Library
from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.typed_filters import joined, typed_filters

KNOWN = ["document", "language", "Company", "year"]


@pytest.mark.parametrize(
    ("question", "rest", "where"),
    [
        ("net revenue", "net revenue", {}),
        ("company:Boeing net  revenue", "net revenue", {"Company": ["Boeing"]}),
        ('revenue company:"Größe SE" YEAR:2022', "revenue", {"Company": ["Größe SE"], "year": ["2022"]}),
        ("revenue year:2021 year:2022", "revenue", {"year": ["2021", "2022"]}),
        ("revenue year:>=2021 year:<2023", "revenue", {"year": {">=": "2021", "<": "2023"}}),
        ("language:uk бюджет", "бюджет", {"language": ["uk"]}),
        ("company:Boeing year:2022", "Boeing 2022", {"Company": ["Boeing"], "year": ["2022"]}),
        ("the year: 2022", "the year: 2022", {}),
        ("the ratio 3:2 at https://a.example:80/x", "the ratio 3:2 at https://a.example:80/x", {}),
        ("author:Groß  wrote", "author:Groß  wrote", {}),
        ("year:", "year:", {}),
        ("(company:Boeing)", "(company:Boeing)", {}),
    ],
)
def test_known_names_with_a_colon_are_filters(question: str, rest: str, where: dict[str, object]):
    assert typed_filters(question, KNOWN) == (rest, where)


def test_what_cannot_be_is_said():
    with pytest.raises(QueryError, match="'year' is asked for as a value and by comparison"):
        typed_filters("year:2020 year:>2019", KNOWN)
    with pytest.raises(QueryError, match="'year' is typed in the question and a filter already"):
        joined({"year": 2020}, {"year": ["2021"]})
    assert joined(None, {"year": ["2021"]}) == {"year": ["2021"]}
    assert joined({"a": 1}, {"b": ["2"]}) == {"a": 1, "b": ["2"]}


def test_a_library_is_searched_by_what_is_typed(library: Library):
    name = "план.pdf"
    everywhere = {hit.page.document for hit in library.retrieve("water", k=50)}
    there = {hit.page.source for hit in library.retrieve(f"water document:{name}", k=50)}
    assert len(everywhere) > 1
    assert {source.rpartition("/")[2] for source in there} == {name}
    assert {one.page for one in library.rank(f"water document:{name}")} == {
        one.page for one in library.rank("water", {"document": name})
    }
    with pytest.raises(QueryError, match="no document 'nirgends'"):
        library.retrieve("water document:nirgends")


def test_a_document_takes_no_more_places_than_it_may(library: Library):
    best = library.retrieve("water", k=50)
    few = library.retrieve("water", k=50, per_document=1)
    documents = [hit.page.document for hit in few]
    assert len(best) > len(few)
    assert sorted(documents) == sorted({hit.page.document for hit in best})
    assert few[0].page == best[0].page
    assert [hit.rank for hit in few] == list(range(1, len(few) + 1))
    with pytest.raises(QueryError, match="per_document is 0"):
        library.retrieve("water", per_document=0)
