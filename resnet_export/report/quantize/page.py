"""What a quantisation made and found as a page: one file, without scripts, that needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.kit import page, svg
from resnet_export.report.kit.page import text
from resnet_export.report.quantize import words

if TYPE_CHECKING:
    from resnet_export.quantization.results import QuantizeReport

STYLE = """
svg .bar { stroke: var(--error); stroke-width: 8; }
.mark.error { fill: var(--error); } .interval.error { stroke: var(--error); }
"""
ACROSS = 20
"""Pixels of a layer in the chart of all of them."""


def render(report: QuantizeReport) -> str:
    """An HTML document."""
    title = words.title(report)
    facts = "".join(f"<dt>{name}</dt><dd>{text(', '.join(values))}</dd>" for name, values in words.facts(report))
    body = [
        f'<h1 class="{"passed" if report.passed else "failed"}">{text(title)}</h1>',
        *(f"<p>{text(said)}</p>" for said in words.verdict(report)),
        f"<dl>{facts}</dl>",
        page.items(report.notes),
        "<h2>Runtimes</h2>",
        *page.table("Runtimes", words.PROOFS, (page.row(list(map(text, words.proof(one)))) for one in report.proofs)),
        page.items(list(words.findings(report))),
        *_layers(report),
        *_attempts(report),
    ]
    return page.page(title, body, style=STYLE)


def _layers(report: QuantizeReport) -> Iterator[str]:
    """The SQNR of each step; noise above the signal is drawn as 0."""
    if not report.layers:
        return
    chart = svg.Chart(
        "SQNR of each step",
        "In the order of the network",
        svg.categorical([one.step for one in report.layers], upright=True),
        svg.linear([max(one.sqnr_db, 0.0) for one in report.layers], "SQNR, dB"),
        svg.Frame(width=80 + ACROSS * len(report.layers), height=300, bottom=120),
    )
    for at, one in enumerate(report.layers):
        chart.bar(at, max(one.sqnr_db, 0.0), "bar", f"{one.step} ({one.op}): {one.sqnr_db:.1f} dB")
    yield "<h2>Noise, layer by layer</h2>"
    yield page.figure(chart.svg(), name="SQNR of each step", caption=words.SQNR)


def _attempts(report: QuantizeReport) -> Iterator[str]:
    """The search for the layers that stay in float32: each attempt, and what accuracy costs in time."""
    if not report.attempts:
        return
    yield "<h2>Accuracy against latency</h2>"
    rows = (page.row(list(map(text, words.attempt(one))), (2, 4)) for one in report.attempts)
    yield from page.table("Attempts", words.ATTEMPTS, rows, (2, 4))
    drawn = [(one, one.ratio) for one in report.attempts if one.ratio is not None]
    if not drawn:
        return
    ends = [100 * (end or 0.0) for one in report.attempts for end in (one.drop.low, one.drop.value, one.drop.high)]
    low, high = min(*ends, 0.0), max(*ends, 0.01)
    x = svg.linear([ratio.high or ratio.value for _, ratio in drawn], "time over float32's")
    y = svg.Axis(low, high, "drop, points", tuple((end, f"{end:.2f}") for end in sorted({low, 0.0, high})))
    chart = svg.Chart("Accuracy against latency", "An attempt each, with its 95 % intervals", x, y)
    for one, ratio in drawn:
        drop = 100 * one.drop.value
        if one.drop.interval is not None:
            bottom, top = (100 * end for end in one.drop.interval)
            chart.upright(ratio.value, bottom, top, "error")
        tip = f"{len(one.kept_float)} layers in float32: drop {drop:.2f} points, time {ratio.value:.3f}"
        chart.mark(ratio.value, drop, "error", "circle", tip)
    if report.check is not None:
        chart.bound(100 * report.check.limit, "--max-drop")
    yield page.figure(chart.svg())
