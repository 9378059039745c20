"""Global pooling, sums over axes, softmax."""

from __future__ import annotations

from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import elementwise
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, Single, axes, feature
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.rules.moves import reshaped, without
from resnet_export.graph.reading.values import Feature, UnreadableError, Value
from resnet_export.network import product

SOFTMAX_OF_AN_AXIS = 13
"""The first opset whose softmax goes along one axis; the ones before take their input for a matrix."""


def _pool(op: str) -> Any:
    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        return builder.add(op, [builder.settled(feature(inputs[0]))])

    return rule


def _reduction(op: str) -> Any:
    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        x = builder.unpadded(feature(inputs[0]))
        rank = len(x.shape)
        chosen = axes(inputs, attributes, rank)
        if not chosen and attributes.get("noop_with_empty_axes"):
            return x
        own = tuple(sorted(x.perm[axis] for axis in chosen or range(rank)))
        builder.refuse_batch(x, own)
        if op == "ReduceMean" and rank == 4 and own == (2, 3):
            reduced = builder.permuted("GlobalAveragePool", x, {})
        else:
            reduced = builder.permuted(op, x, {"axes": own})
        return reduced if attributes.get("keepdims", 1) else without(builder, reduced, own)

    return rule


def _derived(before: str | None, op: str, after: str | None = None) -> Any:
    """A reduction of what an operator makes of the input, and what another one makes of that."""

    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        x = feature(inputs[0])
        if before == "Square":
            x = made(builder, "Mul", x, x)
        elif before is not None:
            x = builder.permuted(before, x, {})
        found = _reduction(op)(builder, [x, *inputs[1:]], attributes)
        return found if after is None else builder.permuted(after, feature(found), {})

    return rule


def _of_length_1(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """`LpNormalization`: x / |x| along an axis; 0 where |x| is 0."""
    x = feature(inputs[0])
    size = _length(builder, x, attributes, (attributes.get("axis", -1) % len(x.shape),))
    empty = made(builder, "Equal", size, elementwise.ZERO)
    return made(builder, "Div", x, made(builder, "Where", empty, elementwise.ONE, size))


def _global_length(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    return _length(builder, x, attributes, tuple(range(2, len(x.shape))))


def _length(builder: Builder, x: Feature, attributes: Attributes, axes: tuple[int, ...]) -> Value:
    op = {1: "ReduceL1", 2: "ReduceL2"}.get(attributes.get("p", 2))
    if op is None:
        raise UnreadableError(f"its p is {attributes['p']}")
    return REDUCTIONS[op](builder, [x], {"axes": axes})


def _softmax(op: str) -> Any:
    def rule(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
        x = builder.unpadded(feature(inputs[0]))
        rank = len(x.shape)
        if builder.opset >= SOFTMAX_OF_AN_AXIS:
            own = x.perm[attributes.get("axis", -1) % rank]
            builder.refuse_batch(x, [own])
            return builder.permuted(op, x, {"axis": own})
        x = builder.settled(x)
        axis = attributes.get("axis", 1) % rank
        builder.refuse_batch(x, range(axis, rank))
        wide = [index for index in range(axis, rank) if x.shape[index] != 1]
        if len(wide) <= 1:
            return builder.add(op, [x], {"axis": wide[0] if wide else axis})
        flat = reshaped(builder, x, (*x.shape[:axis], product(x.shape[axis:])))
        return reshaped(builder, builder.add(op, [flat], {"axis": axis}), x.shape)

    return rule


REDUCTIONS: dict[str, Single] = {
    **{op: _reduction(op) for op in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")},
    "ReduceL1": _derived("Abs", "ReduceSum"),
    "ReduceLogSum": _derived(None, "ReduceSum", "Log"),
    "ReduceLogSumExp": _derived("Exp", "ReduceSum", "Log"),
    "ReduceSumSquare": _derived("Square", "ReduceSum"),
}
RULES: dict[str, Single] = {
    "GlobalAveragePool": _pool("GlobalAveragePool"),
    "GlobalLpPool": _global_length,
    "GlobalMaxPool": _pool("GlobalMaxPool"),
    **{op: _softmax(op) for op in ("Hardmax", "LogSoftmax", "Softmax")},
    "LpNormalization": _of_length_1,
    **REDUCTIONS,
}
