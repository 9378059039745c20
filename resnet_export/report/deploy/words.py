"""What became of bundles, in the words that all forms of the result share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import shown
from resnet_export.terminal import file_size

if TYPE_CHECKING:
    from resnet_export.deploy.results import BundleResult, Decoder, Proof

HEADING = ("target", "artefact", "size", "error", "allowed", "top-1", "p50 ms")
LEGEND = (
    "error: the largest distance of a score from its float64 truth, on the golden pictures; allowed: what rounding "
    "explains at this precision; top-1: pictures that get the truth's class; p50: the median time of a run, in the "
    "client."
)
DIFFER = {1: "differs,", 2: "differ, both"}
SHOWN = 3
"""Pictures that are named before the rest is counted."""


def cells(bundle: BundleResult) -> list[tuple[str, ...]]:
    """Rows below `HEADING`: one for each artefact that was run, and one at least."""
    sizes = dict(zip(bundle.artefacts, bundle.sizes, strict=True))
    if not bundle.proofs:
        files = sizes or {bundle.status: 0}
        return [(bundle.target, name, file_size(size) if size else "", "", "", "", "") for name, size in files.items()]
    rows: list[tuple[str, ...]] = []
    for at, proof in enumerate(bundle.proofs):
        first = at == 0
        rows.append((bundle.target * first, proof.artefact, file_size(sizes[proof.artefact]), *_measured(proof)))
    return rows


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
        yield f"Too close to call, so that two classes are right: {_named(proof.undecided)}."
    if proof.decoders:
        most = max(proof.decoders, key=lambda one: one.share)
        yield (
            f"Decoded otherwise than by Pillow: {_named([one.picture for one in proof.decoders])}; "
            f"at most {_share(most)}."
        )


def _measured(proof: Proof) -> tuple[str, str, str, str]:
    return f"{proof.error:.1e}", f"{proof.bound:.1e}", f"{proof.top1_agreed}/{proof.pictures}", shown(proof.p50_ms)


def _share(decoder: Decoder) -> str:
    return f"{decoder.levels} of 255 a pixel and {decoder.share:.2g} a score ({decoder.picture})"


def _named(pictures: list[str] | tuple[str, ...]) -> str:
    more = len(pictures) - SHOWN
    return ", ".join(pictures[:SHOWN]) + (f" and {more} more" if more > 0 else "")
