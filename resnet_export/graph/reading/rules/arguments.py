"""What the rules ask of a node's inputs and attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import Size

Inputs = list[Value | None]
Attributes = dict[str, Any]
Single = Callable[[Builder, Inputs, Attributes], Value]
"""A rule that gives one value: (builder, inputs of the node, its attributes as they stand there) -> its output."""


def feature(value: Value | None) -> Feature:
    """An input that depends on the image."""
    if not isinstance(value, Feature):
        raise UnreadableError("it takes a number where a value of the image is expected")
    return value


def number(value: Value | None) -> Number:
    """An input that doesn't depend on the image."""
    if not isinstance(value, Number):
        raise UnreadableError("it takes a value of the image where a number is expected")
    return value


def optional(inputs: Sequence[Value | None], index: int) -> Value | None:
    """An input that may be left out."""
    return inputs[index] if index < len(inputs) else None


def sizes(value: Value | None) -> tuple[Size, ...]:
    """A vector of lengths that is known, with the batch among them as it is."""
    found = number(value)
    if not found.is_constant:
        raise UnreadableError("it takes lengths that depend on a parameter")
    return tuple(size if not hasattr(size, "item") else int(size) for size in found.value().ravel().tolist())


def integers(value: Value | None) -> tuple[int, ...]:
    """A vector of whole numbers that is known, none of which depends on the batch."""
    found = sizes(value)
    if not all(isinstance(size, int | bool) for size in found):
        raise UnreadableError("it takes numbers that depend on the batch")
    return tuple(int(size) for size in found)  # type: ignore[arg-type]


def scalar(value: Value | None, default: float | None = None) -> float | None:
    """The one constant number that an input is; the default where it is left out."""
    if value is None:
        return default
    found = number(value).scalar
    if found is None:
        raise UnreadableError("it takes a number that is no constant")
    return found


def axes(inputs: Sequence[Value | None], attributes: dict[str, Any], rank: int) -> tuple[int, ...] | None:
    """Axes counted from 0: an input in later opsets, an attribute in earlier ones; None where they are left out."""
    given = attributes.get("axes")
    if given is None:
        value = optional(inputs, 1)
        given = None if value is None else integers(value)
    return None if given is None else tuple(sorted(axis % rank for axis in given))
