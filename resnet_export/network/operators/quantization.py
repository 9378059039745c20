"""Whole numbers in place of real ones. A quantised value is held as the floating number that it is.

quantize      q = clip(round(x / scale) + zero_point, min, max)        round half to even
dequantize    x = (q - zero_point) * scale
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network.operators.operator import Attributes, Floats, Operator, same_shape


def along(values: NDArray[Any], x: NDArray[Any], axis: int) -> NDArray[Any]:
    """One number for all, or one for each index of an axis of x, in a shape that broadcasts over x."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if index == axis % x.ndim else 1 for index in range(x.ndim)])


def _quantized(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    scale, zero = (along(numbers[role], x, attributes["axis"]) for role in ("scale", "zero_point"))
    return np.asarray(np.clip(np.rint(x / scale) + zero, attributes["min"], attributes["max"]), x.dtype)


def _dequantized(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    scale, zero = (along(numbers[role], x, attributes["axis"]) for role in ("scale", "zero_point"))
    return np.asarray((x - zero) * scale)


QUANTIZATION = {
    "DequantizeLinear": Operator(same_shape, _dequantized, since=None),
    "QuantizeLinear": Operator(same_shape, _quantized, since=None),
}
