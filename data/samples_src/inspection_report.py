"""An inspection report with a landscape page stored as portrait and /Rotate 90, and a page cut by its crop box."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from .kit import GREY, INK, WHITE, Ask, Marks, canvas, grid, left, place, right, style

NAME = "inspection-report.pdf"
WIDE, HIGH = A4
BRICK, STEEL, AMBER, MOSS = (HexColor(c) for c in ("#8c3b2e", "#4a5a66", "#e0a030", "#6d9a5b"))
BODY = style("Sans", 9.6, 15.2)
CELL = style("Sans", 8.6, 11.6)
CROP = (48, 70, WIDE - 30, HIGH - 52)  # points of the media box that a reader shows on page 3

DEFECTS = (
    ("No.", "Part", "Place", "What was found", "Extent", "Grade", "Repair by"),
    ("1", "Deck", "Span 2, north edge", "Concrete spalled, two bars bare", "0.8 m²", "3", "May 2025"),
    ("2", "Deck", "Span 3, joint", "Seal torn, water on the bearing below", "4.2 m", "3", "March 2025"),
    ("3", "Girder G2", "Span 1, midspan", "Paint flaking, light rust", "6 m²", "2", "2026"),
    ("4", "Girder G4", "Span 3, over pier B", "Fatigue crack at stiffener weld", "38 mm", "4", "at once"),
    ("5", "Bearing", "Pier B, west", "Roller rusted, moves 4 of 22 mm", "1 piece", "3", "June 2025"),
    ("6", "Pier A", "Water line", "Scour, footing laid bare on one side", "0.6 m deep", "3", "August 2025"),
    ("7", "Railing", "Whole length", "Eleven posts loose", "11 pieces", "2", "May 2025"),
    ("8", "Drain", "Span 1", "Blocked by leaves", "3 inlets", "1", "cleaned"),
    ("9", "Lamp", "East ramp", "Cable cover missing", "1 piece", "2", "January 2025"),
)


def _head(c: Canvas, number: int, width: float = WIDE, top: float = HIGH) -> None:
    c.setFillColor(BRICK)
    c.rect(50, top - 52, 26, 8, stroke=0, fill=1)
    left(c, 82, top - 52, "County Bridge Office · Inspection report HB-17/2024", "Sans-Bold", 8.5, BRICK)
    right(c, width - 50, top - 52, f"Sheet {number} of 4", "Sans", 8.5, GREY)


def _elevation(c: Canvas, x: float, y: float, width: float) -> None:
    """The bridge from the side: three spans, two piers, the water and the place of the crack."""
    c.setFillColor(HexColor("#cfe2ec"))
    c.rect(x, y, width, 34, stroke=0, fill=1)
    c.setFillColor(HexColor("#b9a58c"))
    for start, end in ((0, 0.1), (0.9, 1)):
        c.rect(x + start * width, y, (end - start) * width, 92, stroke=0, fill=1)
    c.setFillColor(STEEL)
    c.rect(x + 0.04 * width, y + 92, 0.92 * width, 13, stroke=0, fill=1)
    for at, name in ((0.36, "Pier A"), (0.64, "Pier B")):
        c.setFillColor(HexColor("#9aa5ad"))
        c.rect(x + at * width - 8, y - 8, 16, 100, stroke=0, fill=1)
        c.setFillColor(INK)
        c.setFont("Sans", 8)
        c.drawCentredString(x + at * width, y - 20, name)
    for at, name in ((0.23, "Span 1 · 24 m"), (0.5, "Span 2 · 31 m"), (0.77, "Span 3 · 24 m")):
        c.setFillColor(INK)
        c.setFont("Sans", 8.5)
        c.drawCentredString(x + at * width, y + 114, name)
    c.setStrokeColor(BRICK)
    c.setLineWidth(1.6)
    c.circle(x + 0.66 * width, y + 98, 10, stroke=1, fill=0)
    c.line(x + 0.675 * width, y + 88, x + 0.72 * width, y + 64)
    left(c, x + 0.725 * width, y + 58, "crack, no. 4", "Sans-Bold", 8.5, BRICK)


def _summary(c: Canvas, marks: Marks) -> None:
    _head(c, 1)
    left(c, 50, HIGH - 98, "Heron Bridge over the Sallow", "Sans-Bold", 20, INK)
    left(c, 50, HIGH - 120, "Main inspection, 4 to 6 November 2024", "Sans", 12, STEEL)
    facts = (
        ("Built", "1962, widened in 1988"),
        ("Kind", "Steel girders with a concrete deck, three spans"),
        ("Length", "79 m between the abutments"),
        ("Traffic", "6,300 vehicles a day, 7% of them lorries"),
        ("Last inspection", "October 2018"),
        ("Inspectors", "Bertram Kolle, Signe Aldous"),
        ("Weather", "Dry, 3 to 7 °C, river at 0.9 m on the gauge"),
    )
    y = HIGH - 158
    for name, value in facts:
        left(c, 50, y, name, "Sans-Bold", 9.6, BRICK)
        left(c, 160, y, value, "Sans", 9.6)
        y -= 18
    _elevation(c, 60, y - 150, WIDE - 120)
    marks.note("elevation", c, 50, y - 176, WIDE - 100, 152)
    left(c, 50, y - 190, "Seen from the south. The circle marks the crack in girder G4.", "Sans-Italic", 8.5, GREY)
    text = (
        "<b>Result.</b> The bridge as a whole is graded 3, <i>poor</i>. Eight of nine defects can be repaired in the "
        "usual course. The ninth, a fatigue crack in girder G4 over pier B, cannot wait: until it is closed, the "
        "bridge is limited to vehicles of 12 tonnes and the eastern lane is shut."
    )
    y = place(c, text, BODY, 50, y - 214, WIDE - 100)
    text = (
        "<b>Access.</b> The deck was inspected on foot, the girders from a lifting platform, the piers from a boat. "
        "The inside of the western abutment could not be reached because the door was rusted shut; it must be opened "
        "before the next inspection."
    )
    place(c, text, BODY, 50, y - 12, WIDE - 100)


def _defects(c: Canvas) -> None:
    """The landscape page: drawn sideways on a portrait sheet that /Rotate 90 turns upright."""
    c.setPageSize((HIGH, WIDE))  # the size as shown: with a quarter turn reportlab 5.1 swaps it for the media box
    c.setPageRotation(90)
    c.translate(WIDE, 0)
    c.rotate(90)
    _head(c, 2, HIGH, WIDE)
    left(c, 50, WIDE - 88, "Table of defects", "Sans-Bold", 16, INK)
    rows: list[list[object]] = [list(DEFECTS[0])]
    rows += [[*row[:3], Paragraph(row[3], CELL), *row[4:]] for row in DEFECTS[1:]]
    table = grid(rows, (32, 78, 130, 250, 84, 56, 112), "Sans", head=BRICK, numbers_from=9, size=8.6, pad=6)
    _, height = table.wrap(0, 0)
    table.drawOn(c, 50, WIDE - 104 - height)
    y = WIDE - 104 - height - 26
    for x, colour, text in (
        (50, MOSS, "1 slight"),
        (140, HexColor("#c9c24a"), "2 noticeable"),
        (260, AMBER, "3 poor"),
        (350, BRICK, "4 dangerous"),
    ):
        c.setFillColor(colour)
        c.rect(x, y, 10, 10, stroke=0, fill=1)
        left(c, x + 16, y + 1, text, "Sans", 8.6)
    left(c, 50, y - 24, "Grades follow the office's handbook, edition of 2015.", "Sans-Italic", 8.5, GREY)


def _measurements(c: Canvas) -> None:
    """The cut page: printer's marks stand outside the crop box, where a reader never shows them."""
    c.setCropBox(CROP)
    c.setStrokeColor(INK)
    c.setLineWidth(0.4)
    for x in (CROP[0], CROP[2]):
        c.line(x, 20, x, CROP[1] - 6)
        c.line(x, CROP[3] + 6, x, HIGH - 8)
    left(c, 60, 40, "PRINTER'S SLUG hb17-p3 · outside the crop box", "Sans", 8, GREY)
    _head(c, 3, WIDE + 10, HIGH - 26)
    left(c, 68, HIGH - 116, "Measurements", "Sans-Bold", 16, INK)
    y = place(
        c,
        "Thickness of the steel was measured by ultrasound at four points of each girder, the cover of the bars in the "
        "deck with a magnetic meter, carbonation on three drilled cores.",
        BODY, 68, HIGH - 130, WIDE - 130,
    )  # fmt: skip
    rows = [
        ("Girder", "Drawing mm", "1988 mm", "2018 mm", "2024 mm", "Loss"),
        ("G1 lower flange", "28.0", "27.8", "27.5", "27.4", "2.1%"),
        ("G2 lower flange", "28.0", "27.7", "27.1", "26.8", "4.3%"),
        ("G3 lower flange", "28.0", "27.9", "27.6", "27.5", "1.8%"),
        ("G4 lower flange", "28.0", "27.8", "26.6", "25.9", "7.5%"),
    ]
    table = grid(rows, (130, 74, 66, 66, 66, 60), "Sans", head=STEEL, size=8.8, pad=5)
    _, height = table.wrap(0, 0)
    table.drawOn(c, 68, y - 14 - height)
    y = place(
        c,
        "<b>Deck.</b> The bars lie 31 mm deep on average, at the north edge only 17 mm. Carbonation has reached 22 mm "
        "there, so that the steel is no longer protected. The cores broke at 38, 41 and 36 newtons per square "
        "millimetre.",
        BODY, 68, y - 36 - height, WIDE - 130,
    )  # fmt: skip
    y = place(
        c,
        "<b>Crack.</b> The crack in G4 was ground clean and tested with dye. It is 38 mm long, starts at the toe of "
        "the stiffener weld and has not reached the flange. A gauge was glued over its tip on 5 November; it is read "
        "every morning by the road master of Sallowford.",
        BODY, 68, y - 12, WIDE - 130,
    )  # fmt: skip
    place(
        c,
        "<b>Movement.</b> Between 3 and 7 °C the deck should move 2.1 mm on the rollers of pier B. On the east side it "
        "did, on the west side it moved 0.4 mm.",
        BODY, 68, y - 12, WIDE - 130,
    )  # fmt: skip


def _advice(c: Canvas) -> None:
    _head(c, 4)
    left(c, 50, HIGH - 98, "Recommendations and cost", "Sans-Bold", 16, INK)
    rows = [
        ("Measure", "Defects", "When", "Cost €"),
        ("Drill the crack tip, bolt on a splice plate", "4", "within 10 days", "18,500"),
        ("Replace the joint and free the roller", "2, 5", "closure in March", "64,000"),
        ("Rip-rap around pier A", "6", "low water, August", "41,200"),
        ("Mend the deck edge, fix the railing", "1, 7", "May", "27,900"),
        ("Paint girder G2", "3", "2026", "33,000"),
        ("Small works", "8, 9", "done or January", "1,400"),
        ("Sum", "", "", "186,000"),
    ]
    table = grid(rows, (255, 60, 110, 70), "Sans", head=BRICK, numbers_from=3, size=9, pad=6, strong=(7,))
    _, height = table.wrap(0, 0)
    table.drawOn(c, 50, HIGH - 116 - height)
    y = HIGH - 116 - height - 24
    for text in (
        "The splice plate restores the girder for about fifteen years. A new deck would be due by then in any case, "
        "and the office should decide before 2030 whether to strengthen the bridge or to build beside it.",
        "During the closure in March, buses of line 6 go round by Otter Mill, which takes nine minutes longer. The "
        "footpath stays open throughout.",
        "The next main inspection is due in 2027, three years from now instead of six. Until the splice plate is "
        "fitted, the crack is to be looked at every week; should it pass 45 mm, the bridge is to be closed to all "
        "vehicles.",
    ):
        y = place(c, text, BODY, 50, y, WIDE - 100) - 12
    c.setFillColor(BRICK)
    c.roundRect(50, y - 62, WIDE - 100, 54, 4, stroke=0, fill=1)
    left(c, 66, y - 30, "Limit in force since 6 November 2024: 12 tonnes, one lane", "Sans-Bold", 11.5, WHITE)
    left(
        c, 66, y - 48, "Signs ordered on the same day; police and bus company informed by telephone.", "Sans", 9, WHITE
    )
    left(c, 50, y - 110, "Sallowford, 21 November 2024", "Sans", 9.6)
    left(c, 50, y - 128, "Bertram Kolle, inspecting engineer", "Sans-Italic", 9.6)


def build(path: Path, marks: Marks) -> None:
    """Write four sheets: upright, turned, cropped, upright."""
    c = canvas(str(path), A4, "Heron Bridge, main inspection 2024", "County Bridge Office")
    _summary(c, marks)
    c.showPage()
    _defects(c)
    c.showPage()
    c.setPageSize(A4)
    c.setPageRotation(0)
    _measurements(c)
    c.showPage()
    c.setCropBox((0, 0, WIDE, HIGH))
    _advice(c)
    c.showPage()
    c.save()


ASKS = (
    Ask("How long is the middle span of Heron Bridge?", "31 m", 1, "figure", "Span 2 · 31 m", "elevation"),
    Ask("Why could the inspectors not get into the western abutment of Heron Bridge?", "The door was rusted shut.", 1,
        "text", "the door was rusted shut"),
    Ask("Which defect of Heron Bridge got grade 4?", "The fatigue crack at a stiffener weld of girder G4 (span 3, over "
        "pier B), 38 mm.", 2, "table", "Fatigue crack at stiffener weld 38 mm 4"),
    Ask("By when must the scour at pier A be repaired?", "August 2025", 2, "table",
        "Scour, footing laid bare on one side 0.6 m deep 3 August 2025"),
    Ask("How thick was the lower flange of girder G4 in 2024?", "25.9 mm (7.5% lost)", 3, "table",
        "G4 lower flange 28.0 27.8 26.6 25.9"),
    Ask("How deep has carbonation gone at the north edge of the bridge deck?", "22 mm", 3, "text",
        "Carbonation has reached 22 mm"),
    Ask("What will all repairs to Heron Bridge cost together?", "€186,000", 4, "table", "Sum 186,000"),
    Ask("At what length of the crack must Heron Bridge be closed to traffic?", "Beyond 45 mm", 4, "text",
        "should it pass 45 mm"),
)  # fmt: skip
