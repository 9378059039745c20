"""Operators that go over their input with a window: convolution, pooling, padding.

output size   = floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1         ceil with `ceil_mode`
convolution   y = W x + b,  with the columns of x cut out by the window (im2col)
max pooling   pads with minus infinity; average pooling counts its pads with `count_include_pad` only
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_export.network.operators.operator import Attributes, Floats, Operator, Sizes, along_channels, sum_over
from resnet_export.network.sizes import Shape

Pads = Sequence[tuple[int, int]]
"""(before, after) of each spatial axis."""


def output_size(size: int, kernel: int, stride: int, pads: int, dilation: int = 1) -> int:
    """Length of an axis after a window: floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1."""
    return (size + pads - dilation * (kernel - 1) - 1) // stride + 1


def _convolution_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    weight = parameters["weight"]
    if len(x) != len(weight) or x[1] != weight[1] * attributes["group"]:
        raise ValueError(f"a convolution with weights {weight} in {attributes['group']} groups of {x}")
    return (x[0], weight[0], *_output_sizes(attributes, x))


def _pool_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return (*x[:2], *_output_sizes(attributes, x))


def _output_sizes(attributes: Attributes, x: Shape) -> Sizes:
    axes = zip(
        x[2:], attributes["kernel_shape"], attributes["strides"], spatial_pads(attributes), attributes["dilations"],
        strict=True,
    )  # fmt: skip
    sizes = []
    for size, kernel, stride, (before, after), dilation in axes:
        if not isinstance(size, int):
            raise ValueError("a window can't go over the batch")
        found = output_size(size, kernel, stride, before + after, dilation)
        if attributes.get("ceil_mode"):
            found = -(-(size + before + after - dilation * (kernel - 1) - 1) // stride) + 1
            found -= (found - 1) * stride >= size + before  # a window that would begin behind the input
        if found < 1:
            raise ValueError(f"a window of {attributes['kernel_shape']} is larger than its input {x[2:]}")
        sizes.append(found)
    return tuple(sizes)


def spatial_pads(attributes: Attributes) -> list[tuple[int, int]]:
    """(before, after) of each spatial axis, out of ONNX's order: all that is before, then all that is after."""
    pads = attributes["pads"]
    return list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))


def pad(x: Floats, sides: Pads, value: float) -> Floats:
    """Adds `value` around the last axes."""
    if not any(map(any, sides)):
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - len(sides)) + list(sides), constant_values=value)


def windows(x: Floats, attributes: Attributes) -> Floats:
    """(N, C, *sizes) -> a view (N, C, *output sizes, *kernel)."""
    kernel, count = attributes["kernel_shape"], len(attributes["kernel_shape"])
    spans = tuple((k - 1) * gap + 1 for k, gap in zip(kernel, attributes["dilations"], strict=True))
    cut = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(x.ndim - count, x.ndim)))
    moves = tuple(slice(None, None, stride) for stride in attributes["strides"])
    gaps = tuple(slice(None, None, gap) for gap in attributes["dilations"])
    return cut[(slice(None),) * (x.ndim - count) + moves + gaps]


def _convolve(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    weight, group = numbers["weight"], attributes["group"]
    cut = windows(pad(inputs[0], spatial_pads(attributes), 0.0), attributes)
    count = weight.ndim - 2
    matrices = weight.reshape(group, len(weight) // group, -1)
    out = np.empty((len(cut), len(weight), *cut.shape[2 : 2 + count]), cut.dtype)
    for image, target in zip(cut, out, strict=True):  # one image at a time: its columns are 9 times its size
        columns = np.moveaxis(image, range(1 + count, 1 + 2 * count), range(1, 1 + count))
        columns = columns.reshape(group, matrices.shape[2], -1)
        np.matmul(matrices, columns, out=target.reshape(group, matrices.shape[1], -1))
    if "bias" in numbers:
        out += along_channels(numbers["bias"], out)
    return out


def _pooling(reduce: Callable[[Floats, Attributes, Pads], Floats]) -> Any:
    """An evaluation: with `ceil_mode` the last window of an axis may go beyond the pads."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        (x,) = inputs
        sizes = _output_sizes(attributes, x.shape)
        axes = zip(
            x.shape[2:], sizes, attributes["kernel_shape"], attributes["strides"], spatial_pads(attributes),
            attributes["dilations"], strict=True,
        )  # fmt: skip
        beyond = [
            (0, max((count - 1) * stride + (kernel - 1) * gap + 1 - size - sum(sides), 0))
            for size, count, kernel, stride, sides, gap in axes
        ]
        return reduce(x, attributes, beyond)

    return apply


def _largest(x: Floats, attributes: Attributes, beyond: Pads) -> Floats:
    padded = pad(pad(x, spatial_pads(attributes), -np.inf), beyond, -np.inf)
    return np.asarray(windows(padded, attributes).max(axis=_last(attributes)))


def _mean(x: Floats, attributes: Attributes, beyond: Pads) -> Floats:
    counted = 1.0 if attributes["count_include_pad"] else 0.0
    ones = pad(np.ones((1, 1, *x.shape[2:]), x.dtype), spatial_pads(attributes), counted)
    sums, counts = (
        sum_over(windows(pad(values, beyond, 0.0), attributes), _last(attributes))
        for values in (pad(x, spatial_pads(attributes), 0.0), ones)
    )
    return np.asarray(sums / counts)


def _last(attributes: Attributes) -> Sizes:
    return tuple(range(-len(attributes["kernel_shape"]), 0))


def _pad_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return tuple(
        size + before + after if isinstance(size, int) else size
        for size, (before, after) in zip(x, spatial_pads(attributes), strict=True)
    )


def _padded(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    sides, mode = spatial_pads(attributes), attributes["mode"]
    if mode == "constant":
        return np.pad(inputs[0], sides, constant_values=attributes["value"])
    return np.pad(inputs[0], sides, mode=mode)


def _cost(output: Sizes, inputs: Sequence[Sizes], parameters: Mapping[str, Sizes]) -> int:
    """Output elements * input channels of a group * kernel elements."""
    return math.prod(output) * math.prod(parameters["weight"][1:])


WINDOWS = {
    "Conv": Operator(_convolution_shape, _convolve, _cost),
    "MaxPool": Operator(_pool_shape, _pooling(_largest)),
    "AveragePool": Operator(_pool_shape, _pooling(_mean)),
    "Pad": Operator(_pad_shape, _padded),
}
