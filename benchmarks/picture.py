"""A picture for the README: horizontal bars with intervals, as SVG, readable on a light and on a dark page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnet_export.bench.estimate import Estimate

WIDTH, LABELS, RIGHT = 760, 270, 90
"""Of the picture, of the names at its left, and of the room for the figures at its right; in pixels."""
ROW, TOP, BOTTOM = 28, 44, 30
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .axis { fill: #57606a; font-size: 12px }
.bar { fill: #8c959f } .own { fill: #0969da } .grid { stroke: #d0d7de } .interval { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis { fill: #9198a1 } .bar { fill: #656c76 } .own { fill: #4493f8 }
  .grid { stroke: #3d444d } .interval { stroke: #e6edf3 }
}
"""


def bars(rows: Sequence[tuple[str, Estimate, bool]], title: str) -> str:
    """The picture.

    Args:
        rows: name, estimate with its interval, and whether it is the project's own.
        title: with the unit.
    """
    height = TOP + ROW * len(rows) + BOTTOM
    ends = [estimate.interval or (estimate.value, estimate.value) for _, estimate, _ in rows]
    longest = max(high for _, high in ends)
    step = _step(longest)
    ticks = np.arange(0, longest + step, step)
    scale = (WIDTH - LABELS - RIGHT) / ticks[-1]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}"><style>{STYLE}</style>',
        f'<text x="8" y="20" font-weight="600">{escape(title)}</text>',
    ]
    for tick in ticks:
        x = LABELS + tick * scale
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - BOTTOM}"/>')
        lines.append(f'<text class="axis" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{tick:g}</text>')
    for at, (name, estimate, own) in enumerate(rows):
        y = TOP + ROW * at
        low, high = (LABELS + end * scale for end in ends[at])
        lines += [
            f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{"own" if own else "bar"}" x="{LABELS}" y="{y}" width="{estimate.value * scale:.1f}" '
            f'height="{ROW - 10}" rx="2"/>',
            f'<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 9}" y2="{y + 9}"/>',
            f'<text x="{high + 8:.1f}" y="{y + 14}">{estimate.value:.3g}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _step(most: float) -> float:
    """Between two ticks: 1, 2 or 5 times a power of ten, for about five of them."""
    power = 10.0 ** np.floor(np.log10(most / 5))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= most))
