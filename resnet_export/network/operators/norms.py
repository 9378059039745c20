"""Normalisations.

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias

with the running statistics of a training (BatchNormalization, Ioffe and Szegedy 2015), or those of the value itself
over an image's channel (InstanceNormalization) or over its last axes (LayerNormalization, Ba et al. 2016). LRN divides
by the values of `size` neighbouring channels (Krizhevsky et al. 2012):

    y_c = x_c / (bias + alpha / size * sum_k x_k^2) ^ beta,  c - floor((size - 1) / 2) <= k <= c + ceil((size - 1) / 2)
"""

from collections.abc import Mapping, Sequence

import numpy as np

from resnet_export.network.operators.operator import Attributes, Floats, Operator, along_channels, mean_over, same_shape


def _batch_norm(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    variance = numbers["running_var"] + x.dtype.type(attributes["epsilon"])
    out = x - along_channels(numbers["running_mean"], x)
    out *= along_channels(numbers["weight"] / np.sqrt(variance), x)
    out += along_channels(numbers["bias"], x)
    return out


def _instance_norm(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    out = _standardised(x, tuple(range(2, x.ndim)), attributes["epsilon"])
    return out * along_channels(numbers["weight"], x) + along_channels(numbers["bias"], x)


def _layer_norm(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    out = _standardised(x, tuple(range(attributes["axis"], x.ndim)), attributes["epsilon"]) * numbers["weight"]
    return out + numbers["bias"] if "bias" in numbers else out


def _local_response(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    size = attributes["size"]
    sides = [(0, 0)] * x.ndim
    sides[1] = ((size - 1) // 2, size // 2)
    squares = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), sides), size, axis=1).sum(axis=-1)
    scale = x.dtype.type(attributes["bias"]) + x.dtype.type(attributes["alpha"] / size) * squares
    return np.asarray(x / scale ** x.dtype.type(attributes["beta"]))


def _standardised(x: Floats, axes: tuple[int, ...], epsilon: float) -> Floats:
    centred = x - mean_over(x, axes, keepdims=True)
    variance = mean_over(np.square(centred), axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + x.dtype.type(epsilon)))


NORMS = {
    "BatchNormalization": Operator(same_shape, _batch_norm),
    "InstanceNormalization": Operator(same_shape, _instance_norm),
    "LRN": Operator(same_shape, _local_response),
    "LayerNormalization": Operator(same_shape, _layer_norm, since=17),
}
