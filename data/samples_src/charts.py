"""Charts as plain drawing on a canvas: vectors on a page, or a photograph when drawn through `kit.picture`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import Color
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from .kit import GREY, INK, RULE, WHITE, left, right


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures, its name in the legend and its colour; `figures` are the points that show theirs."""

    name: str
    values: Sequence[float]
    color: Color
    figures: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area (points, bottom-left origin), its font and how its figures are written."""

    x: float
    y: float
    width: float
    height: float
    font: str = "Helvetica"
    size: float = 8
    write: Callable[[float], str] = "{:g}".format


def _middle(c: Canvas, x: float, y: float, text: str, frame: Frame, color: Color = INK, bold: bool = False) -> None:
    c.setFont(f"{frame.font}-Bold" if bold else frame.font, frame.size)
    c.setFillColor(color)
    c.drawCentredString(x, y, text)


def _scale(c: Canvas, frame: Frame, ticks: Sequence[float]) -> Callable[[float], float]:
    """Draw the grid lines with their figures; returns the function value -> y."""
    low, high = ticks[0], ticks[-1]

    def level(value: float) -> float:
        return frame.y + (value - low) / (high - low) * frame.height

    c.setLineWidth(0.5)
    for tick in ticks:
        c.setStrokeColor(GREY if tick == low else RULE)
        c.line(frame.x, level(tick), frame.x + frame.width, level(tick))
        right(c, frame.x - 4, level(tick) - frame.size * 0.35, frame.write(tick), frame.font, frame.size, GREY)
    return level


def legend(c: Canvas, frame: Frame, series: Sequence[Series], y: float) -> None:
    """A line of colour squares and names that starts at the frame's left edge."""
    x = frame.x
    for one in series:
        c.setFillColor(one.color)
        c.rect(x, y, frame.size * 0.8, frame.size * 0.8, stroke=0, fill=1)
        left(c, x + frame.size * 1.2, y, one.name, frame.font, frame.size)
        x += frame.size * 3 + stringWidth(one.name, frame.font, frame.size)


def bars(c: Canvas, frame: Frame, names: Sequence[str], series: Sequence[Series], ticks: Sequence[float]) -> None:
    """Upright bars in groups, one group a name."""
    level = _scale(c, frame, ticks)
    slot = frame.width / len(names)
    thick = slot * 0.7 / len(series)
    for i, name in enumerate(names):
        start = frame.x + slot * (i + 0.15)
        for j, one in enumerate(series):
            c.setFillColor(one.color)
            c.rect(start + j * thick, frame.y, thick * 0.94, level(one.values[i]) - frame.y, stroke=0, fill=1)
            where = start + (j + 0.47) * thick
            _middle(c, where, level(one.values[i]) + 3, frame.write(one.values[i]), frame, bold=True)
        for row, word in enumerate(name.split("\n")):
            _middle(c, start + slot * 0.35, frame.y - frame.size * (1.5 + 1.2 * row), word, frame)


def lying_bars(
    c: Canvas, frame: Frame, parts: Sequence[tuple[str, float, Color]], *, room: float, from_right: bool = False
) -> None:
    """Bars that lie, longest scale = the largest value; `room` is kept for the names. Right to left on demand."""
    slot = frame.height / len(parts)
    most = max(value for _, value, _ in parts)
    for i, (name, value, color) in enumerate(parts):
        y = frame.y + frame.height - slot * (i + 0.85)
        length = (frame.width - room - frame.size * 5) * value / most
        base = y + slot * 0.35 - frame.size * 0.35
        c.setFillColor(color)
        if from_right:
            end = frame.x + frame.width - room
            c.rect(end - length, y, length, slot * 0.7, stroke=0, fill=1)
            right(c, frame.x + frame.width, base, name, frame.font, frame.size)
            right(c, end - length - 4, base, frame.write(value), f"{frame.font}-Bold", frame.size)
        else:
            c.rect(frame.x + room, y, length, slot * 0.7, stroke=0, fill=1)
            left(c, frame.x, base, name, frame.font, frame.size)
            left(c, frame.x + room + length + 4, base, frame.write(value), f"{frame.font}-Bold", frame.size)


def lines(c: Canvas, frame: Frame, names: Sequence[str], series: Sequence[Series], ticks: Sequence[float]) -> None:
    """Lines with dots."""
    level = _scale(c, frame, ticks)
    step = frame.width / len(names)
    for i, name in enumerate(names):
        _middle(c, frame.x + step * (i + 0.5), frame.y - frame.size * 1.5, name, frame)
    for one in series:
        points = [(frame.x + step * (i + 0.5), level(value)) for i, value in enumerate(one.values)]
        c.setStrokeColor(one.color)
        c.setLineWidth(1.8)
        path = c.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        c.drawPath(path)
        for i, (x, y) in enumerate(points):
            c.setFillColor(WHITE)
            c.circle(x, y, 2.6, stroke=1, fill=1)
            if i in one.figures:
                _middle(c, x, y + 6, frame.write(one.values[i]), frame, one.color, bold=True)


def ring(c: Canvas, frame: Frame, parts: Sequence[tuple[str, float, Color]], centre: Sequence[str]) -> None:
    """Shares of a whole as a ring, words in its middle and the names with their shares at its right."""
    radius = frame.height / 2
    x, y = frame.x + radius, frame.y + radius
    whole = sum(value for _, value, _ in parts)
    start = 90.0
    for _, value, color in parts:
        extent = -360 * value / whole
        c.setFillColor(color)
        c.setStrokeColor(WHITE)
        c.setLineWidth(1.2)
        c.wedge(x - radius, y - radius, x + radius, y + radius, start, extent, stroke=1, fill=1)
        start += extent
    c.setFillColor(WHITE)
    c.circle(x, y, radius * 0.58, stroke=0, fill=1)
    for row, word in enumerate(centre):
        _middle(c, x, y + frame.size * (0.6 * len(centre) - 0.95 - 1.25 * row), word, frame, bold=row == 0)
    step = frame.size * 1.9
    top = y + step * len(parts) / 2 - frame.size
    for i, (name, value, color) in enumerate(parts):
        c.setFillColor(color)
        c.rect(x + radius + 18, top - i * step, frame.size * 0.8, frame.size * 0.8, stroke=0, fill=1)
        text = f"{name}  {frame.write(value)}"
        left(c, x + radius + 18 + frame.size * 1.4, top - i * step, text, frame.font, frame.size)
