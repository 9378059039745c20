"""Operators that make one number of many: global pooling, sums over axes, softmax.

softmax   p_k = exp(x_k) / sum_j exp(x_j)
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_export.network.operators.operator import Attributes, Floats, Operator, Sizes, same_shape
from resnet_export.network.sizes import Shape


def _pooled(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return (*x[:2], *(1,) * (len(x) - 2))


def _reduced(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    return tuple(1 if axis in attributes["axes"] else size for axis, size in enumerate(x))


def _global(reduce: Callable[..., Any]) -> Operator:
    """Over all axes but batch and channels."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        (x,) = inputs
        return np.asarray(reduce(x, axis=tuple(range(2, x.ndim)), keepdims=True))

    return Operator(_pooled, apply)


def _reduction(reduce: Callable[..., Any]) -> Operator:
    """Over the attribute `axes`, which stay with length 1."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        return np.asarray(reduce(inputs[0], axis=attributes["axes"], keepdims=True))

    return Operator(_reduced, apply)


def _length(x: Floats, axis: tuple[int, ...], keepdims: bool) -> Floats:
    return np.asarray(np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims)))


def _softmax(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    from scipy import special

    return np.asarray(special.softmax(inputs[0], axis=attributes["axis"]))


def _log_softmax(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    from scipy import special

    return np.asarray(special.log_softmax(inputs[0], axis=attributes["axis"]))


REDUCTIONS = {
    "GlobalAveragePool": _global(np.mean),
    "GlobalMaxPool": _global(np.max),
    "LogSoftmax": Operator(same_shape, _log_softmax),
    "ReduceL2": _reduction(_length),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(np.mean),
    "ReduceMin": _reduction(np.min),
    "ReduceSum": _reduction(np.sum),
    "Softmax": Operator(same_shape, _softmax),
}
