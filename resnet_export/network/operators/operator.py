"""`Operator`: what a network has to know of an ONNX operator.

Its functions take the inputs in their order, and the parameters and attributes by their names:

    _convolve(x, weight=..., bias=..., group=1, kernel_shape=(3, 3), ...)
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network.sizes import Shape

Floats = NDArray[np.floating[Any]]
Attributes = Mapping[str, Any]
Sizes = tuple[int, ...]


def same_shape(x: Shape, **_: Any) -> Shape:
    """The shape rule of what works element by element."""
    return x


@dataclass(frozen=True)
class Operator:
    """One operator of ONNX, at opset 18."""

    evaluation: Callable[..., Any]
    """(inputs, parameters, attributes), all numbers in one precision -> output."""
    shape_rule: Callable[..., Shape] = same_shape
    """(shapes of the inputs, shapes of the parameters, attributes) -> shape of the output."""
    cost: Callable[..., int] = lambda *_, **__: 0
    """(shape of the output, shapes of the inputs, shapes of the parameters), for one image -> multiply-adds."""
    since: int | None = 13
    """The first opset of a file that has it with this meaning; the canonical graph is written from 13 on. None: it is
    evaluated only, and not written."""
    defaults: Mapping[str, float | None] = field(default_factory=dict)
    """Attributes of an operator that works element by element, with what they are where a node leaves them out."""

    def shape(self, attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
        """The shape of the output.

        Raises:
            ValueError: the operator doesn't take these shapes.
        """
        return self.shape_rule(*inputs, **parameters, **attributes)

    def apply(self, attributes: Attributes, inputs: Sequence[Floats], parameters: Mapping[str, Floats]) -> Floats:
        """The output, in the precision of the inputs."""
        return np.asarray(self.evaluation(*inputs, **parameters, **attributes))

    def multiply_adds(self, output: Sizes, inputs: Sequence[Sizes], parameters: Mapping[str, Sizes]) -> int:
        """Multiply-adds for one image; 0 of what only adds, compares or moves."""
        return self.cost(output, *inputs, **parameters)


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
    columns = np.ascontiguousarray(last).reshape(-1, math.prod(rest))
    # NumPy adds a single column in pairs, too.
    alone = columns.shape[1] == 1 and len(columns) > 0
    total = (np.add.accumulate(columns)[-1] if alone else columns.sum(axis=0)).reshape(rest)
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


def along_channels(values: Floats, x: Floats) -> Floats:
    """(C,) in a shape that broadcasts over (N, C, ...)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))
