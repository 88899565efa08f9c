"""A guide in Hebrew, set from right to left: the community garden of a neighbourhood that is on no map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bidi.algorithm import get_display
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Table

from .charts import Frame, lying_bars
from .kit import GREY, INK, RULE, WHITE, Ask, Marks, canvas, grid, left, right

NAME = "guide-he.pdf"
WIDE, HIGH = A4
EDGE = WIDE - 60  # points; the right edge, where every line starts
RIMON, LEAF, OLIVE = HexColor("#a62b3a"), HexColor("#4d7d3f"), HexColor("#7c7a35")


def _shown(text: str) -> str:
    """Logical order -> the order in which glyphs stand from left to right."""
    return str(get_display(text, base_dir="R"))


def _line(c: Canvas, y: float, text: str, font: str, size: float, color: Color = INK, x: float = EDGE) -> None:
    right(c, x, y, _shown(text), font, size, color)


def _wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """Break before setting: each line is turned on its own, or the words of two lines would change places."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if stringWidth(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _text(c: Canvas, y: float, text: str, size: float = 11, x: float = EDGE, width: float = WIDE - 120) -> float:
    """A paragraph whose first baseline is at y; returns the baseline for what follows."""
    for line in _wrapped(text, "Sans", size, width):
        _line(c, y, line, "Sans", size, x=x)
        y -= size * 1.65
    return y - size * 0.6


def _title(c: Canvas, y: float, text: str) -> float:
    _line(c, y, text, "Sans-Bold", 15, RIMON)
    return y - 26


def _points(c: Canvas, y: float, points: Sequence[str]) -> float:
    for point in points:
        c.setFillColor(LEAF)
        c.circle(EDGE - 5, y + 4, 3, stroke=0, fill=1)
        y = _text(c, y, point, x=EDGE - 18, width=WIDE - 140)
    return y


def _table(c: Canvas, y: float, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> float:
    """A table whose first column stands at the right; returns the baseline for what follows."""
    turned = [[_shown(cell) for cell in reversed(row)] for row in rows]
    table: Table = grid(turned, tuple(reversed(widths)), "Sans", size=9.6, head=LEAF, numbers_from=0, pad=6)
    _, height = table.wrap(0, 0)
    table.drawOn(c, EDGE - sum(widths), y - height)
    return y - height - 34


def _frame(c: Canvas, number: int) -> None:
    if number > 1:
        c.setStrokeColor(RULE)
        c.line(60, HIGH - 48, EDGE, HIGH - 48)
        _line(c, HIGH - 42, "גן הקהילה «רימון» · מדריך לחברים ולחברות", "Sans", 8.5, GREY)
    left(c, 60, 32, _shown(f"עמוד {number} מתוך 3"), "Sans", 8.5, GREY)


def _cover(c: Canvas) -> None:
    """The head of the first page, with a pomegranate."""
    c.setFillColor(HexColor("#f6ece1"))
    c.rect(0, HIGH - 190, WIDE, 190, stroke=0, fill=1)
    c.setFillColor(RIMON)
    c.circle(140, HIGH - 104, 56, stroke=0, fill=1)
    crown = c.beginPath()
    crown.moveTo(118, HIGH - 58)
    for x, y in ((108, -22), (129, -40), (140, -16), (151, -40), (172, -22), (162, -58)):
        crown.lineTo(x, HIGH + y)
    crown.close()
    c.drawPath(crown, stroke=0, fill=1)
    c.setFillColor(HexColor("#e9a0a0"))
    for x, y in ((-18, 8), (2, 16), (20, 6), (-10, -12), (10, -10), (0, -28), (-26, -8), (26, -14)):
        c.ellipse(136 + x, HIGH - 110 + y, 144 + x, HIGH - 98 + y, stroke=0, fill=1)
    _line(c, HIGH - 84, "גן הקהילה «רימון»", "Sans-Bold", 30, RIMON)
    _line(c, HIGH - 120, "מדריך לחברים ולחברות", "Sans", 18, OLIVE)
    _line(c, HIGH - 150, "שכונת תל־שקד · עונת 2025", "Sans", 12, GREY)


def build(path: Path, marks: Marks) -> None:
    """Write three pages in Hebrew."""
    c = canvas(str(path), A4, "מדריך לחברי גן הקהילה רימון", "גן הקהילה רימון")
    _cover(c)
    _frame(c, 1)
    y = _title(c, HIGH - 232, "ברוכים הבאים")
    y = _text(c, y, "הגן נפתח בשנת 2011 על מגרש חניה נטוש בין רחוב האלה לבית הספר הישן. היום מעבדות אותו 86 משפחות, "
              "ועל המים, הדשנים והכלים אנחנו מחליטים יחד באספה הכללית, פעמיים בשנה.")  # fmt: skip
    y = _text(c, y, "כל משפחה מקבלת ערוגה של 12 מטרים רבועים. ערוגה שלא עובדה במשך שישה שבועות עוברת לראשונים ברשימת "
              "ההמתנה, אחרי שיחה ולא לפניה. כרגע ממתינות לערוגה 23 משפחות.")  # fmt: skip
    y = _title(c, y - 8, "כללי הגן")
    y = _points(c, y, (
        "משקים לפני שמונה בבוקר או אחרי שש בערב בלבד.",
        "אין מרססים חומרי הדברה כימיים; תרסיס סבון מוכן עומד במחסן.",
        "כלבים נכנסים ברצועה, תרנגולות של השכנים אינן נכנסות כלל.",
        "את הכלים מחזירים נקיים. מי ששבר כלי כותב זאת במחברת הכחולה.",
        "פעם בחודש כל משפחה תורמת שלוש שעות לעבודה משותפת.",
        "קוטפים רק בערוגה שלכם. עצי הפרי שייכים לכולם, והקטיף בהם מתואם עם נעמה.",
    ))  # fmt: skip
    y = _title(c, y - 8, "מים")
    _text(c, y, "המונה המרכזי מראה שצרכנו אשתקד 1,940 קוב, פחות ב־15% מאשר בשנה שלפניה. החיסכון בא מצנרת הטפטוף החדשה "
          "שהונחה באביב. מי הגשמים נאגרים בשני מכלים של 5,000 ליטר ליד החממה.")  # fmt: skip
    c.showPage()

    _frame(c, 2)
    y = _title(c, HIGH - 92, "לוח זריעה ושתילה")
    y = _table(c, y + 6, (
        ("גידול", "מועד שתילה", "מרחק בין שתילים", "ימים עד הקטיף"),
        ("עגבניות", "מרץ–אפריל", "50 ס\"מ", "85"),
        ("מלפפונים", "אפריל", "40 ס\"מ", "55"),
        ("חצילים", "אפריל–מאי", "60 ס\"מ", "95"),
        ("כרוב", "ספטמבר", "45 ס\"מ", "90"),
        ("שום", "אוקטובר", "12 ס\"מ", "190"),
        ("תות שדה", "נובמבר", "30 ס\"מ", "110"),
    ), (130, 120, 125, 100))  # fmt: skip
    y = _text(c, y + 6, "השתילים מגיעים מהמשתלה ביום חמישי הראשון של כל חודש ומחולקים ליד השער. מי שמזמין שום מתבקש "
              "להביא דלי משלו.")  # fmt: skip
    y = _title(c, y - 10, "כמה קטפנו אשתקד")
    parts = (
        (_shown("עגבניות"), 1260, RIMON),
        (_shown("מלפפונים"), 815, LEAF),
        (_shown("הדרים"), 640, HexColor("#e0962e")),
        (_shown("עשבי תיבול"), 290, OLIVE),
        (_shown("רימונים"), 175, HexColor("#6d1f3a")),
    )
    lying_bars(c, Frame(60, y - 150, WIDE - 120, 160, "Sans", 10), parts, room=95, from_right=True)
    marks.note("harvest", c, 60, y - 150, WIDE - 120, 160)
    _line(c, y - 172, "איור 1. היבול בשנת 2024, בקילוגרמים.", "Sans", 9, GREY)
    _text(
        c, y - 204, "עשירית מהיבול נמסרה לבית התמחוי של השכונה, בעיקר בחודשי הקיץ שבהם יש מכל טוב יותר ממה שאפשר לאכול."
    )
    c.showPage()

    _frame(c, 3)
    y = _title(c, HIGH - 92, "דמי חבר")
    y = _table(c, y + 6, (
        ("סוג חברות", "מחיר לשנה", "מה כלול"),
        ("משפחה", "₪ 420", "ערוגה, מים וכלים"),
        ("יחיד או יחידה", "₪ 260", "חצי ערוגה, מים וכלים"),
        ("סטודנטים ואזרחים ותיקים", "₪ 180", "חצי ערוגה, מים וכלים"),
        ("ידידי הגן", "₪ 90", "סדנאות וקטיף ההדרים"),
    ), (175, 110, 190))  # fmt: skip
    y = _text(c, y + 6, "משלמים עד סוף פברואר. מי שמתקשה לשלם פונה אל הגזברית, תמר אלוני, והדבר נשאר ביניהם.")
    y = _title(c, y - 10, "סדנאות")
    y = _table(c, y + 6, (
        ("נושא", "תאריך", "שעה", "בהנחיית"),
        ("גיזום עצי פרי", "17 בינואר", "9:30", "יואב מרגולין"),
        ("קומפוסט בלי ריח", "14 במרץ", "10:00", "נעמה שדמי"),
        ("כבישת מלפפונים", "6 ביוני", "17:30", "סבתא רבקה"),
        ("בניית קן לדבורי בר", "12 בספטמבר", "16:00", "תלמידי כיתה ו"),
    ), (165, 110, 80, 120))  # fmt: skip
    y = _title(c, y - 4, "ביטחון")
    y = _text(c, y, "ערכת עזרה ראשונה תלויה בכניסה למחסן, משמאל לדלת. קוד השער מתחלף באחד בינואר ובאחד ביולי ונשלח "
              "לחברים בלבד. בגן אין תאורה, ולכן סוגרים את השער עם השקיעה.")  # fmt: skip
    _line(c, y - 14, "נתראה בין הערוגות!", "Sans-Bold", 13, LEAF)
    c.setFillColor(WHITE)
    c.showPage()
    c.save()


ASKS = (
    Ask("כמה משפחות מחכות לערוגה בגן רימון?", "23 משפחות", 1, "text", "ממתינות לערוגה 23 משפחות", lang="he"),
    Ask("באילו שעות מותר להשקות בגן הקהילה?", "לפני שמונה בבוקר או אחרי שש בערב", 1, "text",
        "לפני שמונה בבוקר או אחרי שש בערב", lang="he"),
    Ask("מתי שותלים שום ובאיזה מרחק?", "באוקטובר, במרחק 12 ס\"מ", 2, "table",
        "שום אוקטובר 12 ס\"מ", lang="he"),
    Ask("כמה קילוגרמים של הדרים נקטפו בשנת 2024?", "640", 2, "chart", "640", "harvest", lang="he"),
    Ask("מי מעביר את הסדנה על קומפוסט?", "נעמה שדמי, ב־14 במרץ בשעה 10:00", 3, "table",
        "קומפוסט בלי ריח 14 במרץ 10:00 נעמה שדמי", lang="he"),
    Ask("What does a family pay a year for a plot in the Rimon garden?", "420 shekels", 3, "table", "משפחה ₪ 420"),
)  # fmt: skip
