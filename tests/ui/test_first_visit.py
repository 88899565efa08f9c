"""A first visit in a real browser, with a vision model and a slow model that writes: both tiny, both on this machine.

The tests of this file share one server and one library and run in this order; the first one fills the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

import chat_servers
import numpy as np
import pytest
import tiny_models
from browser_server import CHROMIUM, NO_BROWSER, serve
from browsing import AXE, REPORT, box, eventually, link, no_violations, pixel, shot, size_of, words_of
from PIL import Image

from pagesight.retrieval import Box, Library, open_library
from pagesight.retrieval import Page as Found
from pagesight.retrieval.channels import LateInteractionChannel
from pagesight.retrieval.types import PageVectors

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER), pytest.mark.timeout(600)]

WHY = "Why were so many Tarnwick sailings cancelled in early 2024?"
MINUTE = 60_000
"""Milliseconds."""
COLUMNS, ROWS = 20, 28
"""Of patches."""
CITATION = re.compile(r"Citation \d")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("перший") / "library"


@pytest.fixture(scope="module")
def model() -> Iterator[chat_servers.ChatServer]:
    with chat_servers.serve() as served:
        yield served


@pytest.fixture(scope="module")
def address(folder: Path, model: chat_servers.ChatServer) -> Iterator[str]:
    settings = {
        "PAGESIGHT_VISUAL": str(tiny_models.build("ColQwen2", folder.parent / "modèle")),
        "PAGESIGHT_GENERATOR": "openai",
        "PAGESIGHT_GENERATOR_MODEL": "повільна",
        "PAGESIGHT_GENERATOR_URL": f"{model.address}/v1",
        "PAGESIGHT_GENERATOR_KEY": "sk-geheim",
    }
    with serve(folder, folder.parent / "log.txt", **settings) as served:
        yield served


def test_the_samples_are_one_press_away(visit: Any, folder: Path) -> None:
    page = visit(scheme="dark")
    page.get_by_role("button", name="Try it with the samples").wait_for()
    if AXE.is_file():
        no_violations(page)
    page.get_by_role("button", name="Try it with the samples").click()
    page.get_by_text("The first documents are being read").wait_for()
    page.get_by_text("of 11 files done").wait_for()
    # The page goes on by itself with the first document that is there; two models are loaded before that.
    box(page).wait_for(timeout=3 * MINUTE)
    page.get_by_text(re.compile("Documents are being read: [1-9]")).wait_for()
    shot(page, "first-documents")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("What became of the files that were added last").wait_for()
    with open_library(folder) as library:
        assert REPORT.name in {Path(one.sources[0]).name for one in library.documents()}


def test_a_slow_answer_is_seen_growing(visit: Any, model: chat_servers.ChatServer) -> None:
    go = Event()
    model.replies[:] = [chat_servers.Reply(("Через **тріщини** ", "у швах", " [1]."), gate=go)]
    page = visit(link(WHY))
    page.get_by_text("Через **тріщини**").wait_for()
    assert page.locator("article").count() == 5  # the pages are there before the answer is
    assert page.get_by_role("button", name=CITATION).count() == 0
    assert page.get_by_text("у швах").count() == 0
    go.set()
    page.get_by_role("button", name=CITATION).first.wait_for()
    assert page.locator("p.text").inner_text().startswith("Через **тріщини** у швах")
    page.get_by_role("button", name="Stop").wait_for(state="hidden")
    assert len(model.seen) == 1


def test_a_slow_answer_can_be_stopped(visit: Any, model: chat_servers.ChatServer) -> None:
    model.gone.clear()
    words = tuple(f"слово{number} " for number in range(1000))
    model.replies[:] = [chat_servers.Reply(words, wait=0.1)]
    page = visit(link(WHY))
    page.get_by_text("слово3 ").wait_for()
    page.get_by_text("слово12 ").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What was written until then").wait_for()
    assert model.gone.wait(20), "the service goes on writing"
    assert page.get_by_text("слово12 ").count() == 1
    model.replies[:] = [chat_servers.Reply()]
    page.get_by_role("button", name="Write it anew").click()
    page.get_by_role("button", name=CITATION).first.wait_for()


def test_a_picture_is_pasted_or_dropped_into_the_question(visit: Any, folder: Path) -> None:
    with open_library(folder) as library:
        picture = Image.open(BytesIO(library.page_image(library.page(REPORT.name, 3)))).convert("RGB")
    out = BytesIO()
    picture.crop((0, 0, picture.width, picture.height // 5)).save(out, "PNG")
    page = visit("?answer=off")
    box(page).click()
    page.evaluate(
        """async (bytes) => {
            const picture = new Blob([new Uint8Array(bytes)], { type: 'image/png' });
            await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
        }""",
        list(out.getvalue()),
    )
    page.keyboard.press("Control+v")
    chosen = page.get_by_alt_text("The picture of your question")
    chosen.wait_for()
    assert box(page).input_value() == ""
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('picture=')")
    page.locator("article").first.wait_for()
    assert "page 3" in page.locator("article").first.inner_text()
    pasted = page.url

    _drop(page, "notes.txt", "text/plain", b"no picture")
    page.get_by_text("That is no picture").wait_for()
    Image.new("RGB", (60, 40), "navy").save(out := BytesIO(), "PNG")
    _drop(page, "знімок.png", "image/png", out.getvalue())
    page.wait_for_function("([shown]) => shown.naturalWidth === 60", arg=[chosen.element_handle()])
    box(page).fill("weld seams")
    box(page).press("Enter")
    page.wait_for_function("() => location.search.includes('q=weld')")
    page.locator("article").first.wait_for()
    assert "picture=" in page.url
    assert page.url.partition("picture=")[2][:12] != pasted.partition("picture=")[2][:12]


def _drop(page: Page, name: str, kind: str, data: bytes) -> None:
    dropped = page.evaluate_handle(
        """([name, type, bytes]) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([new Uint8Array(bytes)], name, { type }));
            return dropped;
        }""",
        [name, kind, list(data)],
    )
    page.get_by_role("search").dispatch_event("drop", {"dataTransfer": dropped})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_heat_map_lies_over_what_the_vision_model_found(
    visit: Any, folder: Path, scheme: Literal["light", "dark"]
) -> None:
    (word,) = words_of(folder, 3, "weld")
    with open_library(folder) as library:
        found = library.page(REPORT.name, 3)
        patch = _patch_of(word.box, found)
        if scheme == "light":
            _heat(library, found, patch)
    at, beside = ((patch.x0 + patch.x1) / 2, (patch.y0 + patch.y1) / 2), (patch.x0 - 3, patch.y0)
    page = visit(link(WHY, answer="off", page=f"{found.document[:16]}/3"), scheme=scheme)
    page.get_by_role("dialog", name="Annual Report 2024").locator(".stage img").wait_for()
    page.get_by_role("button", name="Evidence").click()
    said = page.locator(".map [role=status]")
    assert not said.is_visible()
    assert eventually(page, lambda: _redness(page, found.width, *at) < 15)
    page.get_by_role("button", name="Heat map").focus()
    page.keyboard.press("Enter")
    said.filter(has_text="The question as a whole is most like").wait_for()
    assert "weld" in said.inner_text()
    assert eventually(page, lambda: _redness(page, found.width, *at) > 60)
    assert _redness(page, found.width, *beside) < 15
    choices = page.get_by_role("group", name="Heat map of")
    choices.get_by_role("button", name="Tarnwick").focus()
    page.keyboard.press("Enter")
    said.filter(has_text="“Tarnwick” is most like").wait_for()
    assert re.search(r"mean, likeness -?0\.\d\d.*its best place, 0\.\d\d", page.locator(".key").inner_text(), re.DOTALL)
    if scheme == "light":
        shot(page, "heat-map")
    if AXE.is_file():
        no_violations(page)
    page.get_by_role("button", name="Heat map").click()
    said.wait_for(state="hidden")
    assert eventually(page, lambda: _redness(page, found.width, *at) < 15)


def _patch_of(word: Box, page: Found) -> Box:
    """The one of 20 by 28 patches of a page that the middle of a word lies in."""
    wide, high = page.width / COLUMNS, page.height / ROWS
    x, y = (word.x0 + word.x1) / 2 // wide, (word.y0 + word.y1) / 2 // high
    return Box(x * wide, y * high, (x + 1) * wide, (y + 1) * high)


def _heat(library: Library, page: Found, patch: Box) -> None:
    """Let a patch of a page be like all words of the question, and the others like none."""
    assert isinstance(library._visual, LateInteractionChannel)
    liked = library._visual.encode_query(WHY).rows.sum(0)
    wide, high = page.width / COLUMNS, page.height / ROWS
    boxes = np.array(
        [[x * wide, y * high, (x + 1) * wide, (y + 1) * high] for y in range(ROWS) for x in range(COLUMNS)], np.float32
    )
    rows = np.zeros((len(boxes), len(liked)), np.float32)
    rows[np.abs(boxes - np.array(patch)).sum(1).argmin()] = liked / np.linalg.norm(liked)
    library.visual.add(page.document, [PageVectors(page.id, rows, boxes, np.zeros(len(boxes), np.int32))])


def _redness(page: Page, width: float, x: float, y: float) -> int:
    """How much redder than green a place in the viewer is, 0 to 255; in points of a page of this width."""
    sheet = size_of(page.locator(".sheet"))
    scale = sheet["width"] / width
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    red, green, _ = pixel(image, sheet["x"] + x * scale, sheet["y"] + y * scale)
    return red - green
