"""Convolutions and pools: `SAME` where the pads are those that TensorFlow makes, else pads of their own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from resnet_export.graph.access import NCHW_TO_NHWC
from resnet_export.network import Shape, concrete
from resnet_export.network.operators import OPERATORS
from resnet_export.network.operators.windows import spatial_pads
from resnet_export.targets.tensorflow.values import Call, Tensor, UnknownError, Value, tf

Sizes = Sequence[int]
LOWEST = float(np.finfo(np.float32).min)


def convolve(
    call: Call, x: Value, *, kernel_shape: Sizes, strides: Sizes, pads: Sizes, dilations: Sizes, group: int
) -> Value:
    """`Conv`, over one axis or two."""
    if len(kernel_shape) == 1:
        return _convolve_lines(call, x, kernel_shape, strides, pads, dilations, group)
    if len(kernel_shape) != 2:
        raise UnknownError(f"over {len(kernel_shape)} axes")
    weight, (shape,) = call.numbers["weight"], call.taken
    padding = _padding(shape, kernel_shape, strides, pads, dilations)
    images = _padded(x, pads, padding)
    plain = strides[0] == strides[1] and (1 in strides or {*dilations} == {1})
    if plain and 1 < group == shape[1]:
        kernel = weight.reshape(group, -1, *kernel_shape).transpose(2, 3, 0, 1)
        out = tf().nn.depthwise_conv2d(images, kernel, (1, *strides, 1), padding, dilations=dilations)
    else:
        out = tf().nn.conv2d(images, weight.transpose(2, 3, 1, 0), strides, padding, dilations=dilations)
    return Value(tf().nn.bias_add(out, call.numbers["bias"]) if "bias" in call.numbers else out, channels_last=True)


def _convolve_lines(
    call: Call, x: Value, kernel_shape: Sizes, strides: Sizes, pads: Sizes, dilations: Sizes, group: int
) -> Value:
    """Over one axis: that of an image whose height is 1."""
    numbers = {**call.numbers, "weight": call.numbers["weight"][:, :, None]}
    (batch, channels, length), (before, after) = call.taken[0], pads
    flat = replace(call, numbers=numbers, taken=((batch, channels, 1, length),))
    out = convolve(
        flat,
        Value(tf().expand_dims(x.first, 2)),
        kernel_shape=(1, *kernel_shape),
        strides=(1, *strides),
        pads=(0, before, 0, after),
        dilations=(1, *dilations),
        group=group,
    )
    return Value(tf().squeeze(out.first, 2))


def max_pool(call: Call, x: Value, *, kernel_shape: Sizes, strides: Sizes, pads: Sizes, **others: Any) -> Value:
    """`MaxPool`."""
    padding = _pool_padding(call, kernel_shape, strides, pads, others)
    # Pads of 0 leave the range of the values as it is, which is what int8 is scaled by.
    images = _padded(x, pads, padding, 0.0 if call.not_negative else LOWEST)
    return Value(tf().nn.max_pool2d(images, kernel_shape, strides, padding), channels_last=True)


def average_pool(
    call: Call, x: Value, *, kernel_shape: Sizes, strides: Sizes, pads: Sizes, count_include_pad: int, **others: Any
) -> Value:
    """`AveragePool`."""
    padding = _pool_padding(call, kernel_shape, strides, pads, others)
    out = tf().nn.avg_pool2d(_padded(x, pads, padding), kernel_shape, strides, padding)
    counted = padding == "VALID"  # TensorFlow counts the pads that were added, and never its own
    if any(pads) and counted != bool(count_include_pad):
        ones = np.ones((1, 1, *concrete(call.taken[0], 1)[2:]), np.float32)
        window = {"kernel_shape": kernel_shape, "strides": strides, "pads": pads, **others}
        right, found = (
            OPERATORS[call.op].apply({**window, "count_include_pad": counts}, [ones], {})
            for counts in (count_include_pad, int(counted))
        )
        out = out * (right / found).transpose(NCHW_TO_NHWC)
    return Value(out, channels_last=True)


def _pool_padding(
    call: Call, kernel_shape: Sizes, strides: Sizes, pads: Sizes, others: dict[str, Any]
) -> Literal["SAME", "VALID"]:
    """As `_padding`.

    Raises:
        UnknownError: TensorFlow has no such pool.
    """
    dilations, (shape,) = others["dilations"], call.taken
    if len(kernel_shape) != 2:
        raise UnknownError(f"over {len(kernel_shape)} axes")
    if {*dilations} != {1}:
        raise UnknownError("with dilations")
    window = {"kernel_shape": kernel_shape, "strides": strides, "pads": pads, "dilations": dilations}
    if OPERATORS[call.op].shape({**window, "ceil_mode": 0}, [shape], {}) != call.shape:
        raise UnknownError("with a last window that ends behind the pads")
    return _padding(shape, kernel_shape, strides, pads, dilations)


def _padding(
    shape: Shape, kernel_shape: Sizes, strides: Sizes, pads: Sizes, dilations: Sizes
) -> Literal["SAME", "VALID"]:
    """What TensorFlow has to do; `VALID` where other pads than its own are added before."""
    for size, kernel, stride, sides, dilation in zip(
        shape[2:], kernel_shape, strides, spatial_pads(pads), dilations, strict=True
    ):
        assert isinstance(size, int), "a window goes over pixels"
        total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
        if sides != (total // 2, total - total // 2):
            return "VALID"
    return "SAME"


def _padded(x: Value, pads: Sizes, padding: Literal["SAME", "VALID"], value: float = 0.0) -> Tensor:
    """(N, H, W, C), with its pads where TensorFlow doesn't make them."""
    if padding == "SAME" or not any(pads):
        return x.last
    return tf().pad(x.last, [(0, 0), *spatial_pads(pads), (0, 0)], constant_values=value)
