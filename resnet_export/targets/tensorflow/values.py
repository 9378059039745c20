"""What the operators of TensorFlow are given: values in one of two orders, and what is known of a step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.access import NCHW_TO_NHWC, NHWC_TO_NCHW
from resnet_export.network import Shape
from resnet_export.optional import require

Tensor = Any
"""TensorFlow's."""
Array = NDArray[np.float32]


class UnknownError(Exception):
    """A step is not carried over; says in which form, where others of its operator are."""


def tf() -> Any:
    """TensorFlow, whose import takes seconds."""
    return require("tensorflow")


@dataclass(frozen=True)
class Value:
    """An output of a step."""

    tensor: Tensor
    channels_last: bool = False
    """Whether it is (N, H, W, C) where it is (N, C, H, W) in the network."""

    @property
    def last(self) -> Tensor:
        """(N, H, W, C)."""
        return self.tensor if self.channels_last else tf().transpose(self.tensor, NCHW_TO_NHWC)

    @property
    def first(self) -> Tensor:
        """In the order of the network."""
        return tf().transpose(self.tensor, NHWC_TO_NCHW) if self.channels_last else self.tensor

    @property
    def rank(self) -> int:
        """The number of its axes."""
        return len(self.tensor.shape)

    def axis(self, axis: int) -> int:
        """Where an axis of the network's order is: the permutation back to it says so, too."""
        return NHWC_TO_NCHW[axis] if self.channels_last else axis % self.rank

    @property
    def pixels(self) -> list[int]:
        """All axes but those of the batch and the channels."""
        return [self.axis(axis) for axis in range(2, self.rank)]

    def like(self, tensor: Tensor) -> "Value":
        """What was computed of it, in its order."""
        return Value(tensor, self.channels_last)

    def along_channels(self, numbers: NDArray[Any]) -> Array:
        """One number for each channel, in a shape that broadcasts over the value."""
        shape = [1] * self.rank
        shape[self.axis(1)] = -1
        return numbers.astype(np.float32).reshape(shape)


@dataclass(frozen=True)
class Call:
    """What is known of a step beside its inputs and attributes."""

    op: str
    numbers: dict[str, Array]
    """Role -> its numbers."""
    shape: Shape
    """Of its output, in the network's order."""
    taken: tuple[Shape, ...]
    """Those of its inputs."""
    not_negative: bool
    """Whether it is known that nothing of its first input is below 0."""

    @property
    def lengths(self) -> list[int]:
        """The shape of its output with -1 for what grows with the batch.

        Raises:
            UnknownError: more than one axis does.
        """
        sizes = lengths(self.shape)
        if sizes.count(-1) > 1:
            raise UnknownError("with two axes that grow with the number of images")
        return sizes


def lengths(shape: Shape) -> list[int]:
    """A shape with -1 for what grows with the batch."""
    return [size if isinstance(size, int) else -1 for size in shape]
