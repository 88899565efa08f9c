"""What every sample is drawn with: fonts, page templates, tables, marks and pictures of pages.

Everything here is the same on every machine: fonts come out of Python packages, never from the system; PDFs are
written with `invariant` (no dates, no random ids); pictures are drawn by PDFium and packed with fixed settings.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image
from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, PageTemplate, Paragraph, Table, TableStyle

from .locate import Box

rl_config.useA85 = 0  # binary streams: a quarter smaller than ASCII-85, and every file here holds pictures or fonts

INK = HexColor("#1d2733")
GREY = HexColor("#6b7785")
RULE = HexColor("#cfd6dd")
WHITE = HexColor("#ffffff")

Paint = Callable[[Canvas, float, float], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question about one page, and where its answer stands.

    `evidence` is literal text of the page's text layer; `mark` names a region noted while drawing (a chart, a line of
    a scan). With both, the box is the mark's and the text must lie under it; with neither, the question has no answer.
    """

    question: str
    answer: str
    page: int
    source: str  # text | table | chart | figure | scan | picture
    evidence: str | None = None
    mark: str | None = None
    lang: str = "en"


class Marks(dict[str, tuple[int, Box]]):
    """Regions noted while drawing: name -> (1-based page, box in points, top-left origin, as displayed)."""

    def note(self, name: str, canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        """Note a rectangle given in the canvas's current coordinates, bottom-left origin."""
        left, bottom = canvas.absolutePosition(x, y)
        top = canvas._pagesize[1]
        self[name] = (canvas.getPageNumber(), (left, top - bottom - height, left + width, top - bottom))


def font_file(package: str, name: str) -> Path:
    """Path of a font inside an installed package, found without importing it (matplotlib writes a cache on import)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"Cannot find {name}: install {package} (it is in the dev extra).")
    folder = {"matplotlib": "mpl-data/fonts/ttf", "koreanize_matplotlib": "fonts"}[package]
    return Path(spec.origin).parent / folder / name


def register_fonts() -> None:
    """Register the four families under the short names the samples use."""
    families = {
        "Sans": ("matplotlib", "DejaVuSans", "", "-Bold", "-Oblique", "-BoldOblique"),
        "Serif": ("matplotlib", "DejaVuSerif", "", "-Bold", "-Italic", "-BoldItalic"),
        "Times": ("matplotlib", "STIXGeneral", "", "Bol", "Italic", "BolIta"),
        "Mono": ("matplotlib", "DejaVuSansMono", "", "-Bold", "-Oblique", "-BoldOblique"),
        "Nanum": ("koreanize_matplotlib", "NanumGothic", "", "Bold", "", "Bold"),
    }
    for family, (package, stem, *suffixes) in families.items():
        names = [family, f"{family}-Bold", f"{family}-Italic", f"{family}-BoldItalic"]
        for name, suffix in zip(names, suffixes, strict=True):
            pdfmetrics.registerFont(TTFont(name, str(font_file(package, f"{stem}{suffix}.ttf"))))
        pdfmetrics.registerFontFamily(family, *names)
    pdfmetrics.registerFont(TTFont("Nanum-Black", str(font_file("koreanize_matplotlib", "NanumGothicExtraBold.ttf"))))


def style(font: str, size: float, leading: float | None = None, **options: object) -> ParagraphStyle:
    """A paragraph style that needs no name."""
    settings: dict[str, object] = {"fontName": font, "fontSize": size, "leading": leading or size * 1.42}
    return ParagraphStyle("", **{**settings, "textColor": INK, **options})


def canvas(target: str | io.BytesIO, size: tuple[float, float], title: str, author: str) -> Canvas:
    """A canvas whose file is the same at every run."""
    drawn = Canvas(target, pagesize=size, invariant=1, pageCompression=1)
    drawn.setTitle(title)
    drawn.setAuthor(author)
    drawn.setCreator("pagesight data/make_samples.py")
    return drawn


def document(
    path: Path, size: tuple[float, float], templates: Sequence[PageTemplate], title: str, author: str
) -> BaseDocTemplate:
    """A flowing document whose file is the same at every run."""
    return BaseDocTemplate(
        str(path),
        pagesize=size,
        pageTemplates=list(templates),
        title=title,
        author=author,
        creator="pagesight data/make_samples.py",
        invariant=1,
        pageCompression=1,
    )


def place(c: Canvas, text: str, look: ParagraphStyle, x: float, top: float, width: float) -> float:
    """Set a paragraph with its top-left corner at (x, top); returns the y of its bottom."""
    paragraph = Paragraph(text, look)
    _, height = paragraph.wrap(width, 10_000)
    paragraph.drawOn(c, x, top - height)
    return top - height


def right(c: Canvas, x: float, y: float, text: str, font: str, size: float, color: Color = INK) -> None:
    """One line that ends at x."""
    c.setFont(font, size)
    c.setFillColor(color)
    c.drawRightString(x, y, text)


def left(c: Canvas, x: float, y: float, text: str, font: str, size: float, color: Color = INK) -> None:
    """One line that starts at x."""
    c.setFont(font, size)
    c.setFillColor(color)
    c.drawString(x, y, text)


def grid(
    rows: Sequence[Sequence[object]],
    widths: Sequence[float],
    font: str = "Helvetica",
    *,
    size: float = 9,
    head: Color = INK,
    strong: Sequence[int] = (),
    stripes: bool = True,
    numbers_from: int = 1,
    pad: float = 4,
    **options: object,
) -> Table:
    """A table with a coloured head row; columns from `numbers_from` on stand right; `strong` rows are totals."""
    bold = f"{font}-Bold"
    looks: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, -1), font, size, size * 1.25),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("FONT", (0, 0), (-1, 0), bold, size, size * 1.25),
        ("TEXTCOLOR", (0, 0), (-1, 0), WHITE),
        ("BACKGROUND", (0, 0), (-1, 0), head),
        ("ALIGN", (numbers_from, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), pad),
        ("BOTTOMPADDING", (0, 0), (-1, -1), pad),
        ("LINEBELOW", (0, -1), (-1, -1), 0.8, head),
    ]
    if stripes:
        looks.append(("ROWBACKGROUNDS", (0, 1), (-1, -1), [WHITE, HexColor("#f3f6f8")]))
    for row in strong:
        looks += [("FONT", (0, row), (-1, row), bold, size, size * 1.25), ("LINEABOVE", (0, row), (-1, row), 0.7, INK)]
    return Table([list(row) for row in rows], colWidths=list(widths), repeatRows=1, style=TableStyle(looks), **options)


class Drawing(Flowable):
    """A figure in the flow of the text, its region noted as `mark`."""

    def __init__(self, width: float, height: float, paint: Paint, marks: Marks | None = None, mark: str = "") -> None:
        super().__init__()
        self.width, self.height = width, height
        self._paint, self._marks, self._mark = paint, marks, mark

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        if self._marks is not None and self._mark:
            self._marks.note(self._mark, self.canv, 0, 0, self.width, self.height)
        self._paint(self.canv, self.width, self.height)


def picture(paint: Paint, width: float, height: float, dpi: int) -> tuple[Image.Image, bytes]:
    """Draw a page and photograph it: (RGB picture of width x height points at `dpi`, the page as a one-page PDF).

    The PDF still has its words, so the place of a line in the picture can be looked up instead of typed in.
    Only embedded fonts belong here: PDFium replaces the base-14 ones with whatever the machine has.
    """
    page = io.BytesIO()
    c = canvas(page, (width, height), "", "")
    paint(c, width, height)
    c.showPage()
    c.save()
    with pdfium.PdfDocument(page.getvalue()) as drawn:
        image = drawn[0].render(scale=dpi / 72).to_pil().convert("RGB")
    return image, page.getvalue()


def jpeg(image: Image.Image, quality: int) -> ImageReader:
    """The picture as a JPEG stream, ready to be embedded as it is."""
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality, subsampling=0 if image.mode == "RGB" else -1, optimize=False)
    packed.seek(0)
    return ImageReader(packed)
