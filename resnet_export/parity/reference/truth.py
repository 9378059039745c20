"""The truth: the specification evaluated in float64 by NumPy, by neither framework.

    convolution     y = W x,  with the columns of x cut out by the window (im2col)
    batch norm      y = (x - mean) / sqrt(variance + eps) * gamma + beta      not folded: written out on purpose
    classifier      y = W x + b
    softmax         p_k = exp(x_k) / sum_j exp(x_j)      one of several classes
    sigmoid         p_k = 1 / (1 + exp(-x_k))            one logit, or several labels at once

Independent of both definitions and of the folding, so that none of them can vouch for itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.interface import Activation
from resnet_export.spec import ResNetSpec, Step

Floats = NDArray[np.floating[Any]]
Parameters = Mapping[str, NDArray[Any]]
"""Canonical weights; or a file's own initializers, whose convolutions have a bias and no batch norm."""


def evaluate(
    spec: ResNetSpec, parameters: Parameters, images: Floats, dtype: type[np.floating[Any]] = np.float64
) -> Iterator[tuple[Step, Floats]]:
    """Yields every step of `spec` with its output.

    Args:
        spec: the network.
        parameters: its weights.
        images: (N, in_channels, H, W), normalised.
        dtype: the precision of every operation.

    Yields:
        The step, and its output (N, channels, height, width), or (N, features) from the flattening on.
    """
    values: dict[str, Floats] = {"input": images.astype(dtype)}
    last_use = {name: step.name for step in spec.steps for name in step.inputs}
    for step in spec.steps:
        values[step.name] = apply(step, [values[name] for name in step.inputs], parameters, spec.eps, dtype)
        yield step, values[step.name]
        for name in step.inputs:
            if last_use[name] == step.name:
                values.pop(name, None)


def last_values(
    spec: ResNetSpec,
    parameters: Parameters,
    images: Floats,
    name: str = "fc",
    dtype: type[np.floating[Any]] = np.float64,
) -> Floats:
    """The output of the step `name` alone: logits by default, (N, num_classes).

    One image at a time, so that a batch's truth is a prefix of a larger one's, and memory does not grow with it. In
    float32 it shows what rounding alone does to a plain evaluation.
    """
    runs = (evaluate(spec, parameters, image[None], dtype) for image in images)
    return np.concatenate([next(value for step, value in run if step.name == name) for run in runs])


@np.errstate(over="ignore", invalid="ignore")  # what is not finite fails its comparison
def apply(
    step: Step, inputs: list[Floats], parameters: Parameters, eps: float, dtype: type[np.floating[Any]]
) -> Floats:
    """The output of one step in the precision `dtype`."""
    x = inputs[0]
    match step.op:
        case "Conv":
            return _norm(convolve(x, parameters[f"{step.name}.weight"], step.stride, step.padding, dtype), step,
                         parameters, eps, dtype)  # fmt: skip
        case "Relu":
            return np.maximum(x, 0)
        case "MaxPool":
            padded = pad(x, (step.padding,) * 4, -np.inf)
            return np.asarray(windows(padded, step.kernel, step.stride).max(axis=(-2, -1)))
        case "Add":
            return np.asarray(x + inputs[1])
        case "GlobalAveragePool":
            return np.asarray(x.mean(axis=(2, 3), keepdims=True))
        case "Flatten":
            return x.reshape(len(x), -1)
        case "Gemm":
            weight, bias = (parameters[f"{step.name}.{part}"].astype(dtype) for part in ("weight", "bias"))
            return np.asarray(x @ weight.T + bias)
    raise ValueError(f"no rule for the operator {step.op}")


def activate(logits: NDArray[Any], activation: Activation) -> NDArray[Any]:
    """The probabilities, (N, K) like the logits, and in their precision."""
    from scipy import special

    found = special.softmax(logits, axis=-1) if activation == "softmax" else special.expit(logits)
    return np.asarray(found)


def convolve(
    x: Floats,
    weight: NDArray[Any],
    stride: int,
    padding: int | tuple[int, int, int, int],
    dtype: type[np.floating[Any]],
) -> Floats:
    """(N, I, H, W) with (O, I, K, K) -> (N, O, H', W'); `padding` on all sides, or (top, left, bottom, right)."""
    out_channels, _, kernel, _ = weight.shape
    matrix = weight.astype(dtype).reshape(out_channels, -1)
    padded = pad(x, (padding,) * 4 if isinstance(padding, int) else padding, 0.0)
    cut = windows(padded, kernel, stride)
    height, width = cut.shape[2:4]
    out = np.empty((len(x), out_channels, height, width), dtype)
    for image, target in zip(cut, out, strict=True):  # one image at a time: its columns are 9 times its size
        columns = image.transpose(0, 3, 4, 1, 2).reshape(matrix.shape[1], height * width)
        np.matmul(matrix, columns, out=target.reshape(out_channels, height * width))
    return out


def pad(x: Floats, sides: tuple[int, int, int, int], value: float) -> Floats:
    """Adds (top, left, bottom, right) rows and columns of `value`."""
    top, left, bottom, right = sides
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def same_padding(size: int, span: int, stride: int) -> tuple[int, int]:
    """(before, after) of TensorFlow's SAME: ceil(size / stride) outputs, the odd one after."""
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def windows(x: Floats, kernel: int, stride: int) -> Floats:
    """(N, C, H, W) -> a view (N, C, H', W', kernel, kernel) of every window."""
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]


def affine(step: Step, parameters: Parameters, eps: float) -> tuple[Floats, Floats]:
    """(scale, shift) of the batch norm of a convolution, each (C, 1, 1), in float64: y = scale x + shift."""
    gamma, beta, mean, variance = _of_norm(step, parameters, np.float64)
    scale = gamma / np.sqrt(variance + eps)
    return scale, beta - mean * scale


def _of_norm(step: Step, parameters: Parameters, dtype: type[np.floating[Any]]) -> list[Floats]:
    """[gamma, beta, mean, variance] of the batch norm of a convolution, each (C, 1, 1)."""
    parts = ("weight", "bias", "running_mean", "running_var")
    return [parameters[f"{step.norm}.{part}"].astype(dtype)[:, None, None] for part in parts]


def _norm(x: Floats, step: Step, parameters: Parameters, eps: float, dtype: type[np.floating[Any]]) -> Floats:
    """The batch norm behind a convolution, in place; for folded parameters, their bias."""
    folded = parameters.get(f"{step.name}.bias")
    if folded is not None:
        x += folded.astype(dtype)[:, None, None]
        return x
    gamma, beta, mean, variance = _of_norm(step, parameters, dtype)
    x -= mean
    x *= gamma / np.sqrt(variance + dtype(eps))
    x += beta
    return x
