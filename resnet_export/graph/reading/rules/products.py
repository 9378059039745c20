"""Matrix products."""

import numpy as np

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value


def _gemm(
    builder: Builder,
    x: Input,
    weight: Input,
    bias: Input = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803
    transB: int = 0,  # noqa: N803
) -> Value:
    if transA:
        raise UnreadableError("it has transA")
    turned = number(weight) if transB else _turned(number(weight))
    if bias is not None and any(size != 1 for size in number(bias).value().shape[:-1]):
        raise UnreadableError("it adds another number to each image")
    added = None if bias is None else _scaled(number(bias).vector(), beta)
    return _product(builder, feature(x), _scaled(turned, alpha), added)


def _scaled(number: Number, factor: float) -> Number:
    return number if factor == 1.0 else Number("Mul", (number, Number.constant(np.float64(factor))))


def _matmul(builder: Builder, left: Input, right: Input) -> Value:
    if isinstance(left, Feature) and isinstance(right, Number) and len(left.shape) == right.value().ndim == 2:
        return _product(builder, left, _turned(right), None)
    numbers = {role: value for role, value in (("left", left), ("right", right)) if isinstance(value, Number)}
    features = [builder.settled(value) for value in (left, right) if isinstance(value, Feature)]
    return builder.add("MatMul", features, {}, numbers)


def _product(builder: Builder, x: Feature, weight: Number, bias: Number | None) -> Value:
    """X W' + b; a bias of one number stands for all outputs."""
    if bias is not None and bias.value().size == 1 != weight.value().shape[0]:
        bias = Number("Expand", (bias, Number.constant([weight.value().shape[0]])))
    if bias is not None and bias.value().size != weight.value().shape[0]:
        raise UnreadableError("its bias is not one number for each output")
    if len(x.shape) == 2:
        return builder.add("Gemm", [builder.settled(x)], {"transB": 1}, {"weight": weight, "bias": bias})
    product = builder.add("MatMul", [builder.settled(x)], {}, {"right": _turned(weight)})
    return product if bias is None else made(builder, "Add", product, bias)


def _turned(weight: Number) -> Number:
    """The transpose of a matrix; of a transpose, what it is the transpose of."""
    if weight.op == "Transpose" and tuple(weight.attributes.get("perm", (1, 0))) == (1, 0):
        return weight.operands[0]
    return Number("Transpose", (weight,), {"perm": (1, 0)})


RULES: dict[str, Single] = {"Gemm": _gemm, "MatMul": _matmul}
