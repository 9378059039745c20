"""What became of bundles as a table for other programs: CSV, and Markdown as GitHub shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from resnet_export.report.deploy import words
from resnet_export.report.kit import tables

if TYPE_CHECKING:
    from resnet_export.deploy.results import DeployReport

ALIGN = ("---", "---", "---:", "---:", "---:", "---:", "---:")


def as_csv(report: DeployReport) -> str:
    """A row for each artefact that was run, and one for each bundle without."""
    return tables.as_csv(_csv_rows(report))


def as_markdown(report: DeployReport) -> str:
    """The same columns as at the terminal, and the reasons below."""
    rows = [row for bundle in report.bundles for row in words.cells(bundle)]
    reasons = [f"{bundle.target}: {bundle.reason}" for bundle in report.bundles if bundle.reason]
    return "\n\n".join([tables.as_markdown(words.HEADING, ALIGN, rows), *map(tables.markdown_cell, reasons)])


def _csv_rows(report: DeployReport) -> Iterator[dict[str, Any]]:
    for bundle in report.bundles:
        common = {"target": bundle.target, "status": bundle.status, "size": sum(bundle.sizes), "reason": bundle.reason}
        for proof in bundle.proofs or (None,):
            measured = (
                {}
                if proof is None
                else {
                    "artefact": proof.artefact,
                    "precision": proof.precision,
                    "error": proof.error,
                    "bound": proof.bound,
                    "top1_agreed": proof.top1_agreed,
                    "pictures": proof.pictures,
                    "p50_ms": proof.p50_ms.value,
                    "p50_low": proof.p50_ms.low,
                    "p50_high": proof.p50_ms.high,
                }
            )
            yield {**common, **measured}
