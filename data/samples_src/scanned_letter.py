"""A letter from a scanner: two pages, nothing but pictures, a little crooked and a little dirty."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from .kit import INK, Ask, Marks, canvas, jpeg, left, picture, place, style
from .locate import Box, find, union

NAME = "scanned-letter.pdf"
DPI = 200
TURNS = (1.4, -1.1)  # degrees counter-clockwise, page by page: a sheet fed in by hand
PAPER = 247
TYPED = style("Times", 12.5, 18, spaceAfter=0)

FIRST = (
    "Dear Ms Harrow,",
    "on the night of 17 November the water main under Orchard Lane burst for the third time in fourteen months. By the "
    "time the engineers had found the right valve, at twenty past four in the morning, water stood forty "
    "centimetres deep in the cellars of numbers 8 to 22.",
    "We do not complain of the engineers, who worked until noon in freezing rain. We complain of the pipe. It is made "
    "of grey cast iron and was laid in 1931; your own inspector called it “at the end of its life” in his report of "
    "March last year, a copy of which is enclosed.",
    "Our members have put together what this last burst cost them. Eleven households report damage of £46,280 in all. "
    "The largest single item is the boiler of the nursery at number 14, which cannot be mended and which kept "
    "twenty-three children warm.",
    "Your letter of 28 November offers each household £150 “as a gesture of good will”. We thank you for the gesture "
    "and decline it.",
)
SECOND = (
    "What we ask for instead is this:",
    "1.  that the main between the church and the railway bridge, 410 metres, be replaced before the end of June, and "
    "not in the year 2029 as your programme has it;",
    "2.  that the valve at the corner of Mill Street be marked and kept free of parked cars;",
    "3.  that the damage be paid in full by the end of February, the nursery first;",
    "4.  that one person at the Board be named whom we can telephone at night.",
    "Our next general meeting is on Thursday, 23 January, at half past seven in the hall of St Brannock's. We should "
    "be glad to see you there. Please bring the drawings; we shall bring the cake.",
)


def _first(c: Canvas, width: float, height: float) -> None:
    c.setFillColor(INK)
    c.setFont("Times-Bold", 19)
    c.drawCentredString(width / 2, height - 84, "Orchard Lane Residents' Association")
    c.setFont("Times-Italic", 11.5)
    c.drawCentredString(width / 2, height - 103, "12 Orchard Lane · Welby Cross · founded 1958")
    c.setLineWidth(0.8)
    c.line(85, height - 114, width - 85, height - 114)
    for row, line in enumerate(("Ms E. Harrow", "Lower Welby Water Board", "Pump House Road 3", "Welby Cross")):
        left(c, 85, height - 158 - 17 * row, line, "Times", 12.5)
    c.setFont("Times", 12.5)
    c.drawRightString(width - 85, height - 246, "Welby Cross, 9 December 2024")
    left(c, 85, height - 280, "Burst water main in Orchard Lane; your reference WB/3307/24", "Times-Bold", 12.5)
    top = height - 300.0
    for text in FIRST:
        top = place(c, text, TYPED, 85, top, width - 170) - 10


def _second(c: Canvas, width: float, height: float) -> None:
    c.setFont("Times", 11)
    c.drawCentredString(width / 2, height - 70, "– 2 –")
    top = height - 100.0
    for text in SECOND:
        indent = 20 if text[0].isdigit() else 0
        top = place(c, text, TYPED, 85 + indent, top, width - 170 - indent) - 10
    left(c, 85, top - 24, "Yours sincerely,", "Times", 12.5)
    c.setLineWidth(1.3)
    c.setStrokeColor(INK)
    path = c.beginPath()
    path.moveTo(88, top - 70)
    for x in range(88, 218, 22):
        path.curveTo(x + 4, top - 32, x + 14, top - 44, x + 8, top - 72)
        path.curveTo(x + 14, top - 86, x + 18, top - 62, x + 22, top - 68)
    c.drawPath(path)
    left(c, 85, top - 108, "Winifred Oke, chairwoman", "Times", 12.5)
    left(c, 85, top - 126, "telephone Welby Cross 5518", "Times", 12.5)
    left(
        c,
        85,
        top - 176,
        "Enclosed: inspection report of March 2023; list of damage; 14 photographs ",
        "Times-Italic",
        11,
    )


def _scan(image: Image.Image, degrees: float, random: np.random.Generator) -> Image.Image:
    """The page as a cheap scanner sees it: grey, turned, unevenly lit, grainy, with specks and a soft fold."""
    grey = image.convert("L").rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    light = np.asarray(grey, np.float64) * (PAPER / 255)
    rows = np.linspace(0, 1, light.shape[0])[:, None]
    columns = np.linspace(0, 1, light.shape[1])[None, :]
    light -= 9 * columns**3 + 5 * (1 - rows) ** 4
    light -= 10 * np.exp(-(((rows - 0.345) / 0.0025) ** 2))
    light += random.integers(-7, 8, light.shape)
    for y, x in zip(
        random.integers(4, light.shape[0] - 4, 60), random.integers(4, light.shape[1] - 4, 60), strict=True
    ):
        light[y : y + 2, x : x + 2] -= 90
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def _turned(box: Box, degrees: float) -> Box:
    """Where a box of the straight page lies on the turned one: the box around its four turned corners."""
    middle_x, middle_y = A4[0] / 2, A4[1] / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = []
    for x in (box[0] - middle_x, box[2] - middle_x):
        for y in (box[1] - middle_y, box[3] - middle_y):
            turned_x, turned_y = middle_x + x * cosine + y * sine, middle_y - x * sine + y * cosine
            corners.append((turned_x, turned_y, turned_x, turned_y))
    return union(corners)


def build(path: Path, marks: Marks) -> None:
    """Write both pages as JPEG pictures and note where the asked lines ended up."""
    random = np.random.default_rng(20241209)
    c = canvas(str(path), A4, "", "")
    for number, (paint, degrees) in enumerate(zip((_first, _second), TURNS, strict=True), 1):
        image, words = picture(paint, *A4, DPI)
        c.drawImage(jpeg(_scan(image, degrees, random), 62), 0, 0, *A4)
        c.showPage()
        for ask in ASKS:
            if ask.page == number and ask.mark:
                marks[ask.mark] = (number, _turned(union(find(words, 1, ask.mark)), degrees))
    c.save()


# A mark here is the line's own words, looked up on the page before it was photographed.
ASKS = (
    Ask("How high did the water rise in the cellars of Orchard Lane?", "Forty centimetres", 1, "scan",
        mark="water stood forty centimetres deep in the cellars"),
    Ask("What total damage do the residents of Orchard Lane claim?", "£46,280 (eleven households)", 1, "scan",
        mark="report damage of £46,280 in all"),
    Ask("When was the old cast-iron main laid?", "In 1931", 1, "scan", mark="laid in 1931"),
    Ask("By when should the water main be renewed, according to the residents?", "Before the end of June", 2, "scan",
        mark="replaced before the end of June"),
    Ask("Who signed the letter to the water board?", "Winifred Oke, chairwoman", 2, "scan",
        mark="Winifred Oke, chairwoman"),
)  # fmt: skip
