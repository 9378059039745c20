"""What `verify` found for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from collections.abc import Iterator, Sequence

from resnet_export.parity.results import Bisection, VerifyReport
from resnet_export.report import facts
from resnet_export.report.verify import summary
from resnet_export.report.verify.summary import sentences
from resnet_export.terminal import blocks, fact, printable, some, table, wrapped

ROWS = 8
"""Sentences of a kind, so that all stays on one screen; JSON has the rest."""


def render(report: VerifyReport, *, layers: bool = False) -> str:
    """The verdict and what it rests on, the runtimes, if wanted the error layer by layer, then what is wrong."""
    return blocks(
        [*wrapped(summary.title(report)), *facts.told(summary.facts(report))],
        _numbers(report),
        _others(report),
        _layers(report.bisection) if layers and report.bisection is not None else [],
        _failures(report),
    )


def _numbers(report: VerifyReport) -> Iterator[str]:
    """A table of the runtimes that ran, and what its numbers mean."""
    if report.comparisons:
        yield from table(summary.HEADING, summary.rows(report), left=(0, 1, 8))
        for sentence in summary.explanations(report):
            yield from wrapped(sentence, "  ")


def _others(report: VerifyReport) -> Iterator[str]:
    """The runtimes that did not run and were not asked to, and what else was left out."""
    for result in report.runtimes:
        if result.status in ("unsupported", "not applicable", "crashed") and not result.refused:
            yield from fact(result.runtime, summary.reason(result))
    missing = [result.runtime for result in report.runtimes if result.status == "not here"]
    if missing:
        yield from fact("not here", *missing)
        yield from fact("", "resnet-export doctor tells why")
    yield from _some(report.notes)


def _layers(found: Bisection) -> Iterator[str]:
    """The error layer by layer."""
    yield from wrapped(f"Layer by layer in {found.runtime}, relative to the largest value of each")
    yield from table(summary.LAYER_HEADING, map(summary.layer_cells, found.layers), left=(0, 1, 5))
    yield from wrapped(summary.LAYER_EXPLANATION, "  ")


def _failures(report: VerifyReport) -> Iterator[str]:
    yield from _some(sentences(report))
    for line in report.located:
        yield from wrapped(printable(line))


def _some(sentences: Sequence[str]) -> list[str]:
    entries = ["\n".join(wrapped(printable(sentence), "  - ")) for sentence in sentences]
    return some(entries, ROWS)
