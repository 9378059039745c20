"""The sections of a page of measurements that show charts."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export.report import bench_charts as charts
from resnet_export.report.chart import text
from resnet_export.report.figures import caption, condition, file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TAIL = "Each sample is in it; the bars are the 95 % intervals of p50, p90, p95 and p99."
FRONT = "Filled: on the Pareto front, where nothing is better in both. b8 t2: batch 8, 2 threads. Bars: 95 % intervals."
LOAD = (
    "Requests that come at random (Poisson); latency counts from the time at which they were due. A cross: not shown "
    "to keep the bound."
)


def sections(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A section for each kind of chart that something was measured for."""
    yield from _distributions(cases)
    yield from _trade_offs(cases)
    yield from _curves(cases, "server", "Latency against the offered rate", charts.load_curve, LOAD)
    yield from _curves(cases, "idle", "Latency after a pause", charts.after_gaps, "Bars: 95 % intervals.")


def _distributions(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for the main series of each case."""
    names = charts.runtimes(cases)
    drawn = []
    for case in cases:
        if case["status"] == "measured":
            series = case["series"][case["headline"]]
            colour = names.index(case["runtime"]) % charts.COLOURS
            own = condition(series) if len(case["series"]) > 1 else ""
            drawn.append((text(caption(cases, case, own)), charts.distribution(case, series, colour)))
    yield from _charts("Latency by percentile", drawn, TAIL)


def _trade_offs(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for each file."""
    measured = [case for case in cases if case["status"] == "measured"]
    drawn = []
    for path, group in groupby(measured, key=lambda case: str(case["model"])):
        drawn.append((text(file_name(path)), charts.trade_off(list(group))))
    legend = _legend(charts.runtimes(measured)) if len(charts.runtimes(measured)) > 1 else ""
    yield from _charts("Throughput against latency", drawn, FRONT, legend)


def _curves(cases: Sequence[Mapping[str, Any]], scenario: str, title: str, draw: Any, note: str) -> Iterator[str]:
    """A chart for each case of a scenario."""
    names = charts.runtimes(cases)
    drawn = [
        (text(caption(cases, case)), draw(case, names.index(case["runtime"]) % charts.COLOURS))
        for case in cases
        if case["status"] == "measured" and case["scenario"]["name"] == scenario
    ]
    yield from _charts(title, drawn, note)


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
