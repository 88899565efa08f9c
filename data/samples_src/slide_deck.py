"""A slide deck: landscape, and its charts are pictures, so that their words are not in the text layer."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from .charts import Frame, Series, bars, legend, lines, lying_bars, ring
from .kit import GREY, INK, RULE, WHITE, Ask, Marks, Paint, canvas, jpeg, left, picture, place, right, style

NAME = "slide-deck.pdf"
SIZE = (960, 540)
PLUM, LEAF, SUN, ROSE, MIST = (HexColor(c) for c in ("#3d2352", "#4f9d69", "#f2b632", "#d1495b", "#f5f2ee"))
TITLE = style("Nanum-Black", 34, 42, textColor=PLUM)
POINT = style("Nanum", 23, 34)
SMALL = style("Nanum", 15, 22, textColor=GREY)


def _frame(c: Canvas, title: str, number: int) -> None:
    c.setFillColor(MIST)
    c.rect(0, 0, *SIZE, stroke=0, fill=1)
    c.setFillColor(PLUM)
    c.rect(0, 0, 14, SIZE[1], stroke=0, fill=1)
    place(c, title, TITLE, 60, 500, 840)
    left(c, 60, 22, "Fennimore Food Co-op · Home delivery pilot", "Nanum", 11, GREY)
    right(c, 910, 22, f"{number} / 8", "Nanum-Bold", 11, PLUM)


def _points(c: Canvas, points: tuple[str, ...], top: float, x: float = 60, width: float = 820) -> None:
    for point in points:
        c.setFillColor(LEAF)
        c.circle(x + 6, top - 20, 5.5, stroke=0, fill=1)
        top = place(c, point, POINT, x + 28, top, width - 28) - 26


def _orders(c: Canvas, width: float, height: float) -> None:
    _sheet(c, width, height, "Orders a week, by district")
    plot = Frame(60, 50, width - 90, height - 140, "Nanum", 14)
    quarters = (
        Series("Second quarter", (310, 225, 148, 92), HexColor("#bfaecb")),
        Series("Third quarter", (468, 291, 263, 87), PLUM),
    )
    names = ("Old Mills", "Station", "Hillside", "Riverbank")
    bars(c, plot, names, quarters, (0, 100, 200, 300, 400, 500))
    legend(c, plot, quarters, height - 72)


def _late(c: Canvas, width: float, height: float) -> None:
    _sheet(c, width, height, "Late deliveries, % of all orders")
    plot = Frame(60, 50, width - 90, height - 140, "Nanum", 14, "{:g}%".format)
    rows = (Series("More than 15 minutes after the promised slot", (14, 12, 13, 9, 6, 4), ROSE, range(6)),)
    names = ("April", "May", "June", "July", "August", "September")
    lines(c, plot, names, rows, (0, 4, 8, 12, 16))
    legend(c, plot, rows, height - 72)


def _cost(c: Canvas, width: float, height: float) -> None:
    _sheet(c, width, height, "What one delivery costs: €6.80")
    parts = (
        ("Riders' wages", 3.74, PLUM),
        ("Packing", 1.36, LEAF),
        ("Bikes and repairs", 0.88, SUN),
        ("Software", 0.48, ROSE),
        ("Insurance", 0.34, HexColor("#8d99a6")),
    )
    ring(c, Frame(50, 40, width, height - 125, "Nanum", 16, "€{:.2f}".format), parts, ("€6.80", "a delivery"))


def _reasons(c: Canvas, width: float, height: float) -> None:
    _sheet(c, width, height, "Why members stopped ordering (212 answers)")
    parts = (
        ("Delivery fee too high", 81, ROSE),
        ("No evening slot", 57, PLUM),
        ("Missing products", 39, SUN),
        ("Moved away", 22, LEAF),
        ("Other", 13, HexColor("#8d99a6")),
    )
    lying_bars(c, Frame(40, 24, width - 60, height - 100, "Nanum", 16), parts, room=190)


def _sheet(c: Canvas, width: float, height: float, title: str) -> None:
    """The white card a chart was exported on, its title inside the picture."""
    c.setFillColor(WHITE)
    c.rect(0, 0, width, height, stroke=0, fill=1)
    c.setStrokeColor(RULE)
    c.rect(0.5, 0.5, width - 1, height - 1, stroke=1, fill=0)
    left(c, 24, height - 40, title, "Nanum-Bold", 20, INK)


def _chart(c: Canvas, paint: Paint, marks: Marks, mark: str, x: float, width: float, as_jpeg: bool) -> None:
    """Photograph a chart at 144 dpi and hang it on the slide, as a JPEG or without loss."""
    height = 375.0
    image, _ = picture(paint, width, height, 144)
    c.drawImage(jpeg(image, 88) if as_jpeg else ImageReader(image), x, 55, width, height)
    marks.note(mark, c, x, 55, width, height)


def build(path: Path, marks: Marks) -> None:
    """Write eight slides; four of them are charts as pictures."""
    c = canvas(str(path), SIZE, "Home delivery pilot: results after two quarters", "Fennimore Food Co-op")
    c.setFillColor(PLUM)
    c.rect(0, 0, *SIZE, stroke=0, fill=1)
    for x, y, radius, colour in ((820, 430, 120, LEAF), (905, 300, 70, SUN), (730, 330, 44, ROSE)):
        c.setFillColor(colour)
        c.circle(x, y, radius, stroke=0, fill=1)
    place(c, "Groceries<br/>by cargo bike", style("Nanum-Black", 62, 74, textColor=WHITE), 70, 400, 640)
    left(c, 72, 205, "Results of the home delivery pilot, April to September", "Nanum", 22, WHITE)
    left(c, 72, 60, "Fennimore Food Co-op · members' evening, 14 October", "Nanum", 15, SUN)
    c.showPage()

    _frame(c, "What we set out to learn", 2)
    _points(
        c,
        (
            "Do members without a car order more often when we bring it to the door?",
            "Can four cargo bikes serve all four districts in three slots a day?",
            "What does a delivery cost, and who should pay for it?",
            "<b>Promise to the members:</b> stop the pilot if it loses more than €30,000.",
        ),
        420,
    )
    c.showPage()

    for number, title, paint, mark, as_jpeg in (
        (3, "Orders grew in three districts of four", _orders, "orders", True),
        (4, "Fewer late deliveries since the new slots", _late, "late", False),
    ):
        _frame(c, title, number)
        _chart(c, paint, marks, mark, 60, 840, as_jpeg)
        c.showPage()

    _frame(c, "Where the money goes", 5)
    _chart(c, _cost, marks, "cost", 60, 560, True)
    note = (
        "Members pay €3.50 a delivery.<br/><br/>The rest, <b>€3.30</b>, comes from the shop's margin: with the average "
        "basket of €54 there is something left, below €38 there is not."
    )
    place(c, note, style("Nanum", 18, 28), 650, 420, 255)
    c.showPage()

    _frame(c, "Riders", 6)
    _points(
        c,
        (
            "Nine riders, all employed, 22 hours a week on average; nobody left.",
            "One accident: a sprained wrist on wet tram rails in May. Wider tyres since then.",
            "A rider makes 7.5 deliveries an hour in Old Mills, but only 4.2 on Hillside.",
            "Electric motors were fitted to two bikes in August for the hill.",
        ),
        420,
    )
    c.showPage()

    _frame(c, "What those say who left", 7)
    _chart(c, _reasons, marks, "reasons", 60, 840, False)
    c.showPage()

    _frame(c, "What the board proposes", 8)
    _points(
        c,
        (
            "Carry on for a year, with a fifth bike from January.",
            "A slot from 19:00 to 21:00 on Tuesdays and Thursdays.",
            "Fee of €2.50 for baskets above €60; €3.50 below, as now.",
            "Riverbank: one tour a day together with the library's book bus.",
        ),
        420,
    )
    place(c, "Vote by show of hands at the end of the evening. Loss so far: €18,450.", SMALL, 60, 110, 800)
    c.showPage()
    c.save()


ASKS = (
    Ask("At what loss had the co-op promised to end the delivery pilot?", "At more than €30,000.", 2, "text",
        "stop the pilot if it loses more than €30,000"),
    Ask("How many orders a week did Old Mills place in the third quarter?", "468", 3, "picture", mark="orders"),
    Ask("In which district did grocery orders fall?", "Riverbank, from 92 to 87 a week.", 3, "picture",
        mark="orders"),
    Ask("What share of home deliveries came late in September?", "4%", 4, "picture", mark="late"),
    Ask("How much of the cost of one cargo-bike delivery is packing?", "€1.36", 5, "picture", mark="cost"),
    Ask("What happened to a rider in May?", "A sprained wrist on wet tram rails.", 6, "text",
        "a sprained wrist on wet tram rails in May"),
    Ask("How many former customers said that there was no evening slot?", "57", 7, "picture", mark="reasons"),
    Ask("What delivery fee does the board suggest for large baskets?", "€2.50 above €60", 8, "text",
        "Fee of €2.50 for baskets above €60"),
)  # fmt: skip
