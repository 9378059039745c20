"""A file in reduced precision for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.quantize import words
from resnet_export.terminal import blocks, fact, printable, table, wrapped

if TYPE_CHECKING:
    from resnet_export.quantization.results import QuantizeReport


def render(report: QuantizeReport) -> str:
    """The recipe, where it was proven, the noisiest layers, and whether it is good enough."""
    return blocks(
        wrapped(printable(words.title(report))),
        [line for name, values in words.facts(report) for line in fact(name, *values)],
        _proofs(report),
        _layers(report),
        _attempts(report),
        [line for note in report.notes for line in wrapped(printable(note))],
        _verdict(report),
    )


def _proofs(report: QuantizeReport) -> Iterator[str]:
    if not report.proofs:
        return
    yield from table(words.PROOFS, [words.proof(one) for one in report.proofs])
    yield from (line for said in words.findings(report) for line in wrapped(printable(said), "  "))


def _layers(report: QuantizeReport) -> Iterator[str]:
    if not report.layers:
        return
    noisiest = sorted(report.layers, key=lambda one: one.sqnr_db)[: words.MOST_LAYERS]
    yield from table(("lowest SQNR", "", "dB"), [(one.step, one.op, f"{one.sqnr_db:.1f}") for one in noisiest])
    yield from wrapped(words.SQNR, "  ")


def _attempts(report: QuantizeReport) -> Iterator[str]:
    yield from table(words.ATTEMPTS, [words.attempt(one) for one in report.attempts])


def _verdict(report: QuantizeReport) -> Iterator[str]:
    for said in words.verdict(report):
        yield from wrapped(printable(said))
