"""Whole numbers in place of real ones. A quantised value is held as the floating number that it is.

quantize      q = clip(round(x / scale) + zero_point, min, max)        round half to even
dequantize    x = (q - zero_point) * scale
"""

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator


def _along(values: Floats, x: Floats, axis: int) -> Floats:
    """One number for all, or one for each index of an axis of x, in a shape that broadcasts over x."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if index == axis % x.ndim else 1 for index in range(x.ndim)])


def _quantized(x: Floats, scale: Floats, zero_point: Floats, axis: int, min: float, max: float) -> Floats:  # noqa: A002
    steps = np.rint(x / _along(scale, x, axis)) + _along(zero_point, x, axis)
    return np.asarray(np.clip(steps, min, max), x.dtype)


def _dequantized(x: Floats, scale: Floats, zero_point: Floats, axis: int) -> Floats:
    return np.asarray((x - _along(zero_point, x, axis)) * _along(scale, x, axis))


QUANTIZATION = {
    "DequantizeLinear": Operator(_dequantized, since=None),
    "QuantizeLinear": Operator(_quantized, since=None),
}
