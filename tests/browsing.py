"""What tests in a browser do on the page, and how they look at it."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image

from pagesight.retrieval import open_library
from pagesight.retrieval.types import Word

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

BUILD = Path(__file__).parents[1] / "build"
AXE = BUILD / "axe" / "package" / "axe.min.js"
SHOTS = BUILD / "screenshots"
REPORT = Path(__file__).parents[1] / "data" / "samples" / "annual-report.pdf"


def size_of(place: Locator) -> FloatRect:
    """Where something is on the screen, in pixels."""
    found = place.bounding_box()
    assert found is not None
    return found


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Question")


def ask(page: Page, question: str) -> None:
    box(page).fill(question)
    box(page).press("Enter")
    page.wait_for_function("q => new URL(location.href).searchParams.get('q') === q", arg=question)
    page.locator("article").first.wait_for()


def link(question: str, **more: str) -> str:
    return "?" + "&".join(f"{name}={quote(value)}" for name, value in {"q": question, **more}.items())


def shot(page: Page, name: str) -> None:
    """A picture of the screen, for the README."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=SHOTS / f"{name}.png")


def pixel(image: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    found = image.getpixel((round(x), round(y)))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def no_violations(page: Page) -> None:
    page.wait_for_timeout(400)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    bad = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not bad, json.dumps(bad, indent=1)


def words_of(folder: Path, page: int, phrase: str) -> list[Word]:
    """The words of a phrase on a page of the report."""
    with open_library(folder) as library:
        words = library.page_words(library.page(REPORT.name, page).id)
    wanted = phrase.split()
    begin = next(
        i for i in range(len(words)) if [word.text.rstrip(",.") for word in words[i : i + len(wanted)]] == wanted
    )
    return list(words[begin : begin + len(wanted)])


def is_marked(page: Page, folder: Path, number: int, phrase: str) -> None:
    """Whether the words of a phrase stand on yellow in the viewer, and the page's margin on white."""
    page.wait_for_timeout(500)
    sheet = size_of(page.locator(".sheet"))
    with open_library(folder) as library:
        size = library.page(REPORT.name, number)
    scale = sheet["width"] / size.width
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    shown = 0
    for word in words_of(folder, number, phrase):
        at = sheet["x"] + (word.box.x0 + 0.4) * scale, sheet["y"] + (word.box.y0 + 1.5) * scale
        if at[1] < image.height - 1:
            red, green, blue = pixel(image, *at)
            assert (red > 235, green > 215, 140 < blue < 205) == (True, True, True), (word, (red, green, blue))
            shown += 1
    assert shown >= 5
    assert (
        min(pixel(image, sheet["x"] + 5 * scale, sheet["y"] + words_of(folder, number, phrase)[0].box.y0 * scale)) > 245
    )
