"""Raw topology -> canonical graph: the passes, in their order."""

import onnx_ir as ir
from onnx_ir.passes import PassError, Sequential
from onnx_ir.passes.common import ClearMetadataAndDocStringPass, IdentityEliminationPass, RemoveUnusedNodesPass

from resnet_export.errors import StructureError
from resnet_export.graph.batch_norm import RecogniseBatchNorm
from resnet_export.graph.folding import FoldBatchNorm
from resnet_export.graph.pads import MergePads
from resnet_export.graph.tail import CanonicalTail
from resnet_export.graph.transposes import SinkTransposes
from resnet_export.graph.walk import NameAfterSpecification
from resnet_export.spec import ResNetSpec

REWRITES = (RecogniseBatchNorm, SinkTransposes, MergePads, CanonicalTail, FoldBatchNorm)
"""Each rewrites one thing, and leaves nodes behind that nothing uses."""


def canonicalise(raw: ir.Model, spec: ResNetSpec) -> ir.Model:
    """Rewrites a raw topology in place into the canonical graph of `spec`, without numbers.

    Raises:
        StructureError: the topology is not that of `spec`; names the first node that differs.
    """
    passes = Sequential(
        IdentityEliminationPass(),
        *(step for rewrite in REWRITES for step in (rewrite(), RemoveUnusedNodesPass())),
        NameAfterSpecification(spec),
        ClearMetadataAndDocStringPass(),  # stack traces and paths that torch writes into the graph
    )
    try:
        return passes(raw).model
    except PassError as error:  # in which onnx-ir wraps whatever a pass raises
        raise error.__cause__ if isinstance(error.__cause__, StructureError) else error from None
