"""The charts of a page of measurements: each takes the plain data of the JSON, and gives an `svg` element.

Percentiles stand on the axis where they do in a queue's books: x = -log10(1 - p), so that p90, p99 and p99.9 are
equally far from each other, and a tail is as wide as it matters. Latency and throughput begin at zero, and charts that
are to be compared have the same axes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resnet_export.report.chart import SHAPES as MARKS
from resnet_export.report.chart import Axis, Chart, from_zero
from resnet_export.report.figures import case_name, condition, digits, estimate, throughput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Case = Mapping[str, Any]
    Series = Mapping[str, Any]

MILLISECONDS = "latency, ms"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
PERCENTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
"""Of the ticks."""
MOST_POINTS = 300
"""Of a curve: one for each pixel."""
SHAPES = ("circle", "square", "diamond", "triangle")
COLOURS = 6
"""Classes `s0`, `s1` and so on of the style sheet."""
MOST_LABELS = 6
"""Of points of a chart: more cover each other."""
HIGHEST = 3.0
"""Times the highest p99 of the charts, up to which latencies by percentile are drawn: one sample of a thousand must not
press all others down."""


def latencies(cases: Iterable[Case]) -> Axis:
    """Of the distributions of cases that are to be compared."""
    found = [series for case in cases for series in [case["series"][case["headline"]]]]
    p99 = max(series["p99_high_ms"] or series["p99_ms"] for series in found)
    return from_zero([min(max(series["max_ms"] for series in found), HIGHEST * p99)], MILLISECONDS)


def distribution(case: Case, y: Axis, colour: int = 0) -> str:
    """Latency by percentile of the series that stands for the case, with the intervals; on an axis of `latencies`."""
    series = case["series"][case["headline"]]
    samples = sorted(series["samples_ms"])
    size = len(samples)
    points = [(_tail((at + 0.5) / size), samples[at]) for at in _thinned(size)]
    last = max(points[-1][0], _tail(0.99))
    ticks = tuple((_tail(one), f"{100 * one:g} %") for one in PERCENTILES if _tail(one) <= last)
    x = Axis(0.0, 1.03 * last, "of the runs are at least as fast", ticks=ticks)
    words = f"p50 {estimate(series, 'p50')} ms, p99 {estimate(series, 'p99')} ms, {size} samples"
    words += f"; the slowest, {digits(samples[-1])} ms, lies above" if samples[-1] > y.high else ""
    chart = Chart(f"Latency by percentile, {case_name(case)}", words, x, y)
    chart.line(points, f"curve s{colour}")
    for name, probability in QUANTILES.items():
        at = _tail(probability)
        _interval(chart, at, series, name, f"s{colour}")
        chart.mark(at, series[f"{name}_ms"], f"s{colour}", "circle", f"{name} {estimate(series, name)} ms")
    return chart.svg()


def trade_offs(cases: Iterable[Case]) -> tuple[Axis, Axis]:
    """The axes of the charts that show throughput against latency."""
    found = [one for case in cases for one in _steady(case)]
    x = from_zero([one["p50_high_ms"] or one["p50_ms"] for one in found] or [1.0], "p50 latency, ms")
    return x, from_zero([one["images_per_s_high"] or one["images_per_s"] for one in found] or [1.0], "images/s")


def trade_off(cases: Sequence[Case], x: Axis, y: Axis) -> str | None:
    """Throughput against latency, with the points that no other is better than in both; None below two points."""
    found = [(case, one) for case in cases for one in _steady(case)]
    if len(found) < 2:
        return None
    front = pareto([(one["p50_ms"], one["images_per_s"]) for _, one in found])
    best = ", ".join(_short(*found[at]) for at in front)
    chart = Chart("Throughput against latency", f"{len(found)} points; on the Pareto front: {best}", x, y)
    chart.line([(found[at][1]["p50_ms"], found[at][1]["images_per_s"]) for at in front], "front")
    names = runtimes(cases)
    for at, (case, one) in enumerate(found):
        colour = names.index(case["runtime"])
        kind = f"s{colour % COLOURS}{'' if at in front else ' hollow'}"
        if one["p50_low_ms"] is not None:
            chart.level(one["p50_low_ms"], one["p50_high_ms"], one["images_per_s"], f"s{colour % COLOURS}")
        if one["images_per_s_low"] is not None:
            chart.upright(one["p50_ms"], one["images_per_s_low"], one["images_per_s_high"], f"s{colour % COLOURS}")
        words = f"{_full(case, one)}: p50 {estimate(one, 'p50')} ms, {throughput(one)} images/s"
        chart.mark(one["p50_ms"], one["images_per_s"], kind, SHAPES[colour % len(SHAPES)], words)
        if at in front and len(front) <= MOST_LABELS:
            chart.label(one["p50_ms"], one["images_per_s"], _short(case, one))
    return chart.svg()


def times(cases: Iterable[Case]) -> Axis:
    """Of p50 and p99 of all series of cases that are to be compared, and of the bounds."""
    series = [one for case in cases for one in case["series"]]
    bounds = [case["scenario"]["slo_p99_ms"] or 0.0 for case in cases]
    return from_zero([*bounds, *(one["p99_high_ms"] or one["p99_ms"] for one in series)], MILLISECONDS)


def load_curves(cases: Sequence[Case]) -> tuple[Axis, Axis]:
    """The axes of the charts that show latency against the offered rate."""
    rates = [one["condition"]["rate_per_s"] for case in cases for one in case["series"]]
    return from_zero(rates, "offered rate, requests/s"), times(cases)


def load_curve(case: Case, x: Axis, y: Axis, colour: int = 0) -> str:
    """p50 and p99 against the offered rate, with the bound."""
    bound = case["scenario"]["slo_p99_ms"]
    found = sorted(case["series"], key=lambda one: float(one["condition"]["rate_per_s"]))
    kept = [one for one in found if (one.get("slo") or {}).get("holds")]
    words = f"{len(found)} rates"
    if bound is not None:
        highest = max((one["condition"]["rate_per_s"] for one in kept), default=None)
        words += f"; p99 within {bound:g} ms is shown " + (
            "at none of them" if highest is None else f"up to {digits(highest)} requests/s"
        )
    chart = Chart(f"Latency against the offered rate, {case_name(case)}", words, x, y)
    if bound is not None:
        chart.bound(bound, f"p99 ≤ {bound:g} ms")
    for name, kind in (("p50", "faint"), ("p99", f"s{colour}")):
        broken = [] if name == "p50" or bound is None else [one for one in found if one not in kept]
        _curve(chart, [(one["condition"]["rate_per_s"], one) for one in found], name, kind, broken)
    return chart.svg()


def gaps(cases: Sequence[Case]) -> tuple[Axis, Axis]:
    """The axes of the charts that show latency after pauses, which stand evenly spaced."""
    pauses = sorted({float(one["condition"]["gap_ms"]) for case in cases for one in case["series"]})
    ticks = tuple((float(at), f"{gap:g}") for at, gap in enumerate(pauses))
    return Axis(-0.4, len(pauses) - 0.6, "pause before the run, ms", ticks=ticks), times(cases)


def after_gaps(case: Case, x: Axis, y: Axis, colour: int = 0) -> str:
    """p50 and p99 after pauses."""
    found = sorted(case["series"], key=lambda one: float(one["condition"]["gap_ms"]))
    words = ", ".join(f"{condition(one)} p50 {estimate(one, 'p50')} ms" for one in found)
    chart = Chart(f"Latency after a pause, {case_name(case)}", words, x, y)
    places = {label: at for at, label in x.ticks}
    points = [(places[f"{one['condition']['gap_ms']:g}"], one) for one in found]
    for name, kind in (("p99", "faint"), ("p50", f"s{colour}")):
        _curve(chart, points, name, kind)
    return chart.svg()


def _curve(
    chart: Chart, points: Sequence[tuple[float, Series]], name: str, kind: str, broken: Sequence[Series] = ()
) -> None:
    """A quantile of several series as a line, with intervals and its name; a cross where a bound is not kept."""
    chart.line([(x, one[f"{name}_ms"]) for x, one in points], f"curve {kind}")
    for x, one in points:
        _interval(chart, x, one, name, kind)
        words = f"{condition(one)}: {name} {estimate(one, name)} ms"
        chart.mark(x, one[f"{name}_ms"], kind, "cross" if one in broken else "circle", words)
    chart.label(points[-1][0], points[-1][1][f"{name}_ms"], name, below=name == "p50")


def _interval(chart: Chart, x: float, series: Series, name: str, kind: str) -> None:
    if series[f"{name}_low_ms"] is not None:
        chart.upright(x, series[f"{name}_low_ms"], series[f"{name}_high_ms"], kind)


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Those (latency, throughput) than which none is better in one and as good in the other, the fastest first."""
    front: list[int] = []
    for at in sorted(range(len(points)), key=lambda at: (points[at][0], -points[at][1])):
        if not front or points[at][1] > points[front[-1]][1]:
            front.append(at)
    return front


def runtimes(cases: Sequence[Case]) -> list[str]:
    """Each once; its place is its colour and its shape."""
    return list(dict.fromkeys(case["runtime"] for case in cases))


def mark_path(runtime: int) -> str:
    """The path of a runtime's mark in a square of 14 pixels, for a legend."""
    return MARKS[SHAPES[runtime % len(SHAPES)]].format(x=7, y=7)


def _steady(case: Case) -> Iterator[Series]:
    """The series of a case that throughput can be read from: those that wait for nothing but the network."""
    for one in case.get("series", ()):
        paused = case["scenario"]["name"] == "idle"
        if one["loop"] == "closed" and not paused:
            yield one


def _short(case: Case, one: Series) -> str:
    callers = f", {one['callers']} callers" if one["callers"] > 1 else ""
    return f"b{one['batch']} t{case['threads']}{callers}"


def _full(case: Case, one: Series) -> str:
    callers = f", {one['callers']} callers" if one["callers"] > 1 else ""
    return f"{case['runtime']}, batch {one['batch']}, threads {case['threads']}{callers}"


def _tail(probability: float) -> float:
    return -math.log10(1 - probability)


def _thinned(size: int) -> list[int]:
    """Indices of a sorted sample, evenly spaced on the axis of percentiles."""
    last = _tail((size - 0.5) / size)
    steps = (1 - 10 ** (-last * step / MOST_POINTS) for step in range(MOST_POINTS + 1))
    return sorted({min(size - 1, max(0, round(size * share - 0.5))) for share in steps})
