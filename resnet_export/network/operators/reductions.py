"""Operators that make one number of many: global pooling, sums over axes, softmax.

softmax   p_k = exp(x_k) / sum_j exp(x_j)
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from resnet_export.network.operators.operator import (
    Attributes,
    Floats,
    Operator,
    Sizes,
    mean_over,
    of_scipy,
    same_shape,
    sum_over,
)
from resnet_export.network.sizes import Shape


def _pooled(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return (*x[:2], *(1,) * (len(x) - 2))


def _reduced(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return tuple(1 if axis in attributes["axes"] else size for axis, size in enumerate(x))


Reduce = Callable[..., Floats]
"""(x, axes, keepdims=) -> one number of all that stand along the axes."""


def _global(reduce: Reduce) -> Operator:
    """Over all axes but batch and channels."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        (x,) = inputs
        return np.asarray(reduce(x, tuple(range(2, x.ndim)), keepdims=True))

    return Operator(_pooled, apply)


def _reduction(reduce: Reduce) -> Operator:
    """Over the attribute `axes`, which stay with length 1."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        return np.asarray(reduce(inputs[0], attributes["axes"], keepdims=True))

    return Operator(_reduced, apply)


def _length(x: Floats, axes: tuple[int, ...], *, keepdims: bool) -> Floats:
    return np.asarray(np.sqrt(sum_over(np.square(x), axes, keepdims=keepdims)))


def _along_axis(function: Callable[..., Floats]) -> Operator:
    """Of a function of x and the attribute `axis`, which keeps the shape."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        return function(inputs[0], axis=attributes["axis"])

    return Operator(same_shape, apply)


def _one_hot(x: Floats, axis: int) -> Floats:
    """1 at the first largest value, 0 elsewhere."""
    out = np.zeros_like(x)
    np.put_along_axis(out, np.expand_dims(x.argmax(axis=axis), axis), 1, axis=axis)
    return out


REDUCTIONS = {
    "GlobalAveragePool": _global(mean_over),
    "GlobalMaxPool": _global(np.max),
    "Hardmax": _along_axis(_one_hot),
    "LogSoftmax": _along_axis(of_scipy("log_softmax")),
    "ReduceL2": _reduction(_length),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(mean_over),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(sum_over),
    "Softmax": _along_axis(of_scipy("softmax")),
}
