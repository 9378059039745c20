"""Raw topology -> canonical graph: the passes, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx_ir.passes.common import ClearMetadataAndDocStringPass, IdentityEliminationPass, RemoveUnusedNodesPass

from resnet_export.graph.batch_norm import recognise_batch_norm
from resnet_export.graph.folding import fold_batch_norm
from resnet_export.graph.pads import merge_pads
from resnet_export.graph.tail import canonical_tail
from resnet_export.graph.transposes import sink_transposes
from resnet_export.graph.walk import name_after_specification

if TYPE_CHECKING:
    import onnx_ir as ir

    from resnet_export.spec import ResNetSpec

PASSES = (
    recognise_batch_norm,
    sink_transposes,
    merge_pads,
    canonical_tail,
    fold_batch_norm,
)
"""Each rewrites one thing and returns whether it changed the graph."""


def canonicalise(raw: ir.Model, spec: ResNetSpec) -> ir.Model:
    """Rewrites a raw topology in place into the canonical graph of `spec`, without numbers.

    Raises:
        StructureError: the topology is not that of `spec`; names the first node that differs.
    """
    IdentityEliminationPass()(raw)
    for rewrite in PASSES:
        rewrite(raw)
        RemoveUnusedNodesPass()(raw)
    name_after_specification(raw, spec)
    ClearMetadataAndDocStringPass()(raw)  # stack traces and paths that torch writes into the graph
    return raw
