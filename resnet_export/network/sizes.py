"""Lengths of axes: whole numbers, and multiples of the batch, which is not known before the network runs."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from resnet_export.errors import UsageError


@dataclass(frozen=True)
class Batch:
    """`factor` times the number of images."""

    factor: int = 1

    def __mul__(self, other: object) -> Batch:
        if not isinstance(other, int):
            raise ValueError("a product of two lengths that both depend on the batch")
        return Batch(self.factor * int(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Batch | int:
        factor = other.factor if isinstance(other, Batch) else other
        if not isinstance(factor, int) or not factor or self.factor % factor:
            raise ValueError(f"{self} is not divisible by {other}")
        quotient = self.factor // factor
        return quotient if isinstance(other, Batch) else Batch(quotient)

    def __str__(self) -> str:
        return "batch" if self.factor == 1 else f"{self.factor} x batch"


BATCH = Batch()
Size = int | Batch
Shape = tuple[Size, ...]
Pixels = int | tuple[int, int]
"""Height and width of an image: one number for both, or one each."""


def product(sizes: Iterable[Size]) -> Size:
    """The number of elements; 1 for none.

    Raises:
        ValueError: two of the lengths depend on the batch.
    """
    return functools.reduce(operator.mul, sizes, 1)


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an element-wise result, as NumPy defines it.

    Raises:
        ValueError: two lengths differ, and neither is 1.
    """
    rank = max(map(len, shapes))
    result = []
    for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ValueError(f"{' and '.join(map(described, shapes))} don't broadcast")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def described(shape: Shape) -> str:
    """`(batch, 3, 224, 224)`."""
    return f"({', '.join(map(str, shape))})"


def height_and_width(pixels: Pixels) -> tuple[int, int]:
    """Both, whichever way they were given.

    Raises:
        UsageError: they are no lengths.
    """
    given: tuple[Any, ...] = tuple(pixels) if isinstance(pixels, Sequence) else (pixels, pixels)
    if len(given) != 2 or not all(isinstance(side, Integral) and int(side) > 0 for side in given):
        raise UsageError(
            f"image_size is {pixels!r}.", hint="Give a whole number from 1, or two of them: (height, width)."
        )
    return (int(given[0]), int(given[1]))


def concrete(shape: Shape, batch: int) -> tuple[int, ...]:
    """The shape for that number of images."""
    return tuple(size.factor * batch if isinstance(size, Batch) else size for size in shape)
