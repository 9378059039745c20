"""`Operator`: what a network has to know of an ONNX operator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network.sizes import Shape

Floats = NDArray[np.floating[Any]]
Attributes = Mapping[str, Any]
Sizes = tuple[int, ...]
ShapeRule = Callable[[Attributes, Sequence[Shape], Mapping[str, Sizes]], Shape]
"""(attributes, shapes of the inputs, role -> shape of the parameters) -> shape of the output."""
Evaluation = Callable[[Attributes, Sequence[Floats], Mapping[str, Floats]], Floats]
"""(attributes, inputs, role -> parameters), all in one precision -> output."""
Cost = Callable[[Sizes, Sequence[Sizes], Mapping[str, Sizes]], int]
"""(shape of the output, shapes of the inputs, role -> shape of the parameters), for one image -> multiply-adds."""


def no_multiply_adds(output: Sizes, inputs: Sequence[Sizes], parameters: Mapping[str, Sizes]) -> int:
    """Of what only adds, compares or moves."""
    return 0


@dataclass(frozen=True)
class Operator:
    """One operator of ONNX, at opset 18."""

    shape: ShapeRule
    apply: Evaluation
    multiply_adds: Cost = no_multiply_adds
    since: int | None = 13
    """The first opset of a file that has it with this meaning; the canonical graph is written from 13 on. None: it is
    evaluated only, and not written."""


def sum_over(x: Floats, axes: tuple[int, ...], *, keepdims: bool = False) -> Floats:
    """The sum over some axes.

    In less than float64 one value after the other is added, as a plain runtime does. NumPy adds in pairs where it can:
    over 10,000 values that is 5 times closer to the truth than runtimes come, and no yardstick for them.
    """
    if x.dtype == np.float64:
        return np.asarray(x.sum(axis=axes, keepdims=keepdims))
    axes = tuple(axis % x.ndim for axis in axes)
    last = np.moveaxis(x, axes, range(len(axes)))
    rest = last.shape[len(axes) :]
    total = np.ascontiguousarray(last).reshape(-1, math.prod(rest)).sum(axis=0).reshape(rest)
    return np.expand_dims(total, axes) if keepdims else total


def mean_over(x: Floats, axes: tuple[int, ...], *, keepdims: bool = False) -> Floats:
    """The mean over some axes, of a sum as that of `sum_over`."""
    return np.asarray(sum_over(x, axes, keepdims=keepdims) / x.dtype.type(math.prod(x.shape[axis] for axis in axes)))


def of_scipy(name: str) -> Callable[..., Floats]:
    """A function of `scipy.special`, which few networks need: it is imported when it is called."""

    def call(*arguments: Any, **options: Any) -> Floats:
        from scipy import special

        return np.asarray(getattr(special, name)(*arguments, **options))

    return call


def same_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    """The shape rule of what works element by element."""
    return inputs[0]


def along_channels(values: Floats, x: Floats) -> Floats:
    """(C,) in a shape that broadcasts over (N, C, ...)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))
