"""Filters: what passes, what is refused and with which words, and that nothing is looked up twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from drafts import empty_library, write

from pagesight.retrieval import Library
from pagesight.retrieval.catalog import Catalog
from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.where_text import parse_where


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with empty_library(tmp_path_factory.mktemp("größen") / "library") as library:
        with library.writer() as writer:
            write(writer, "aa", "/звіти/2022/a.pdf", "Wärmepumpe läuft", "насос працює", languages=("de", "uk"))
            write(writer, "bb", "/звіти/2023/b.PDF", "Wärmepumpe steht", languages=("de",))
            write(writer, "cc", "/інше/c.png", "Wärmepumpe?")
            writer.set_metadata(
                ["aa"], {"year": 2022, "company": "Boeing", "created": "2023-01-01", "final": True, "code": '"7"'}
            )
            writer.set_metadata(
                ["bb"], {"year": 2023.5, "company": "Airbus SE", "created": "2022-12-31", "final": False}
            )
        yield library


@pytest.mark.parametrize(
    ("where", "pages"),
    [
        (None, "aa/1 aa/2 bb/1 cc/1"),
        ({"language": "uk"}, "aa/2"),
        ({"language": ["DE", "uk"]}, "aa/1 aa/2 bb/1"),
        ({"type": "pdf"}, "aa/1 aa/2 bb/1"),
        ({"type": [".PNG"]}, "cc/1"),
        ({"folder": "/звіти"}, "aa/1 aa/2 bb/1"),
        ({"folder": ["2023", "/інше"]}, "bb/1 cc/1"),
        ({"year": 2022}, "aa/1 aa/2"),
        ({"year": {">=": 2022}}, "aa/1 aa/2 bb/1"),
        ({"year": {">": "2022", "<": 2024}}, "bb/1"),
        ({"year": [2022.0, 7]}, "aa/1 aa/2"),
        ({"company": "BOEING"}, "aa/1 aa/2"),
        ({"company": ["boeing", "airbus se", "нема"]}, "aa/1 aa/2 bb/1"),
        ({"company": {"!=": "Boeing"}}, "bb/1"),
        ({"company": {"<": "Airc"}}, "bb/1"),
        ({"company": "нема"}, ""),
        ({"created": {">=": "2023-01-01"}}, "aa/1 aa/2"),
        ({"created": {"<": date(2023, 1, 1)}}, "bb/1"),
        ({"final": True}, "aa/1 aa/2"),
        ({"final": "false"}, "bb/1"),
        ({"code": "7"}, "aa/1 aa/2"),
        ({"document": ["a.pdf", "bb"], "language": "de", "year": {">=": 2023}}, "bb/1"),
        ({"language": "uk", "company": "Airbus SE"}, ""),
    ],
)
def test_all_filters_must_hold(library: Library, where: Mapping[str, Any] | None, pages: str):
    scope = library.scope(where)
    assert sorted(scope.pages) == pages.split()
    owners = {page.split("/")[0] for page in scope.pages}
    assert scope.documents == (None if owners == {"aa", "bb", "cc"} else owners)
    assert sorted(hit.page.id for hit in library.retrieve("Wärmepumpe насос", k=9, where=where)) == pages.split()


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"größe": 1}, "no filter 'größe'; there are document, language, type, folder, figure, code, company, created"),
        ({"language": "fr"}, r"language 'fr'; there are: de \(2 pages\), uk \(1 pages\)"),
        ({"type": "docx"}, "no type 'docx' in the library; there are: pdf, png"),
        ({"folder": "2024"}, "no folder '2024' in the library; there are: /звіти/2022, /звіти/2023, /інше"),
        ({"folder": {"=": "2022"}}, "'folder' takes a value or several"),
        ({"year": "колись"}, "'year' does not fit: 'колись' is text, and a number is expected"),
        ({"year": True}, "'True' is true or false, and a number"),
        ({"year": {"~": 1}}, "'~' compares nothing; there are = != < <= > >="),
        ({"year": {">": [1, 2]}}, "'year' > takes one"),
        ({"final": {">": False}}, "'final' > takes one"),
        ({"company": 7}, "'7' is a number, and text is expected"),
        ({"created": {">=": "2023"}}, "'2023' is a number, and a date is expected"),
        ({"year": object()}, "cannot be compared"),
        ({"year; DROP TABLE pages": 1}, "no filter 'year; DROP"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_there_is(library: Library, where: Mapping[str, Any], told: str):
    with pytest.raises(QueryError, match=told):
        library.retrieve("Wärmepumpe", where=where)


def test_the_same_filter_is_looked_up_once_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    rows = Catalog.rows

    def counted(catalog: Catalog, statement: str, values: Any = ()) -> list[tuple]:
        asked.append(statement)
        return rows(catalog, statement, values)

    with empty_library(tmp_path / "größen") as library, library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe")
        writer.set_metadata(["aa"], {"year": 2022})
        monkeypatch.setattr(Catalog, "rows", counted)
        assert list(library.scope({"year": 2022, "document": ["aa"]}).pages) == ["aa/1"]
        assert asked
        asked.clear()
        assert list(library.scope({"document": ("aa",), "year": 2022}).pages) == ["aa/1"]
        assert asked == []
        writer.set_metadata(["aa"], {"year": 2021})
        assert library.scope({"year": 2022, "document": ["aa"]}).pages == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("year=2022", {"year": ["2022"]}),
        ("Year >= 2020 AND year<2023", {"year": {">=": "2020", "<": "2023"}}),
        ("company in (Boeing, Airbus SE , 'a, b')", {"company": ["Boeing", "Airbus SE", '"a, b"']}),
        ("document in ('a b.pdf', c)", {"document": ["a b.pdf", "c"]}),
        (
            'company = "Procter and Gamble" and code != "7"',
            {"company": ['"Procter and Gamble"'], "code": {"!=": ['"7"']}},
        ),
        ("document = річний звіт.pdf and language in (uk)", {"document": ["річний звіт.pdf"], "language": ["uk"]}),
        ("folder == /a/b-c_d", {"folder": ["/a/b-c_d"]}),
        ("author = O'Neil", {"author": ["O'Neil"]}),
    ],
)
def test_a_filter_is_read_as_it_is_written(text: str, where: Mapping[str, Any]):
    assert parse_where(text) == where


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected the name of a filter, as year at its end"),
        ("year", "expected a comparison or 'in' at its end"),
        ("year >=", "expected a value at its end"),
        ("year >> 2", "expected one of = != < <= > >= in, at '>> 2'"),
        (
            "year = 2 or year = 3",
            r"expected the word 'and'; for one of several values write NAME in \(…\), at 'or year",
        ),
        ("year in 2022", r"expected \( after 'in', at '2022'"),
        ("year in (2022", r"expected , or \) at its end"),
        ("company = 'Boeing", "a quote is not closed"),
        ("year = 1 and year = 2", "'year' is asked for twice"),
        ("year = 1 and year > 0", "'year' is asked for twice"),
        ("(year = 1)", r"expected the name of a filter, as year, at '\(year"),
        ("year = 1 and", "expected the name of a filter, as year at its end"),
        ("x" * 10_001, "longer than 10000"),
    ],
)
def test_a_filter_that_cannot_be_read_shows_where(text: str, told: str):
    with pytest.raises(QueryError, match=told):
        parse_where(text)
