"""The part of a page that shows where the time of a run goes, by operator and by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export.plain import number
from resnet_export.report.chart import text
from resnet_export.report.elements import figure, row, table
from resnet_export.report.figures import digits, file_name
from resnet_export.report.profile_text import REST, fused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TOP = 10
"""Layers that are seen at once; the others unfold."""
NOTE = (
    "Times of ONNX Runtime's profiler, means of the runs between the quartiles, which add up to the latency with it. "
    "Between the nodes: ONNX Runtime's session and the profiler's own work. Around the run: the call from Python, and "
    "copies of the input and the output. A layer stands with what was fused into it. GMAC/s: multiply-adds a second, "
    "in thousands of millions."
)


def sections(report: Mapping[str, Any]) -> Iterator[str]:
    """A section for each profile of the report: its own, and those of its cases."""
    found = [("profile", report["profile"])] if report.get("profile") else []
    found += [
        (f"cases/{at}/profile", case["profile"]) for at, case in enumerate(report["cases"]) if case.get("profile")
    ]
    for where, profile in found:
        yield from _section(where, profile)


def _section(where: str, profile: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"<h2>Where the time goes <small>{text(file_name(profile['model']))} in {text(profile['runtime'])}, batch "
        f"{profile['batch']}, {number(profile['threads'], 'thread')}</small></h2>"
    )
    times = (figure(profile[key], f"{where}/{key}") for key in ("p50_ms", "profiled_median_ms"))
    yield '<p class="note">p50 {} ms, and {} ms with the profiler.</p>'.format(*times)
    operators = [
        row([text(one["op"]), *_time(f"{where}/operators/{at}", one, profile["operators"]), str(one["nodes"])], (0, 3))
        for at, one in enumerate(profile["operators"])
    ]
    for key, name in REST.items():
        share = f"{profile[key] / profile['profiled_ms']:.1%}"
        operators.append(row([name, figure(profile[key], f"{where}/{key}"), share, "", ""], (0, 3)))
    yield from table("Operators", ("operator", "ms", "share", "", "nodes"), operators, (0, 3))
    layers = list(enumerate(profile["layers"]))
    longest = sorted(layers, key=lambda entry: -entry[1]["mean_ms"])[:TOP]
    yield f"<h3>{number(len(longest), 'layer')} with the longest time</h3>"
    yield from _layers(where, longest, profile["layers"])
    if len(layers) > len(longest):
        yield f"<details><summary>All {len(layers)} in the order in which they run</summary>"
        yield from (*_layers(where, layers, profile["layers"]), "</details>")
    yield f'<p class="note">{NOTE}</p>'


def _layers(
    where: str, layers: Sequence[tuple[int, Mapping[str, Any]]], among: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    rows = []
    for at, one in layers:
        own, speed = f"{where}/layers/{at}", one["multiply_adds_per_s"]
        shown = "" if speed is None else figure(speed, f"{own}/multiply_adds_per_s", digits(speed / 1e9))
        name, op = text(fused(one["layer"], one["layers"])), text(one["op"])
        rows.append(row([name, *_time(own, one, among), shown, op], (0, 3, 5)))
    yield from table("Layers", ("layer", "ms", "share", "", "GMAC/s", "operator"), rows, (0, 3, 5))


def _time(where: str, one: Mapping[str, Any], among: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """The time, its share, and a bar: the longest of them is as wide as the column."""
    longest = max(other["mean_ms"] for other in among) or 1.0
    width = 100 * one["mean_ms"] / longest
    return (
        figure(one["mean_ms"], f"{where}/mean_ms"),
        figure(one["share"], f"{where}/share", f"{one['share']:.1%}"),
        f'<span class="track"><span class="bar" style="width:{width:.1f}%"></span></span>',
    )
