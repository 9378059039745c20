"""Pass: batch norm written out in arithmetic, as Keras does, becomes one `BatchNormalization` node.

    scale = gamma / sqrt(variance + eps)
    y     = x * scale + (beta - mean * scale)          x has its channels last

Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resnet_export.graph.rewriting import (
    NCHW_TO_NHWC,
    NHWC_TO_NCHW,
    constant,
    insert,
    operands,
    producer,
    substitute,
)

if TYPE_CHECKING:
    import onnx_ir as ir


class _BatchNorm(NamedTuple):
    x: ir.Value
    gamma: ir.Value
    beta: ir.Value
    mean: ir.Value
    variance: ir.Value
    eps: float


def recognise_batch_norm(model: ir.Model) -> bool:
    """Replaces every batch norm of a channels-last value; returns whether there was one."""
    changed = False
    for node in list(model.graph):
        found = _match(node.outputs[0])
        if found is None:
            continue
        x = insert(node, "Transpose", [found.x], {"perm": NHWC_TO_NCHW}).outputs[0]
        normed = insert(
            node,
            "BatchNormalization",
            [x, found.gamma, found.beta, found.mean, found.variance],
            {"epsilon": found.eps},
        )
        substitute(node, "Transpose", normed.outputs, {"perm": NCHW_TO_NHWC})
        changed = True
    return changed


def _match(y: ir.Value) -> _BatchNorm | None:
    """The batch norm that computes `y`, in whatever order its sums and products were written."""
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
                    return _BatchNorm(x, gamma, beta, mean, variance, eps)
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
