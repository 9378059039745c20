"""What the rules ask of a node's inputs.

A rule takes the builder, the node's inputs in their order, and its attributes by their names, and gives its outputs:

    RULES["Gemm"](builder, x, weight, bias, transB=1)
"""

from collections.abc import Callable, Sequence

from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import Size

Rule = Callable[..., Value | list[Value]]
Single = Callable[..., Value]
"""A rule that gives one value."""
Input = Value | None
"""None stands for an input that is left out."""


def feature(value: Input) -> Feature:
    """An input that depends on the image."""
    if not isinstance(value, Feature):
        raise UnreadableError("it takes a number where a value of the image is expected")
    return value


def number(value: Input) -> Number:
    """An input that doesn't depend on the image."""
    if not isinstance(value, Number):
        raise UnreadableError("it takes a value of the image where a number is expected")
    return value


def sizes(value: Input) -> tuple[Size, ...]:
    """A vector of lengths that is known, with the batch among them as it is."""
    found = number(value)
    if not found.is_constant:
        raise UnreadableError("it takes lengths that depend on a parameter")
    return tuple(size if not hasattr(size, "item") else int(size) for size in found.value().ravel().tolist())


def integers(value: Input) -> tuple[int, ...]:
    """A vector of whole numbers that is known, none of which depends on the batch."""
    found = sizes(value)
    if not all(isinstance(size, int | bool) for size in found):
        raise UnreadableError("it takes numbers that depend on the batch")
    return tuple(int(size) for size in found)  # type: ignore[arg-type]


def scalar(value: Input, default: float | None = None) -> float | None:
    """The one constant number that an input is; the default where it is left out."""
    if value is None:
        return default
    found = number(value).scalar
    if found is None:
        raise UnreadableError("it takes a number that is no constant")
    return found


def given_axes(value: Input, axes: Sequence[int] | None) -> Sequence[int] | None:
    """Axes: an input in later opsets, and an attribute in earlier ones; None where they are left out."""
    return axes if axes is not None or value is None else integers(value)
