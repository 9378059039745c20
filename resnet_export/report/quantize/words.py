"""What the forms of a quantisation share: the numbers in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import digits, interval
from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.graph.recipe import Share
    from resnet_export.quantization.results import Attempt, QuantizeReport, RuntimeProof

CORRECTIONS = ("equalised", "bias-corrected")


def candidates(report: QuantizeReport) -> Iterator[tuple[str, list[str]]]:
    """(name of the choice, what was tried with its error), the chosen ones marked."""
    recipe = report.quantization.recipe
    for name, tried in (
        ("ranges", [one for one in report.candidates if one.what not in CORRECTIONS]),
        ("corrections", [one for one in report.candidates if one.what in CORRECTIONS]),
    ):
        if tried:
            yield name, [f"{one.what} {one.sqnr_db:.1f} dB{' (taken)' if one.chosen else ''}" for one in tried]
    if not report.candidates and recipe.ranges is not None:
        yield "ranges", [recipe.ranges, "by the recipe"]


def share(found: Share | None) -> str:
    """`98.4% [96.1 99.4]`."""
    if found is None:
        return "-"
    return f"{found.value:.1%} [{100 * found.low:.1f} {100 * found.high:.1f}]"


def drop(found: Share) -> list[str]:
    """`0.20 points [-0.05 0.45] below float32`, and on how many pictures."""
    ends = f"[{100 * found.low:.2f} {100 * found.high:.2f}]"
    return [
        f"{100 * found.value:.2f} points {ends} below float32", f"on {number(found.pictures, 'labelled picture')}"
    ]  # fmt: skip


def proof(found: RuntimeProof) -> tuple[str, ...]:
    """A row of the table of runtimes."""
    times = [digits(ms) if ms is not None else "-" for ms in (found.float_ms, found.reduced_ms)]
    ratio = "not timed" if found.ratio is None else f"{found.ratio.value:.3f} {interval(found.ratio)}"
    return found.runtime, *times, ratio, share(found.agreement)


def attempt(found: Attempt) -> tuple[str, ...]:
    """A row of the search for the layers that have to stay in float32."""
    low, high = found.drop.interval or (-1.0, 1.0)
    drop = f"{100 * found.drop.value:.2f} [{100 * low:.2f} {100 * high:.2f}]"
    status = {"passed": "kept", "failed": "exceeded", "undecided": "can't tell"}[found.status]
    return str(len(found.kept_float)), drop, status, found.kept_float[-1] if found.kept_float else ""
