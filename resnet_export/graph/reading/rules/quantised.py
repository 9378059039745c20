"""Quantised operators: each is its real counterpart between a dequantisation of its inputs and a quantisation.

    QLinearConv(x, w)         = quantize(conv(dequantize(x), dequantize(w)))
    ConvInteger(x, w)         = conv(x - x_zero_point, w - w_zero_point)
    DynamicQuantizeLinear(x)  : scale = (max(x, 0) - min(x, 0)) / 255,  zero_point = round(-min(x, 0) / scale),
                                with the largest and smallest value of all images together

which is exact but for the rounding of scales. https://onnx.ai/onnx/operators, and ONNX Runtime's ContribOperators.md.
"""

from functools import partial
from typing import Any

import numpy as np

from resnet_export.graph.access import NCHW_TO_NHWC, NHWC_TO_NCHW
from resnet_export.graph.reading.arithmetic import integer_limits
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import elementwise, joins, moves, products, reductions, windows
from resnet_export.graph.reading.rules.arguments import Input, Rule, Single, feature, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value

BYTE = 255
"""Largest value of the 8 bits that are quantised dynamically."""
NO_ZERO = Number.constant(np.uint8(0))
"""The zero point that is left out."""


def _quantize(
    builder: Builder,
    x: Input,
    scale: Input,
    zero: Input = None,
    *,
    axis: int = 1,
    output_dtype: int = 0,
    block_size: int = 0,
    **_: Any,
) -> Value:
    if output_dtype or block_size:
        raise UnreadableError("it quantises to a type of its own, or in blocks")
    point = number(zero or NO_ZERO)
    least, most = integer_limits(point.value().dtype)
    return _linear(builder, "QuantizeLinear", x, number(scale), point, axis, min=float(least), max=float(most))


def _dequantize(
    builder: Builder, x: Input, scale: Input, zero: Input = None, *, axis: int = 1, block_size: int = 0, **_: Any
) -> Value:
    if not isinstance(x, Feature) and isinstance(scale, Number) and not isinstance(zero, Feature):
        operands = (number(x), scale, *(() if zero is None else (zero,)))
        return Number("DequantizeLinear", operands, {"axis": axis, "block_size": block_size})
    if block_size:
        raise UnreadableError("it dequantises in blocks")
    if isinstance(scale, Feature) or isinstance(zero, Feature):
        return made(builder, "Mul", x if zero is None else made(builder, "Sub", x, zero), scale)
    return _linear(builder, "DequantizeLinear", x, number(scale), number(zero or NO_ZERO), axis)


def _linear(builder: Builder, op: str, x: Input, scale: Number, zero: Number, axis: int, **limits: float) -> Feature:
    taken = builder.unpadded(feature(x))
    rank = len(taken.perm)
    own = taken.perm[axis % rank] if -rank <= axis < rank else 0  # of a value of one axis there is no other
    numbers = {"scale": _flat(scale), "zero_point": _flat(zero)}
    sizes = {one.value().size for one in numbers.values()} - {1}
    if sizes - {taken.shape[own]}:
        raise UnreadableError("its scales are not one number for each index of its axis")
    return builder.permuted(op, taken, {"axis": own, **limits}, numbers)


def _flat(value: Number) -> Number:
    """A scalar, or a vector, of floating numbers."""
    array = value.value()
    shape = np.array([] if array.size == 1 else [-1], np.int64)
    return Number("Reshape", (_floating(value) if array.dtype.kind != "f" else value, Number.constant(shape)))


def _floating(value: Number) -> Number:
    return Number("Cast", (value,), {"to": 1})


def _between(real: Single, count: int = 1) -> Single:
    """The quantised form of a rule: (x, scale, zero point) for each of `count` inputs, then those of the output."""

    def rule(builder: Builder, *inputs: Input, **attributes: Any) -> Value:
        rows = (_dequantize(builder, *inputs[3 * index : 3 * index + 3]) for index in range(count))
        return _quantize(builder, real(builder, *rows, **attributes), *inputs[3 * count : 3 * count + 2])

    return rule


def _convolution(builder: Builder, *inputs: Input, **attributes: Any) -> Value:
    x, x_scale, x_zero, weight, scale, zero, y_scale, y_zero, bias = (*inputs, None)[:9]
    real = Number("DequantizeLinear", (number(weight), number(scale), number(zero)), {"axis": 0})
    taken = _dequantize(builder, x, x_scale, x_zero)
    real_bias = _dequantised_bias(bias, x_scale, scale)
    found = windows.RULES["Conv"](builder, taken, real, real_bias, **attributes)
    return _quantize(builder, found, y_scale, y_zero)


def _dequantised_bias(bias: Input, x_scale: Input, scale: Input) -> Number | None:
    return None if bias is None else Number("Mul", (number(bias), Number("Mul", (number(x_scale), number(scale)))))


def _product(builder: Builder, *inputs: Input) -> Value:
    """`QLinearMatMul`: scales are those of rows on the left, of columns on the right."""
    left, left_scale, left_zero, right, right_scale, right_zero, *output = inputs
    rows = _dequantize(builder, left, left_scale, left_zero, axis=-2)
    columns = _dequantize(builder, right, right_scale, right_zero, axis=-1)
    return _quantize(builder, products.RULES["MatMul"](builder, rows, columns), *output)


def _gemm(builder: Builder, *inputs: Input, **attributes: Any) -> Value:
    """`QGemm`, which gives real numbers where it has no scale of its output."""
    x, x_scale, x_zero, weight, scale, zero, bias, y_scale, y_zero = (*inputs, None, None, None)[:9]
    taken = _dequantize(builder, x, x_scale, x_zero)
    real = _dequantize(builder, number(weight), number(scale), zero, axis=0 if attributes.get("transB") else 1)
    found = products.RULES["Gemm"](builder, taken, real, _dequantised_bias(bias, x_scale, scale), **attributes)
    return found if y_scale is None else _quantize(builder, found, y_scale, y_zero)


def _concat(builder: Builder, y_scale: Input, y_zero: Input, *rest: Input, axis: int) -> Value:
    rows = (_dequantize(builder, *rest[index : index + 3]) for index in range(0, len(rest), 3))
    return _quantize(builder, joins.concat(builder, *rows, axis=axis), y_scale, y_zero)


def _pool(pool: Single) -> Single:
    """A pooling that may have its channels last."""

    def rule(builder: Builder, x: Input, channels_last: int = 0, **attributes: Any) -> Value:
        if not channels_last:
            return pool(builder, x, **attributes)
        found = pool(builder, moves.transpose(builder, x, NHWC_TO_NCHW), **attributes)
        return moves.transpose(builder, found, NCHW_TO_NHWC)

    return rule


def _centred(builder: Builder, value: Input, zero: Input, axis: int = 0) -> Input:
    """A value less its zero point; with an axis, there may be one for each of its indices."""
    if zero is None:
        return value
    if isinstance(zero, Number):
        return _dequantize(builder, value, elementwise.ONE, zero, axis=axis)
    return made(builder, "Sub", value, zero)


def _integer_convolution(
    builder: Builder, x: Input, weight: Input, x_zero: Input = None, zero: Input = None, **attributes: Any
) -> Value:
    taken, kernel = _centred(builder, x, x_zero), _centred(builder, weight, zero)
    return windows.RULES["Conv"](builder, taken, kernel, **attributes)


def _integer_product(
    builder: Builder, left: Input, right: Input, left_zero: Input = None, right_zero: Input = None
) -> Value:
    rows, columns = _centred(builder, left, left_zero, -2), _centred(builder, right, right_zero, -1)
    real = (_floating(value) if isinstance(value, Number) else value for value in (rows, columns))
    return products.RULES["MatMul"](builder, *real)


def _integer_product_to_float(builder: Builder, *inputs: Input) -> Value:
    left, right, left_scale, right_scale, left_zero, right_zero, bias = (*inputs, None, None, None)[:7]
    found = _integer_product(builder, left, right, left_zero, right_zero)
    if isinstance(left_scale, Number) and isinstance(right_scale, Number):
        found = made(builder, "Mul", found, Number("Mul", (left_scale, right_scale)))
    else:
        found = made(builder, "Mul", made(builder, "Mul", found, left_scale), right_scale)
    return found if bias is None else made(builder, "Add", found, bias)


def _dynamic(builder: Builder, x: Input) -> list[Value]:
    """(the value in 8 bits, its scale, its zero point): these are values of the image too."""
    do = partial(made, builder)
    most, least = (
        do(bound, reductions.RULES[op](builder, x, keepdims=0), 0.0)
        for op, bound in (("ReduceMax", "Max"), ("ReduceMin", "Min"))
    )
    scale = do("Div", do("Sub", most, least), float(BYTE))
    zero = do("Neg", do("Div", least, scale))
    limits = {"min": 0.0, "max": float(BYTE)}
    zero = do("Round", do("Clip", zero, **limits))
    shifted = do("Add", do("Round", do("Div", x, scale)), zero)
    return [do("Clip", shifted, **limits), scale, zero]


def _dynamic_product(
    builder: Builder, x: Input, weight: Input, scale: Input, zero: Input = None, bias: Input = None
) -> Value:
    taken, x_scale, x_zero = _dynamic(builder, x)
    return _integer_product_to_float(builder, taken, weight, x_scale, scale, x_zero, zero, bias)


RULES: dict[str, Rule] = {
    "ConvInteger": _integer_convolution,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _integer_product,
    "QLinearConv": _convolution,
    "QLinearMatMul": _product,
    "QuantizeLinear": _quantize,
}
RULES_OF_MICROSOFT: dict[str, Rule] = {
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeMatMul": _dynamic_product,
    "MatMulIntegerToFloat": _integer_product_to_float,
    "QGemm": _gemm,
    "QLinearAdd": _between(elementwise.RULES["Add"], 2),
    "QLinearAveragePool": _between(_pool(windows.RULES["AveragePool"])),
    "QLinearConcat": _concat,
    "QLinearConv": _convolution,
    "QLinearGlobalAveragePool": _between(_pool(reductions.RULES["GlobalAveragePool"])),
    "QLinearLeakyRelu": _between(elementwise.RULES["LeakyRelu"]),
    "QLinearMul": _between(elementwise.RULES["Mul"], 2),
    "QLinearSigmoid": _between(elementwise.RULES["Sigmoid"]),
    "QLinearSoftmax": _between(reductions.RULES["Softmax"]),
    "QuantizeLinear": _quantize,
}
