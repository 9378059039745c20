"""The error growing layer by layer, as a chart with a logarithmic axis."""

import sys

from resnet_export.parity.results import Bisection, LayerError
from resnet_export.report.kit.svg import Chart, Frame, categorical, logarithmic
from resnet_export.report.verify.summary import magnitude, relative

PITCH = 18
"""Pixels from layer to layer: what an upright label of 11 pixels needs to be read."""
LEFT, RIGHT, TOP, HEIGHT, LABELS = 70, 24, 34, 350, 170
"""Pixels of the area of the curves and around it; `LABELS` is for the names below it."""


def draw(found: Bisection) -> str:
    """An `svg` element; its colours are classes of the page's style sheet."""
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
