"""Exact folding of a batch norm into the convolution before it: the pass, and the numbers.

    scale  = gamma / sqrt(variance + eps)
    weight = weight * scale          per output channel
    bias   = beta - mean * scale

computed in float64 and rounded to float32 once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.graph.rewriting import NodePass, attribute, constant, producer, redirect
from resnet_export.spec import ResNetSpec
from resnet_export.weights.canonical import Array, Weights

NORM = "resnet_export.norm"
"""Key under which a convolution's `meta` keeps the `FoldedNorm` that it absorbed."""


@dataclass(frozen=True)
class FoldedNorm:
    """Which batch norm a convolution has absorbed; the graph holds no numbers yet."""

    parameters: tuple[str | None, ...]
    """Names of gamma, beta, mean and variance."""
    eps: float


class FoldBatchNorm(NodePass):
    """Merges each batch norm into the convolution whose only use it is."""

    def rewrite(self, node: ir.Node) -> bool:
        """See `NodePass`."""
        conv = producer(node.inputs[0], "Conv") if node.op_type == "BatchNormalization" else None
        if conv is None or len(conv.outputs[0].uses()) != 1 or NORM in conv.meta or not _drop_zero_bias(conv):
            return False
        names = tuple(value.name if value is not None else None for value in node.inputs[1:5])
        conv.meta[NORM] = FoldedNorm(names, attribute(node, "epsilon", 1e-5))
        redirect(node.outputs[0], conv.outputs[0])
        return True


def _drop_zero_bias(conv: ir.Node) -> bool:
    """Takes away a bias of zeros; returns whether there is none now."""
    if len(conv.inputs) < 3 or conv.inputs[2] is None:
        return True
    bias = constant(conv.inputs[2])
    if bias is None or bias.any():
        return False
    conv.resize_inputs(2)
    return True


def folded(weights: Weights) -> dict[str, Array]:
    """The numbers of the canonical graph: name of the initializer -> array, in the order of the graph."""
    return dict(folding(weights))


def folding(weights: Weights) -> Iterator[tuple[str, Array]]:
    """Yields these numbers one by one, so that not all of them are in memory at once."""
    for step in weights.spec.steps:
        if step.op == "Conv":
            gamma, beta, mean, variance = (
                weights[f"{step.norm}.{part}"].astype(np.float64)
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gamma / np.sqrt(variance + weights.spec.eps)
            kernel = weights[f"{step.name}.weight"]
            yield f"{step.name}.weight", _scaled(kernel, scale[:, None, None, None])
            yield f"{step.name}.bias", (beta - mean * scale).astype(np.float32)
        elif step.op == "Gemm":
            for part in ("weight", "bias"):
                yield f"{step.name}.{part}", weights[f"{step.name}.{part}"]


def same_eps(found: float, spec: ResNetSpec) -> bool:
    """Whether `found`, which has passed through float32, is the specification's eps."""
    return bool(np.float32(found) == np.float32(spec.eps))


def _scaled(kernel: Array, scale: NDArray[np.float64]) -> Array:
    """The product in float64, rounded once: NumPy does so piece by piece, without a float64 copy of the kernel."""
    return np.multiply(kernel, scale, out=np.empty_like(kernel), dtype=np.float64, casting="same_kind")
