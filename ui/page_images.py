"""Pictures of pages with places marked on them. Pictures in, pictures out; no Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from pagesight.retrieval import Box, Page

FILL = (255, 205, 0)
FILL_ALPHA = 84
"""Of 255: black print under the marker stays black enough to read, and so does white print on a dark slide."""
OUTLINE = (217, 119, 6)
PAD = 1.5
"""Points around a box, so that its outline does not touch the letters."""
CONTEXT = 42.0
"""Points above and below what a citation's picture is about: some three lines of print."""


def page_picture(picture: bytes, page: Page, boxes: Sequence[Box], *, width: int, part: Box | None = None) -> bytes:
    """A page with its boxes marked, as a JPEG of at most `width` pixels across.

    `picture` is the page's stored image; `boxes` and `part`, the rectangle to show, are points on the page.
    """
    image = Image.open(BytesIO(picture)).convert("RGB")
    part = _inside(part or Box(0, 0, page.width, page.height), page)
    across, down = image.width / page.width, image.height / page.height
    image = image.crop((round(part.x0 * across), round(part.y0 * down), round(part.x1 * across), round(part.y1 * down)))
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    _mark(image, part, boxes)
    out = BytesIO()
    image.save(out, "JPEG", quality=88, subsampling=0)  # thin coloured lines stay sharp
    return out.getvalue()


def strip_around(page: Page, boxes: Sequence[Box]) -> Box:
    """The part of a page that shows these boxes with what stands around them: as wide as the page."""
    if not boxes:
        return Box(0, 0, page.width, page.height)
    top, bottom = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    return _inside(Box(0, top - CONTEXT, page.width, bottom + CONTEXT), page)


def _mark(image: Image.Image, part: Box, boxes: Sequence[Box]) -> None:
    """Paint the boxes on the picture of `part` of a page, as with one stroke: where two overlap it is no darker."""
    scale_x, scale_y = image.width / part.width, image.height / part.height
    rectangles = [
        (
            (box.x0 - PAD - part.x0) * scale_x,
            (box.y0 - PAD - part.y0) * scale_y,
            (box.x1 + PAD - part.x0) * scale_x,
            (box.y1 + PAD - part.y0) * scale_y,
        )
        for box in boxes
    ]
    marker = Image.new("L", image.size, 0)
    for rectangle in rectangles:
        ImageDraw.Draw(marker).rectangle(rectangle, fill=FILL_ALPHA)
    image.paste(FILL, (0, 0), marker)
    for rectangle in rectangles:
        ImageDraw.Draw(image).rectangle(rectangle, outline=OUTLINE, width=max(1, image.width // 600))


def _inside(part: Box, page: Page) -> Box:
    """What of a rectangle lies on the page; at least a point wide and high, so that there is something to see."""
    x0, y0 = min(max(part.x0, 0), page.width - 1), min(max(part.y0, 0), page.height - 1)
    return Box(x0, y0, max(min(part.x1, page.width), x0 + 1), max(min(part.y1, page.height), y0 + 1))
