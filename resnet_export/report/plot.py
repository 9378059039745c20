"""The error growing layer by layer, as an SVG drawing: no script, no font, nothing from elsewhere."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_export.plain import printable
from resnet_export.report.summary import magnitude, relative

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.parity.results import Bisection, LayerError

PITCH = 18
"""Pixels from layer to layer: what an upright label of 11 pixels needs to be read."""
LEFT, RIGHT, TOP, HEIGHT, LABELS = 70, 24, 48, 300, 170
"""Pixels around and of the area of the curves; `LABELS` is for the names below it."""
BAND = 32
"""Pixels of the strips for what has no logarithm: 0 below, infinity above."""
MOST_TICKS = 12


@dataclass(frozen=True)
class Scale:
    """From a relative error to a height in pixels, logarithmically.

    y(e) = top + (last - log10 e) / (last - first) * height
    """

    first: int
    """Exponent at the bottom."""
    last: int
    """Exponent at the top."""

    def y(self, error: float) -> float:
        """Pixels from the top of the drawing."""
        if not math.isfinite(error):
            return TOP - BAND / 2
        if error <= 0:
            return TOP + HEIGHT + BAND / 2
        return TOP + (self.last - math.log10(error)) / (self.last - self.first) * HEIGHT

    def ticks(self) -> Iterator[int]:
        """Exponents of the lines."""
        step = math.ceil((self.last - self.first + 1) / MOST_TICKS)
        yield from range(self.first, self.last + 1, step)


def draw(found: Bisection) -> str:
    """An `svg` element; its colours are classes of the page's style sheet."""
    shown = [layer for layer in found.layers if layer.value is not None]
    scale = _scale(shown)
    width = LEFT + PITCH * len(found.layers) + RIGHT
    height = TOP + HEIGHT + BAND + LABELS
    where = {layer.layer: LEFT + PITCH * (index + 0.5) for index, layer in enumerate(found.layers)}
    lines = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="plot-title plot-desc">',
        f'<title id="plot-title">Error layer by layer in {_text(found.runtime)}</title>',
        f'<desc id="plot-desc">{_text(_description(found, shown))}</desc>',
        *_first_wrong(found, where),
        *_axes(scale, width, any(not math.isfinite(layer.error) for layer in shown)),
        *_bound(found, scale, where),
        f'<polyline class="error" points="{_points(shown, scale, where)}"/>',
    ]
    for layer in found.layers:
        lines += _layer(layer, scale, where[layer.layer])
    return "\n".join([*lines, "</svg>"])


def _scale(shown: list[LayerError]) -> Scale:
    """Whole decades around everything that is drawn."""
    values = [relative(error, layer) for layer in shown for error in (layer.error, layer.local_error, layer.bound)]
    exponents = [math.log10(value) for value in values if value > 0 and math.isfinite(value)] or [0.0]
    first = math.floor(min(exponents))
    return Scale(first, max(math.ceil(max(exponents)), first + 1))


def _description(found: Bisection, shown: list[LayerError]) -> str:
    """What the curves show, for those who cannot see them."""
    if not shown:
        return "No layer could be looked at."
    ends = " to ".join(f"{magnitude(relative(layer.error, layer))} at {layer.layer}" for layer in (shown[0], shown[-1]))
    wrong = "No layer is wrong." if found.first_wrong is None else f"The first wrong layer is {found.first_wrong}."
    return f"Distance from the truth over the largest value of the layer, from {ends}. {wrong}"


def _axes(scale: Scale, width: int, infinite: bool) -> Iterator[str]:
    """Lines at powers of ten, a strip for 0, and one for infinity where it occurs."""
    for exponent in scale.ticks():
        y = scale.y(10.0**exponent)
        yield f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}">10'
            f'<tspan class="power" dy="-5">{exponent}</tspan></text>'
        )
    strips = [(0.0, "0")] + ([(math.inf, "infinite")] if infinite else [])
    for value, name in strips:
        yield f'<text class="tick" x="{LEFT - 8}" y="{scale.y(value) + 4:.1f}">{name}</text>'


def _first_wrong(found: Bisection, where: dict[str, float]) -> Iterator[str]:
    if found.first_wrong not in where:
        return
    x, tall = where[found.first_wrong], HEIGHT + 2 * BAND
    yield f'<rect class="wrong-band" x="{x - PITCH / 2}" y="{TOP - BAND}" width="{PITCH}" height="{tall}"/>'
    anchor, at = ("end", x - PITCH) if x > LEFT + 120 else ("start", x + PITCH)
    yield f'<text class="wrong-label" text-anchor="{anchor}" x="{at}" y="{TOP - 8}">first wrong layer</text>'


def _bound(found: Bisection, scale: Scale, where: dict[str, float]) -> Iterator[str]:
    """A line with a step at each layer."""
    points = []
    for layer in found.layers:
        x, y = where[layer.layer], scale.y(relative(layer.bound, layer))
        points += [f"{x - PITCH / 2:.1f},{y:.1f}", f"{x + PITCH / 2:.1f},{y:.1f}"]
    yield f'<polyline class="bound" points="{" ".join(points)}"/>'


def _points(shown: list[LayerError], scale: Scale, where: dict[str, float]) -> str:
    return " ".join(f"{where[layer.layer]:.1f},{scale.y(relative(layer.error, layer)):.1f}" for layer in shown)


def _layer(layer: LayerError, scale: Scale, x: float) -> Iterator[str]:
    """Its marks and its name; the numbers show where the pointer is on its column."""
    bottom = TOP + HEIGHT + BAND
    yield "<g>"
    tip = f"{layer.layer} ({layer.op}): not in the file"
    if layer.value is not None:
        error, own, bound = (relative(value, layer) for value in (layer.error, layer.local_error, layer.bound))
        tip = (
            f"{layer.layer} ({layer.op}): error {magnitude(error)}, own error {magnitude(own)}, "
            f"allowed {magnitude(bound)}"
        )
        y = scale.y(own)
        yield f'<circle class="error" cx="{x:.1f}" cy="{scale.y(error):.1f}" r="3"/>'
        if layer.wrong:
            yield f'<path class="wrong" d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>'
        else:
            yield f'<rect class="own" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'
    kind = "absent" if layer.value is None else "wrong" if layer.wrong else ""
    yield (
        f'<text class="layer {kind}" text-anchor="end" transform="translate({x + 4:.1f} {bottom + 8}) rotate(-90)">'
        f"{_text(layer.layer)}</text>"
    )
    yield f'<rect class="target" x="{x - PITCH / 2:.1f}" y="{TOP}" width="{PITCH}" height="{bottom - TOP + LABELS}">'
    yield f"<title>{_text(tip)}</title></rect></g>"


def _text(text: str) -> str:
    return html.escape(printable(text))
