"""Quantised operators: each is its real counterpart between a dequantisation of its inputs and a quantisation.

    QLinearConv(x, w)         = quantize(conv(dequantize(x), dequantize(w)))
    ConvInteger(x, w)         = conv(x - x_zero_point, w - w_zero_point)
    DynamicQuantizeLinear(x)  : scale = (max(x, 0) - min(x, 0)) / 255,  zero_point = round(-min(x, 0) / scale),
                                with the largest and smallest value of all images together

which is exact but for the rounding of scales. https://onnx.ai/onnx/operators, and ONNX Runtime's ContribOperators.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from resnet_export.graph.access import NCHW_TO_NHWC, NHWC_TO_NCHW
from resnet_export.graph.reading.arithmetic import integer_limits
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import elementwise, joins, moves, products, reductions, windows
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, Single, feature, number, optional
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value

BYTE = 255
"""Largest value of the 8 bits that are quantised dynamically."""


def _quantize(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, scale, zero = inputs[0], number(inputs[1]), optional(inputs, 2)
    zero = Number.constant(np.uint8(0)) if zero is None else number(zero)
    if attributes.get("output_dtype") or attributes.get("block_size"):
        raise UnreadableError("it quantises to a type of its own, or in blocks")
    least, most = integer_limits(zero.value().dtype)
    limits = {"axis": _axis(x, attributes.get("axis", 1)), "min": float(least), "max": float(most)}
    return _linear(builder, "QuantizeLinear", x, scale, zero, limits)


def _dequantize(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, scale, zero = inputs[0], inputs[1], optional(inputs, 2)
    if not isinstance(x, Feature) and isinstance(scale, Number) and not isinstance(zero, Feature):
        operands = [number(x), scale, *([] if zero is None else [number(zero)])]
        return Number("DequantizeLinear", tuple(operands), attributes)
    if attributes.get("block_size"):
        raise UnreadableError("it dequantises in blocks")
    if isinstance(scale, Feature) or isinstance(zero, Feature):
        centred = x if zero is None else made(builder, "Sub", x, zero)
        return made(builder, "Mul", centred, scale)
    zero = Number.constant(np.uint8(0)) if zero is None else number(zero)
    along = {"axis": _axis(x, attributes.get("axis", 1))}
    return _linear(builder, "DequantizeLinear", x, number(scale), zero, along)


def _axis(x: Value | None, axis: int) -> int:
    """The axis of the step that is this one of the value; of a value of one axis there is no other."""
    taken = feature(x)
    return taken.perm[axis % len(taken.perm)] if -len(taken.perm) <= axis < len(taken.perm) else 0


def _linear(builder: Builder, op: str, x: Value | None, scale: Number, zero: Number, attributes: Attributes) -> Feature:
    taken = builder.unpadded(feature(x))
    numbers = {"scale": _flat(scale), "zero_point": _flat(zero)}
    sizes = {one.value().size for one in numbers.values()} - {1}
    if sizes - {taken.shape[attributes["axis"]]}:
        raise UnreadableError("its scales are not one number for each index of its axis")
    return builder.permuted(op, taken, attributes, numbers)


def _flat(value: Number) -> Number:
    """A scalar, or a vector, of floating numbers."""
    array = value.value()
    shape = np.array([] if array.size == 1 else [-1], np.int64)
    whole = array.dtype.kind != "f"
    value = Number("Cast", (value,), {"to": 1}) if whole else value
    return Number("Reshape", (value, Number.constant(shape)))


def _between(real: Single, count: int = 1) -> Single:
    """The quantised form of a rule: (x, scale, zero point) for each of `count` inputs, then those of the output."""

    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        rows: Inputs = [_dequantize(builder, inputs[3 * index : 3 * index + 3], {}) for index in range(count)]
        found = real(builder, rows, attributes)
        return _quantize(builder, [found, *inputs[3 * count : 3 * count + 2]], {})

    return rule


def _convolution(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, x_scale, x_zero, weight, scale, zero, y_scale, y_zero, *bias = inputs
    real = Number("DequantizeLinear", (number(weight), number(scale), number(zero)), {"axis": 0})
    unit = Number("Mul", (number(x_scale), number(scale)))
    real_bias = [Number("Mul", (number(value), unit)) for value in bias if value is not None]
    taken = _dequantize(builder, [x, x_scale, x_zero], {})
    found = windows.RULES["Conv"](builder, [taken, real, *real_bias], attributes)
    return _quantize(builder, [found, y_scale, y_zero], {})


def _product(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """`QLinearMatMul`: scales are those of rows on the left, of columns on the right."""
    left, left_scale, left_zero, right, right_scale, right_zero, y_scale, y_zero = inputs
    rows = _dequantize(builder, [left, left_scale, left_zero], {"axis": -2})
    columns = _dequantize(builder, [right, right_scale, right_zero], {"axis": -1})
    return _quantize(builder, [products.RULES["MatMul"](builder, [rows, columns], {}), y_scale, y_zero], {})


def _gemm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """`QGemm`, which gives real numbers where it has no scale of its output."""
    x, x_scale, x_zero, weight, scale, zero, bias, y_scale, y_zero = [*inputs, None, None, None][:9]
    axis = 0 if attributes.get("transB") else 1
    numbers = (number(weight), number(scale), *([] if zero is None else [number(zero)]))
    unit = Number("Mul", (number(x_scale), number(scale)))
    real = [
        _dequantize(builder, [x, x_scale, x_zero], {}),
        Number("DequantizeLinear", numbers, {"axis": axis}),
        None if bias is None else Number("Mul", (number(bias), unit)),
    ]
    found = products.RULES["Gemm"](builder, real, attributes)
    return found if y_scale is None else _quantize(builder, [found, y_scale, y_zero], {})


def _concat(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    y_scale, y_zero, *rest = inputs
    rows: Inputs = [_dequantize(builder, rest[index : index + 3], {}) for index in range(0, len(rest), 3)]
    return _quantize(builder, [joins.concat(builder, rows, attributes), y_scale, y_zero], {})


def _pool(pool: Single) -> Single:
    """A pooling that may have its channels last."""

    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        last = attributes.pop("channels_last", 0)
        x = moves.transpose(builder, inputs[:1], {"perm": NHWC_TO_NCHW}) if last else inputs[0]
        found = pool(builder, [x], attributes)
        return moves.transpose(builder, [found], {"perm": NCHW_TO_NHWC}) if last else found

    return rule


def _softmax(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """In the meaning of the opset that it names."""
    own, builder.opset = builder.opset, attributes.pop("opset", builder.opset)
    try:
        return reductions.RULES["Softmax"](builder, inputs, attributes)
    finally:
        builder.opset = own


def _centred(builder: Builder, value: Value | None, zero: Value | None, axis: int | None = None) -> Value:
    """A value less its zero point; with an axis, there may be one for each of its indices."""
    if value is None or zero is None:
        return value  # type: ignore[return-value]
    if isinstance(zero, Number):
        return _dequantize(builder, [value, Number.constant(np.float32(1)), zero], {"axis": axis or 0})
    return made(builder, "Sub", value, zero)


def _integer_convolution(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, weight = inputs[:2]
    taken = _centred(builder, x, optional(inputs, 2))
    return windows.RULES["Conv"](builder, [taken, _centred(builder, weight, optional(inputs, 3), 0)], attributes)


def _integer_product(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    left = _centred(builder, inputs[0], optional(inputs, 2), -2)
    right = _centred(builder, inputs[1], optional(inputs, 3), -1)
    return products.RULES["MatMul"](builder, [_floating(left), _floating(right)], {})


def _floating(value: Value) -> Value:
    return Number("Cast", (value,), {"to": 1}) if isinstance(value, Number) else value


def _integer_product_to_float(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    left, right, left_scale, right_scale, left_zero, right_zero, bias = [*inputs, None, None, None][:7]
    found = _integer_product(builder, [left, right, left_zero, right_zero], {})
    if isinstance(left_scale, Number) and isinstance(right_scale, Number):
        found = made(builder, "Mul", found, Number("Mul", (left_scale, right_scale)))
    else:
        found = made(builder, "Mul", made(builder, "Mul", found, left_scale), right_scale)
    return found if bias is None else made(builder, "Add", found, bias)


def _dynamic(builder: Builder, inputs: Inputs, attributes: Attributes) -> list[Value]:
    """(the value in 8 bits, its scale, its zero point): these are values of the image too."""
    x = feature(inputs[0])
    most, least = (
        made(builder, bound, feature(reductions.RULES[op](builder, [x], {"keepdims": 0})), 0.0)
        for op, bound in (("ReduceMax", "Max"), ("ReduceMin", "Min"))
    )
    scale = made(builder, "Div", made(builder, "Sub", most, least), float(BYTE))
    zero = made(builder, "Neg", made(builder, "Div", least, scale))
    limits = {"min": 0.0, "max": float(BYTE)}
    zero = made(builder, "Round", made(builder, "Clip", zero, **limits))
    shifted = made(builder, "Add", made(builder, "Round", made(builder, "Div", x, scale)), zero)
    return [made(builder, "Clip", shifted, **limits), scale, zero]


def _dynamic_product(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, weight, scale, zero, bias = [*inputs, None, None][:5]
    taken, x_scale, x_zero = _dynamic(builder, [x], {})
    return _integer_product_to_float(builder, [taken, weight, x_scale, scale, x_zero, zero, bias], {})


RULES: dict[str, Any] = {
    "ConvInteger": _integer_convolution,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _integer_product,
    "QLinearConv": _convolution,
    "QLinearMatMul": _product,
    "QuantizeLinear": _quantize,
}
RULES_OF_MICROSOFT: dict[str, Any] = {
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
    "QLinearSoftmax": _between(_softmax),
    "QuantizeLinear": _quantize,
}
