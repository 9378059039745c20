"""`Operator`: what a network has to know of an ONNX operator."""

from __future__ import annotations

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
    since: int = 13
    """The first opset of a file that has it with this meaning; the canonical graph is written from 13 on."""


def same_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    """The shape rule of what works element by element."""
    return inputs[0]


def along_channels(values: Floats, x: Floats) -> Floats:
    """(C,) in a shape that broadcasts over (N, C, ...)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))
