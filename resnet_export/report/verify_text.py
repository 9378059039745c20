"""What `verify` found for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export import plain
from resnet_export.plain import INDENT, fact, printable, wrapped
from resnet_export.report import summary
from resnet_export.report.text import located, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.parity.results import Bisection, VerifyReport

ROWS = 8
"""Sentences of a kind, so that all stays on one screen; JSON has the rest."""
LONGEST_NAME = 13
"""Characters of a runtime that share a line with its numbers; with more options than that it has a line of its own."""


def render(report: VerifyReport, *, layers: bool = False) -> str:
    """The verdict and what it rests on, the runtimes, then what is wrong.

    Args:
        report: what was found.
        layers: show the error layer by layer, where it was looked at.
    """
    blocks = [
        [
            *wrapped(summary.title(report)),
            *fact("truth", f"{report.truth}, in float64"),
            *fact("yardstick", report.yardstick),
        ],
        list(_numbers(report)),
        list(_others(report)),
        list(_layers(report.bisection)) if layers and report.bisection is not None else [],
        list(_failures(report)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _numbers(report: VerifyReport) -> Iterator[str]:
    """A table of the runtimes that ran, with remarks below their rows."""
    if not report.comparisons:
        return
    cells: list[tuple[str, ...]] = [summary.HEADING]
    above: list[list[str]] = [[]]
    below: list[list[str]] = [[]]
    quantity = report.comparisons[0].quantity
    for result in summary.ran(report):
        rows = summary.rows_of(report, result.runtime)
        short = len(result.runtime) <= LONGEST_NAME
        for row in rows:
            name, *numbers = row.cells()
            first = row is rows[0]
            cells.append((name if first and short else "", *numbers))
            above.append([f"  {printable(name)}"] if first and not short else [])
            below.append([])
        for remark in summary.remarks(result, rows, quantity):
            below[-1] += wrapped(remark, "    ")
    for before, line, after in zip(above, plain.table(cells, left=(0, 1, 8)), below, strict=True):
        yield from (*before, line, *after)
    for sentence in summary.explanations(report):
        yield from wrapped(sentence, "  ")


def _others(report: VerifyReport) -> Iterator[str]:
    """The runtimes that did not run and were not asked to, and what else was left out."""
    for result in report.runtimes:
        if result.status in ("unsupported", "not applicable") and not result.refused:
            yield from wrapped(summary.reason(result), f"  {result.runtime} ".ljust(INDENT))
    missing = [result.runtime for result in report.runtimes if result.status == "not here"]
    if missing:
        yield from fact("not here", *missing)
        yield from fact("", "resnet-export doctor tells why")
    yield from _some([printable(note) for note in report.notes])


def _layers(found: Bisection) -> Iterator[str]:
    """The error layer by layer."""
    yield from wrapped(f"Layer by layer in {found.runtime}, relative to the largest value of each")
    yield from plain.table([summary.LAYER_HEADING, *map(summary.layer_cells, found.layers)], left=(0, 1, 5))
    yield from wrapped(summary.LAYER_EXPLANATION, "  ")


def _failures(report: VerifyReport) -> Iterator[str]:
    yield from _some([printable(sentence) for sentence in sentences(report)])
    for line in located(report):
        yield from wrapped(printable(line))


def _some(entries: list[str]) -> Iterator[str]:
    """The first of them, and how many more there are."""
    for entry in entries[:ROWS]:
        yield from wrapped(entry, "  - ")
    if len(entries) > ROWS:
        yield f"  ... and {len(entries) - ROWS} more; --json has them all"
