"""What a value of a graph can be: a number, or a feature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import InputError
from resnet_export.graph.reading.arithmetic import ARITHMETIC
from resnet_export.network import Network, Shape, product

Array = NDArray[Any]
PARAMETER, CONSTANT = "parameter", "constant"
VIEWS = frozenset({"Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that show the same numbers in another order or shape."""


class UnreadableError(InputError):
    """A graph has an operator, or a use of one, that no network is read from.

    Attributes:
        partial: what was read before it, without outputs.
        at_any_size: whether images of another size would change nothing.
    """

    partial: Network | None = None

    def __init__(self, message: str, *, hint: str | None = None, at_any_size: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.at_any_size = at_any_size


@dataclass(frozen=True, eq=False)
class Number:
    """What depends on parameters and constants alone: an expression."""

    op: str
    """`parameter`, `constant`, or the ONNX operator that makes it."""
    operands: tuple[Number, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    """Of a parameter."""
    array: Array | None = None
    """The numbers of a parameter or constant. A length that depends on the batch stands as a `Batch` among objects."""

    @classmethod
    def constant(cls, array: Any) -> Number:
        """A number that depends on nothing."""
        return cls(CONSTANT, array=np.asarray(array))

    def value(self) -> Array:
        """Its numbers: those of a parameter as they are, what was computed of floating ones in float64."""
        if self.array is not None:
            return self.array
        operands = [operand.value() for operand in self.operands]
        if self.op not in VIEWS:
            operands = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in operands]
        with np.errstate(all="ignore"):  # what is not finite is found in the output
            return np.asarray(ARITHMETIC[self.op](*operands, **self.attributes))

    def parameters(self) -> Iterator[str]:
        """The names of the parameters that it is made of, in the order of the operands."""
        if self.op == PARAMETER:
            yield self.name
        for operand in self.operands:
            yield from operand.parameters()

    @property
    def is_constant(self) -> bool:
        """Whether it depends on no parameter."""
        return next(self.parameters(), None) is None

    @property
    def scalar(self) -> float | None:
        """The one number that it always is, or None."""
        if not self.is_constant:
            return None
        array = self.value()
        return float(array.item()) if array.size == 1 and array.dtype.kind in "fiub" else None

    def vector(self) -> Number:
        """The same numbers as a vector: the one that is seen through reshapes, where it was one."""
        number = self
        while number.op in VIEWS - {"Transpose"}:
            number = number.operands[0]
        if number.value().ndim == 1:
            return number
        return self if self.value().ndim == 1 else Number("Reshape", (self, Number.constant([-1])))


@dataclass(frozen=True)
class Feature:
    """A step's output, with its axes in another order."""

    step: str
    shape: Shape
    """As the step gives it."""
    perm: tuple[int, ...]
    """Which axis of the step's output each axis of the value is."""
    pads: tuple[tuple[int, int], ...] | None = None
    """(before, after) of each axis of the step: what was put around it, and no window has taken yet."""
    filler: float = 0.0
    """The number that the pads are: 0, or minus infinity."""

    @classmethod
    def of(cls, step: str, shape: Shape) -> Feature:
        """The output as it is."""
        return cls(step, shape, tuple(range(len(shape))))

    @property
    def seen(self) -> Shape:
        """The shape of the value, without its pads."""
        return tuple(self.shape[axis] for axis in self.perm)

    @property
    def upright(self) -> bool:
        """Whether its axes are in the step's order."""
        return self.perm == tuple(range(len(self.perm)))


@dataclass(frozen=True)
class Rows:
    """A feature as a matrix: the lengths of its last axis are the columns, and all else are the rows."""

    of: Feature
    """Upright and without pads."""

    @property
    def seen(self) -> Shape:
        """(rows, columns)."""
        return (product(self.of.shape[:-1]), self.of.shape[-1])


Value = Number | Feature | Rows
OF_IMAGE = (Feature, Rows)
"""The values that depend on the image."""
