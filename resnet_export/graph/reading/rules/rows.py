"""A matrix whose rows are the places of all images: what is done to its rows is done to the last axis of the value.

Converters write a dense layer of a value (batch, height, width, channels) in this way:

    Reshape to (batch * height * width, channels), MatMul, Add, Reshape back
"""

from collections.abc import Mapping, Sequence
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import activations, moves, products
from resnet_export.graph.reading.rules.arguments import Input, Rule, feature, number
from resnet_export.graph.reading.values import Feature, Number, Rows, UnreadableError, Value
from resnet_export.network.operators import BINARY, UNARY

ELEMENTWISE = frozenset({*UNARY, *BINARY, *activations.RULES, "Cast", "Dropout", "Identity", "Sum"})
"""Operators that do the same to every element, and so to every row."""


def of_rows(builder: Builder, op: str, rule: Rule, inputs: Sequence[Input], attributes: Mapping[str, Any]) -> Value:
    """What a node makes of such a matrix, by the rule of its operator for the value that the matrix shows.

    Raises:
        UnreadableError: it does anything else than the same to every row.
    """
    if rule is moves.reshape:
        return moves.reshape(builder, *inputs, **attributes)
    beside = inputs
    if op in products.RULES:
        number(inputs[1])
        beside = (inputs[0], *inputs[2:])
    elif op not in ELEMENTWISE:
        raise UnreadableError(moves.MOVES_IMAGES)
    if not all(map(_of_every_row, beside)):
        raise UnreadableError(moves.MOVES_IMAGES)
    if len({value.of.shape[:-1] for value in inputs if isinstance(value, Rows)}) > 1:
        raise UnreadableError("it joins the places of the images with those of another value")
    values = [value.of if isinstance(value, Rows) else value for value in inputs]
    made: Any = rule(builder, *values, **attributes)
    return Rows(builder.settled(feature(made)))


def _of_every_row(value: Input) -> bool:
    """Whether it has the same rows, or is a number for all of them."""
    if isinstance(value, Number):
        return value.value().ndim < 2 or value.value().shape[:-1] == (1,)
    return not isinstance(value, Feature)
