"""HTML from strangers: what is left of it when what runs, loads and hides is gone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagesight.ingest.markup import DEEPEST, clean_html

LOADING = """\
<html><head><base href="http://böse.example/"><link rel="stylesheet" href="http://böse.example/s.css">
<meta http-equiv="refresh" content="0; url=http://böse.example/">
<style>@import url(http://böse.example/x.css); p { background: url(http://böse.example/y.png) }</style></head>
<body background="http://böse.example/z.png"><p style="background:url(http://böse.example/a)">Größe</p>
<img src="http://böse.example/b.png" srcset="http://böse.example/c.png 2x"><img src="file:///etc/passwd">
<iframe src="http://böse.example/d"></iframe><object data="http://böse.example/e"><p>f</p></object>
<embed src="http://böse.example/g"><video src="http://böse.example/h"></video><svg><image href="http://böse.example/i"/>
</svg><table background="http://böse.example/j"><tr><td background="http://böse.example/k">Zelle</table>
<form action="http://böse.example/l"><input value="http://böse.example/m">Frage<button>n</button></form>
<a href="http://böse.example/o" ping="http://böse.example/p">Verweis</a><script src="http://böse.example/q"></script>
"""


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", clean_html(html).body).split())


def test_nothing_that_is_left_names_an_address() -> None:
    body = clean_html(LOADING).body
    assert "example" not in body
    assert "passwd" not in body
    assert words(LOADING) == "Größe Zelle Frage Verweis"


def test_pictures_that_are_in_the_text_stay_and_others_are_what_they_are_said_to_show() -> None:
    inside = '<img onload="x" src="data:image/png;base64,iVBORw0KGgo=">'
    assert clean_html(inside).body == '<img src="data:image/png;base64,iVBORw0KGgo=" alt="">'
    assert clean_html('<img src="http://x/" alt="Die <Pumpe>">').body == "Die &lt;Pumpe&gt;"
    assert clean_html('<img src="data:image/svg+xml;base64,PHN2Zz4=">').body == ""


@pytest.mark.parametrize(
    "html",
    [
        "Sichtbar<div hidden>geheim<p>auch</div>",
        "<p style='DISPLAY : none'>geheim</p>Sichtbar",
        "<p hidden>geheim<p>Sichtbar",
        "<ul><li hidden>geheim<li>Sichtbar</ul>",
        "<script>geheim</script>Sichtbar<!-- geheim -->",
        "<script/>Sichtbar",
        "<noscript><p>Sichtbar</p></noscript><template>geheim</template>",
        "<textarea>geheim</textarea><select><option>geheim</select>Sichtbar",
    ],
)
def test_what_a_reader_does_not_see_goes_and_the_rest_stays(html: str) -> None:
    assert words(html) == "Sichtbar"


def test_tables_and_lists_whose_ends_are_left_out_are_closed() -> None:
    assert clean_html("<ul><li>ä<li>ö<ul><li>ü</ul><li>ß</ul>").body == (
        "<ul><li>ä</li><li>ö<ul><li>ü</li></ul></li><li>ß</li></ul>"
    )
    assert words("<table><tr><th>a<th>b<tr><td>1<td>2</table>danach") == "a b 1 2 danach"
    table = clean_html('<table border=1><tr><td colspan=2 rowspan="99999999">1<td>2</table>').body
    assert re.sub(r"<table[^>]*>", "<table>", table) == '<table><tr><td colspan="2">1</td><td>2</td></tr></table>'


def test_elements_are_not_nested_deeper_than_an_office_program_can_take() -> None:
    body = clean_html("<div>" * 100_000 + "innen").body
    assert body.count("<div>") == DEEPEST
    assert "innen" in body
    assert clean_html("<div hidden>" * 100_000 + "innen").body == ""
    assert clean_html("<table><tr><td>" * 50 + "innen").body.count("<table") == 4


def test_the_title_is_what_the_page_says_or_its_first_heading() -> None:
    assert clean_html("<title>Der\n Titel</title><h1>Anders</h1>").title == "Der Titel"
    assert clean_html("<p>Vorher</p><h1>Die <i>Größe</i></h1><h2>zwei</h2>").title == "Die Größe"
    assert clean_html('<meta name="Author" content="Jürgen">').properties == {"Author": "Jürgen"}


ATTRIBUTES = r'(?: (?:alt|dir|start|colspan|rowspan|cellspacing|cellpadding|border)="[\w]*"| src="data:image/[^"<>]*")*'


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<table", ">", "<td ", "src=x", "'", '"', "<!--", "<script", "ä", "&lt;", "</"])
    )
)
def test_whatever_comes_in_only_elements_that_are_known_come_out_and_each_is_closed(pieces: list[str]) -> None:
    body = clean_html("".join(pieces)).body
    tags = re.findall(r"<[^>]*>", body)
    assert all(re.fullmatch(rf"</?[a-z0-9]+{ATTRIBUTES}>", tag) for tag in tags)
    assert "<" not in re.sub(r"<[^>]*>", "", body)
    for name in ("p", "table", "td"):
        assert len(re.findall(rf"<{name}\b", body)) == body.count(f"</{name}>")
