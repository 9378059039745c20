"""The sections of a page of measurements that show charts."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export.report import bench_charts as charts
from resnet_export.report.chart import text
from resnet_export.report.figures import caption, condition, file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TAIL = (
    "Bars: 95 % intervals of p50, p90, p95 and p99. Charts of the same batch have the same axis; samples beyond three "
    "times the highest p99 are drawn at its upper end."
)
FRONT = "Filled: on the Pareto front, where nothing is better in both. b8 t2: batch 8, 2 threads. Bars: 95 % intervals."
LOAD = (
    "Requests that come at random (Poisson); latency counts from the time at which they were due. A cross: not shown "
    "to keep the bound."
)


def sections(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A section for each kind of chart that something was measured for."""
    measured = [case for case in cases if case["status"] == "measured"]
    yield from _distributions(measured)
    yield from _trade_offs(measured)
    for scenario, title, axes, draw, note in (
        ("server", "Latency against the offered rate", charts.load_curves, charts.load_curve, LOAD),
        ("idle", "Latency after a pause", charts.gaps, charts.after_gaps, "Bars: 95 % intervals."),
    ):
        own = [case for case in measured if case["scenario"]["name"] == scenario]
        if own:
            x, y = axes(own)
            drawn = [(_caption(cases, case), draw(case, x, y, _colour(measured, case))) for case in own]
            yield from _charts(title, drawn, note)


def _distributions(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for the main series of each case; those of a batch have one axis."""
    axes = {batch: charts.latencies(case for case in cases if _batch(case) == batch) for batch in map(_batch, cases)}
    drawn = []
    for case in cases:
        own = condition(case["series"][case["headline"]]) if len(case["series"]) > 1 else ""
        chart = charts.distribution(case, axes[_batch(case)], _colour(cases, case))
        drawn.append((_caption(cases, case, own), chart))
    yield from _charts("Latency by percentile", drawn, TAIL)


def _trade_offs(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for each file."""
    x, y = charts.trade_offs(cases)
    by_file = groupby(cases, key=lambda case: str(case["model"]))
    drawn = [(text(file_name(path)), charts.trade_off(list(own), x, y)) for path, own in by_file]
    legend = _legend(charts.runtimes(cases)) if len(charts.runtimes(cases)) > 1 else ""
    yield from _charts("Throughput against latency", drawn, FRONT, legend)


def _batch(case: Mapping[str, Any]) -> int:
    """Images in a run of the series that stands for it."""
    return int(case["series"][case["headline"]]["batch"])


def _caption(cases: Sequence[Mapping[str, Any]], case: Mapping[str, Any], own: str = "") -> str:
    return text(caption(cases, case, own))


def _colour(cases: Sequence[Mapping[str, Any]], case: Mapping[str, Any]) -> int:
    return charts.runtimes(cases).index(case["runtime"]) % charts.COLOURS


def _charts(title: str, drawn: Iterable[tuple[str, str | None]], note: str, legend: str = "") -> Iterator[str]:
    shown = [(name, svg) for name, svg in drawn if svg is not None]
    if shown:
        yield f'<h2>{title}</h2>{legend}<div class="charts">'
        yield from (f"<figure><h3>{name}</h3>{svg}</figure>" for name, svg in shown)
        yield f'</div><p class="note">{note}</p>'


def _legend(names: Sequence[str]) -> str:
    marks = []
    for at, name in enumerate(names):
        path = f'<path class="mark s{at % charts.COLOURS}" d="{charts.mark_path(at)}"/>'
        svg = f'<svg width="14" height="14" aria-hidden="true">{path}</svg>'
        marks.append(f"<li>{svg} {text(name)}</li>")
    return f'<ul class="legend">{"".join(marks)}</ul>'
