"""Text of documents is shown, never obeyed; boxes lie where they should; uploaded names are harmless."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PIL import Image

from pagesight.retrieval import Answer, Box, Citation, Document, Evidence, Hit, Library, Page
from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.heat import PatchHeat
from pagesight.ui.address import Asked, Fact, read_address, write_address
from pagesight.ui.cards import answer_parts, patch_data, snippet
from pagesight.ui.filters import Described, where_for
from pagesight.ui.finding import likeness
from pagesight.ui.page_images import fractions, part_of, placeholder, strip_around
from pagesight.ui.plain import JOINER, plain, plain_answer
from pagesight.ui.uploads import MOST_NAME_BYTES, safe_name
from pagesight.ui.writing import Writing

UI = Path(__file__).parents[2] / "ui"

HOSTILE = [
    "<script>alert(1)</script> **bold** $x$ :smile:",
    ":material/home: :red[x] :streamlit: :orange-badge[3]",
    "[click](javascript:alert(1)) ![i](http://x/y.png) <img src=x onerror=alert(1)>",
    "https://evil.example www.evil.example Www.evil.example me@evil.example",
    "-> <- -- --- >= <= ~= ~~gone~~ `code` ``` # Heading | a | b | \\ &amp; &#58;smile&#58;",
    "1. first\n- second\n> third\n\n    code\n\t\tcode\n===",
    "Звіт «№1» שלום €100",
]


def unescaped(markdown: str) -> str:
    """What a reader of Markdown would take as markup: the text without what is escaped."""
    return re.sub(r"\\[!-/:-@\[-`{-~]", "", markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_leaves_no_markup(text: str) -> None:
    assert not re.search(r"[!-/:-@\[-`{-~]", unescaped(plain(text)))
    assert "\n" not in plain(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_reads_as_it_was_written(text: str) -> None:
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain(text)).replace(JOINER, "")
    assert shown == " ".join(text.split())


@pytest.mark.parametrize("mark", [":smile:", ":material/home:", "https://", "www.", "a@b", "->", "--", "<-", ">="])
def test_plain_parts_what_streamlit_replaces_after_parsing(mark: str) -> None:
    assert mark not in plain(mark).replace("\\", "")


def test_plain_drops_marks_that_would_turn_the_text_around_it() -> None:
    assert plain("invoice\u202efdp.exe\x00\x1b[2J") == r"invoicefdp\.exe\[2J"


def test_an_answer_keeps_its_lines_and_gets_badges_for_its_markers() -> None:
    text = "“Сума *41*” [1]\nnext [2]\n\nlast"
    assert plain_answer(text, {1, 2}) == ("“Сума \\*41\\*” :orange-badge[1]  \nnext :orange-badge[2]\n\nlast")


def test_only_markers_that_cite_something_become_badges() -> None:
    assert plain_answer("so [1][7] “as in [1]”", {1}) == "so :orange-badge[1]\\[7\\] “as in \\[1\\]”"


def page(width: float = 200, height: float = 100) -> Page:
    return Page("d/1", "d", "/звіт.pdf", "Звіт", 1, width, height, 0, "text", "layer")


def opened(address: str) -> Image.Image:
    assert address.startswith("data:image/png;base64,")
    return Image.open(BytesIO(base64.b64decode(address.partition(",")[2])))


def test_a_placeholder_is_grey_where_the_page_has_words() -> None:
    shown = opened(placeholder(page(), [Box(0, 0, 100, 50)]))
    assert shown.size == (24, 12)
    assert (shown.getpixel((4, 2)), shown.getpixel((20, 10))) == (170, 255)


def test_boxes_are_shares_of_the_page() -> None:
    assert fractions(Box(50, 20, 100, 60), page()) == [0.25, 0.2, 0.25, 0.4]


def test_a_part_of_a_page_is_cut_out_of_its_picture() -> None:
    picture = Image.new("RGB", (400, 200), "white")
    picture.paste((0, 0, 255), (100, 40, 200, 120))
    out = BytesIO()
    picture.save(out, "WEBP", lossless=True)
    cut = part_of(out.getvalue(), page(), Box(50, 20, 100, 60))
    assert cut.size == (100, 80)
    assert cut.getextrema() == ((0, 0), (0, 0), (255, 255))


@pytest.mark.parametrize(
    "box", [Box(-50, -50, -10, -10), Box(500, 500, 600, 600), Box(30, 30, 30, 30), Box(-5, -5, 900, 9)]
)
def test_a_box_off_the_page_does_no_harm(box: Box) -> None:
    part = strip_around(page(), [box])
    assert part.width >= 1
    assert part.height >= 1
    placeholder(page(), [box])


def test_the_strip_around_boxes_is_as_wide_as_the_page_and_stays_on_it() -> None:
    assert strip_around(page(400, 800), [Box(10, 300, 20, 310), Box(10, 330, 20, 340)]) == Box(0, 258, 400, 382)
    assert strip_around(page(400, 800), [Box(10, 5, 20, 10)]).y0 == 0
    assert strip_around(page(400, 800), []) == Box(0, 0, 400, 800)


def test_a_snippet_marks_the_words_of_the_question_in_any_form() -> None:
    places = (
        Evidence(Box(0, 0, 9, 9), "Sailings to Ostrey, in fog", ("sailing", "in"), 0.9),
        Evidence(Box(0, 9, 9, 20), "рейсів", ("рейсів",), 0.5),
    )
    assert snippet(Hit(page(), 1.0, 1, evidence=places)) == [
        ["Sailings", True],
        [" to Ostrey, in fog · ", False],
        ["рейсів", True],
        [" ", False],
    ]
    assert snippet(Hit(page(), 1.0, 1)) == []


def test_the_heat_of_patches_is_packed_and_unpacked_again() -> None:
    boxes = np.array([[0, 0, 50, 50], [50, 0, 200.5, 100]], np.float32)  # rounding takes the last one off the page
    strengths = np.array([[0, 1], [0.5, 0.2]], np.float32)
    means, peaks = np.array([0.1, -0.25], np.float32), np.array([0.904, 0.5], np.float32)
    heat = PatchHeat(boxes, ("Größe", "x"), strengths, means, peaks, np.array([1, 0], np.float32))
    data = patch_data(heat, page(200, 100))
    edges = np.frombuffer(base64.b64decode(data["boxes"]), "<u2").reshape(-1, 4) / 65535
    assert edges.ravel() == pytest.approx([0, 0, 0.25, 0.5, 0.25, 0, 1, 1], abs=1e-4)
    assert [(one["token"], list(base64.b64decode(one["heat"]))) for one in data["maps"]] == [
        ("", [255, 0]),
        ("Größe", [0, 128]),
        ("x", [255, 51]),
    ]
    assert [(one["low"], one["high"]) for one in data["maps"][1:]] == [(0.1, 0.9), (-0.25, 0.5)]


def test_brackets_in_a_quote_are_no_marker() -> None:
    answer = Answer("?", "“як у [1]” [1]", (Citation(1, 0, 9, page(), (), ""),), (), "fake")
    assert answer_parts(answer) == [{"text": "“як у [1]” ", "weak": False}, {"marker": 1}]


def test_an_address_says_all_that_was_asked_and_nothing_else() -> None:
    asked = Asked("Скільки?", 10, False, "", "ab12", ("0123456789abcdef",), ("/звіти",), ("pdf",), ("chart",))
    facts = (Fact("рік", ">=", "2020"), Fact("company", "=", "A=B & <C>"))
    asked = replace(asked, since="2024-01-01", until="2024-12-31", languages=("uk", "en"), facts=facts)
    written = write_address(asked)
    assert (
        read_address({name: [value] if isinstance(value, str) else value for name, value in written.items()}) == asked
    )
    assert write_address(Asked()) == {}
    assert (
        read_address({"k": ["999"], "since": ["soon"], "x": ["y"], "answer": ["maybe"], "where": ["=", "year"]})
        == Asked()
    )


def described(id_: str, source: str, date: str) -> Described:
    return Described(Document(id_ * 64, "Звіт", 1, "indexed", None, (source,), 1, ""), date)


@pytest.mark.parametrize(
    ("narrowed", "passing"),
    [
        (Asked(types=("pdf",)), ["a", "b"]),
        (Asked(folders=("/звіти",), types=("pdf", "png")), ["a", "c"]),
        (Asked(since="2024-01-01", until="2024-12-31"), ["b"]),
        (Asked(documents=("cccccccc",)), ["c"]),
        (Asked(documents=("cccccccc",), types=("pdf",)), None),
    ],
)
def test_filters_let_documents_through(narrowed: Asked, passing: list[str] | None) -> None:
    documents = [
        described("a", "/звіти/1.PDF", "2023-05-01"),
        described("b", "/інше/2.pdf", "2024-05-01"),
        described("c", "/звіти/3.png", ""),
    ]
    where = where_for(narrowed, documents)
    assert where == (None if passing is None else {"document": [id_ * 64 for id_ in passing]})
    assert where_for(Asked(), documents) == {}
    facts = (Fact("year", ">=", "2020"), Fact("year", "<=", "2022"), Fact("co", "=", "A"), Fact("co", "=", "Б"))
    assert where_for(Asked(languages=("uk",), facts=facts), documents) == {
        "language": ["uk"], "year": {">=": "2020", "<=": "2022"}, "co": {"=": ["A", "Б"]}
    }  # fmt: skip


def test_no_code_of_the_browser_s_parts_sets_markup() -> None:
    for file in (UI / "browser").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text()), file


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Звіт за 2024.pdf", "Звіт за 2024.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("/abs.pdf", "abs.pdf"),
        ("..", "document"),
        ("", "document"),
        (".hidden.pdf", "hidden.pdf"),
        ("a\x00b\n\u202ec.pdf", "a_b__c.pdf"),
        ("<script>$(rm -rf ~)`x`|y;*?.pdf", "_script__(rm -rf _)_x__y___.pdf"),
        ("हिन्दी.pdf", "हिन्दी.pdf"),
        ("re\u0301sume\u0301.pdf", "résumé.pdf"),
    ],
)
def test_an_uploaded_name_is_made_harmless(name: str, kept: str) -> None:
    assert safe_name(name) == kept


def test_a_long_name_is_cut_and_keeps_its_suffix() -> None:
    name = safe_name("я" * 400 + ".pdf")
    assert name.endswith("я.pdf")
    assert len(name.encode()) <= MOST_NAME_BYTES


def test_the_server_listens_to_this_machine_only_sends_nothing_home_and_shows_no_traces() -> None:
    config = tomllib.loads((UI / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "localhost"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert config["runner"]["postScriptGC"] is False, "or nothing else runs while somebody watches"
    assert set(config["theme"]) == {"light", "dark"}


def test_a_figure_and_a_page_are_questions_without_reading_them_again(library: Library) -> None:
    (id_, page_id), *_ = library.catalog.rows("SELECT id, page FROM figures ORDER BY id")
    whole, part = likeness(library, page_id), likeness(library, id_)
    assert whole.text == library.catalog.pages([page_id])[page_id].text
    assert part.image.width <= whole.image.width
    with pytest.raises(QueryError, match="figure that this link compares with is no longer"):
        likeness(library, f"{page_id}#999")


def test_a_writing_that_nobody_waits_for_ends_with_its_next_piece() -> None:
    written: list[str] = []
    go = Event()

    def stream() -> Iterator[str]:
        for piece in ("один ", "два ", "три"):
            written.append(piece)
            yield piece
            go.wait(10)

    writing = Writing(stream)
    writing.stop()
    go.set()
    assert writing.wait(10)
    assert (writing.answer, writing.error) == (None, None)
    assert len(written) <= 2
