"""The charts of a page of measurements: each takes the plain data of the JSON, and gives an `svg` element.

Percentiles stand on the axis where they do in a queue's books: x = -log10(1 - p), so that p90, p99 and p99.9 are
equally far from each other, and a tail is as wide as it matters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resnet_export.report.chart import SHAPES as MARKS
from resnet_export.report.chart import Axis, Chart, fitting, linear
from resnet_export.report.figures import case_name, condition, digits, estimate, throughput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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


def distribution(case: Case, series: Series, colour: int = 0) -> str | None:
    """Latency by percentile, with the intervals; None without samples."""
    samples = sorted(series["samples_ms"])
    if not samples:
        return None
    size = len(samples)
    points = [(_tail((at + 0.5) / size), samples[at]) for at in _thinned(size)]
    last = max(points[-1][0], _tail(0.99))
    ticks = tuple((_tail(one), f"{100 * one:g} %") for one in PERCENTILES if _tail(one) <= last)
    x = Axis(0.0, 1.03 * last, "of the runs are at least as fast", ticks=ticks)
    y = fitting([*(time for _, time in points), *_ends(series)], MILLISECONDS)
    words = f"p50 {estimate(series, 'p50')} ms, p99 {estimate(series, 'p99')} ms, {size} samples"
    chart = Chart(f"Latency by percentile, {case_name(case)}", words, x, y)
    chart.line(points, f"curve s{colour}")
    for name, probability in QUANTILES.items():
        if series[f"{name}_ms"] is not None:
            at = _tail(probability)
            chart.upright(at, series[f"{name}_low_ms"], series[f"{name}_high_ms"], f"s{colour}")
            chart.mark(at, series[f"{name}_ms"], f"s{colour}", "circle", f"{name} {estimate(series, name)} ms")
    return chart.svg()


def trade_off(cases: Sequence[Case]) -> str | None:
    """Throughput against latency, with the points that no other is better than in both; None below two points."""
    found = [(case, one) for case in cases for one in _steady(case)]
    if len(found) < 2:
        return None
    front = pareto([(one["p50_ms"], one["images_per_s"]) for _, one in found])
    x = fitting([one[key] for _, one in found for key in ("p50_low_ms", "p50_high_ms")], "p50 latency, ms")
    rates = [one[f"images_per_s{end}"] or one["images_per_s"] for _, one in found for end in ("_low", "_high")]
    y = fitting(rates, "images/s")
    best = ", ".join(_short(*found[at]) for at in front)
    chart = Chart("Throughput against latency", f"{len(found)} points; on the Pareto front: {best}", x, y)
    chart.line([(found[at][1]["p50_ms"], found[at][1]["images_per_s"]) for at in front], "front")
    names = runtimes(cases)
    for at, (case, one) in enumerate(found):
        colour = names.index(case["runtime"])
        kind = f"s{colour % COLOURS}{'' if at in front else ' hollow'}"
        chart.level(one["p50_low_ms"], one["p50_high_ms"], one["images_per_s"], f"s{colour % COLOURS}")
        if one["images_per_s_low"] is not None:
            chart.upright(one["p50_ms"], one["images_per_s_low"], one["images_per_s_high"], f"s{colour % COLOURS}")
        words = f"{_full(case, one)}: p50 {estimate(one, 'p50')} ms, {throughput(one)} images/s"
        chart.mark(one["p50_ms"], one["images_per_s"], kind, SHAPES[colour % len(SHAPES)], words)
        if at in front and len(front) <= MOST_LABELS:
            chart.label(one["p50_ms"], one["images_per_s"], _short(case, one))
    return chart.svg()


def load_curve(case: Case, colour: int = 0) -> str | None:
    """p50 and p99 against the offered rate, with the bound; None where no rate has a p50."""
    bound = case["scenario"]["slo_p99_ms"]
    found = sorted(case["series"], key=lambda one: float(one["condition"]["rate_per_s"]))
    shown = [one for one in found if one["p50_ms"] is not None]
    if not shown:
        return None
    x = linear([one["condition"]["rate_per_s"] for one in shown], "offered rate, requests/s", zero=True)
    times = [time for one in shown for time in _ends(one)]
    y = fitting([*times, *([] if bound is None else [bound])], MILLISECONDS)
    kept = [one for one in shown if (one.get("slo") or {}).get("holds")]
    words = f"{len(shown)} rates"
    if bound is not None:
        highest = max((one["condition"]["rate_per_s"] for one in kept), default=None)
        words += f"; p99 within {bound:g} ms is shown " + (
            "at none of them" if highest is None else f"up to {digits(highest)} requests/s"
        )
    chart = Chart(f"Latency against the offered rate, {case_name(case)}", words, x, y)
    if bound is not None:
        chart.bound(bound, f"p99 ≤ {bound:g} ms")
    for name, kind in (("p50", "faint"), ("p99", f"s{colour}")):
        points = [one for one in shown if one[f"{name}_ms"] is not None]
        chart.line([(one["condition"]["rate_per_s"], one[f"{name}_ms"]) for one in points], f"curve {kind}")
        for one in points:
            rate = one["condition"]["rate_per_s"]
            broken = name == "p99" and bound is not None and one not in kept
            chart.upright(rate, one[f"{name}_low_ms"], one[f"{name}_high_ms"], kind)
            words = f"{condition(one)}: {name} {estimate(one, name)} ms"
            chart.mark(rate, one[f"{name}_ms"], kind, "cross" if broken else "circle", words)
        if points:
            last = points[-1]
            chart.label(last["condition"]["rate_per_s"], last[f"{name}_ms"], name, below=name == "p50")
    return chart.svg()


def after_gaps(case: Case, colour: int = 0) -> str | None:
    """p50 and p99 after pauses, which stand evenly spaced; None where none has a p50."""
    found = sorted(case["series"], key=lambda one: float(one["condition"]["gap_ms"]))
    times = [time for one in found for time in _ends(one)]
    if not times:
        return None
    ticks = tuple((float(at), f"{one['condition']['gap_ms']:g}") for at, one in enumerate(found))
    x = Axis(-0.4, len(found) - 0.6, "pause before the run, ms", ticks=ticks)
    words = ", ".join(f"{condition(one)} p50 {estimate(one, 'p50')} ms" for one in found)
    chart = Chart(f"Latency after a pause, {case_name(case)}", words, x, fitting(times, MILLISECONDS))
    for name, kind in (("p99", "faint"), ("p50", f"s{colour}")):
        points = [(float(at), one) for at, one in enumerate(found) if one[f"{name}_ms"] is not None]
        chart.line([(at, one[f"{name}_ms"]) for at, one in points], f"curve {kind}")
        for at, one in points:
            chart.upright(at, one[f"{name}_low_ms"], one[f"{name}_high_ms"], kind)
            chart.mark(at, one[f"{name}_ms"], kind, "circle", f"{condition(one)}: {name} {estimate(one, name)} ms")
        if points:
            chart.label(points[-1][0], points[-1][1][f"{name}_ms"], name, below=name == "p50")
    return chart.svg()


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
        if one["loop"] == "closed" and not paused and one["p50_ms"] is not None and one["images_per_s"] is not None:
            yield one


def _short(case: Case, one: Series) -> str:
    callers = f", {one['callers']} callers" if one["callers"] > 1 else ""
    return f"b{one['batch']} t{case['threads']}{callers}"


def _full(case: Case, one: Series) -> str:
    callers = f", {one['callers']} callers" if one["callers"] > 1 else ""
    return f"{case['runtime']}, batch {one['batch']}, threads {case['threads']}{callers}"


def _ends(series: Series) -> list[float]:
    """The ends of the intervals of p50 and p99, where there are some."""
    keys = [f"{name}_{end}_ms" for name in ("p50", "p99") for end in ("low", "high")]
    return [series[key] for key in keys if series[key] is not None]


def _tail(probability: float) -> float:
    return -math.log10(1 - probability)


def _thinned(size: int) -> list[int]:
    """Indices of a sorted sample, evenly spaced on the axis of percentiles."""
    last = _tail((size - 0.5) / size)
    steps = (1 - 10 ** (-last * step / MOST_POINTS) for step in range(MOST_POINTS + 1))
    return sorted({min(size - 1, max(0, round(size * share - 0.5))) for share in steps})
