"""Operators that make one number of many: global pooling, sums over axes, softmax.

softmax   p_k = exp(x_k) / sum_j exp(x_j)
"""

from collections.abc import Callable

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator, mean_over, of_scipy, sum_over
from resnet_export.network.sizes import Shape

Reduce = Callable[..., Floats]
"""(x, axes, keepdims=) -> one number of all that stand along the axes."""


def _reduction(reduce: Reduce) -> Operator:
    """Over the attribute `axes`, which stay with length 1."""
    return Operator(
        lambda x, axes: reduce(x, axes, keepdims=True),
        lambda x, axes: tuple(1 if axis in axes else size for axis, size in enumerate(x)),
    )


def _global(reduce: Reduce) -> Operator:
    """Over all axes but batch and channels."""

    def pooled(x: Shape) -> Shape:
        return (*x[:2], *(1,) * (len(x) - 2))

    return Operator(lambda x: reduce(x, tuple(range(2, x.ndim)), keepdims=True), pooled)


def _length(x: Floats, axes: tuple[int, ...], *, keepdims: bool) -> Floats:
    return np.asarray(np.sqrt(sum_over(np.square(x), axes, keepdims=keepdims)))


def _one_hot(x: Floats, axis: int) -> Floats:
    """1 at the first largest value, 0 elsewhere."""
    out = np.zeros_like(x)
    np.put_along_axis(out, np.expand_dims(x.argmax(axis=axis), axis), 1, axis=axis)
    return out


REDUCTIONS = {
    "GlobalAveragePool": _global(mean_over),
    "GlobalMaxPool": _global(np.max),
    "Hardmax": Operator(_one_hot),
    "LogSoftmax": Operator(of_scipy("log_softmax")),
    "ReduceL2": _reduction(_length),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(mean_over),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(sum_over),
    "Softmax": Operator(of_scipy("softmax")),
}
