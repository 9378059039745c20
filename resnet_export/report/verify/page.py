"""What `verify` found as a page: one file, without scripts, that needs no network."""

import sys
from collections.abc import Iterator, Sequence

from resnet_export.parity.results import Bisection, LayerError, VerifyReport
from resnet_export.report.kit import page
from resnet_export.report.kit.page import items, text
from resnet_export.report.kit.svg import Chart, Frame, categorical, logarithmic, symbol
from resnet_export.report.verify import summary
from resnet_export.report.verify.summary import magnitude, relative, sentences
from resnet_export.terminal import Row

STYLE = """
polyline.error, line.error { stroke: var(--error); stroke-width: 1.5; }
.mark.error { fill: var(--error); } .mark.own { fill: var(--own); }
.mark.wrong { stroke: var(--wrong); stroke-width: 2.5; } .wrong-band { fill: var(--band); }
svg text.wrong, svg .wrong-label { fill: var(--wrong); font-weight: 600; } svg text.absent { fill: var(--faint); }
"""
BAD = ("FAILED", "WRONG")
LEGEND = (
    ('<line class="error" x1="0" x2="22" y1="7" y2="7"/>' + symbol("error", "circle"), "error"),
    (symbol("own", "square"), "own error"),
    ('<line class="bound" x1="0" x2="22" y1="7" y2="7"/>', "allowed own error"),
    (symbol("wrong", "cross"), "own error of a wrong layer"),
)
PITCH = 18
"""Pixels from layer to layer: what an upright label of 11 pixels needs to be read."""
LEFT, RIGHT, TOP, HEIGHT, LABELS = 70, 24, 34, 350, 170
"""Pixels of the area of the curves and around it; `LABELS` is for the names below it."""


def render(report: VerifyReport) -> str:
    """An HTML document."""
    body = [
        page.facts(summary.facts(report)),
        *_failures(report),
        *_runtimes(report),
        *_layers(report.bisection),
        *_others(report),
    ]
    return page.page(summary.title(report), body, passed=report.passed, style=STYLE)


def _failures(report: VerifyReport) -> Iterator[str]:
    if not report.passed:
        yield f"<h2>What failed</h2>{items(sentences(report))}"
        yield from (f'<p class="failed">{text(line)}</p>' for line in report.located)


def _runtimes(report: VerifyReport) -> Iterator[str]:
    """The table of those that ran, and what its numbers mean."""
    if not report.comparisons:
        return
    yield "<h2>Runtimes</h2>"
    rows = (Row(_status_first(row.cells), row.below) for row in summary.rows(report))
    yield from page.table("Runtimes", _status_first((*summary.HEADING[:-1], "status")), rows, (0, 1, 2), BAD)
    yield from (f'<p class="note">{text(sentence)}</p>' for sentence in summary.explanations(report))


def _others(report: VerifyReport) -> Iterator[str]:
    """The runtimes that did not run and were not asked to, and what else was left out."""
    ran = summary.ran(report)
    others = [one for one in report.runtimes if one not in ran and not one.refused]
    if others or report.notes:
        entries = [*(f"{one.runtime}: {summary.reason(one)}" for one in others), *report.notes]
        yield f"<h2>Left out</h2>{items(entries)}"


def _layers(found: Bisection | None) -> Iterator[str]:
    """The plot, and its numbers."""
    if found is None:
        yield "<h2>Layers</h2><p>They were not looked at.</p>"
        return
    yield f"<h2>Layer by layer in {text(found.runtime)}</h2>"
    yield page.legend(LEGEND)
    caption = f"Relative to the largest value of each layer. {summary.LAYER_EXPLANATION}"
    yield page.figure(draw(found), name="Plot", caption=caption)
    yield "<details><summary>The numbers</summary>"
    rows = map(summary.layer_cells, found.layers)
    yield from page.table("Error layer by layer", summary.LAYER_HEADING, rows, (0, 1, 5), BAD)
    yield "</details>"


def _status_first(cells: Sequence[str]) -> tuple[str, ...]:
    """The last cell beside the first: behind the edge of a phone nobody would look for it."""
    return cells[0], cells[-1] or "passed", *cells[1:-1]


def draw(found: Bisection) -> str:
    """The error growing layer by layer, on a logarithmic axis, as an `svg` element."""
    shown = [layer for layer in found.layers if layer.value is not None]
    values = [relative(error, layer) for layer in shown for error in (layer.error, layer.local_error, layer.bound)]
    width = LEFT + PITCH * len(found.layers) + RIGHT
    chart = Chart(
        f"Error layer by layer in {found.runtime}",
        _description(found, shown),
        categorical([layer.layer for layer in found.layers], upright=True),
        logarithmic(values, "error"),
        Frame(width, TOP + HEIGHT + LABELS, LEFT, RIGHT, TOP, LABELS),
        {at: f"name {_kind(layer)}".rstrip() for at, layer in enumerate(found.layers)},
    )
    bounds = [relative(layer.bound, layer) for layer in found.layers]
    _first_wrong(chart, found)
    chart.line([(at + side, bound) for at, bound in enumerate(bounds) for side in (-0.5, 0.5)], "bound")
    errors = [(at, relative(layer.error, layer)) for at, layer in enumerate(found.layers) if layer.value is not None]
    chart.line(errors, "error")
    for at, layer in enumerate(found.layers):
        if layer.value is not None:
            own = relative(layer.local_error, layer)
            chart.mark(at, relative(layer.error, layer), "error", "circle", "")
            chart.mark(at, own, *(("wrong", "cross") if layer.wrong else ("own", "square")), "")
        chart.column(at, "target", _tip(layer))
    return chart.svg()


def _description(found: Bisection, shown: list[LayerError]) -> str:
    """What the curves show, for those who cannot see them."""
    if not shown:
        return "No layer could be looked at."
    ends = " to ".join(f"{magnitude(relative(layer.error, layer))} at {layer.layer}" for layer in (shown[0], shown[-1]))
    wrong = "No layer is wrong." if found.first_wrong is None else f"The first wrong layer is {found.first_wrong}."
    return f"Distance from the truth over the largest value of the layer, from {ends}. {wrong}"


def _first_wrong(chart: Chart, found: Bisection) -> None:
    """Its column, and words above the plot."""
    places = {layer.layer: at for at, layer in enumerate(found.layers)}
    if found.first_wrong in places:
        at = places[found.first_wrong]
        chart.column(at, "wrong-band")
        chart.label(at, sys.float_info.max, "first wrong layer", kind="wrong-label")


def _kind(layer: LayerError) -> str:
    return "absent" if layer.value is None else "wrong" if layer.wrong else ""


def _tip(layer: LayerError) -> str:
    """The numbers, where the pointer is on the layer's column."""
    name = f"{layer.layer} ({layer.op})"
    if layer.value is None:
        return f"{name}: not in the file"
    error, own, bound = (magnitude(relative(value, layer)) for value in (layer.error, layer.local_error, layer.bound))
    return f"{name}: error {error}, own error {own}, allowed {bound}"
