"""What the forms of a quantisation share: the numbers in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import FEW_LAUNCHES, digits, interval
from resnet_export.terminal import file_size, number

if TYPE_CHECKING:
    from resnet_export.graph.recipe import Share
    from resnet_export.quantization.results import Attempt, QuantizeReport, RuntimeProof

CORRECTIONS = ("equalised", "bias-corrected")
PROOFS = ("runtime", "float32 ms", "ms", "time", "agrees with float32")
ATTEMPTS = ("float32 layers", "drop", "limit", "time", "the last of them")
MOST_LAYERS = 5
"""Layers that are named."""
SQNR = (
    "SQNR: power of the float32 values over that of the difference, in decibel, after all that comes before it; 6 dB "
    "are a bit."
)


def title(report: QuantizeReport) -> str:
    """The file, what it was made of, and its precision."""
    return f"{report.path}: {report.source} in {report.quantization.recipe.precision}"


def facts(report: QuantizeReport) -> Iterator[tuple[str, list[str]]]:
    """(name, values): how it was made."""
    made, recipe = report.quantization, report.quantization.recipe
    share = report.size / report.float_size
    yield "size", [file_size(report.size), f"{share:.2f} of {file_size(report.float_size)}"]
    if recipe.preset is not None:
        yield "preset", [f"{recipe.preset}: {report.reason}"]
    if made.calibration_digest is not None:
        what = "random inputs" if made.random else number(made.calibration_pictures, "picture")
        yield "calibration", [what, f"sha256 {made.calibration_digest[:12]}...", f"seed {made.seed}"]
    yield from candidates(report)
    if report.quantised:
        yield "int8 weights", [number(len(report.quantised), "layer")]
    if recipe.kept_float:
        yield "kept in float32", [*recipe.kept_float]
    if made.drop is not None:
        yield "accuracy", drop(made.drop)
    yield "pictures run", [f"{report.pictures_run:,}"]


def findings(report: QuantizeReport) -> Iterator[str]:
    """What stands below the table of runtimes, a sentence each."""
    rest = [one.agreement.pictures for one in report.proofs if one.agreement is not None]
    if rest:
        yield f"agrees: the class is float32's, on {max(rest):,} pictures that were held out"
    for one in report.proofs:
        if one.error is not None:
            yield f"{one.runtime}: {one.error}"
        if one.integer is not None:
            yield f"{one.runtime} computes {len(one.integer)} of {number(len(report.quantised), 'layer')} in int8"
        if one.floating:
            hidden = len(one.floating) - MOST_LAYERS
            named = ", ".join(one.floating[:MOST_LAYERS]) + (f" and {hidden} more" if hidden > 0 else "")
            yield f"{one.runtime} computes these in float32 all the same: {named}"
            yield from () if one.why is None else (one.why,)
    if any(one.ratio is not None and not one.ratio.has_interval for one in report.proofs):
        yield FEW_LAUNCHES


def verdict(report: QuantizeReport) -> Iterator[str]:
    """Whether it was written, and why not, a sentence each."""
    if report.passed:
        yield f"Written: {report.path}."
        return
    yield from (f"FAILED: {failure}" for failure in report.failures)
    if report.undecided is not None:
        yield f"CAN'T TELL: {report.undecided}"
    yield "It was written all the same, and is marked." if report.written else "Nothing was written."


def candidates(report: QuantizeReport) -> Iterator[tuple[str, list[str]]]:
    """(name of the choice, what was tried with its error), the chosen ones marked."""
    recipe = report.quantization.recipe
    for name, tried in (
        ("ranges", [one for one in report.candidates if one.what not in CORRECTIONS]),
        ("corrections", [one for one in report.candidates if one.what in CORRECTIONS]),
    ):
        if tried:
            shown = [f"{one.what} {one.sqnr_db:.1f} dB{' (taken)' if one.chosen else ''}" for one in tried]
            yield name, shown if any(one.chosen for one in tried) else [*shown, "none taken"]
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
    time = "-" if found.ratio is None else f"{found.ratio.value:.3f}"
    return str(len(found.kept_float)), drop, status, time, found.kept_float[-1] if found.kept_float else ""
