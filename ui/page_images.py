"""Pictures of pages for the browser, before they are there and in part. No Streamlit here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from ..retrieval import Box, Page

CONTEXT = 42.0
"""Points above and below what a citation's picture is about: some three lines of print."""
SMALL = 24
"""Pixels across of what stands where a picture will be; the browser blurs it."""


def placeholder(page: Page, dark: Sequence[Box]) -> str:
    """A page as one sees it without glasses, as a data URL: grey where the words and figures are.

    It is drawn from the catalog, in a millisecond; to open the picture itself and make it small takes fifty.
    """
    scale = SMALL / max(page.width, 1.0)
    image = Image.new("L", (SMALL, max(1, round(page.height * scale))), 255)
    draw = ImageDraw.Draw(image)
    for box in dark:
        draw.rectangle((box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale), fill=170)
    out = BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def part_of(picture: bytes, page: Page, part: Box) -> Image.Image:
    """A rectangle of a page, in points, cut out of the page's stored picture."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    part = _inside(part, page)
    across, down = image.width / page.width, image.height / page.height
    return image.crop((round(part.x0 * across), round(part.y0 * down), round(part.x1 * across), round(part.y1 * down)))


def strip_around(page: Page, boxes: Sequence[Box]) -> Box:
    """The part of a page that shows these boxes with what stands around them: as wide as the page."""
    if not boxes:
        return Box(0, 0, page.width, page.height)
    top, bottom = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    return _inside(Box(0, top - CONTEXT, page.width, bottom + CONTEXT), page)


def fractions(box: Box, page: Page) -> list[float]:
    """Left, top, width and height of a box as shares of its page, 0 to 1: where a browser draws it at any size."""
    wide, high = max(page.width, 1.0), max(page.height, 1.0)
    return [round(edge, 5) for edge in (box.x0 / wide, box.y0 / high, box.width / wide, box.height / high)]


def _inside(part: Box, page: Page) -> Box:
    """What of a rectangle lies on the page; at least a point wide and high, so that there is something to see."""
    x0, y0 = min(max(part.x0, 0), page.width - 1), min(max(part.y0, 0), page.height - 1)
    return Box(x0, y0, max(min(part.x1, page.width), x0 + 1), max(min(part.y1, page.height), y0 + 1))
