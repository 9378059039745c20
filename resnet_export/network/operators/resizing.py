"""Resize: along each axis, an output is one input, or the mean of the two beside it, weighted by how near they are.

Output i of an axis stands at p in its input, with s = output length / input length:

half_pixel          p = (i + 1/2) / s - 1/2
pytorch_half_pixel  the same, and p = 0 where the output has one element
align_corners       p = i (input length - 1) / (output length - 1)
asymmetric          p = i / s

linear              y = (1 - p + floor(p)) x[floor(p)] + (p - floor(p)) x[floor(p) + 1]
nearest             y = x[p], rounded as `nearest_mode` says

Indices beyond the input are those of its ends.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator
from resnet_export.network.sizes import Shape, Size

ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda p: np.ceil(p - 0.5),
    "round_prefer_ceil": lambda p: np.floor(p + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""`nearest_mode` -> index."""
POSITIONS: Mapping[str, Callable[[Floats, Any, int], Floats]] = {
    "asymmetric": lambda i, scale, length: i / scale,
    "half_pixel": lambda i, scale, length: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, scale, length: (i + 0.5) / scale - 0.5 if len(i) > 1 else np.zeros_like(i),
    "align_corners": lambda i, scale, length: i * (length - 1) / max(len(i) - 1, 1),
}
"""`coordinate_transformation_mode` -> p, from (i, s, length of the input)."""


def resized_length(length: int, scale: float) -> int:
    """floor(length * scale), in float32 as the runtimes have it."""
    return int(np.float32(length) * np.float32(scale))


def scale_to(length: int, target: int) -> float:
    """The scale in float32 that gives the target, whether a runtime multiplies in float32 or in float64."""
    scale = np.float32(target) / np.float32(length)
    while int(length * float(scale)) < target:
        scale = np.nextafter(scale, np.float32(np.inf))
    return float(scale)


def _shape(x: Shape, scales: Sequence[float], **_: Any) -> Shape:
    if len(scales) != len(x):
        raise ValueError(f"{len(scales)} scales for {len(x)} axes")
    return tuple(_size(size, scale) for size, scale in zip(x, scales, strict=True))


def _size(size: Size, scale: float) -> Size:
    if scale == 1:
        return size
    if not isinstance(size, int):
        raise ValueError("the batch can't be resized")
    return resized_length(size, scale)


def _resize(
    x: Floats, scales: Sequence[float], mode: str, coordinate_transformation_mode: str, nearest_mode: str, roi: None
) -> Floats:
    for axis, scale in enumerate(scales):
        if scale != 1:
            length = x.shape[axis]
            i = np.arange(resized_length(length, scale), dtype=x.dtype)
            p = POSITIONS[coordinate_transformation_mode](i, x.dtype.type(scale), length)
            x = _nearest(x, axis, ROUNDINGS[nearest_mode](p)) if mode == "nearest" else _between(x, axis, p)
    return x


def _nearest(x: Floats, axis: int, index: Floats) -> Floats:
    return np.take(x, index.astype(int).clip(0, x.shape[axis] - 1), axis)


def _between(x: Floats, axis: int, p: Floats) -> Floats:
    below = np.floor(p)
    share = (p - below).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return (1 - share) * _nearest(x, axis, below) + share * _nearest(x, axis, below + 1)


RESIZING = {"Resize": Operator(_resize, _shape)}
