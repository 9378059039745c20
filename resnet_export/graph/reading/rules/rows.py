"""A matrix whose rows are the places of all images: what is done to its rows is done to the last axis of the value.

Converters write a dense layer of a value (batch, height, width, channels) in this way:

    Reshape to (batch * height * width, channels), MatMul, Add, Reshape back
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import activations, elementwise, moves, products
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number
from resnet_export.graph.reading.values import Feature, Number, Rows, UnreadableError, Value
from resnet_export.network.operators import BINARY, UNARY

RULES: dict[str, Single] = {
    **{op: elementwise.RULES[op] for op in (*UNARY, *BINARY, "Cast", "Dropout", "Identity", "Sum")},
    **activations.RULES,
    **products.RULES,
}
"""Operators that do the same to every row of their first input."""


def of_rows(builder: Builder, op: str, inputs: Sequence[Input], attributes: Mapping[str, Any]) -> Value:
    """What a node makes of such a matrix.

    Raises:
        UnreadableError: it does anything else than the same to every row.
    """
    if op == "Reshape":
        return moves.reshape(builder, *inputs, **attributes)
    first, *others = inputs
    product = op in products.RULES
    if product:
        number(others.pop(0))
    alike = isinstance(first, Rows) if product else _of_every_row(first)
    if op not in RULES or not alike or not all(map(_of_every_row, others)):
        raise UnreadableError(moves.MOVES_IMAGES)
    if len({value.of.shape[:-1] for value in inputs if isinstance(value, Rows)}) > 1:
        raise UnreadableError("it joins the places of the images with those of another value")
    values = [value.of if isinstance(value, Rows) else value for value in inputs]
    return Rows(builder.settled(feature(RULES[op](builder, *values, **attributes))))


def _of_every_row(value: Input) -> bool:
    """Whether it has the same rows, or is a number for all of them."""
    if isinstance(value, Number):
        return value.value().ndim < 2 or value.value().shape[:-1] == (1,)
    return not isinstance(value, Feature)
