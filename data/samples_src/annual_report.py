"""An annual report: a ferry company that never was, with statements that add up and charts drawn as vectors."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, NextPageTemplate, PageBreak, PageTemplate, Paragraph, Spacer
from reportlab.platypus.tableofcontents import TableOfContents

from . import annual_figures as figures
from .charts import Frame as Plot
from .charts import Series, bars, legend, lines, ring
from .kit import GREY, INK, RULE, WHITE, Ask, Drawing, Marks, document, grid, left, right, style

NAME = "annual-report.pdf"
NAVY, TEAL, SAND, CORAL = HexColor("#12324f"), HexColor("#2b8c8c"), HexColor("#e3c88f"), HexColor("#d9694a")
WIDE, HIGH = A4
INNER = WIDE - 120

H1 = style("Helvetica-Bold", 22, 27, textColor=NAVY, spaceAfter=10)
H2 = style("Helvetica-Bold", 12.5, 16, textColor=TEAL, spaceBefore=8, spaceAfter=4)
BODY = style("Helvetica", 10.5, 15.4, spaceAfter=8)
LETTER = style("Helvetica", 12, 18.6, spaceAfter=12)
LEAD = style("Helvetica", 12, 17.5, textColor=NAVY, spaceAfter=9)
NOTE = style("Helvetica-Oblique", 8.5, 11.5, textColor=GREY, spaceBefore=4, spaceAfter=6)
CELL = style("Helvetica", 9, 12)
CELL_BOLD = style("Helvetica-Bold", 9, 12)


class Heading(Paragraph):
    """A chapter heading that reports itself to the table of contents."""

    def draw(self) -> None:
        super().draw()
        text = self.getPlainText()
        self.canv.bookmarkPage(text)
        self.canv.addOutlineEntry(text, text, 0)
        self.canv._doctemplate.notify("TOCEntry", (0, text, self.canv.getPageNumber(), text))


def _waves(c: Canvas, base: float, step: float) -> None:
    """Four rows of waves across the page."""
    for row, colour in enumerate(("#2b8c8c", "#24757c", "#1d5f6b", "#174a5d")):
        y = base - row * step
        path = c.beginPath()
        path.moveTo(0, 0)
        path.lineTo(0, y)
        x = -40.0 * row
        while x < WIDE:
            path.curveTo(x + 40, y + 34, x + 80, y + 34, x + 120, y)
            path.curveTo(x + 150, y - 22, x + 190, y - 22, x + 220, y)
            x += 220
        path.lineTo(WIDE + 200, 0)
        path.close()
        c.setFillColor(HexColor(colour))
        c.drawPath(path, stroke=0, fill=1)


def _cover(c: Canvas, _: object) -> None:
    c.saveState()
    c.setFillColor(NAVY)
    c.rect(0, 0, WIDE, HIGH, stroke=0, fill=1)
    c.setFillColor(SAND)
    c.circle(WIDE - 130, 430, 62, stroke=0, fill=1)
    clip = c.beginPath()
    clip.rect(0, 0, WIDE, HIGH)
    c.clipPath(clip, stroke=0)
    _waves(c, 400, 74)
    left(c, 60, HIGH - 120, "TARNWICK FERRIES", "Helvetica-Bold", 15, SAND)
    left(c, 60, HIGH - 190, "Annual Report", "Helvetica-Bold", 46, WHITE)
    left(c, 60, HIGH - 240, "2024", "Helvetica", 46, WHITE)
    left(c, 60, HIGH - 280, "The year of the first battery crossing", "Helvetica-Oblique", 15, WHITE)
    left(c, 60, 60, "Tarnwick Ferries plc · Harbour House, Quay Street, Tarnwick", "Helvetica", 9.5, WHITE)
    c.restoreState()


def _page(c: Canvas, _: object) -> None:
    c.saveState()
    c.setStrokeColor(RULE)
    c.line(60, HIGH - 48, WIDE - 60, HIGH - 48)
    left(c, 60, HIGH - 42, "Tarnwick Ferries plc", "Helvetica-Bold", 8, TEAL)
    right(c, WIDE - 60, HIGH - 42, "Annual Report 2024", "Helvetica", 8, GREY)
    right(c, WIDE - 60, 34, str(c.getPageNumber()), "Helvetica-Bold", 9, NAVY)
    c.restoreState()


def _glance(c: Canvas, width: float, height: float) -> None:
    """Four figures in coloured boxes."""
    cards = (
        ("€393.0m", "revenue", "up 5.9%", NAVY),
        ("4.31m", "passengers", "up 4.1%", TEAL),
        ("97.2%", "sailings on time", "2023: 95.8%", CORAL),
        ("1,486", "people", "2023: 1,442", INK),
    )
    side = (width - 30) / 4
    for i, (figure, name, change, colour) in enumerate(cards):
        x = i * (side + 10)
        c.setFillColor(colour)
        c.roundRect(x, 0, side, height, 5, stroke=0, fill=1)
        left(c, x + 10, height - 32, figure, "Helvetica-Bold", 19, WHITE)
        left(c, x + 10, height - 50, name, "Helvetica", 9.5, WHITE)
        left(c, x + 10, 12, change, "Helvetica-Oblique", 8.5, WHITE)


def _passengers(c: Canvas, width: float, height: float) -> None:
    plot = Plot(34, 26, width - 40, height - 56)
    years = (
        Series("2023", (1842, 1105, 764, 429), HexColor("#a9bccb")),
        Series("2024", (1896, 1187, 791, 436), TEAL),
    )
    names = ("Tarnwick – Ostrey", "Marrow Sound", "Veld Islands", "Night line")
    bars(c, plot, names, years, (0, 500, 1000, 1500, 2000))
    legend(c, plot, years, height - 12)


def _carbon(c: Canvas, width: float, height: float) -> None:
    plot = Plot(34, 22, width - 40, height - 48)
    rows = (
        Series("Grams of CO2 per passenger kilometre", (148, 146, 151, 139, 131, 118), CORAL, (0, 2, 4, 5)),
        Series("Path to the 2030 target of 90", (148, 139, 131, 123, 115, 107), HexColor("#9aa7b3")),
    )
    names = ("2019", "2020", "2021", "2022", "2023", "2024")
    lines(c, plot, names, rows[::-1], (60, 80, 100, 120, 140, 160))
    legend(c, plot, rows, height - 10)


def _people(c: Canvas, width: float, height: float) -> None:
    parts = (
        ("Deck and bridge", 512, NAVY),
        ("Hotel and catering", 438, TEAL),
        ("Engine room", 221, SAND),
        ("Terminals", 203, CORAL),
        ("Offices", 112, HexColor("#8794a1")),
    )
    ring(c, Plot(40, 8, width, height - 16, size=10), parts, ("1,486", "people"))


def _opening(marks: Marks) -> list[Flowable]:
    toc = TableOfContents(dotsMinLevel=0, levelStyles=[style("Helvetica", 11, 21)])
    return [
        NextPageTemplate("page"),
        PageBreak(),
        Paragraph("Contents", H1),
        toc,
        Spacer(1, 22),
        Paragraph("2024 at a glance", H2),
        Spacer(1, 4),
        Drawing(INNER, 84, _glance, marks, "glance"),
        Spacer(1, 12),
        Paragraph(
            "Tarnwick Ferries carries people, cars and freight between the mainland harbours of Tarnwick and Marrow "
            "and the islands of the Ostrey Sea. Six vessels, five ports, 11,340 sailings in the year.",
            BODY,
        ),
        PageBreak(),
        Heading("Letter from the chair", H1),
        Paragraph("Dear shareholder,", LEAD),
        Paragraph(
            "On the ninth of April, at ten past six in the morning, the <i>Sandpiper</i> left Marrow on the first "
            "crossing of our company that burned no fuel. There was some fog and no band. I stood on the car deck and "
            "for the first time in thirty years heard the gulls.",
            LETTER,
        ),
        Paragraph(
            "It was a good year in other ways, too. Revenue grew to €393.0 million, and profit for the year doubled to "
            "€27.8 million, helped by cheaper fuel in the first half and by fuller night crossings all year round. The "
            "board proposes a dividend of 15.0 cents a share, to be paid on 22 May 2025 to those on the register on "
            "2 May.",
            LETTER,
        ),
        Paragraph(
            "Not everything went to plan. The dry-docking of the <i>Curlew</i> took nineteen days longer than agreed "
            "because cracked weld seams were found in the bow visor, and we cancelled 214 sailings in February and "
            "March. We have repaid every ticket and changed the interval of that inspection from five years to two.",
            LETTER,
        ),
        Paragraph(
            "The board has changed. Ilse Varga, who chaired the audit committee for eight years, retired in June; "
            "Tomas Reck, formerly harbour master of Ostrey, has taken her seat at the table, though not the chair of "
            "the committee, which passed to Dana Whitlow. I thank all three.",
            LETTER,
        ),
        Paragraph(
            "In 2025 we shall decide on a second battery vessel. The decision hangs on the grid connection at Ostrey, "
            "which the port promises for the autumn. Should it slip, we will not order: a battery ship without a plug "
            "is a very expensive barge.",
            LETTER,
        ),
        Spacer(1, 14),
        Paragraph("<b>Ottoline Brack</b>", BODY),
        Paragraph("Chair of the board, Tarnwick, 3 March 2025", NOTE),
        PageBreak(),
    ]


def _review(marks: Marks) -> list[Flowable]:
    fleet = grid(figures.FLEET, (72, 42, 66, 70, 100, 125), head=NAVY, numbers_from=9)
    return [
        Heading("The year in operation", H1),
        Paragraph(
            "More passengers, steadier timetables and a freight market that stopped falling in the summer: the chief "
            "executive, Marek Thorsell, looks back.",
            LEAD,
        ),
        Paragraph("Passengers", H2),
        Paragraph(
            "We carried 4.31 million passengers, 170,000 more than the year before. Marrow Sound grew fastest: the "
            "half-hourly timetable that the <i>Sandpiper</i> made possible brought back commuters who had taken to "
            "the long road round the bay. Car decks on the Ostrey line were full on 61 days, against 48 in 2023.",
            BODY,
        ),
        Drawing(INNER, 190, _passengers, marks, "passengers"),
        Paragraph("Figure 1. Passengers by route, thousands.", NOTE),
        Paragraph("Freight", H2),
        Paragraph(
            "Freight revenue rose by 3.3% although the number of trailers fell by 1.2%: longer contracts with two "
            "timber shippers replaced spot trade at low rates. From October the <i>Turnstone</i> sails six nights a "
            "week instead of five.",
            BODY,
        ),
        Paragraph("Punctuality", H2),
        Paragraph(
            "A sailing is on time when the lines are cast off within five minutes of the timetable. 97.2% were. Fog "
            "caused more than half of the delays, berth conflicts at Ostrey about a fifth.",
            BODY,
        ),
        PageBreak(),
        Heading("Fleet and environment", H1),
        fleet,
        Paragraph("Table 1. The fleet on 31 December 2024. The Gannet was sold in August for recycling.", NOTE),
        Paragraph("Emissions", H2),
        Paragraph(
            "Carbon dioxide per passenger kilometre fell to 118 grams, a tenth less than in 2023 and a fifth less "
            "than in 2019. The rise in 2021 had one cause: half-empty ships in a year of restrictions. We remain "
            "above the path that leads to 90 grams in 2030.",
            BODY,
        ),
        Drawing(INNER, 196, _carbon, marks, "carbon"),
        Paragraph("Figure 2. Emission intensity of the fleet against the path to the target.", NOTE),
        Paragraph("Shore power", H2),
        Paragraph(
            "Three of our five ports now offer shore power: Tarnwick, Marrow and, since November, Veld. Vessels at "
            "these berths switch off their auxiliary engines, which saved 2,900 tonnes of fuel in the year.",
            BODY,
        ),
        PageBreak(),
        Heading("People and safety", H1),
        Paragraph(
            "At the end of the year 1,486 people worked for the company, 44 more than a year before. Most of the new "
            "posts came with the half-hourly timetable on Marrow Sound.",
            BODY,
        ),
        Drawing(INNER, 180, _people, marks, "people"),
        Paragraph("Figure 3. Staff by kind of work on 31 December 2024.", NOTE),
        Paragraph("Training", H2),
        Paragraph(
            "Every engineer on the <i>Sandpiper</i> passed the three-week course on high-voltage batteries at our own "
            "school in Marrow. The school trained 38 cadets, of whom 17 are women.",
            BODY,
        ),
        Paragraph("Safety", H2),
        Paragraph(
            "There were 2.4 accidents with lost time per million hours worked (2023: 3.1). The gravest was a fall from "
            "a mooring platform in Ostrey in January; the platform has since been given a rail. We held 312 fire and "
            "evacuation drills, and for the first time one with wheelchair users on the night line.",
            BODY,
        ),
        PageBreak(),
    ]


def _statements() -> list[Flowable]:
    widths = (INNER - 190, 40, 75, 75)
    story: list[Flowable] = []
    for title, rows, totals, note in (
        ("Income statement", figures.INCOME, figures.INCOME_TOTALS, "Year ended 31 December. Costs in brackets."),
        ("Balance sheet", figures.BALANCE, figures.BALANCE_TOTALS, "On 31 December."),
        ("Cash flow statement", figures.CASH, figures.CASH_TOTALS, "Year ended 31 December. Payments in brackets."),
    ):
        story += [
            Heading(title, H1),
            Paragraph(note, NOTE),
            grid(rows, widths, head=NAVY, strong=totals, size=10, pad=5.2, stripes=False),
            PageBreak(),
        ]
    return story


def _notes() -> list[Flowable]:
    texts = (
        (
            "1 Accounting policies",
            "The statements are drawn up on the basis of historical cost, apart from fuel hedges, which stand at fair "
            "value. Vessels are written off over 25 years to a residual value of 8% of cost, the battery of the "
            "<i>Sandpiper</i> over nine years to nothing.",
        ),
        (
            "2 Revenue",
            "A ticket is revenue on the day of the crossing. Passenger tickets include €21.8 million for cabins "
            "(2023: €18.3 million). No customer accounts for more than 6% of freight revenue.",
        ),
        (
            "3 Fuel",
            "The group used 61,400 tonnes of marine gas oil (2023: 64,900 tonnes) at an average price of €1,372 a "
            "tonne, and 9.6 gigawatt hours of electricity. Hedges covered 58% of consumption.",
        ),
        (
            "4 Crew and staff",
            "Wages came to €89.7 million, social security to €15.6 million and pensions to €7.2 million.",
        ),
        (
            "5 Vessels and installations",
            "The final instalment for the <i>Sandpiper</i>, €33.6 million, fell due on delivery. The <i>Gannet</i> was "
            "sold at book value.",
        ),
    )
    story: list[Flowable] = [Heading("Notes to the statements", H1)]
    for title, text in texts:
        story += [Paragraph(title, H2), Paragraph(text, BODY)]
    story += [
        Paragraph("6 Borrowings", H2),
        grid(figures.BORROWINGS, (150, 85, 95, 72, 73), head=NAVY, strong=(5,), numbers_from=3),
        Spacer(1, 6),
        Paragraph("7 Share capital", H2),
        Paragraph("60,000,000 ordinary shares of €1 each are in issue. No options are outstanding.", BODY),
        PageBreak(),
        Heading("Risks and calendar", H1),
    ]
    rows: list[list[object]] = [list(figures.RISKS[0])]
    rows += [[Paragraph(a, CELL_BOLD), Paragraph(b, CELL), Paragraph(d, CELL)] for a, b, d in figures.RISKS[1:]]
    story += [
        grid(rows, (105, 180, 190), head=NAVY, numbers_from=9, pad=6),
        Spacer(1, 12),
        Paragraph("Calendar for shareholders", H2),
        grid(
            [
                ["Event", "Date"],
                ["Annual general meeting, Seamen's Hall, Tarnwick", "29 April 2025"],
                ["Record date for the dividend", "2 May 2025"],
                ["Payment of the dividend", "22 May 2025"],
                ["Half-year figures", "21 August 2025"],
                ["Traffic figures for the summer", "9 October 2025"],
            ],
            (330, 145),
            head=TEAL,
        ),
        Spacer(1, 10),
        Paragraph("Auditor: Pellam Rowe Audit, Tarnwick. Their report is published separately.", NOTE),
    ]
    return story


def build(path: Path, marks: Marks) -> None:
    """Write the report: cover, contents, letter, review, statements, notes."""
    body = Frame(60, 50, INNER, HIGH - 115, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    templates = [
        PageTemplate("cover", [body], onPage=_cover),
        PageTemplate("page", [body], onPage=_page),
    ]
    file = document(path, A4, templates, "Annual Report 2024", "Tarnwick Ferries plc")
    story = [Spacer(1, 1), *_opening(marks), *_review(marks), *_statements(), *_notes()]
    file.multiBuild(story)


ASKS = (
    Ask("Why were so many Tarnwick sailings cancelled in early 2024?", "The dry-docking of the Curlew overran by "
        "nineteen days because cracked weld seams were found in the bow visor.", 3, "text",
        "cracked weld seams were found in the bow visor"),
    Ask("What would make the ferry company decide against ordering another electric ship?",
        "If the grid connection at Ostrey slips.", 3, "text", "hangs on the grid connection at Ostrey"),
    Ask("How many passengers used Marrow Sound in 2024?", "About 1,187 thousand (1.187 million).", 4, "chart",
        "1187", "passengers"),
    Ask("Which Tarnwick ferry has the most lane metres for freight?", "The Turnstone, with 2,150.", 5, "table",
        "Turnstone 2015 90 2,150"),
    Ask("In which year did the fleet's CO2 per passenger kilometre go up, and to what?", "In 2021, to 151 grams.", 5,
        "chart", "151", "carbon"),
    Ask("How many people work in the engine rooms of Tarnwick Ferries?", "221", 6, "chart", "Engine room 221",
        "people"),
    Ask("What was Tarnwick's operating profit in 2024 and the year before?", "€44.7 million, after €29.2 million.", 7,
        "table", "Operating profit 44.7 29.2"),
    Ask("How much did Tarnwick Ferries owe to pensioners at the end of 2023?", "€16.0 million", 8, "table",
        "Pension obligations 4 14.2 16.0"),
    Ask("How much cash did Tarnwick spend on buying ships in 2024?", "€51.2 million", 9, "table",
        "Purchase of vessels 5 (51.2)"),
    Ask("When does the green loan for the Sandpiper have to be repaid?", "October 2036", 10, "table",
        "Green loan (Sandpiper) 3.20% fixed October 2036"),
    Ask("Over how many years is the ship's battery depreciated?", "Nine years", 10, "text",
        "over nine years to nothing"),
    Ask("Where and when do Tarnwick's shareholders meet?", "In the Seamen's Hall, Tarnwick, on 29 April 2025.", 11,
        "table", "Annual general meeting, Seamen's Hall, Tarnwick 29 April 2025"),
    Ask("Скільки пасажирів перевезла компанія Tarnwick Ferries за 2024 рік?", "4,31 мільйона", 2, "figure",
        "4.31m", "glance", lang="uk"),
)  # fmt: skip
