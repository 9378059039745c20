"""What ONNX Runtime makes of a graph that it optimises and saves: an operator together with what followed it.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import activations, elementwise, products, windows
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, feature, number, optional
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Number, UnreadableError, Value

PARAMETERS = {"Clip": ("min", "max"), "HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",)}
"""Activation -> what its parameters are, in their order."""
QUICK = 1.702
"""Slope of the sigmoid that stands for a Gelu's share."""


def _activated(builder: Builder, found: Value, attributes: Attributes, parameters: Any) -> Value:
    op = attributes.get("activation")
    if not op:
        return found
    if op not in elementwise.RULES:
        raise UnreadableError(f"its activation is {op}")
    return elementwise.RULES[op](builder, [found], dict(zip(PARAMETERS.get(op, ()), parameters, strict=False)))


def _convolution(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """activation(conv(x, w) + bias + other)."""
    found = windows.RULES["Conv"](builder, inputs[:3], attributes)
    other = optional(inputs, 3)
    if other is not None:
        found = made(builder, "Add", found, other)
    return _activated(builder, found, attributes, attributes.get("activation_params", ()))


def _gemm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    found = products.RULES["Gemm"](builder, inputs, attributes)
    named = [attributes[name] for name in ("activation_alpha", "activation_beta") if name in attributes]
    return _activated(builder, found, attributes, named)


def _matmul(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """A product that is scaled, and whose second operand may have to be transposed."""
    if attributes.get("transA") or attributes.get("transBatchA") or attributes.get("transBatchB"):
        raise UnreadableError("it transposes its first operand, or batches")
    right = number(inputs[1])
    if attributes.get("transB"):
        order = list(range(right.value().ndim))
        right = Number("Transpose", (right,), {"perm": [*order[:-2], order[-1], order[-2]]})
    found = feature(products.RULES["MatMul"](builder, [inputs[0], right], {}))
    alpha = attributes.get("alpha", 1.0)
    return found if alpha == 1.0 else made(builder, "Mul", found, alpha)


def _biased_gelu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    bias = optional(inputs, 1)
    x = inputs[0] if bias is None else made(builder, "Add", inputs[0], bias)
    return activations.RULES["Gelu"](builder, [x], attributes)


def _fast_gelu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    return _biased_gelu(builder, inputs, {"approximate": "tanh"})


def _quick_gelu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    return activations.RULES["Swish"](builder, inputs, {"alpha": QUICK, **attributes})


RULES: dict[str, Any] = {
    "BiasGelu": _biased_gelu,
    "FastGelu": _fast_gelu,
    "FusedConv": _convolution,
    "FusedGemm": _gemm,
    "FusedMatMul": _matmul,
    "Gelu": _biased_gelu,
    "QuickGelu": _quick_gelu,
}
