"""What became of bundles: as text of 100 columns, and as tables for other programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from resnet_export.deploy.results import BundleResult, Decoder, DeployReport, TargetList
from resnet_export.errors import and_more
from resnet_export.report import facts
from resnet_export.report.bench.words import shown
from resnet_export.report.kit import tables
from resnet_export.terminal import WIDE, Row, blocks, file_size, table, wrapped

HEADING = ("target", "artefact", "size", "error", "allowed", "top-1", "p50 ms")
LEFT = (0, 1)
"""Columns that are aligned to the left."""
LEGEND = (
    "error: the largest distance of a score from its float64 truth, on the golden pictures; allowed: what rounding "
    "explains at this precision; top-1: pictures that get the truth's class; p50: the median time of a run, in the "
    "client."
)
DIFFER = {1: "differs,", 2: "differ, both"}


def as_text(report: DeployReport) -> str:
    """The table of the bundles, with what stands behind each."""
    title = f"{report.file} ({report.precision}), {len(report.pictures)} golden pictures"
    proven = any(bundle.proofs for bundle in report.bundles)
    legend = wrapped(LEGEND, "  ", width=WIDE) if proven else []
    rows = [row for bundle in report.bundles for row in _with_remarks(bundle)]
    return blocks([title], table(HEADING, rows, left=LEFT, width=WIDE), [*legend, *facts.told((), report.notes)])


def list_as_text(targets: TargetList) -> str:
    """The targets, what they write, and what is missing here."""
    rows = [
        Row(
            (one.name, "no" if one.problem else "yes", one.proven_by),
            [f"Writes {one.writes}.", *filter(None, (one.problem, one.hint))],
        )
        for one in targets.targets
    ]
    missing = [line for name, why in targets.not_offered.items() for line in wrapped(f"{name}: {why}", "  ")]
    return blocks(table(("target", "here", "proven by"), rows, left=(0, 1, 2)), ["Not offered:", *missing])


def as_csv(report: DeployReport) -> str:
    """A row for each artefact that was run, and one for each bundle without."""
    return tables.as_csv(_csv_rows(report))


def as_markdown(report: DeployReport) -> str:
    """The same columns as at the terminal, and the reasons below."""
    rows = [cells for bundle in report.bundles for cells in _rows(bundle)]
    reasons = [f"{bundle.target}: {bundle.reason}" for bundle in report.bundles if bundle.reason]
    return "\n\n".join([tables.as_markdown(HEADING, rows, LEFT), *map(tables.markdown_cell, reasons)])


def remarks(bundle: BundleResult) -> Iterator[str]:
    """Sentences on what stands behind the numbers of a bundle."""
    if not bundle.proofs:
        return
    proof = bundle.proofs[0]
    yield f"Run by {proof.runtime}."
    for one in bundle.proofs:
        differ = one.pictures - one.top1_agreed
        if differ:  # a proof passes only where all of these are undecided
            yield f"{one.artefact}: {differ} {DIFFER.get(differ, 'differ, all')} too close to call."
    if proof.undecided:
        yield f"Too close to call, so that two classes are right: {and_more(proof.undecided)}."
    if proof.decoders:
        others = and_more(one.picture for one in proof.decoders)
        yield f"Decoded otherwise than by Pillow: {others}; at most {_most(proof.decoders)}."


def _rows(bundle: BundleResult) -> list[tuple[str, ...]]:
    """Rows below `HEADING`: one for each artefact that was run, and one at least."""
    sizes = dict(zip(bundle.artefacts, bundle.sizes, strict=True))
    if not bundle.proofs:
        files = sizes or {bundle.status: 0}
        return [(bundle.target, name, file_size(size) if size else "", "", "", "", "") for name, size in files.items()]
    return [
        (
            "" if at else bundle.target,
            proof.artefact,
            file_size(sizes[proof.artefact]),
            f"{proof.error:.1e}",
            f"{proof.bound:.1e}",
            f"{proof.top1_agreed}/{proof.pictures}",
            shown(proof.p50_ms),
        )
        for at, proof in enumerate(bundle.proofs)
    ]


def _with_remarks(bundle: BundleResult) -> list[Row]:
    """These rows; what has to be known stands below the last."""
    *first, last = _rows(bundle)
    return [*map(Row, first), Row(last, [*remarks(bundle), *filter(None, (bundle.reason, bundle.hint))])]


def _csv_rows(report: DeployReport) -> Iterator[dict[str, Any]]:
    for bundle in report.bundles:
        common = {"target": bundle.target, "status": bundle.status, "size": sum(bundle.sizes), "reason": bundle.reason}
        if not bundle.proofs:
            yield common
        for proof in bundle.proofs:
            yield {
                **common,
                **tables.columns(proof, "artefact", "precision", "error", "bound", "top1_agreed", "pictures"),
                "p50_ms": proof.p50_ms.value,
                "p50_low": proof.p50_ms.low,
                "p50_high": proof.p50_ms.high,
            }


def _most(decoders: Sequence[Decoder]) -> str:
    """How far the decoder with the largest share is off."""
    one = max(decoders, key=lambda decoder: decoder.share)
    return f"{one.levels} of 255 a pixel and {one.share:.2g} a score ({one.picture})"
