"""Axes and marks of a small SVG chart: no script, no font, nothing from elsewhere; colours are the page's classes."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resnet_export.plain import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 328, 236
"""Pixels; a phone of 360 pixels has room for one, and a desktop for three beside each other."""
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 20, 38
"""Pixels around the area of the curves, for the ticks and the names of the axes."""
STEPS = (1.0, 2.0, 5.0, 10.0)
"""Round numbers, times powers of ten."""
MOST_TICKS = 6
MARGIN = 0.05
"""Of an axis, that is left free at its end."""
SHAPES = {
    "circle": "M{x} {y}m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
    "square": "M{x} {y}m-3 -3h6v6h-6z",
    "diamond": "M{x} {y}m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z",
    "triangle": "M{x} {y}m0 -4l4 7h-8z",
    "cross": "M{x} {y}m-3.5 -3.5l7 7m0 -7l-7 7",
}
"""Paths of the marks: a colour alone tells nothing to many."""


@dataclass(frozen=True)
class Axis:
    """From a value to pixels."""

    low: float
    high: float
    name: str
    """With its unit."""
    ticks: tuple[tuple[float, str], ...] = ()
    """(value, label)."""

    def place(self, value: float) -> float:
        """Where it lies between the ends, 0 to 1; beyond them, at the nearer end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def from_zero(values: Iterable[float], name: str) -> Axis:
    """An axis from 0 to beyond the greatest of the values.

    Args:
        values: not negative, of all charts that are to be compared; at least one.
        name: of the axis, with its unit.
    """
    high = (1 + MARGIN) * (max(values) or 1.0)
    step = 10.0 ** math.floor(math.log10(high / MOST_TICKS))
    step = next(step * factor for factor in STEPS if high / (step * factor) <= MOST_TICKS)
    marks = [at * step for at in range(math.floor(high / step + 1e-9) + 1)]
    return Axis(0.0, high, name, ticks=tuple((mark, f"{mark:.6g}") for mark in marks))


@dataclass
class Chart:
    """A chart that is being drawn."""

    title: str
    """For those who can't see it; the page shows it above."""
    description: str
    """What the curves show, in words."""
    x: Axis
    y: Axis
    marks: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.marks.append(f'<polyline class="{kind}" points="{placed}"/>')

    def mark(self, x: float, y: float, kind: str, shape: str, tip: str) -> None:
        """A mark that says `tip` to a pointer."""
        across, down = self.at(x, y)
        path = SHAPES[shape].format(x=f"{across:.1f}", y=f"{down:.1f}")
        self.marks.append(f'<path class="mark {kind}" d="{path}"><title>{text(tip)}</title></path>')

    def upright(self, x: float, low: float, high: float, kind: str) -> None:
        """An interval of y, with caps."""
        (across, bottom), (_, top) = self.at(x, low), self.at(x, high)
        path = f"M{across - 3:.1f} {bottom:.1f}h6m-3 0V{top:.1f}m-3 0h6"
        self.marks.append(f'<path class="interval {kind}" d="{path}"/>')

    def level(self, low: float, high: float, y: float, kind: str) -> None:
        """An interval of x, with caps."""
        (left, down), (right, _) = self.at(low, y), self.at(high, y)
        path = f"M{left:.1f} {down - 3:.1f}v6m0 -3H{right:.1f}m0 -3v6"
        self.marks.append(f'<path class="interval {kind}" d="{path}"/>')

    def label(self, x: float, y: float, words: str, *, below: bool = False) -> None:
        """Words beside a point, above or below, on the side where there is room."""
        across, down = self.at(x, y)
        anchor, shift = ("start", 6) if across < LEFT + 40 else ("end", -6)
        down += 13 if below else -6
        self.marks.append(
            f'<text class="label" text-anchor="{anchor}" x="{across + shift:.1f}" y="{down:.1f}">{text(words)}</text>'
        )

    def bound(self, y: float, words: str) -> None:
        """A limit across the whole chart."""
        _, down = self.at(self.x.low, y)
        self.marks.append(f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>')
        self.marks.append(f'<text class="label" x="{LEFT + 4}" y="{down - 4:.1f}">{text(words)}</text>')

    def svg(self) -> str:
        """The whole chart as an element."""
        return "\n".join(
            [
                f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
                f'aria-label="{text(f"{self.title}. {self.description}")}">',
                *self._axes(),
                *self.marks,
                "</svg>",
            ]
        )

    def _axes(self) -> Iterable[str]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        for value, label in self.y.ticks:
            _, down = self.at(self.x.low, value)
            yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{down:.1f}" y2="{down:.1f}"/>'
            yield f'<text class="tick" x="{LEFT - 6}" y="{down + 3.5:.1f}">{text(label)}</text>'
        for value, label in self.x.ticks:
            across, _ = self.at(value, self.y.low)
            yield f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{bottom}"/>'
            yield f'<text class="tick middle" x="{across:.1f}" y="{bottom + 14}">{text(label)}</text>'
        yield f'<text class="axis" x="{right}" y="{HEIGHT - 6}" text-anchor="end">{text(self.x.name)}</text>'
        yield f'<text class="axis" x="4" y="11">{text(self.y.name)}</text>'


def text(words: str) -> str:
    """Words of others in one line, without control codes and markup."""
    return html.escape(printable(words))
