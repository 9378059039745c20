"""A file in reduced precision for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.quantize import words
from resnet_export.terminal import blocks, fact, file_size, number, printable, table, wrapped

if TYPE_CHECKING:
    from resnet_export.quantization.results import QuantizeReport

MOST_LAYERS = 5
"""Layers with the lowest SQNR that are shown."""
SQNR = (
    "SQNR: power of the float32 values over that of the difference, in decibel, after all that comes before it; 6 dB "
    "are a bit."
)


def render(report: QuantizeReport) -> str:
    """The recipe, where it was proven, the noisiest layers, and whether it is good enough."""
    return blocks(
        wrapped(printable(f"{report.path}: {report.source} in {report.quantization.recipe.precision}")),
        _facts(report),
        _proofs(report),
        _layers(report),
        _attempts(report),
        [line for note in report.notes for line in wrapped(printable(note))],
        _verdict(report),
    )


def _facts(report: QuantizeReport) -> Iterator[str]:
    made = report.quantization
    recipe = made.recipe
    share = report.size / report.float_size
    yield from fact("size", file_size(report.size), f"{share:.2f} of {file_size(report.float_size)}")
    if recipe.preset is not None:
        yield from fact("preset", f"{recipe.preset}: {report.reason}")
    if made.calibration_digest is not None:
        what = "random inputs" if made.random else number(made.calibration_pictures, "picture")
        yield from fact("calibration", what, f"sha256 {made.calibration_digest[:12]}...", f"seed {made.seed}")
    for name, tried in words.candidates(report):
        yield from fact(name, *tried)
    if report.quantised:
        yield from fact("int8 weights", number(len(report.quantised), "layer"))
    if recipe.kept_float:
        yield from fact("kept in float32", *recipe.kept_float)
    if made.drop is not None:
        yield from fact("accuracy", *words.drop(made.drop))
    yield from fact("pictures run", f"{report.pictures_run:,}")


def _proofs(report: QuantizeReport) -> Iterator[str]:
    if not report.proofs:
        return
    rows, total = [words.proof(one) for one in report.proofs], len(report.quantised)
    yield from table(("runtime", "float32 ms", "ms", "time", "agrees with float32"), rows)
    rest = [one.agreement.pictures for one in report.proofs if one.agreement is not None]
    if rest:
        yield from wrapped(f"agrees: the class is float32's, on {max(rest):,} pictures that were held out", "  ")
    for one in report.proofs:
        if one.error is not None:
            yield from wrapped(printable(f"{one.runtime}: {one.error}"), "  ")
        if one.integer is not None:
            yield from wrapped(f"{one.runtime} computes {len(one.integer)} of {number(total, 'layer')} in int8", "  ")
        if one.floating:
            named = ", ".join(one.floating[:MOST_LAYERS])
            hidden = len(one.floating) - MOST_LAYERS
            named += f" and {hidden} more" if hidden > 0 else ""
            yield from wrapped(f"{one.runtime} computes these in float32 all the same: {named}", "  ")
            yield from wrapped(one.why, "  ") if one.why is not None else ()


def _layers(report: QuantizeReport) -> Iterator[str]:
    if not report.layers:
        return
    noisiest = sorted(report.layers, key=lambda one: one.sqnr_db)[:MOST_LAYERS]
    yield from table(("lowest SQNR", "", "dB"), [(one.step, one.op, f"{one.sqnr_db:.1f}") for one in noisiest])
    yield from wrapped(SQNR, "  ")


def _attempts(report: QuantizeReport) -> Iterator[str]:
    rows = [words.attempt(one) for one in report.attempts]
    yield from table(("float32 layers", "drop", "limit", "the last of them"), rows)


def _verdict(report: QuantizeReport) -> Iterator[str]:
    if report.passed:
        yield from wrapped(f"Written: {report.path}.")
        return
    kept = "It was written all the same, and is marked." if report.written else "Nothing was written."
    for failure in report.failures:
        yield from wrapped(printable(f"FAILED: {failure}"))
    if report.undecided is not None:
        yield from wrapped(printable(f"CAN'T TELL: {report.undecided}"))
    yield from wrapped(kept)
