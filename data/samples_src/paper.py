"""A scientific paper in two columns: figures, captions, a table, equations in words and references."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, FrameBreak, NextPageTemplate, PageTemplate, Paragraph, Spacer

from .charts import Frame as Plot
from .charts import Series, bars, legend, lines, lying_bars
from .kit import GREY, INK, RULE, Ask, Drawing, Marks, document, grid, left, right, style

NAME = "paper.pdf"
WIDE, HIGH = A4
COLUMN = (WIDE - 110 - 20) / 2
BLUE, RED, GREEN = HexColor("#2f5d8a"), HexColor("#b5473c"), HexColor("#5b8c5a")

TITLE = style("Times-Bold", 19, 24, alignment=TA_CENTER, spaceAfter=9)
AUTHORS = style("Times", 11.5, 15, alignment=TA_CENTER, spaceAfter=2)
PLACE = style("Times-Italic", 9.5, 12.5, alignment=TA_CENTER, spaceAfter=10)
ABSTRACT = style("Times", 10.5, 13.6, alignment=TA_JUSTIFY, leftIndent=34, rightIndent=34)
BODY = style("Times", 11.2, 14.8, alignment=TA_JUSTIFY, firstLineIndent=11)
FIRST = style("Times", 11.2, 14.8, alignment=TA_JUSTIFY)
HEAD = style("Times-Bold", 11.5, 15, spaceBefore=9, spaceAfter=3)
CAPTION = style("Times", 9.4, 12, spaceBefore=3, spaceAfter=9)
REFERENCE = style("Times", 9.6, 12, leftIndent=14, firstLineIndent=-14, spaceAfter=2.5)


def _foot(c: Canvas, _: object) -> None:
    c.saveState()
    c.setStrokeColor(RULE)
    c.line(55, HIGH - 42, WIDE - 55, HIGH - 42)
    left(c, 55, HIGH - 37, "Proceedings of the Society for Listening to Towns 6 (2024)", "Times-Italic", 9, GREY)
    right(c, WIDE - 55, HIGH - 37, "Velmora, Asterby, Quillon: Counting swifts", "Times-Italic", 9, GREY)
    c.setFont("Times", 9.5)
    c.setFillColor(INK)
    c.drawCentredString(WIDE / 2, 30, str(c.getPageNumber() + 112))
    c.restoreState()


def _night(c: Canvas, width: float, height: float) -> None:
    plot = Plot(26, 20, width - 30, height - 44, "Times", 8)
    rows = (
        Series("Roof microphones", (4, 31, 58, 64, 47, 71, 88, 22), BLUE, (6,)),
        Series("Observers on the ground", (2, 19, 40, 49, 33, 58, 79, 12), RED),
    )
    lines(c, plot, ("5h", "7h", "9h", "12h", "15h", "18h", "21h", "22h"), rows, (0, 25, 50, 75, 100))
    legend(c, plot, rows, height - 10)


def _weather(c: Canvas, width: float, height: float) -> None:
    plot = Plot(26, 20, width - 30, height - 44, "Times", 8)
    rows = (
        Series("Precision", (0.94, 0.91, 0.86, 0.62), BLUE),
        Series("Recall", (0.89, 0.88, 0.71, 0.38), GREEN),
    )
    bars(c, plot, ("Calm", "Light wind", "Strong wind", "Rain"), rows, (0, 0.25, 0.5, 0.75, 1))
    legend(c, plot, rows, height - 10)


def _alarms(c: Canvas, width: float, height: float) -> None:
    parts = (
        ("House martins", 44, BLUE),
        ("Weathercock, town hall", 23, RED),
        ("Tram brakes", 19, GREEN),
        ("Children at play", 17, GREY),
        ("Rain on the lid", 15, INK),
    )
    lying_bars(c, Plot(0, 4, width, height - 6, "Times", 9), parts, room=96)


def _chain(c: Canvas, width: float, height: float) -> None:
    """The stages from the roof to the count, as boxes with arrows."""
    stages = (("Microphone", "48 kHz"), ("Filter", "3–9 kHz"), ("Detector", "0.96 s"), ("Count", "per minute"))
    side = (width - 3 * 13) / 4
    for i, (name, what) in enumerate(stages):
        x = i * (side + 13)
        c.setStrokeColor(BLUE)
        c.setFillColor(HexColor("#e8eff6"))
        c.roundRect(x, 6, side, height - 12, 3, stroke=1, fill=1)
        c.setFillColor(INK)
        c.setFont("Times-Bold", 8)
        c.drawCentredString(x + side / 2, height / 2 + 3, name)
        c.setFont("Times", 8.2)
        c.drawCentredString(x + side / 2, height / 2 - 9, what)
        if i:
            c.line(x - 12.5, height / 2, x - 4, height / 2)
            c.setFillColor(BLUE)
            arrow = c.beginPath()
            arrow.moveTo(x - 1, height / 2)
            arrow.lineTo(x - 6, height / 2 + 3)
            arrow.lineTo(x - 6, height / 2 - 3)
            arrow.close()
            c.drawPath(arrow, stroke=0, fill=1)


def _story(marks: Marks) -> list[Flowable]:
    def text(*paragraphs: str) -> list[Flowable]:
        return [Paragraph(words, FIRST if i == 0 else BODY) for i, words in enumerate(paragraphs)]

    sites = [
        ["Site", "Height", "Nests", "Nights", "Error"],
        ["Gasworks", "22 m", "41", "58", "7.1%"],
        ["Town hall", "31 m", "18", "61", "9.4%"],
        ["St Odile", "44 m", "27", "55", "12.8%"],
        ["Cannery", "14 m", "63", "60", "6.3%"],
        ["School", "11 m", "9", "47", "21.5%"],
    ]
    costs = [
        ["Part", "Price"],
        ["Microphone and jam jar", "€11.40"],
        ["Recorder board", "€29.90"],
        ["Battery, 10 ampere hours", "€14.20"],
        ["Memory card", "€4.30"],
        ["Screws, felt, wire", "€3.20"],
        ["Whole site", "€63.00"],
    ]
    references = (
        "Asterby, J. and Velmora, K. (2021). A cheap weatherproof microphone from a jam jar. <i>Notes on "
        "Instruments</i> 14, 33–41.",
        "Brillo, T. (2018). Screaming parties: why swifts fly low in the evening. <i>Annals of Roof Biology</i> 9, "
        "1–27.",
        "Enwick, P., Sool, R. and Tarp, D. (2022). Small networks that hear birds. <i>Machine Listening Letters</i> 3, "
        "210–225.",
        "Hartsip, L. (2016). <i>Counting by Eye: A Handbook</i>. Lowmoor Press.",
        "Quillon, M. (2023). Nest boxes of Port Ellery: a register. <i>Town Naturalist</i> 71, 5–19.",
        "Sool, R. (2020). Rain as noise. <i>Machine Listening Letters</i> 1, 77–90.",
        "Tarp, D. and Brillo, T. (2019). Do swifts answer recordings? <i>Annals of Roof Biology</i> 10, 140–152.",
    )
    return [
        Paragraph("Counting Swifts by Ear: Rooftop Microphones against Observers in a Harbour Town", TITLE),
        Paragraph("Katrin Velmora<super>1</super>, Jonas Asterby<super>1</super> and Mireille Quillon<super>2</super>",
                  AUTHORS),
        Paragraph("<super>1</super>Institute for Town Ecology, Port Ellery · <super>2</super>Ellery Swift Watch "
                  "", PLACE),
        Paragraph(
            "<b>Abstract.</b> Colonies of the common swift are counted by volunteers at dusk, which is slow and misses "
            "birds that come home after dark. We hung microphones on five roofs in Port Ellery for 61 nights and "
            "trained a small network to hear screaming parties. Against paired observers the counts differ by 8.9% in "
            "dry weather and by 34% in rain. A microphone costs €63 and needs a new battery every 19 days. The "
            "recordings are kept for six hours only, so that no conversation can be listened to.",
            ABSTRACT),
        FrameBreak(),
        NextPageTemplate("columns"),
        Paragraph("1  Introduction", HEAD),
        *text(
            "Swifts nest under tiles and in ventilation holes, where nobody looks. What can be seen of a colony is its "
            "flight: at dusk the birds gather in screaming parties and race round the roofs (Brillo, 2018). The usual "
            "method is to stand below and count (Hartsip, 2016). It is honest work, but two observers differ by 15% on "
            "an ordinary evening, and few volunteers stay up until the last bird is home.",
            "Sound does not need light. Small networks recognise many species on cheap hardware (Enwick et al., 2022), "
            "yet they were trained on single singing birds, and a screaming party is none. We ask two questions. How "
            "close do microphones come to observers? And when do they fail?",
        ),
        Paragraph("2  Earlier work", HEAD),
        *text(
            "Registers of nests are the oldest source. They need somebody who climbs, and a landlord who lets them; "
            "the register of Port Ellery was eleven years in the making (Quillon, 2023). Evening counts are quicker, "
            "and since Hartsip (2016) there is a protocol for them: two observers, ten minutes, no talking.",
            "Sool (2020) was the first to leave a recorder on a roof and found mostly weather. Enwick et al. (2022) "
            "showed that a network of half a million parameters tells forty garden birds apart. Neither counted "
            "anything. The step from hearing a bird to counting passages is the subject of this paper.",
        ),
        Paragraph("3  Methods", HEAD),
        *text(
            "We chose five roofs with known nests (Quillon, 2023), between 11 and 44 metres above the street (Table "
            "1). On each hung one microphone in a jam jar, as described by Asterby and Velmora (2021), pointing at "
            "the sky. Recordings ran from four in the morning to eleven at night, from 20 May to 19 July.",
            "The chain is short (Figure 1). A filter passes three to nine kilohertz, which leaves out traffic and most "
            "voices. The detector looks at windows of 0.96 seconds and was trained on 5,200 labelled windows, a third "
            "of them without any swift. It has 310,000 parameters and runs on the recorder itself.",
        ),
        Spacer(1, 6),
        Drawing(COLUMN, 52, _chain, marks, "chain"),
        Paragraph("<b>Figure 1.</b> From the roof to the count. Everything runs on the recorder; only the counts leave "
                  "the roof.", CAPTION),
        *text(
            "Two observers stood at each site on twelve evenings, without knowing what the microphone heard. Their "
            "mean is our reference. We call the mean absolute difference, divided by the reference, the error of a "
            "site.",
        ),
        Spacer(1, 6),
        grid(sites, (68, 44, 38, 40, 40), "Times", size=9.5, head=BLUE, pad=2.5),
        Paragraph("<b>Table 1.</b> The five sites: height of the microphone, known nests, nights recorded and error "
                  "against observers.", CAPTION),
        Paragraph("4  Results", HEAD),
        *text(
            "Over all sites and dry evenings the error was 8.9%. It grew with height above the nests and was worst "
            "at the school, where nine nests gave few passages to count. Before seven in the morning and after nine "
            "at night the microphones heard more birds than the observers saw (Figure 2).",
        ),
        Spacer(1, 6),
        Drawing(COLUMN, 172, _night, marks, "night"),
        Paragraph("<b>Figure 2.</b> Passages an hour at the Cannery, mean of twelve days in June.", CAPTION),
        *text(
            "Weather mattered more than place. Strong wind cost recall but hardly precision; rain cost both (Figure "
            "3), as Sool (2020) had warned. Drops on the lid of the jar fall into the same band as the screams. A "
            "strip of felt on the lid, tried in the last week at the Gasworks, brought recall in rain from 0.38 to "
            "0.57.",
        ),
        Spacer(1, 6),
        Drawing(COLUMN, 172, _weather, marks, "weather"),
        Paragraph("<b>Figure 3.</b> Precision and recall of the detector by weather, all sites.", CAPTION),
        *text(
            "House martins were the most frequent false alarm, 44 of 118 (Figure 4), followed by a squeaking "
            "weathercock on the town hall, which we oiled on 2 June. It has been silent since, and so has the town "
            "clerk, who had complained of it for years.",
        ),
        Spacer(1, 6),
        Drawing(COLUMN, 96, _alarms, marks, "alarms"),
        Paragraph("<b>Figure 4.</b> What the detector took for swifts: 118 false alarms that we listened to.", CAPTION),
        Paragraph("5  Cost", HEAD),
        *text(
            "A site costs less than a good pair of binoculars (Table 2). Time is another matter: a roof must be "
            "climbed every 19 days to change the battery, which took two people 40 minutes on average and an hour "
            "and a half at St Odile, where the key hangs with the organist.",
        ),
        Spacer(1, 6),
        grid(costs, (150, 80), "Times", size=9.5, head=BLUE, pad=2.5, strong=(6,)),
        Paragraph("<b>Table 2.</b> What one site costs, without the ladder.", CAPTION),
        Paragraph("6  Discussion", HEAD),
        *text(
            "A microphone is as good as a second observer, and it does not go to bed. It counts passages, though, not "
            "birds: a party that circles three times is counted three times, by the observer too. We could not tell "
            "young birds from breeding ones, and we did not try.",
            "Two limits should be named. All sites lie within two kilometres of the sea, where the evening wind is "
            "regular; inland towns may be kinder or worse. And our observers were members of the Swift Watch, who know "
            "where to look. Against a beginner the microphone would have shone.",
            "Does a count of passages tell how many nests there are? For the five sites the evening maximum of "
            "passages and the number of known nests go together (rank correlation 0.9), but five sites are five "
            "sites. A colony that loses a third of its pairs would, by our data, be noticed after nine dry evenings.",
            "Privacy was discussed with the residents before the first jar was hung. The filter removes most of the "
            "voice band, windows without swifts are deleted at once, the others after six hours. Nobody objected; "
            "two residents asked for a jar of their own.",
            "Playing recordings to make swifts answer (Tarp and Brillo, 2019) would raise the counts. We advise "
            "against it: in a test on 11 June two pairs left their holes for more than an hour.",
        ),
        Paragraph("7  Conclusion", HEAD),
        *text(
            "For the price of one pair of binoculars a town can listen to three colonies all summer. From next year "
            "the Ellery Swift Watch will hang twelve microphones and ask its observers to come out only on rainy "
            "evenings, which they have received with mixed feelings.",
        ),
        Paragraph("Acknowledgements", HEAD),
        *text("The Cannery lent us a ladder, the town hall its key. The work was paid for by the Port Ellery Harbour "
              "Fund under grant HF-77."),
        Paragraph("References", HEAD),
        *[Paragraph(words, REFERENCE) for words in references],
    ]  # fmt: skip


def build(path: Path, marks: Marks) -> None:
    """Write the paper: a title across both columns, then columns."""
    bare = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    x = (55, 55 + COLUMN + 20)
    title = Frame(55, HIGH - 272, WIDE - 110, 214, **bare)
    first = [Frame(at, 50, COLUMN, HIGH - 328, **bare) for at in x]
    others = [Frame(at, 50, COLUMN, HIGH - 110, **bare) for at in x]
    templates = [
        PageTemplate("title", [title, *first], onPage=_foot),
        PageTemplate("columns", others, onPage=_foot),
    ]
    file = document(path, A4, templates, "Counting Swifts by Ear", "Velmora, Asterby, Quillon")
    file.build(_story(marks))


ASKS = (
    Ask("How much does one swift microphone cost?", "€63", 1, "text", "A microphone costs €63"),
    Ask("How many parameters does the swift detector have?", "310,000", 1, "text", "It has 310,000 parameters"),
    Ask("Which frequency band does the filter let through in the swift study?", "3–9 kHz", 1, "figure", "3–9 kHz",
        "chain"),
    Ask("At which site did the microphone count differ most from the observers?", "At the School, by 21.5%.", 1,
        "table", "School 11 m 9 47 21.5%"),
    Ask("How well does the bird detector recall swifts in strong wind?", "Recall 0.71", 2, "chart", "0.71", "weather"),
    Ask("What else made the detector sound a false alarm besides house martins?", "A squeaking weathercock on the "
        "town hall", 2, "text", "a squeaking weathercock on the town hall"),
    Ask("Who financed the study of swifts in Port Ellery?", "The Port Ellery Harbour Fund (grant HF-77)", 3, "text",
        "paid for by the Port Ellery Harbour Fund"),
)  # fmt: skip
