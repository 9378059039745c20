"""Matrix products."""

from __future__ import annotations

import numpy as np

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, Single, feature, number, optional
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value


def _gemm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    if attributes.get("transA", 0):
        raise UnreadableError("it has transA")
    weight = number(inputs[1])
    weight = weight if attributes.get("transB", 0) else _turned(weight)
    given = optional(inputs, 2)
    if given is not None and any(size != 1 for size in number(given).value().shape[:-1]):
        raise UnreadableError("it adds another number to each image")
    bias = None if given is None else _scaled(number(given).vector(), attributes.get("beta", 1.0))
    return _product(builder, feature(inputs[0]), _scaled(weight, attributes.get("alpha", 1.0)), bias)


def _scaled(number: Number, factor: float) -> Number:
    return number if factor == 1.0 else Number("Mul", (number, Number.constant(np.float64(factor))))


def _matmul(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    left, right = inputs
    if isinstance(left, Feature) and isinstance(right, Number) and len(left.shape) == right.value().ndim == 2:
        return _product(builder, left, _turned(right), None)
    if isinstance(left, Feature) and isinstance(right, Feature):
        return builder.add("MatMul", [builder.settled(left), builder.settled(right)])
    if isinstance(left, Feature):
        return builder.add("MatMul", [builder.settled(left)], {}, {"right": number(right)})
    return builder.add("MatMul", [builder.settled(feature(right))], {}, {"left": number(left)})


def _product(builder: Builder, x: Feature, weight: Number, bias: Number | None) -> Value:
    """X W' + b; a bias of one number stands for all outputs."""
    if bias is not None and bias.value().size == 1 != weight.value().shape[0]:
        bias = Number("Expand", (bias, Number.constant([weight.value().shape[0]])))
    if bias is not None and bias.value().size != weight.value().shape[0]:
        raise UnreadableError("its bias is not one number for each output")
    return builder.add("Gemm", [builder.settled(x)], {"transB": 1}, {"weight": weight, "bias": bias})


def _turned(weight: Number) -> Number:
    """The transpose of a matrix; of a transpose, what it is the transpose of."""
    if weight.op == "Transpose" and tuple(weight.attributes.get("perm", (1, 0))) == (1, 0):
        return weight.operands[0]
    return Number("Transpose", (weight,), {"perm": (1, 0)})


RULES: dict[str, Single] = {"Gemm": _gemm, "MatMul": _matmul}
