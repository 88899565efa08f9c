"""A product data sheet: features, a specification table, a derating curve, a dimension drawing and part numbers."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Table

from .charts import Frame, Series, legend, lines
from .kit import GREY, INK, WHITE, Ask, Marks, canvas, grid, left, place, right, style

NAME = "data-sheet.pdf"
WIDE, HIGH = A4
ORANGE, SLATE = HexColor("#d8732a"), HexColor("#34424f")
BODY = style("Helvetica", 10, 14.5)

SPECIFICATIONS = (
    ("Parameter", "Condition", "Min", "Typ", "Max", "Unit"),
    ("Measuring range", "model dependent", "0", "–", "400", "bar"),
    ("Accuracy", "at 25 °C, incl. hysteresis", "–", "±0.15", "±0.25", "% FS"),
    ("Long-term drift", "per year", "–", "0.05", "0.10", "% FS"),
    ("Supply voltage", "4–20 mA output", "9", "24", "32", "V DC"),
    ("Supply voltage", "0–10 V output", "14", "24", "32", "V DC"),
    ("Current consumption", "0–10 V output", "–", "6.5", "8", "mA"),
    ("Response time", "10 to 90%", "–", "1.2", "2.0", "ms"),
    ("Load resistance", "4–20 mA, at 24 V", "–", "–", "680", "Ω"),
    ("Medium temperature", "FKM seal", "–20", "–", "125", "°C"),
    ("Medium temperature", "EPDM seal", "–40", "–", "110", "°C"),
    ("Ambient temperature", "without condensation", "–30", "–", "85", "°C"),
    ("Overload pressure", "all ranges", "–", "–", "2.0", "× FS"),
    ("Burst pressure", "all ranges", "5.0", "–", "–", "× FS"),
    ("Vibration", "10 to 2,000 Hz", "–", "–", "20", "g"),
    ("Protection", "M12 plug mated", "IP67", "–", "–", ""),
)
PARTS = (
    ("Part number", "Range", "Output", "Seal", "Thread", "Weight"),
    ("VT40-010-A-F", "0–10 bar", "4–20 mA", "FKM", "G 1/4", "86 g"),
    ("VT40-016-A-F", "0–16 bar", "4–20 mA", "FKM", "G 1/4", "86 g"),
    ("VT40-016-V-E", "0–16 bar", "0–10 V", "EPDM", "G 1/4", "86 g"),
    ("VT40-060-A-F", "0–60 bar", "4–20 mA", "FKM", "G 1/4", "88 g"),
    ("VT40-100-A-E", "0–100 bar", "4–20 mA", "EPDM", "G 1/2", "112 g"),
    ("VT40-250-V-F", "0–250 bar", "0–10 V", "FKM", "G 1/2", "114 g"),
    ("VT40-400-A-F", "0–400 bar", "4–20 mA", "FKM", "G 1/2", "117 g"),
)
EXTRAS = (
    ("Accessory", "Part number", "Remark"),
    ("Cable with M12 socket, 2 m", "VTA-C2", "shielded, PUR"),
    ("Cable with M12 socket, 10 m", "VTA-C10", "shielded, PUR"),
    ("Damping screw, bore 0.4 mm", "VTA-D04", "against water hammer"),
    ("Calibration certificate", "VTA-CAL5", "five points, traceable"),
)


def _head(c: Canvas, number: int) -> None:
    c.setFillColor(SLATE)
    c.rect(0, HIGH - 70, WIDE, 70, stroke=0, fill=1)
    c.setFillColor(ORANGE)
    c.rect(0, HIGH - 75, WIDE, 5, stroke=0, fill=1)
    left(c, 45, HIGH - 36, "VELTRONA INSTRUMENTS", "Helvetica-Bold", 15, WHITE)
    left(c, 45, HIGH - 54, "VT40 pressure transmitter", "Helvetica", 12, WHITE)
    right(c, WIDE - 45, HIGH - 36, "Data sheet DS-VT40", "Helvetica-Bold", 10, WHITE)
    right(c, WIDE - 45, HIGH - 52, "Revision F · subject to change", "Helvetica", 9, WHITE)
    left(c, 45, 28, "Veltrona Instruments · Foundry Row 8 · Kelmstadt", "Helvetica", 8, GREY)
    right(c, WIDE - 45, 28, f"{number}/3", "Helvetica-Bold", 9, SLATE)


def _title(c: Canvas, y: float, text: str) -> None:
    left(c, 45, y, text, "Helvetica-Bold", 13, ORANGE)


def _table(c: Canvas, table: Table, top: float) -> float:
    _, height = table.wrap(0, 0)
    table.drawOn(c, 45, top - height)
    return top - height


def _body(c: Canvas, x: float, y: float) -> None:
    """The transmitter from the side, with its dimensions in millimetres; (x, y) is the lower left of the drawing."""
    c.setStrokeColor(SLATE)
    c.setFillColor(HexColor("#e9edf0"))
    c.setLineWidth(1.1)
    c.rect(x + 52, y + 20, 26, 28, fill=1)
    c.rect(x + 36, y + 48, 58, 20, fill=1)
    c.rect(x + 42, y + 68, 46, 92, fill=1)
    c.rect(x + 52, y + 160, 26, 26, fill=1)
    c.setLineWidth(0.6)
    for row in range(5):
        c.line(x + 52, y + 24 + row * 5, x + 78, y + 27 + row * 5)
    left(c, x + 51, y + 112, "VT40", "Helvetica-Bold", 10, ORANGE)
    c.setStrokeColor(INK)
    for x0, y0, x1, y1, text, at_x, at_y in (
        (118, 20, 118, 186, "68.5", 122, 100),
        (42, 200, 88, 200, "Ø 24", 54, 205),
        (36, 8, 94, 8, "hex 27", 51, -4),
        (14, 20, 14, 48, "12", 0, 31),
    ):
        c.line(x + x0, y + y0, x + x1, y + y1)
        for end_x, end_y in ((x0, y0), (x1, y1)):
            c.circle(x + end_x, y + end_y, 1.4, fill=1)
        left(c, x + at_x, y + at_y, text, "Helvetica", 9)


def build(path: Path, marks: Marks) -> None:
    """Write three pages: overview, specifications, ordering."""
    c = canvas(str(path), A4, "VT40 pressure transmitter, data sheet", "Veltrona Instruments")
    _head(c, 1)
    text = (
        "The VT40 measures the pressure of water, oil and compressed air up to 400 bar. A welded steel membrane "
        "without an inner seal makes it the choice for hydraulic presses, test rigs and pumping stations."
    )
    place(c, text, style("Helvetica", 12, 18, textColor=SLATE), 45, HIGH - 100, WIDE - 90)
    _title(c, HIGH - 190, "Features")
    y = HIGH - 202.0
    for point in (
        "Accuracy better than ±0.25% of full scale, temperature compensated",
        "Membrane and thread of steel 1.4542, housing of steel 1.4404",
        "Withstands water hammer up to twice the range",
        "Output 4–20 mA or 0–10 V, protected against reversed polarity",
        "Zero point adjustable by ±5% with a magnet, without opening the housing",
        "Drinking-water approval for models with EPDM seal",
    ):
        c.setFillColor(ORANGE)
        c.rect(47, y - 11, 5, 5, stroke=0, fill=1)
        y = place(c, point, BODY, 62, y, 285) - 4
    _body(c, 390, HIGH - 400)
    left(c, 386, HIGH - 430, "Dimensions in mm", "Helvetica-Oblique", 8.5, GREY)
    marks.note("drawing", c, 384, HIGH - 436, 165, 256)
    _title(c, HIGH - 470, "Permitted load against medium temperature")
    plot = Frame(80, 130, WIDE - 150, 190, "Helvetica", 9, "{:g}%".format)
    rows = (
        Series("FKM seal", (100, 100, 100, 100, 85, 60), ORANGE, (4, 5)),
        Series("EPDM seal", (100, 100, 100, 80, 50, 0), SLATE, (3, 4)),
    )
    names = ("–20 °C", "20 °C", "60 °C", "85 °C", "105 °C", "125 °C")
    lines(c, plot, names, rows[::-1], (0, 20, 40, 60, 80, 100))
    legend(c, plot, rows, 92)
    marks.note("load", c, 45, 84, WIDE - 90, 260)
    c.showPage()

    _head(c, 2)
    _title(c, HIGH - 110, "Specifications")
    y = _table(c, grid(SPECIFICATIONS, (130, 155, 50, 55, 55, 60), head=SLATE, numbers_from=2, size=9.5), HIGH - 122)
    _title(c, y - 40, "Electrical connection (M12, four pins)")
    pins = (
        ("Pin", "Colour of the cable", "4–20 mA", "0–10 V"),
        ("1", "brown", "supply +", "supply +"),
        ("2", "white", "not used", "output"),
        ("3", "blue", "output / 0 V", "0 V"),
        ("4", "black", "not used", "service, leave open"),
    )
    y = _table(c, grid(pins, (60, 165, 140, 140), head=SLATE, numbers_from=9, size=9.5), y - 52)
    warning = (
        "<b>Caution.</b> Do not tighten by the housing: use the hexagon and at most 25 Nm for G 1/4 or 40 Nm for G "
        "1/2. The membrane must never be touched with a tool."
    )
    place(c, warning, BODY, 45, y - 24, WIDE - 90)
    c.showPage()

    _head(c, 3)
    _title(c, HIGH - 110, "Ordering information")
    y = _table(c, grid(PARTS, (125, 85, 85, 70, 70, 70), head=SLATE, numbers_from=9, size=9.5, pad=5), HIGH - 122)
    _title(c, y - 40, "Accessories")
    y = _table(c, grid(EXTRAS, (205, 140, 160), head=SLATE, numbers_from=9, size=9.5, pad=5), y - 52)
    _title(c, y - 40, "Delivery and service")
    text = (
        "Models up to 60 bar leave the works within four working days, all others within three weeks. The smallest "
        "order is one piece; packs of twenty come without single boxes. We calibrate returned transmitters of any "
        "age within ten working days. The warranty is five years, but two years where the damping screw was left out "
        "in pipes with fast valves."
    )
    y = place(c, text, BODY, 45, y - 52, WIDE - 90)
    _title(c, y - 36, "How to read a part number")
    text = (
        "<b>VT40</b> family · <b>016</b> range in bar · <b>A</b> current or <b>V</b> voltage output · <b>F</b> seal "
        "of FKM or <b>E</b> of EPDM. Ranges from 100 bar have the larger thread."
    )
    place(c, text, BODY, 45, y - 48, WIDE - 90)
    c.showPage()
    c.save()


ASKS = (
    Ask("What supply voltage does the VT40 need at least with voltage output?", "14 V DC", 2, "table",
        "Supply voltage 0–10 V output 14 24 32 V DC"),
    Ask("Which part number is the 100 bar pressure transmitter?", "VT40-100-A-E", 3, "table",
        "VT40-100-A-E 0–100 bar"),
    Ask("How long is the housing of the VT40 transmitter overall?", "68.5 mm", 1, "figure", "68.5", "drawing"),
    Ask("What load does the VT40 with FKM seal stand at 125 °C?", "60%", 1, "chart", "60%", "load"),
    Ask("How tightly may a VT40 with the G 1/2 thread be screwed in?", "40 Nm", 2, "text", "40 Nm for G 1/2"),
    Ask("Which VT40 accessory protects against water hammer?", "The damping screw, VTA-D04", 3, "table",
        "VTA-D04 against water hammer"),
)  # fmt: skip
