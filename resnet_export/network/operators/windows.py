"""Operators that go over their input with a window: convolution, pooling, padding.

output size   = floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1         ceil with `ceil_mode`
convolution   y = W x + b,  with the columns of x cut out by the window (im2col)
max pooling   pads with minus infinity; average pooling counts its pads with `count_include_pad` only
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator, Sizes, along_channels, sum_over
from resnet_export.network.sizes import Shape

Pads = Sequence[tuple[int, int]]
"""(before, after) of each spatial axis."""


class _Window(NamedTuple):
    """How an operator goes over the last axes of its input."""

    kernel_shape: Sizes
    strides: Sizes
    pads: Sizes
    dilations: Sizes
    ceil_mode: int = 0

    def sizes(self, x: Shape) -> Sizes:
        """The lengths of these axes in the output."""
        return tuple(count for count, _ in self._counts(x))

    def beyond(self, x: Sizes) -> list[tuple[int, int]]:
        """How far the last window of each axis goes beyond the pads, which it may with `ceil_mode`."""
        return [(0, max(beyond, 0)) for _, beyond in self._counts(x)]

    def _counts(self, x: Shape) -> Iterator[tuple[int, int]]:
        """(number of windows, by how much the last one ends behind the pads) of each axis."""
        axes = zip(x[2:], self.kernel_shape, self.strides, spatial_pads(self.pads), self.dilations, strict=True)
        for size, kernel, stride, (before, after), dilation in axes:
            if not isinstance(size, int):
                raise ValueError("a window can't go over the batch")
            length, span = size + before + after, dilation * (kernel - 1) + 1
            count = (length - span) // stride + 1
            if self.ceil_mode:
                count = -(-(length - span) // stride) + 1
                count -= (count - 1) * stride >= size + before  # a window that would begin behind the input
            if count < 1:
                raise ValueError(f"a window of {self.kernel_shape} is larger than its input {x[2:]}")
            yield count, (count - 1) * stride + span - length

    def cut(self, x: Floats) -> Floats:
        """(N, C, *sizes), padded already -> a view (N, C, *output sizes, *kernel)."""
        count = len(self.kernel_shape)
        spans = tuple((kernel - 1) * gap + 1 for kernel, gap in zip(self.kernel_shape, self.dilations, strict=True))
        cut = np.lib.stride_tricks.sliding_window_view(x, spans, axis=self.axes)
        moves = tuple(slice(None, None, stride) for stride in self.strides)
        gaps = tuple(slice(None, None, gap) for gap in self.dilations)
        return cut[(slice(None),) * (x.ndim - count) + moves + gaps]

    @property
    def axes(self) -> Sizes:
        """The last ones."""
        return tuple(range(-len(self.kernel_shape), 0))


def spatial_pads(pads: Sequence[int]) -> list[tuple[int, int]]:
    """(before, after) of each axis, out of ONNX's order: all that is before, then all that is after."""
    return list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))


def _padded(x: Floats, sides: Pads, value: float) -> Floats:
    """Adds `value` around the last axes."""
    if not any(map(any, sides)):
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - len(sides)) + list(sides), constant_values=value)


def _convolution_shape(x: Shape, weight: Sizes, group: int, bias: Sizes = (), **window: Any) -> Shape:
    if len(x) != len(weight) or x[1] != weight[1] * group:
        raise ValueError(f"a convolution with weights {weight} in {group} groups of {x}")
    return (x[0], weight[0], *_Window(**window).sizes(x))


def _convolve(x: Floats, weight: Floats, group: int, bias: Floats | None = None, **window: Any) -> Floats:
    cut = _Window(**window).cut(_padded(x, spatial_pads(window["pads"]), 0.0))
    count = weight.ndim - 2
    matrices = weight.reshape(group, len(weight) // group, -1)
    out = np.empty((len(cut), len(weight), *cut.shape[2 : 2 + count]), cut.dtype)
    for image, target in zip(cut, out, strict=True):  # one image at a time: its columns are 9 times its size
        columns = np.moveaxis(image, range(1 + count, 1 + 2 * count), range(1, 1 + count))
        columns = columns.reshape(group, matrices.shape[2], -1)
        np.matmul(matrices, columns, out=target.reshape(group, matrices.shape[1], -1))
    if bias is not None:
        out += along_channels(bias, out)
    return out


def _convolution_cost(output: Sizes, x: Sizes, weight: Sizes, **_: Any) -> int:
    """Output elements * input channels of a group * kernel elements."""
    return math.prod(output) * math.prod(weight[1:])


def _pool_shape(x: Shape, count_include_pad: int = 0, **window: Any) -> Shape:
    return (*x[:2], *_Window(**window).sizes(x))


def _largest(x: Floats, **window: Any) -> Floats:
    own = _Window(**window)
    padded = _padded(_padded(x, spatial_pads(own.pads), -np.inf), own.beyond(x.shape), -np.inf)
    return np.asarray(own.cut(padded).max(axis=own.axes))


def _mean(x: Floats, count_include_pad: int, **window: Any) -> Floats:
    own = _Window(**window)
    sides, beyond = spatial_pads(own.pads), own.beyond(x.shape)
    ones = _padded(np.ones((1, 1, *x.shape[2:]), x.dtype), sides, float(bool(count_include_pad)))
    sums, counts = (
        sum_over(own.cut(_padded(values, beyond, 0.0)), own.axes) for values in (_padded(x, sides, 0.0), ones)
    )
    return np.asarray(sums / counts)


def _pad_shape(x: Shape, pads: Sizes, **_: Any) -> Shape:
    return tuple(
        size + before + after if isinstance(size, int) else size
        for size, (before, after) in zip(x, spatial_pads(pads), strict=True)
    )


def _pad(x: Floats, pads: Sizes, mode: Any, value: float) -> Floats:
    if mode == "constant":
        return np.pad(x, spatial_pads(pads), constant_values=value)
    return np.pad(x, spatial_pads(pads), mode=mode)


WINDOWS = {
    "Conv": Operator(_convolve, _convolution_shape, _convolution_cost),
    "MaxPool": Operator(_largest, _pool_shape),
    "AveragePool": Operator(_mean, _pool_shape),
    "Pad": Operator(_pad, _pad_shape),
}
