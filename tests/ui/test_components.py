"""Text of documents is shown, never obeyed; boxes lie where they should; uploaded names are harmless."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pagesight.retrieval import Box, Page
from pagesight.ui.page_images import OUTLINE, page_picture, strip_around
from pagesight.ui.plain import JOINER, plain, plain_answer
from pagesight.ui.uploads import MOST_NAME_BYTES, safe_name

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


def white(width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "WEBP", lossless=True)
    return out.getvalue()


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture)).convert("RGB")


def is_yellow(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return red > 230 and green > 210 and blue < 200


def is_white(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return min(pixel) > 240


def test_a_box_in_points_is_marked_at_its_place_in_pixels() -> None:
    shown = opened(page_picture(white(800, 400), page(), [Box(50, 20, 100, 60)], width=400))
    assert shown.size == (400, 200)
    assert is_yellow(shown.getpixel((150, 80)))
    assert all(is_white(shown.getpixel(outside)) for outside in [(80, 80), (220, 80), (150, 20), (150, 140)])
    edge = shown.getpixel((150, round((20 - 1.5) * 2)))
    assert isinstance(edge, tuple)
    assert max(abs(a - b) for a, b in zip(edge, OUTLINE, strict=True)) < 60


def test_where_boxes_overlap_the_marker_is_no_darker() -> None:
    once = opened(page_picture(white(400, 200), page(), [Box(20, 20, 120, 80)], width=400))
    boxes = [Box(20, 20, 120, 80), Box(22, 22, 118, 78), Box(24, 24, 116, 76)]
    often = opened(page_picture(white(400, 200), page(), boxes, width=400))
    a, b = once.getpixel((140, 100)), often.getpixel((140, 100))
    assert isinstance(a, tuple)
    assert isinstance(b, tuple)
    assert max(abs(x - y) for x, y in zip(a, b, strict=True)) <= 6


def test_a_part_of_a_page_is_cut_out_with_its_marks() -> None:
    strip = Box(0, 50, 200, 100)
    shown = opened(page_picture(white(400, 200), page(), [Box(50, 70, 100, 80)], width=1000, part=strip))
    assert shown.size == (400, 100)  # never blown up
    assert is_yellow(shown.getpixel((150, 50)))
    assert is_white(shown.getpixel((150, 20)))


def test_a_picture_whose_scales_differ_is_marked_right() -> None:
    shown = opened(page_picture(white(400, 100), page(), [Box(100, 40, 200, 80)], width=400))
    assert is_yellow(shown.getpixel((300, 60)))
    assert is_white(shown.getpixel((100, 60)))


@pytest.mark.parametrize(
    "box", [Box(-50, -50, -10, -10), Box(500, 500, 600, 600), Box(30, 30, 30, 30), Box(-5, -5, 900, 9)]
)
def test_a_box_off_the_page_does_no_harm(box: Box) -> None:
    assert opened(page_picture(white(400, 200), page(), [box], width=300)).size == (300, 150)
    part = strip_around(page(), [box])
    assert part.width >= 1
    assert part.height >= 1
    page_picture(white(400, 200), page(), [box], width=300, part=part)


def test_the_strip_around_boxes_is_as_wide_as_the_page_and_stays_on_it() -> None:
    assert strip_around(page(400, 800), [Box(10, 300, 20, 310), Box(10, 330, 20, 340)]) == Box(0, 258, 400, 382)
    assert strip_around(page(400, 800), [Box(10, 5, 20, 10)]).y0 == 0
    assert strip_around(page(400, 800), []) == Box(0, 0, 400, 800)


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


def test_a_spawned_reader_that_imports_the_script_imports_no_streamlit() -> None:
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__mp_main__'); print('streamlit' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code, UI / "app.py"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_server_listens_to_this_machine_only_sends_nothing_home_and_shows_no_traces() -> None:
    config = tomllib.loads((UI / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "localhost"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert set(config["theme"]) == {"light", "dark"}
