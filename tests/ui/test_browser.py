"""The whole way through the page in a real browser, on one of the samples: from nothing there to nothing there again.

The tests of this file share one server and one library and run in this order; the last one takes a document away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pdfs
import pytest
from browser_server import CHROMIUM, NO_BROWSER, serve
from browsing import AXE, REPORT, ask, box, eventually, go_to, is_marked, link, no_violations, shot, size_of, words_of
from PIL import Image

from pagesight.retrieval import open_library

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER), pytest.mark.timeout(600)]

HOSTILE = "<script>document.title='owned'</script> **bold** <img src=x onerror=alert(1)>"
WHY = "Why were so many Tarnwick sailings cancelled in early 2024?"
CITED = "cracked weld seams were found in the bow visor"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("сторінка") / "library"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    # The service that is chosen later is down: nobody listens on the discard port.
    down = {"PAGESIGHT_GENERATOR_MODEL": "qwen", "PAGESIGHT_GENERATOR_URL": "http://127.0.0.1:9/v1"}
    with serve(folder, folder.parent / "log.txt", **down, PAGESIGHT_GENERATOR_KEY="sk-geheim") as served:
        yield served


def test_from_an_empty_page_to_a_cited_answer(visit: Any, folder: Path) -> None:
    page = visit()
    page.get_by_text("There are no documents here yet").wait_for()
    page.get_by_role("button", name="Try it with the samples").wait_for()
    shot(page, "first-run")

    go_to(page, "Library")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": REPORT.name, "mimeType": "application/pdf", "buffer": REPORT.read_bytes()},
            {"name": "ворог.pdf", "mimeType": "application/pdf", "buffer": _hostile()},
            {"name": "зламаний.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 nothing"},
        ]
    )
    page.get_by_text("зламаний.pdf").first.wait_for()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text(re.compile("of 3 files done")).wait_for()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_text("What became of the files that were added last").wait_for()
    failed = page.get_by_role("alert").filter(has_text="зламаний.pdf was not added.")
    failed.wait_for()
    assert "Traceback" not in page.content()
    shot(page, "library")

    page.get_by_role("link", name="Search").click()
    box(page).wait_for()
    page.keyboard.press("/")
    ask(page, WHY)
    assert page.locator("article").count() == 5
    page.locator(".page.loaded").nth(4).wait_for()
    marker = page.get_by_role("button", name=re.compile(r"Citation \d")).first
    marker.wait_for()
    assert "dry-docking" in page.locator("p.text").inner_text()
    shot(page, "search")

    marker.hover()
    tip = page.get_by_role("tooltip")
    tip.wait_for()
    assert CITED in tip.inner_text()
    marker.click()
    page.locator(".stage img").wait_for()
    is_marked(page, folder, 3, CITED)


def _hostile() -> bytes:
    return pdfs.pdf(
        pdfs.text_page(HOSTILE, "A lion sleeps twenty hours.", "# Heading [x](javascript:alert(1))"), title=HOSTILE
    )


def test_the_viewer_zooms_turns_marks_words_and_lets_text_be_copied(visit: Any, folder: Path) -> None:
    with open_library(folder) as library:
        document = library.page(REPORT.name, 3).document
    page = visit(link(WHY, answer="off", page=f"{document[:16]}/3"))
    sheet = page.locator(".sheet")
    sheet.wait_for()
    wide = size_of(sheet)["width"]
    page.get_by_role("button", name="Zoom in").click()
    assert size_of(sheet)["width"] > wide * 1.2
    page.keyboard.press("0")
    assert size_of(sheet)["width"] == pytest.approx(wide)
    page.get_by_role("button", name="cancelled").click()
    assert page.locator(".hot").count() > 0
    shot(page, "viewer")
    page.get_by_role("button", name="Select text").click()
    words = page.locator(".word")
    assert words.filter(has_text="weld").count() == 1
    weld = words_of(folder, 3, "weld")[0]
    with open_library(folder) as library:
        size = library.page(REPORT.name, 3)
    placed, on = size_of(words.filter(has_text="weld")), size_of(sheet)
    assert placed["x"] - on["x"] == pytest.approx(weld.box.x0 / size.width * on["width"], abs=2)
    assert placed["width"] == pytest.approx(weld.box.width / size.width * on["width"], rel=0.5)
    page.get_by_role("button", name="Copy text").click()
    assert CITED.split()[0] in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("ArrowRight")
    page.get_by_text("Page 4 of 11").wait_for()
    assert page.url.endswith("%2F4")
    original = page.get_by_role("link", name="Open original here").get_attribute("href")
    assert original.endswith(".pdf#page=4")
    assert page.request.get(original.partition("#")[0]).body() == REPORT.read_bytes()
    page.get_by_role("button", name="Close").click()
    page.wait_for_function("() => !location.search.includes('page=')")


def test_a_link_with_filters_shows_a_colleague_the_same(visit: Any) -> None:
    one = visit(link(WHY, answer="off"))
    one.locator("article").first.wait_for()
    one.get_by_role("button", name="Search inside this document").first.click()
    one.wait_for_function("() => location.search.includes('document=')")
    one.get_by_text("1 filter on").wait_for()
    other = visit(one.url.rpartition("/")[2])
    other.locator("article").first.wait_for()
    other.get_by_text("1 filter on").wait_for()
    # What stood there before goes.
    assert eventually(
        one, lambda: one.locator("article").all_inner_texts() == other.locator("article").all_inner_texts() != []
    )


def test_two_people_at_once_see_their_own(visit: Any) -> None:
    one, other = visit(), visit()
    for page in (one, other):
        box(page).wait_for()
    box(one).fill(WHY)
    box(other).fill("How long does a lion sleep?")
    box(one).press("Enter")
    box(other).press("Enter")
    one.get_by_role("button", name=re.compile(r"Citation \d")).first.wait_for()
    other.locator("article").filter(has_text="lion").first.wait_for()
    other.get_by_text(re.compile("Answered by|do not answer")).first.wait_for()
    assert "lion" not in one.locator("p.text").inner_text()
    assert box(other).input_value() == "How long does a lion sleep?"
    for page, own, foreign in ((one, "Tarnwick", "lion"), (other, "lion", "Tarnwick")):
        page.reload()
        listed = page.get_by_test_id("stSidebar")
        listed.get_by_role("button", name=re.compile(own)).first.wait_for()
        assert listed.get_by_role("button", name=re.compile(foreign)).count() == 0


def test_text_of_a_document_is_shown_and_never_run(visit: Any) -> None:
    page = visit(link("How long does a lion sleep?"))
    card = page.locator("article").filter(has_text="ворог.pdf")
    card.wait_for()
    assert f"{HOSTILE}" in card.locator("h3").inner_text()
    card.get_by_role("button", name="Open page", exact=True).click()
    page.locator(".stage img").wait_for()
    page.get_by_role("button", name="Select text").click()
    page.get_by_text(re.compile("Answered by|do not answer")).first.wait_for()
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0


def test_a_generator_that_is_down_leaves_the_pages_and_can_be_tried_again(visit: Any) -> None:
    page = visit(link(WHY))
    page.get_by_role("button", name=re.compile(r"Citation \d")).first.wait_for()
    page.get_by_role("combobox", name=re.compile("Answers by")).click()
    page.get_by_role("option", name="openai").click()
    page.get_by_role("button", name="Try again").wait_for()
    assert page.locator("article").count() == 5
    assert "Traceback" not in page.content()
    assert "geheim" not in page.content()


def test_a_picture_is_part_of_a_question(visit: Any, folder: Path) -> None:
    with open_library(folder) as library:
        picture = Image.open(BytesIO(library.page_image(library.page(REPORT.name, 3)))).convert("RGB")
    out = BytesIO()
    picture.crop((0, 0, picture.width, picture.height // 5)).save(out, "PNG")
    page = visit()
    box(page).wait_for()
    data = {"name": "знімок.png", "mimeType": "image/png", "buffer": out.getvalue()}
    page.get_by_label("A picture for the question").set_input_files(data)
    page.get_by_alt_text("The picture of your question").wait_for()
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_function("() => location.search.includes('picture=')")
    page.locator("article").first.wait_for()
    assert "page 3" in page.locator("article").first.inner_text()
    other = visit(page.url.rpartition("/")[2])
    other.get_by_text("The picture of this question is not part of the link").wait_for()


def test_the_keyboard_is_enough(visit: Any) -> None:
    page = visit(link(WHY, answer="off"))
    page.locator("article").nth(1).wait_for()
    page.locator("article").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".stage img").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('[role=dialog]')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_out(visit: Any, folder: Path, scheme: Literal["light", "dark"]) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there; .ci/run fetches it from npm into build/axe")
    with open_library(folder) as library:
        document = library.page(REPORT.name, 3).document
    page = visit(link(WHY), scheme=scheme, width=390 if scheme == "dark" else 1200)
    page.get_by_role("button", name=re.compile(r"Citation \d")).first.wait_for()
    base = page.url.partition("?")[0].rstrip("/")
    no_violations(page)
    if scheme == "dark":
        shot(page, "narrow-dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(base + "/" + link(WHY, answer="off", page=f"{document[:16]}/3"))
    page.locator(".stage img").wait_for()
    no_violations(page)
    for view, there in (("library", "Add"), ("lab", None), ("settings", "Use for my visit")):
        page.goto(f"{base}/{view}")
        if there is None:
            box(page).fill(WHY)
            box(page).press("Enter")
            page.get_by_text(re.compile("of [0-9,]+ candidates")).wait_for()
            if scheme == "light":
                shot(page, "lab")
        else:
            page.get_by_role("button", name=there, exact=True).wait_for()
        no_violations(page)


def test_what_is_removed_is_found_no_more(visit: Any, folder: Path) -> None:
    page = visit("library")
    page.get_by_role("button", name="Add", exact=True).wait_for()
    page.get_by_label("Find a document").fill("annual")
    page.get_by_label("Find a document").press("Enter")
    table = page.get_by_test_id("stDataFrame").first
    table.locator("[role=grid][aria-rowcount='2']").wait_for(state="attached")
    remove = page.get_by_role("button", name="Remove")
    # It is drawn on a canvas, in which there is nothing to wait for.
    assert eventually(page, lambda: table.click(position={"x": 20, "y": 55}) or _comes(remove))
    remove.click()
    page.get_by_text("Removed 1 file.").wait_for()
    other = visit(link(WHY, answer="off"))
    other.get_by_text(re.compile("in [0-9,]+ ms|No page was found")).first.wait_for()
    assert other.locator("article").filter(has_text="annual-report.pdf").count() == 0
    with open_library(folder) as library:
        assert [Path(one.sources[0]).name for one in library.documents()] == ["ворог.pdf"]


def _comes(place: Locator) -> bool:
    from playwright.sync_api import TimeoutError as NotYet

    try:
        place.wait_for(timeout=5000)
    except NotYet:
        return False
    return True
