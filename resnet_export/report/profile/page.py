"""The section of a page that shows where the time of a run goes, by operator and by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import digits, file_name
from resnet_export.report.kit.page import datum, row, table, text
from resnet_export.report.profile.text import REST, fused
from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.bench.profile.results import LayerTime, OperatorTime, Profile

TOP = 10
"""Layers that are seen at once; the others unfold."""
NOTE = (
    "Times of ONNX Runtime's profiler, means of the runs between the quartiles, which add up to the latency with it. "
    "Between the nodes: ONNX Runtime's session and the profiler's own work. Around the run: the call from Python, and "
    "copies of the input and the output. A layer stands with what was fused into it. GMAC/s: multiply-adds a second, "
    "in thousands of millions."
)


def section(where: str, profile: Profile) -> Iterator[str]:
    """The times of a profile, which stands at the place `where` in the JSON."""
    case = profile.case
    named = f"{file_name(case.model.path)} in {case.runtime}, batch {case.batch}, {number(profile.threads, 'thread')}"
    yield f"<h2>Where the time goes <small>{text(named)}</small></h2>"
    times = (datum(digits(getattr(profile, key)), f"{where}/{key}") for key in ("p50_ms", "profiled_median_ms"))
    yield '<p class="note">p50 {} ms, and {} ms with the profiler.</p>'.format(*times)
    operators = [
        row([text(one.op), *_time(f"{where}/operators/{at}", one, profile.operators), str(one.nodes)], (0, 3))
        for at, one in enumerate(profile.operators)
    ]
    for key, name in REST.items():
        value = getattr(profile, key)
        share = f"{value / profile.profiled_ms:.1%}"
        operators.append(row([name, datum(digits(value), f"{where}/{key}"), share, "", ""], (0, 3)))
    yield from table("Operators", ("operator", "ms", "share", "", "nodes"), operators, (0, 3))
    layers = list(enumerate(profile.layers))
    longest = sorted(layers, key=lambda entry: -entry[1].mean_ms)[:TOP]
    yield f"<h3>{number(len(longest), 'layer')} with the longest time</h3>"
    yield from _layers(where, longest, profile.layers)
    if len(layers) > len(longest):
        yield f"<details><summary>All {len(layers)} in the order in which they run</summary>"
        yield from (*_layers(where, layers, profile.layers), "</details>")
    yield f'<p class="note">{NOTE}</p>'


def _layers(where: str, layers: Sequence[tuple[int, LayerTime]], among: Sequence[LayerTime]) -> Iterator[str]:
    rows = []
    for at, one in layers:
        own, speed = f"{where}/layers/{at}", one.multiply_adds_per_s
        shown = "" if speed is None else datum(digits(speed / 1e9), f"{own}/multiply_adds_per_s")
        rows.append(row([text(fused(one.layer, one.layers)), *_time(own, one, among), shown, text(one.op)], (0, 3, 5)))
    yield from table("Layers", ("layer", "ms", "share", "", "GMAC/s", "operator"), rows, (0, 3, 5))


def _time(
    where: str, one: LayerTime | OperatorTime, among: Sequence[LayerTime] | Sequence[OperatorTime]
) -> tuple[str, str, str]:
    """The time, its share, and a bar: the longest of them is as wide as the column."""
    width = 100 * one.mean_ms / (max(other.mean_ms for other in among) or 1.0)
    return (
        datum(digits(one.mean_ms), f"{where}/mean_ms"),
        datum(f"{one.share:.1%}", f"{where}/share"),
        f'<span class="track"><span class="bar" style="width:{width:.1f}%"></span></span>',
    )
