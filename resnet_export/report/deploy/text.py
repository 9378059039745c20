"""What became of bundles, for a person at a terminal: plain text, tables of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.deploy import words
from resnet_export.terminal import WIDE, Row, blocks, table, wrapped

if TYPE_CHECKING:
    from resnet_export.deploy.results import DeployReport, TargetFacts, TargetList

LEFT = (0, 1)
"""Columns that are aligned to the left."""


def render(report: DeployReport) -> str:
    """The table of the bundles, with what stands behind each."""
    title = f"{report.file} ({report.precision}), {len(report.pictures)} golden pictures"
    return blocks([title], table(words.HEADING, _rows(report), left=LEFT, width=WIDE), _notes(report))


def render_list(targets: TargetList) -> str:
    """The targets, what they write, and what is missing here."""
    rows = [Row((one.name, "no" if one.problem else "yes", one.proven_by), _below(one)) for one in targets.targets]
    missing = [line for name, why in targets.not_offered.items() for line in wrapped(f"{name}: {why}", "  ")]
    return blocks(table(("target", "here", "proven by"), rows, left=(0, 1, 2)), ["Not offered:", *missing])


def _below(one: TargetFacts) -> list[str]:
    return [f"Writes {one.writes}.", *filter(None, (one.problem, one.hint))]


def _rows(report: DeployReport) -> Iterator[Row]:
    for bundle in report.bundles:
        below = [*words.remarks(bundle), *filter(None, (bundle.reason, bundle.hint))]
        cells = words.cells(bundle)
        yield Row(cells[0], below if len(cells) == 1 else ())
        for at, more in enumerate(cells[1:], 2):
            yield Row(more, below if at == len(cells) else ())


def _notes(report: DeployReport) -> Iterator[str]:
    if any(bundle.proofs for bundle in report.bundles):
        yield from wrapped(words.LEGEND, "  ", width=WIDE)
    for note in report.notes:
        yield from wrapped(note, "  note: ")
