"""Pass: batch norm written out in arithmetic, as Keras does, becomes one `BatchNormalization` node.

    scale = gamma / sqrt(variance + eps)
    y     = x * scale + (beta - mean * scale)          x has its channels last

Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2.
"""

import onnx_ir as ir

from resnet_export.graph.rewriting import (
    NCHW_TO_NHWC,
    NHWC_TO_NCHW,
    NodePass,
    constant,
    insert,
    operands,
    producer,
    substitute,
)


class RecogniseBatchNorm(NodePass):
    """Replaces every batch norm of a channels-last value."""

    def rewrite(self, node: ir.Node) -> bool:
        """See `NodePass`."""
        found = _match(node.outputs[0])
        if found is not None:
            x, *parameters, eps = found
            first = insert(node, "Transpose", [x], {"perm": NHWC_TO_NCHW}).outputs
            normed = insert(node, "BatchNormalization", [*first, *parameters], {"epsilon": eps})
            substitute(node, "Transpose", normed.outputs, {"perm": NCHW_TO_NHWC})
        return found is not None


def _match(y: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value, ir.Value, float] | None:
    """(x, gamma, beta, mean, variance, eps) of the batch norm that computes `y`, however its sums were ordered."""
    for scaled, shift in operands(y, "Add"):
        subtraction = producer(shift, "Sub")
        if subtraction is None:
            continue
        beta, weighted_mean = subtraction.inputs
        for x, scale in operands(scaled, "Mul"):
            for mean, other in operands(weighted_mean, "Mul"):
                parts = _match_scale(scale)
                if other is scale and parts is not None and beta is not None:
                    gamma, variance, eps = parts
                    return x, gamma, beta, mean, variance, eps
    return None


def _match_scale(scale: ir.Value) -> tuple[ir.Value, ir.Value, float] | None:
    """(gamma, variance, eps) of gamma / sqrt(variance + eps), or None."""
    for root, gamma in operands(scale, "Mul"):
        reciprocal = producer(root, "Reciprocal")
        square_root = producer(reciprocal.inputs[0], "Sqrt") if reciprocal else None
        if square_root is None:
            continue
        for variance, added in operands(square_root.inputs[0], "Add"):
            eps = constant(added)
            if eps is not None and eps.size == 1:
                return gamma, variance, float(eps.item())
    return None
