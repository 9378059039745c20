"""The charts of a page of measurements.

Percentiles stand on the axis where they do in a queue's books: x = -log10(1 - p), so that p90, p99 and p99.9 are
equally far from each other, and a tail is as wide as it matters. Latency begins at zero, and charts that are to be
compared have the same axes.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

from resnet_export.bench.estimate import Estimate
from resnet_export.bench.results import CaseResult, Measured, Series
from resnet_export.report.bench.words import caption, case_name, condition, digits, milliseconds, shown
from resnet_export.report.kit.page import figure, text
from resnet_export.report.kit.svg import Axis, Chart, linear

Cases = Sequence[tuple[CaseResult, Measured]]
MILLISECONDS = "latency, ms"
PERCENTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
"""Ticks of the axis of percentiles."""
MOST_POINTS = 300
"""Points of a curve: one for each pixel."""
HIGHEST = 3.0
"""Times the highest p99 of the charts, up to which latencies by percentile are drawn: one sample of a thousand must not
press all others down."""
TAIL = (
    "Bars: 95 % intervals of p50, p90, p95 and p99. Charts of the same batch have the same axis; samples beyond three "
    "times the highest p99 are drawn at its upper end."
)
LOAD = (
    "Requests that come at random (Poisson); latency counts from the time at which they were due. A cross: not shown "
    "to keep the bound."
)


def sections(results: Sequence[CaseResult]) -> Iterator[str]:
    """The latency of each case by percentile, and that of servers against the offered rate."""
    cases = [(one, one.measured) for one in results if one.measured is not None]
    servers = [(one, found) for one, found in cases if one.case.scenario.name == "server"]
    if cases:
        yield from _charts("Latency by percentile", _distributions(results, cases), TAIL)
    if servers:
        captions = [caption(results, one) for one, _ in servers]
        yield from _charts("Latency against the offered rate", zip(captions, load_curves(servers), strict=True), LOAD)


def _charts(title: str, drawn: Iterable[tuple[str, str]], note: str) -> Iterator[str]:
    figures = "".join(figure(svg, title=name) for name, svg in drawn)
    yield f'<h2>{title}</h2><div class="charts">{figures}</div><p class="note">{text(note)}</p>'


def _distributions(results: Sequence[CaseResult], cases: Cases) -> Iterator[tuple[str, str]]:
    """A chart for the main series of each case; those of a batch have one axis."""
    for result, found in cases:
        alike = [other.main for _, other in cases if other.main.batch == found.main.batch]
        own = condition(found.main) if len(found.series) > 1 else ""
        yield caption(results, result, own), distribution(result, found.main, latency_axis(alike))


def latency_axis(series: Sequence[Series]) -> Axis:
    """The axis of distributions that are to be compared."""
    p99 = max(one.latency_ms.p99.high or one.latency_ms.p99.value for one in series)
    return linear([min(max(one.latency_ms.max for one in series), HIGHEST * p99)], MILLISECONDS)


def distribution(result: CaseResult, series: Series, y: Axis) -> str:
    """Latency by percentile of a series, with the intervals."""
    samples, latency = sorted(series.samples_ns), series.latency_ms
    size = len(samples)
    points = [(_tail((at + 0.5) / size), samples[at] / 1e6) for at in _thinned(size)]
    last = max(points[-1][0], _tail(0.99))
    ticks = tuple((_tail(one), f"{100 * one:g} %") for one in PERCENTILES if _tail(one) <= last)
    x = Axis(0.0, 1.03 * last, "of the runs are at least as fast", ticks)
    words = f"p50 {shown(latency.p50)} ms, p99 {shown(latency.p99)} ms, {size} samples"
    words += f"; the slowest, {milliseconds(samples[-1])} ms, lies above" if latency.max > y.high else ""
    chart = Chart(f"Latency by percentile, {case_name(result)}", words, x, y)
    chart.line(points, "curve own")
    quantiles = {0.5: latency.p50, 0.9: latency.p90, 0.95: latency.p95, 0.99: latency.p99}
    for probability, found in quantiles.items():
        _estimate(chart, _tail(probability), found, "own", "circle", f"p{100 * probability:g} {shown(found)} ms")
    return chart.svg()


def load_curves(cases: Cases) -> Iterator[str]:
    """p50 and p99 against the offered rate, with the bound; all have the same axes."""
    bounds = [result.case.scenario.slo_ms or 0.0 for result, _ in cases]
    every = [one for _, found in cases for one in found.series]
    x = linear([one.condition["rate_per_s"] for one in every], "offered rate, requests/s")
    y = linear([*bounds, *(one.latency_ms.p99.high or one.latency_ms.p99.value for one in every)], MILLISECONDS)
    for result, found in cases:
        bound = result.case.scenario.slo_ms
        series = sorted(found.series, key=lambda one: one.condition["rate_per_s"])
        kept = [one.condition["rate_per_s"] for one in series if one.slo is not None and one.slo.holds]
        words = f"{len(series)} rates"
        if bound is not None:
            up_to = f"up to {digits(max(kept))} requests/s" if kept else "at none of them"
            words += f"; p99 within {bound:g} ms is shown {up_to}"
        chart = Chart(f"Latency against the offered rate, {case_name(result)}", words, x, y)
        if bound is not None:
            chart.bound(bound, f"p99 ≤ {bound:g} ms")
        points = [(one.condition["rate_per_s"], one) for one in series]
        _curve(chart, points, "p50", "faint")
        _curve(chart, points, "p99", "own", () if bound is None else {x for x, _ in points} - {*kept})
        yield chart.svg()


def _curve(
    chart: Chart, points: Sequence[tuple[float, Series]], name: str, kind: str, broken: Collection[float] = ()
) -> None:
    """A quantile of several series as a line, with intervals and its name; a cross at the places of `broken`."""
    found = [(x, one, getattr(one.latency_ms, name)) for x, one in points]
    chart.line([(x, quantile.value) for x, _, quantile in found], f"curve {kind}")
    for x, one, quantile in found:
        words = f"{condition(one)}: {name} {shown(quantile)} ms"
        _estimate(chart, x, quantile, kind, "cross" if x in broken else "circle", words)
    chart.label(points[-1][0], found[-1][2].value, name, below=name == "p50")


def _estimate(chart: Chart, x: float, found: Estimate, kind: str, shape: str, words: str) -> None:
    """A mark with its interval."""
    if found.interval is not None:
        chart.upright(x, *found.interval, kind)
    chart.mark(x, found.value, kind, shape, words)


def _tail(probability: float) -> float:
    return -math.log10(1 - probability)


def _thinned(size: int) -> list[int]:
    """Indices of a sorted sample, evenly spaced on the axis of percentiles."""
    last = _tail((size - 0.5) / size)
    steps = (1 - 10 ** (-last * step / MOST_POINTS) for step in range(MOST_POINTS + 1))
    return sorted({min(size - 1, max(0, round(size * share - 0.5))) for share in steps})
