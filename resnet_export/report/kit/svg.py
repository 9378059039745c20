"""A chart as an SVG drawing: no script, no font, nothing from elsewhere; colours are classes of the page's style sheet.

An axis maps a value v to 0 <= (s(v) - low) / (high - low) <= 1, with s the identity, log10, or the place of a category.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from resnet_export.report.kit.page import text

STEPS = (1.0, 2.0, 5.0, 10.0)
"""Round numbers, times powers of ten."""
MOST_TICKS = 6
MOST_DECADES = 12
"""Ticks of a logarithmic axis, which has more room."""
MARGIN = 0.05
"""Share of an axis that is left free at its end."""
STRIP = 0.7
"""Decades by which 0 lies below the lowest power of ten of a logarithmic axis, and infinity above the highest."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SHAPES = {
    "circle": "M{x} {y}m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
    "square": "M{x} {y}m-3 -3h6v6h-6z",
    "cross": "M{x} {y}m-3.5 -3.5l7 7m0 -7l-7 7",
}
"""Paths of the marks: a colour alone tells nothing to many."""


def symbol(kind: str, shape: str, x: float = 11, y: float = 7, tip: str = "") -> str:
    """A mark of a class of the style sheet, by default in the middle of a legend's entry; `tip` is for a pointer."""
    title = f"<title>{text(tip)}</title>" if tip else ""
    return f'<path class="mark {kind}" d="{SHAPES[shape].format(x=f"{x:.1f}", y=f"{y:.1f}")}">{title}</path>'


@dataclass(frozen=True)
class Axis:
    """From a value to its place between two ends."""

    low: float
    high: float
    name: str
    """The quantity with its unit."""
    ticks: tuple[tuple[float, str], ...] = ()
    """(value, label)."""
    scale: Callable[[float], float] = float
    """From a value to the number that lies between `low` and `high`."""
    upright: bool = False
    """Whether the labels stand upright: names of many categories."""

    def place(self, value: float) -> float:
        """Where it lies between the ends, 0 to 1; beyond them, at the nearer end."""
        return min(1.0, max(0.0, (self.scale(value) - self.low) / (self.high - self.low)))


def linear(values: Iterable[float], name: str) -> Axis:
    """An axis from 0 to beyond the greatest of the values: of all charts that are to be compared, none negative."""
    high = (1 + MARGIN) * (max(values) or 1.0)
    step = 10.0 ** math.floor(math.log10(high / MOST_TICKS))
    step = next(step * factor for factor in STEPS if high / (step * factor) <= MOST_TICKS)
    marks = [at * step for at in range(math.floor(high / step + 1e-9) + 1)]
    return Axis(0.0, high, name, tuple((mark, f"{mark:.6g}") for mark in marks))


def logarithmic(values: Iterable[float], name: str) -> Axis:
    """An axis of whole decades around the values, with a strip for 0 below, and one for infinity where it occurs."""
    found = list(values)
    exponents = [math.log10(value) for value in found if 0 < value < math.inf] or [0.0]
    first = math.floor(min(exponents))
    last = max(math.ceil(max(exponents)), first + 1)
    infinite = any(not math.isfinite(value) for value in found)

    def scale(value: float) -> float:
        if not math.isfinite(value):
            return last + STRIP
        return math.log10(value) if value > 0 else first - STRIP

    step = math.ceil((last - first + 1) / MOST_DECADES)
    powers = [(10.0**power, f"10{str(power).translate(SUPERSCRIPT)}") for power in range(first, last + 1, step)]
    ticks = [(0.0, "0"), *powers, *([(math.inf, "infinite")] if infinite else [])]
    return Axis(first - 1.0, last + (1.0 if infinite else 0.0), name, tuple(ticks), scale)


def categorical(names: Sequence[str], name: str = "", *, upright: bool = False) -> Axis:
    """An axis on which the names stand evenly spaced, and upright where there are many; a value is a place, from 0."""
    return Axis(-0.5, max(len(names), 1) - 0.5, name, tuple(enumerate(names)), upright=upright)


@dataclass(frozen=True)
class Frame:
    """Pixels of a chart, and those around the area of its curves, for the ticks and the names of the axes."""

    width: float = 328
    """A phone of 360 pixels has room for one, and a desktop for three beside each other."""
    height: float = 236
    left: float = 46
    right: float = 12
    top: float = 20
    bottom: float = 38


@dataclass
class Chart:
    """A chart that is being drawn."""

    title: str
    """For those who can't see it; the page shows it above."""
    description: str
    """What the curves show, in words."""
    x: Axis
    y: Axis
    frame: Frame = Frame()
    label_kinds: Mapping[float, str] = field(default_factory=dict)
    """Tick of x -> class of its label, where it isn't like the others."""
    marks: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        return self._across(x), self._down(y)

    def _across(self, x: float) -> float:
        return self.frame.left + self.x.place(x) * (self.frame.width - self.frame.left - self.frame.right)

    def _down(self, y: float) -> float:
        tall = self.frame.height - self.frame.top - self.frame.bottom
        return self.frame.height - self.frame.bottom - self.y.place(y) * tall

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.marks.append(f'<polyline class="{kind}" points="{placed}"/>')

    def mark(self, x: float, y: float, kind: str, shape: str, tip: str) -> None:
        """A mark that says `tip` to a pointer."""
        self.marks.append(symbol(kind, shape, *self.at(x, y), tip))

    def bar(self, x: float, y: float, kind: str, tip: str) -> None:
        """A thick line from 0 up, that says `tip` to a pointer."""
        (across, top), (_, bottom) = self.at(x, y), self.at(x, 0.0)
        self.marks.append(
            f'<path class="{kind}" d="M{across:.1f} {bottom:.1f}V{top:.1f}"><title>{text(tip)}</title></path>'
        )

    def upright(self, x: float, low: float, high: float, kind: str) -> None:
        """An interval of y, with caps."""
        (across, bottom), (_, top) = self.at(x, low), self.at(x, high)
        path = f"M{across - 3:.1f} {bottom:.1f}h6m-3 0V{top:.1f}m-3 0h6"
        self.marks.append(f'<path class="interval {kind}" d="{path}"/>')

    def label(self, x: float, y: float, words: str, *, below: bool = False, kind: str = "label") -> None:
        """Words beside a point, above or below, on the side where there is room."""
        across, down = self.at(x, y)
        anchor, shift = ("start", 6) if across < self.frame.left + 40 else ("end", -6)
        down += 13 if below else -6
        self.marks.append(
            f'<text class="{kind}" text-anchor="{anchor}" x="{across + shift:.1f}" y="{down:.1f}">{text(words)}</text>'
        )

    def bound(self, y: float, words: str) -> None:
        """A limit across the whole chart."""
        down, left, right = self._down(y), self.frame.left, self.frame.width - self.frame.right
        self.marks.append(f'<line class="bound" x1="{left}" x2="{right}" y1="{down:.1f}" y2="{down:.1f}"/>')
        self.marks.append(f'<text class="label" x="{left + 4}" y="{down - 4:.1f}">{text(words)}</text>')

    def column(self, x: float, kind: str, tip: str = "") -> None:
        """The area of a category, from top to bottom, labels included, that says `tip` to a pointer."""
        left, right = self._across(x - 0.5), self._across(x + 0.5)
        tall = self.frame.height - self.frame.top
        title = f"<title>{text(tip)}</title>" if tip else ""
        self.marks.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{self.frame.top}" width="{right - left:.1f}" height="{tall}">'
            f"{title}</rect>"
        )

    def svg(self) -> str:
        """The whole chart as an element."""
        width, height = self.frame.width, self.frame.height
        return "\n".join([
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{text(f"{self.title}. {self.description}")}">',
            *filter(None, self._axes()),
            *self.marks,
            "</svg>",
        ])  # fmt: skip

    def _axes(self) -> Iterator[str]:
        frame = self.frame
        bottom, right = frame.height - frame.bottom, frame.width - frame.right
        for value, label in self.y.ticks:
            down = self._down(value)
            yield f'<line class="grid" x1="{frame.left}" x2="{right}" y1="{down:.1f}" y2="{down:.1f}"/>'
            yield _words(label, frame.left - 6, down + 3.5, "tick")
        for value, label in self.x.ticks:
            across = self._across(value)
            if self.x.upright:
                yield _words(label, across + 4, bottom + 8, self.label_kinds.get(value, "name"), "end", turned=True)
                continue
            yield f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{frame.top}" y2="{bottom}"/>'
            yield _words(label, across, bottom + 14, self.label_kinds.get(value, "tick middle"), "middle")
        yield _words(self.x.name, right, frame.height - 6, "axis")
        yield _words(self.y.name, 4, 11, "axis", "start")


def _words(words: str, x: float, y: float, kind: str, anchor: str = "end", *, turned: bool = False) -> str:
    place = f'transform="translate({x:.1f} {y:.1f}) rotate(-90)"' if turned else f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text class="{kind}" text-anchor="{anchor}" {place}>{text(words)}</text>' if words else ""
