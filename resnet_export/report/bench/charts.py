"""The charts of a page of measurements.

Percentiles stand on the axis where they do in a queue's books: x = -log10(1 - p), so that p90, p99 and p99.9 are
equally far from each other, and a tail is as wide as it matters. Latency and throughput begin at zero, and charts that
are to be compared have the same axes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import (
    caption,
    case_name,
    condition,
    digits,
    file_name,
    milliseconds,
    shown,
    throughput,
)
from resnet_export.report.kit.page import figure, legend, text
from resnet_export.report.kit.svg import SHAPES, Axis, Chart, categorical, linear

if TYPE_CHECKING:
    from resnet_export.bench.estimate import Estimate
    from resnet_export.bench.results import CaseResult, Measured, Series

    Drawn = tuple[str, str]
    Cases = Sequence[tuple[CaseResult, Measured]]
    Point = tuple[CaseResult, Series, Estimate, Estimate]

MILLISECONDS = "latency, ms"
PERCENTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
"""Ticks of the axis of percentiles."""
MOST_POINTS = 300
"""Points of a curve: one for each pixel."""
MARKS = ("circle", "square", "diamond", "triangle")
COLOURS = 6
"""Classes `s0`, `s1` and so on of the style sheet."""
MOST_LABELS = 6
"""Labels of points of a chart: more cover each other."""
HIGHEST = 3.0
"""Times the highest p99 of the charts, up to which latencies by percentile are drawn: one sample of a thousand must not
press all others down."""
TAIL = (
    "Bars: 95 % intervals of p50, p90, p95 and p99. Charts of the same batch have the same axis; samples beyond three "
    "times the highest p99 are drawn at its upper end."
)
FRONT = "Filled: on the Pareto front, where nothing is better in both. b8 t2: batch 8, 2 threads. Bars: 95 % intervals."
LOAD = (
    "Requests that come at random (Poisson); latency counts from the time at which they were due. A cross: not shown "
    "to keep the bound."
)


def sections(results: Sequence[CaseResult]) -> Iterator[str]:
    """A section for each kind of chart that something was measured for."""
    cases = [(one, one.measured) for one in results if one.measured is not None]
    if not cases:
        return
    yield from _charts("Latency by percentile", _distributions(cases), TAIL)
    names = runtimes(cases)
    shapes = [(_sample(at), name) for at, name in enumerate(names)] if len(names) > 1 else []
    yield from _charts("Throughput against latency", _trade_offs(cases), FRONT, shapes)
    for scenario, title, draw, note in (
        ("server", "Latency against the offered rate", load_curves, LOAD),
        ("idle", "Latency after a pause", after_gaps, "Bars: 95 % intervals."),
    ):
        own = [(one, found) for one, found in cases if one.case.scenario.name == scenario]
        if own:
            drawn = draw(own, [names.index(one.case.runtime) % COLOURS for one, _ in own])
            captions = [caption(results, one) for one, _ in own]
            yield from _charts(title, zip(captions, drawn, strict=True), note)


def _charts(title: str, drawn: Iterable[Drawn], note: str, shapes: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    figures = [figure(svg, title=name) for name, svg in drawn if svg]
    if figures:
        yield f"<h2>{title}</h2>{legend(shapes) if shapes else ''}"
        yield f'<div class="charts">{"".join(figures)}</div><p class="note">{text(note)}</p>'


def _distributions(cases: Cases) -> Iterator[Drawn]:
    """A chart for the main series of each case; those of a batch have one axis."""
    results, names = [one for one, _ in cases], runtimes(cases)
    for result, found in cases:
        alike = [other.main for _, other in cases if other.main.batch == found.main.batch]
        own = condition(found.main) if len(found.series) > 1 else ""
        chart = distribution(result, found.main, latency_axis(alike), names.index(result.case.runtime) % COLOURS)
        yield caption(results, result, own), chart


def latency_axis(series: Sequence[Series]) -> Axis:
    """The axis of distributions that are to be compared."""
    p99 = max(one.latency_ms.p99.high or one.latency_ms.p99.value for one in series)
    return linear([min(max(one.latency_ms.max for one in series), HIGHEST * p99)], MILLISECONDS)


def distribution(result: CaseResult, series: Series, y: Axis, colour: int = 0) -> str:
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
    chart.line(points, f"curve s{colour}")
    quantiles = {0.5: latency.p50, 0.9: latency.p90, 0.95: latency.p95, 0.99: latency.p99}
    for probability, found in quantiles.items():
        _estimate(chart, _tail(probability), found, f"s{colour}", "circle", f"p{100 * probability:g} {shown(found)} ms")
    return chart.svg()


def _trade_offs(cases: Cases) -> Iterator[Drawn]:
    """A chart for each file, all with the same axes."""
    found = [one for result, measured in cases for one in _steady(result, measured)]
    if not found:
        return
    x = linear([latency.high or latency.value for _, _, latency, _ in found], "p50 latency, ms")
    y = linear([rate.high or rate.value for _, _, _, rate in found], "images/s")
    for path, own in groupby(found, key=lambda one: one[0].case.model.path):
        yield file_name(path), trade_off(list(own), runtimes(cases), x, y)


def trade_off(found: Sequence[Point], names: Sequence[str], x: Axis, y: Axis) -> str:
    """Throughput against latency, with the points that no other is better than in both; nothing below two points."""
    if len(found) < 2:
        return ""
    front = pareto([(latency.value, rate.value) for _, _, latency, rate in found])
    best = ", ".join(_short(*found[at][:2]) for at in front)
    chart = Chart("Throughput against latency", f"{len(found)} points; on the Pareto front: {best}", x, y)
    chart.line([(found[at][2].value, found[at][3].value) for at in front], "front")
    for at, (result, series, latency, rate) in enumerate(found):
        colour = names.index(result.case.runtime)
        kind = f"s{colour % COLOURS}"
        if latency.interval is not None:
            chart.level(*latency.interval, rate.value, kind)
        words = f"{_full(result, series)}: p50 {shown(latency)} ms, {throughput(series)} images/s"
        filled = kind if at in front else f"{kind} hollow"
        _estimate(chart, latency.value, rate, filled, MARKS[colour % len(MARKS)], words)
        if at in front and len(front) <= MOST_LABELS:
            chart.label(latency.value, rate.value, _short(result, series))
    return chart.svg()


def time_axis(cases: Cases) -> Axis:
    """The axis of p50 and p99 of all series of cases that are to be compared, and of the bounds."""
    bounds = [result.case.scenario.slo_ms or 0.0 for result, _ in cases]
    highest = [one.latency_ms.p99.high or one.latency_ms.p99.value for _, found in cases for one in found.series]
    return linear([*bounds, *highest], MILLISECONDS)


def load_curves(cases: Cases, colours: Sequence[int]) -> Iterator[str]:
    """p50 and p99 against the offered rate, with the bound."""
    rates = [one.condition["rate_per_s"] for _, found in cases for one in found.series]
    x, y = linear(rates, "offered rate, requests/s"), time_axis(cases)
    for (result, found), colour in zip(cases, colours, strict=True):
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
        _curve(chart, points, "p99", f"s{colour}", () if bound is None else {x for x, _ in points} - {*kept})
        yield chart.svg()


def after_gaps(cases: Cases, colours: Sequence[int]) -> Iterator[str]:
    """p50 and p99 after pauses, which stand evenly spaced."""
    pauses = sorted({one.condition["gap_ms"] for _, found in cases for one in found.series})
    x, y = categorical([f"{gap:g}" for gap in pauses], "pause before the run, ms"), time_axis(cases)
    for (result, found), colour in zip(cases, colours, strict=True):
        series = sorted(found.series, key=lambda one: one.condition["gap_ms"])
        words = ", ".join(f"{condition(one)} p50 {shown(one.latency_ms.p50)} ms" for one in series)
        chart = Chart(f"Latency after a pause, {case_name(result)}", words, x, y)
        points = [(float(pauses.index(one.condition["gap_ms"])), one) for one in series]
        for name, kind in (("p99", "faint"), ("p50", f"s{colour}")):
            _curve(chart, points, name, kind)
        yield chart.svg()


def _curve(
    chart: Chart,
    points: Sequence[tuple[float, Series]],
    name: str,
    kind: str,
    broken: Collection[float] = (),
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
        chart.upright(x, *found.interval, kind.removesuffix(" hollow"))
    chart.mark(x, found.value, kind, shape, words)


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Those (latency, throughput) than which none is better in one and as good in the other, the fastest first."""
    front: list[int] = []
    for at in sorted(range(len(points)), key=lambda at: (points[at][0], -points[at][1])):
        if not front or points[at][1] > points[front[-1]][1]:
            front.append(at)
    return front


def runtimes(cases: Cases) -> list[str]:
    """Each once; its place is its colour and its shape."""
    return list(dict.fromkeys(result.case.runtime for result, _ in cases))


def _sample(runtime: int) -> str:
    """A runtime's mark for a legend."""
    path = SHAPES[MARKS[runtime % len(MARKS)]].format(x=7, y=7)
    return f'<path class="mark s{runtime % COLOURS}" d="{path}"/>'


def _steady(result: CaseResult, found: Measured) -> Iterator[Point]:
    """The series that throughput can be read from: those that wait for nothing but the network."""
    for one in found.series:
        if one.loop == "closed" and "gap_ms" not in one.condition and one.images_per_s is not None:
            yield result, one, one.latency_ms.p50, one.images_per_s


def _short(result: CaseResult, one: Series) -> str:
    callers = f", {one.callers} callers" if one.callers > 1 else ""
    return f"b{one.batch} t{result.threads}{callers}"


def _full(result: CaseResult, one: Series) -> str:
    callers = f", {one.callers} callers" if one.callers > 1 else ""
    return f"{result.case.runtime}, batch {one.batch}, threads {result.threads}{callers}"


def _tail(probability: float) -> float:
    return -math.log10(1 - probability)


def _thinned(size: int) -> list[int]:
    """Indices of a sorted sample, evenly spaced on the axis of percentiles."""
    last = _tail((size - 0.5) / size)
    steps = (1 - 10 ** (-last * step / MOST_POINTS) for step in range(MOST_POINTS + 1))
    return sorted({min(size - 1, max(0, round(size * share - 0.5))) for share in steps})
