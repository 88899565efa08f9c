"""A poster as a plain PNG picture: 150 dpi, so that its size in points is known."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from .kit import WHITE, Ask, Marks, left, picture, right
from .locate import find, union

NAME = "poster.png"
DPI = 150
NIGHT, LEMON, BRICK, CREAM, MINT = (HexColor(c) for c in ("#1c2b45", "#f6c945", "#d4553a", "#fbf4e6", "#8cc6b0"))

PROGRAMME = (
    ("10:00", "Bicycles: brakes and chains", "Hall A"),
    ("11:30", "Lamps and kettles, with safety test", "Hall B"),
    ("13:00", "Darning socks and jumpers", "Tea room"),
    ("14:30", "Radios older than you", "Hall B"),
    ("16:00", "Chairs: gluing and caning", "Yard"),
    ("17:30", "Auction of what nobody claimed", "Hall A"),
)


def _cog(c: Canvas, x: float, y: float, radius: float, teeth: int) -> None:
    for tooth in range(teeth):
        c.saveState()
        c.translate(x, y)
        c.rotate(360 / teeth * tooth)
        c.rect(-radius * 0.13, radius * 0.85, radius * 0.26, radius * 0.32, stroke=0, fill=1)
        c.restoreState()
    c.circle(x, y, radius, stroke=0, fill=1)


def _paint(c: Canvas, width: float, height: float) -> None:
    c.setFillColor(CREAM)
    c.rect(0, 0, width, height, stroke=0, fill=1)
    c.setFillColor(NIGHT)
    c.rect(0, height - 330, width, 330, stroke=0, fill=1)
    for x, y, radius, teeth, colour in (
        (470, height - 120, 88, 14, LEMON),
        (352, height - 214, 48, 10, BRICK),
        (505, height - 268, 38, 9, MINT),
    ):
        c.setFillColor(colour)
        _cog(c, x, y, radius, teeth)
        c.setFillColor(NIGHT)
        c.circle(x, y, radius * 0.42, stroke=0, fill=1)
    left(c, 45, height - 112, "MEND-IT", "Nanum-Black", 62, WHITE)
    left(c, 45, height - 182, "DAY", "Nanum-Black", 62, LEMON)
    left(c, 45, height - 232, "Bring it broken,", "Nanum-Bold", 21, WHITE)
    left(c, 45, height - 260, "take it home working.", "Nanum-Bold", 21, WHITE)
    left(c, 45, height - 304, "Saturday, 24 May · Old Tram Depot, Gasket Lane", "Nanum-Bold", 16, MINT)
    y = height - 382
    for time, what, where in PROGRAMME:
        c.setFillColor(BRICK)
        c.roundRect(45, y - 8, 66, 28, 5, stroke=0, fill=1)
        left(c, 56, y, time, "Nanum-Black", 16, WHITE)
        left(c, 128, y, what, "Nanum-Bold", 17, NIGHT)
        right(c, width - 45, y, where, "Nanum", 15, BRICK)
        y -= 47
    c.setFillColor(LEMON)
    c.rect(0, 0, width, 160, stroke=0, fill=1)
    left(c, 45, 122, "Free entry. Spare parts at cost.", "Nanum-Black", 20, NIGHT)
    left(c, 45, 92, "One thing per person, please – and no microwave ovens.", "Nanum-Bold", 15, NIGHT)
    left(c, 45, 66, "Soup 4.50, cake 2.00, coffee by donation.", "Nanum-Bold", 15, NIGHT)
    left(c, 45, 32, "Gasket Lane Repair Circle · volunteers meet on Mondays at seven", "Nanum", 12, NIGHT)


def build(path: Path, marks: Marks) -> None:
    """Write the poster and note where the asked lines stand on it."""
    image, words = picture(_paint, *A4, DPI)
    image.save(path, "PNG", dpi=(DPI, DPI), optimize=False, compress_level=9)
    for ask in ASKS:
        if ask.mark:
            marks[ask.mark] = (1, union(find(words, 1, ask.mark)))


# As in the scanned letter, a mark is the line's own words.
ASKS = (
    Ask("Where in the tram depot can I have a lamp repaired?", "In Hall B, at 11:30", 1, "picture",
        mark="11:30 Lamps and kettles, with safety test Hall B"),
    Ask("What may not be brought to the Mend-It Day?", "Microwave ovens", 1, "picture", mark="no microwave ovens"),
    Ask("How much is a bowl of soup at the Mend-It Day?", "4.50", 1, "picture", mark="Soup 4.50"),
    Ask("On which date does the repair day in Gasket Lane take place?", "Saturday, 24 May", 1, "picture",
        mark="Saturday, 24 May"),
)  # fmt: skip
