"""Plain text, Markdown and mail as HTML, before anything is drawn."""

from __future__ import annotations

import office
import pytest

from pagesight.ingest import texts
from pagesight.ingest.mail import mail_markup
from pagesight.ingest.texts import decode, html_markup, markdown_markup, plain_markup
from pagesight.retrieval.errors import DocumentUnreadable

UKRAINIAN = "Тиск насоса на станції перевищив норму, тому його зупинили до ранку і перевірили всі клапани. " * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1251", "koi8-u"])
def test_a_text_is_read_in_the_letters_it_was_written_in(encoding: str) -> None:
    assert decode(UKRAINIAN.encode(encoding)) == UKRAINIAN


def test_what_a_text_says_of_its_letters_counts_where_it_is_true() -> None:
    assert decode("Größe".encode("latin-1"), "latin-1") == "Größe"
    assert decode("Größe".encode(), "latin-1") == "Größe", "what is UTF-8 is no accident"
    assert "Größe" in decode("Die Größe der Pumpe für Jürgen".encode("cp1252"), "no-such-encoding")
    assert "насоса" in html_markup(b"<meta charset='windows-1251'>" + UKRAINIAN.encode("cp1251")).body


def test_lines_end_alike_and_signs_for_terminals_go() -> None:
    assert decode("ä\r\nö\rü\x1b[0m\x07".encode()) == "ä\nö\nü[0m"


def test_what_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DocumentUnreadable, match="neither text"):
        decode("ä\0b".encode())
    monkeypatch.setattr(texts, "MOST_TEXT_BYTES", 1_000_000)
    with pytest.raises(DocumentUnreadable, match=r"a text of 2 MB, more than 1 MB; split it"):
        decode(b"x" * 2_000_000)


def test_a_text_keeps_its_lines_and_a_form_feed_begins_a_page() -> None:
    body = plain_markup("eins\tä\n  <zwei>\n\fdrei\n\f\n").body
    assert body == '<pre>eins    ä\n  &lt;zwei&gt;</pre><pre style="page-break-before: always">drei</pre>'


def test_markdown_has_tables_and_no_html() -> None:
    drawn = markdown_markup(
        "# Größe\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<script>x</script> ![Bild](http://x/y.png)\n"
    )
    assert drawn.title == "Größe"
    assert 'border="1"' in drawn.body
    assert "<td>1</td><td>2</td>" in "".join(drawn.body.split("\n"))
    assert "&lt;script&gt;" in drawn.body
    assert "http" not in drawn.body
    assert "Bild" in drawn.body


def test_what_stands_in_front_of_markdown_is_kept_as_it_is() -> None:
    assert markdown_markup("---\ntags: [ä]\n---\n# Größe\n").body == "<pre>tags: [ä]</pre><h1>Größe</h1>\n"
    assert "<hr>" in markdown_markup("---\nohne Ende\n").body


def test_a_mail_shows_its_headers_its_text_and_the_names_of_what_is_attached() -> None:
    drawn = mail_markup(office.eml("Die Pumpe <hat> 25 bar", "<p>HTML", attachment="Zeichnung ü.pdf"))
    for shown in ("Jürgen Groß &lt;juergen@example.org&gt;", "Олена Коваль", "Größe der Pumpe", "Zeichnung ü.pdf"):
        assert shown in drawn.body
    assert "<pre>Die Pumpe &lt;hat&gt; 25 bar</pre>" in drawn.body
    assert "HTML" not in drawn.body
    assert "secret" not in drawn.body
    assert drawn.title == "Größe der Pumpe"
    assert drawn.properties["CreationDate"] == "D:20210302"


def test_a_mail_without_text_shows_its_html_without_what_loads() -> None:
    drawn = mail_markup(office.eml(html='<p>Nur <b>HTML</b> für Olena<img src="http://x/pixel.gif">'))
    assert "<p>Nur <b>HTML</b> für Olena\n</p>" in drawn.body
    assert "http" not in drawn.body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"From: \xff\xfe\r\nDate: never\r\n\r\n\xe4",
        b"Subject: =?utf-8?b?!!!?=\r\nFrom: <<<>>>,;:\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xe4",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n--x",
        b"Content-Type: multipart/alternative\r\n\r\nnothing",
        b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\nTo: [\r\n\r\n",
    ],
)
def test_a_mail_that_breaks_every_rule_is_still_one(data: bytes) -> None:
    drawn = mail_markup(data)
    assert "CreationDate" not in drawn.properties
    assert drawn.page().startswith("<!DOCTYPE html>")
