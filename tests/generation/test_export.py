"""What is exported carries its citations, and nothing in it renders as markup."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from pagesight.generation.export import escape_markdown, export_answer, export_chat, export_extraction
from pagesight.generation.extraction import Extraction, Field, Place
from pagesight.retrieval.types import Answer, Box, Citation, Page

PLANTED = (
    "# Überschrift\n<script>alert('ß')</script> ![x](http://evil.example/a.png) [y](javascript:1)\n"
    "- list\n1. one\n> quote\n---\n| a | b |\n`code` **bold** &lt; <b>fett</b> ~~weg~~\n    indented\nSetext\n===\n"
    "https://evil.example www.evil.example <https://evil.example> [ref]: http://evil.example\n```\nfence\n"
)
PAGE = Page("d/3", "d", "/tmp/зві|т<b>.pdf", "Звіт", 3, 595, 842, 0, "", "layer")
BOX = Box(10, 20, 30.04, 40)


def rendered(markdown: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)


def tags(html: str) -> set[str]:
    return {part.split(">")[0].split(" ")[0].strip("/") for part in html.split("<")[1:]}


def answer(text: str = f"Die Größe {PLANTED} [3]", quote: str = PLANTED) -> Answer:
    return Answer("Was # ist <i>das</i>?", text, (Citation(3, 0, 5, PAGE, (BOX,), quote),), (), "scripted ä")


def test_planted_markup_is_shown_and_not_obeyed():
    html = rendered(escape_markdown(PLANTED))
    assert tags(html) == {"p"}
    assert "&lt;script&gt;alert" in html
    assert "Überschrift" in html
    assert "![x](http://evil.example/a.png)" in html.replace("&amp;", "&")


@pytest.mark.parametrize(
    "text", ["4\u00a0512 €", "10 % – 3 * 4", "a_b_c", "C:\\größe", "a@b.example", "1. 2) + -", "\tіндент"]
)
def test_escaped_text_reads_as_it_was(text: str):
    html = rendered(escape_markdown(text))
    assert html.removeprefix("<p>").removesuffix("</p>\n") == text.strip()


def test_control_characters_are_dropped():
    assert escape_markdown("ä\x1b[31m\u202eß\x00") == "ä\\[31mß"


def test_an_answer_is_exported_with_its_citations():
    markdown = export_answer(answer())
    html = rendered(markdown)
    assert tags(html) == {"h1", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<h1>") == 1
    assert html.count("<tr>") == 2
    assert "10.0, 20.0, 30.0, 40.0" in html
    assert "зві|т&lt;b&gt;.pdf" in html
    entry = json.loads(export_answer(answer(), "json"))
    assert entry["citations"][0]["boxes"] == [[10, 20, 30.0, 40]]
    assert entry["citations"][0]["quote"] == PLANTED
    assert "зві|т" in export_answer(answer(), "json")  # letters, and no escapes of them


def test_an_abstention_says_so():
    abstained = Answer("Хто?", "", (), (), "extractive", abstained=True, reason="Нічого * не схоже.")
    assert "do not answer this. Нічого \\* не схоже." in export_answer(abstained)


def test_a_chat_is_exported_in_order():
    markdown = export_chat([answer("Перша."), answer("Друга.")], title="Розмова <1>")
    html = rendered(markdown)
    assert html.index("Перша") < html.index("Друга")
    assert (html.count("<h1>"), html.count("<h2>")) == (1, 2)
    entry = json.loads(export_chat([answer("Перша."), answer("Друга.")], "json"))
    assert [one["answer"] for one in entry["answers"]] == ["Перша.", "Друга."]


def test_an_extraction_is_exported_with_its_places():
    fields = (
        Field("/сума", 4512.5, Place(PAGE, (BOX,), "4 512,50 | <b>€</b>")),
        Field("/ім'я", PLANTED, None, "Not on a page *."),
        Field("/iban", None, None, "Nowhere."),
    )
    extraction = Extraction({"сума": 4512.5}, fields, (PAGE,), "labels", ("'iban' is a required property at $",))
    html = rendered(export_extraction(extraction))
    assert tags(html) == {"h1", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    assert html.count("<tr>") == 4
    assert "<td>4512.5</td>\n<td>yes</td>" in html
    assert html.count("<li>") == 3
    entry = json.loads(export_extraction(extraction, "json"))
    assert entry["fields"][0]["place"] == {
        "source": PAGE.source, "document": "d", "page": 3, "boxes": [[10, 20, 30.0, 40]],
        "quote": "4 512,50 | <b>€</b>",
    }  # fmt: skip
    assert [field["found"] for field in entry["fields"]] == [True, False, False]
