"""What ONNX Runtime makes of a graph that it optimises and saves: an operator together with what followed it.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import activations, elementwise, products, windows
from resnet_export.graph.reading.rules.arguments import Input, Single, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Number, UnreadableError, Value

PARAMETERS = {"Clip": ("min", "max"), "HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",)}
"""Activation -> what its parameters are, in their order."""
QUICK = 1.702
"""Slope of the sigmoid that stands for a Gelu's share."""


def _activated(builder: Builder, found: Value, op: str, parameters: Sequence[float | None]) -> Value:
    if not op:
        return found
    if op not in elementwise.RULES:
        raise UnreadableError(f"its activation is {op}")
    named = zip(PARAMETERS.get(op, ()), parameters, strict=False)
    return made(builder, op, found, **{name: value for name, value in named if value is not None})


def _convolution(
    builder: Builder,
    x: Input,
    weight: Input,
    bias: Input = None,
    other: Input = None,
    *,
    activation: str = "",
    activation_params: Sequence[float] = (),
    **attributes: Any,
) -> Value:
    """activation(conv(x, w) + bias + other)."""
    found = windows.RULES["Conv"](builder, x, weight, bias, **attributes)
    if other is not None:
        found = made(builder, "Add", found, other)
    return _activated(builder, found, activation, activation_params)


def _gemm(
    builder: Builder,
    *inputs: Input,
    activation: str = "",
    activation_alpha: float | None = None,
    activation_beta: float | None = None,
    activation_gamma: float | None = None,
    **attributes: Any,
) -> Value:
    found = products.RULES["Gemm"](builder, *inputs, **attributes)
    return _activated(builder, found, activation, (activation_alpha, activation_beta))


def _matmul(
    builder: Builder,
    left: Input,
    right: Input,
    *,
    alpha: float = 1.0,
    transB: int = 0,  # noqa: N803
    **transposes: int,
) -> Value:
    """A product that is scaled, and whose second operand may have to be transposed."""
    if any(transposes.values()):
        raise UnreadableError("it transposes its first operand, or batches")
    factor = number(right)
    if transB:
        order = list(range(factor.value().ndim))
        factor = Number("Transpose", (factor,), {"perm": [*order[:-2], order[-1], order[-2]]})
    found = products.RULES["MatMul"](builder, left, factor)
    return found if alpha == 1.0 else made(builder, "Mul", found, alpha)


def _biased_gelu(builder: Builder, x: Input, bias: Input = None, *, approximate: str = "none") -> Value:
    taken = x if bias is None else made(builder, "Add", x, bias)
    return activations.RULES["Gelu"](builder, taken, approximate=approximate)


RULES: dict[str, Single] = {
    "BiasGelu": _biased_gelu,
    "FastGelu": partial(_biased_gelu, approximate="tanh"),
    "FusedConv": _convolution,
    "FusedGemm": _gemm,
    "FusedMatMul": _matmul,
    "Gelu": _biased_gelu,
    "QuickGelu": lambda builder, x, alpha=QUICK: activations.RULES["Swish"](builder, x, alpha=alpha),
}
