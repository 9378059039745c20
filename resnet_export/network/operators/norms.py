"""Normalisations.

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias

with the running statistics of a training (BatchNormalization, Ioffe and Szegedy 2015), or those of the value itself
over an image's channel (InstanceNormalization) or over its last axes (LayerNormalization, Ba et al. 2016). LRN divides
by the values of `size` neighbouring channels (Krizhevsky et al. 2012):

    y_c = x_c / (bias + alpha / size * sum_k x_k^2) ^ beta,  c - floor((size - 1) / 2) <= k <= c + ceil((size - 1) / 2)
"""

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator, along_channels, mean_over


def _batch_norm(
    x: Floats, weight: Floats, bias: Floats, running_mean: Floats, running_var: Floats, epsilon: float
) -> Floats:
    out = x - along_channels(running_mean, x)
    out *= along_channels(weight / np.sqrt(running_var + x.dtype.type(epsilon)), x)
    out += along_channels(bias, x)
    return out


def _instance_norm(x: Floats, weight: Floats, bias: Floats, epsilon: float) -> Floats:
    out = _standardised(x, tuple(range(2, x.ndim)), epsilon)
    return out * along_channels(weight, x) + along_channels(bias, x)


def _layer_norm(x: Floats, weight: Floats, axis: int, epsilon: float, bias: Floats | None = None) -> Floats:
    out = _standardised(x, tuple(range(axis, x.ndim)), epsilon) * weight
    return out if bias is None else out + bias


def _local_response(x: Floats, alpha: float, beta: float, bias: float, size: int) -> Floats:
    sides = [(0, 0)] * x.ndim
    sides[1] = ((size - 1) // 2, size // 2)
    squares = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), sides), size, axis=1).sum(axis=-1)
    scale = x.dtype.type(bias) + x.dtype.type(alpha / size) * squares
    return np.asarray(x / scale ** x.dtype.type(beta))


def _standardised(x: Floats, axes: tuple[int, ...], epsilon: float) -> Floats:
    centred = x - mean_over(x, axes, keepdims=True)
    variance = mean_over(np.square(centred), axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + x.dtype.type(epsilon)))


NORMS = {
    "BatchNormalization": Operator(_batch_norm),
    "InstanceNormalization": Operator(_instance_norm),
    "LRN": Operator(_local_response),
    "LayerNormalization": Operator(_layer_norm, since=17),
}
