"""What tests in a browser do on the page, and how they look at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
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


def go_to(page: Page, view: str) -> None:
    """Another view, by its link; returns when it stands there alone. Until then what stood there before can be used,
    and what is typed or put into it is lost.
    """
    page.get_by_role("link", name=view).click()
    page.get_by_role("heading", name=view, level=1).wait_for()
    settled(page)


def settled(page: Page) -> None:
    """Wait until Streamlit has drawn all that it is about to draw."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def eventually(page: Page, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within a minute."""
    for _ in range(300):
        if holds():
            return True
        page.wait_for_timeout(200)
    return False


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
    """Whether the words of a phrase come to stand on yellow in the viewer, and the page's margin on white."""
    seen: list[Any] = []
    assert eventually(page, lambda: _are_yellow(page, folder, number, phrase, seen)), seen


def _are_yellow(page: Page, folder: Path, number: int, phrase: str, seen: list[Any]) -> bool:
    """Leaves the colours that it saw in `seen`."""
    sheet = size_of(page.locator(".sheet"))
    with open_library(folder) as library:
        size = library.page(REPORT.name, number)
    scale = sheet["width"] / size.width
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    words = words_of(folder, number, phrase)
    seen.clear()
    for word in words:
        at = sheet["x"] + (word.box.x0 + 0.4) * scale, sheet["y"] + (word.box.y0 + 1.5) * scale
        if at[1] < image.height - 1:
            seen.append((word.text, pixel(image, *at)))
    yellow = all(red > 235 and green > 215 and 140 < blue < 205 for _, (red, green, blue) in seen)
    seen.append(("margin", pixel(image, sheet["x"] + 5 * scale, sheet["y"] + words[0].box.y0 * scale)))
    return len(seen) > 5 and yellow and min(seen[-1][1]) > 245
