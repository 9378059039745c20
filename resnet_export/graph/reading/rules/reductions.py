"""Global pooling, sums over axes, softmax."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import axes, feature, refuse_batch
from resnet_export.graph.reading.rules.moves import reshaped
from resnet_export.graph.reading.values import Feature, Value
from resnet_export.network import product

SOFTMAX_OF_AN_AXIS = 13
"""The first opset whose softmax goes along one axis; the ones before take their input for a matrix."""


def _pool(op: str) -> Any:
    def rule(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
        return builder.add(op, [builder.settled(feature(inputs[0]))])

    return rule


def _reduction(op: str) -> Any:
    pooled = {"ReduceMean": "GlobalAveragePool"}.get(op)

    def rule(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
        x = builder.unpadded(feature(inputs[0]))
        rank = len(x.shape)
        chosen = axes(inputs, attributes, rank)
        if not chosen and attributes.get("noop_with_empty_axes"):
            return x
        own = tuple(sorted(x.perm[axis] for axis in chosen or range(rank)))
        refuse_batch(x, own)
        if pooled is not None and rank == 4 and own == (2, 3):
            reduced = replace(builder.add(pooled, [replace(x, perm=tuple(range(rank)))]), perm=x.perm)
        else:
            reduced = replace(builder.add(op, [x], {"axes": own}), perm=x.perm)
        return reduced if attributes.get("keepdims", 1) else without(builder, reduced, own)

    return rule


def without(builder: Builder, x: Feature, gone: tuple[int, ...]) -> Feature:
    """The value without these axes of its step, each of length 1."""
    rest = [axis for axis in x.perm if axis not in gone]
    if rest == sorted(rest):
        return reshaped(builder, replace(x, perm=tuple(range(len(x.shape)))), tuple(x.shape[axis] for axis in rest))
    return reshaped(builder, builder.settled(x), tuple(x.shape[axis] for axis in rest))


def _softmax(op: str) -> Any:
    def rule(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
        x = builder.unpadded(feature(inputs[0]))
        rank = len(x.shape)
        if builder.opset >= SOFTMAX_OF_AN_AXIS:
            own = x.perm[attributes.get("axis", -1) % rank]
            refuse_batch(x, [own])
            return builder.permuted(op, x, {"axis": own})
        x = builder.settled(x)
        axis = attributes.get("axis", 1) % rank
        refuse_batch(x, range(axis, rank))
        wide = [index for index in range(axis, rank) if x.shape[index] != 1]
        if len(wide) <= 1:
            return builder.add(op, [x], {"axis": wide[0] if wide else axis})
        flat = reshaped(builder, x, (*x.shape[:axis], product(x.shape[axis:])))
        return reshaped(builder, builder.add(op, [flat], {"axis": axis}), x.shape)

    return rule


RULES = {
    "GlobalAveragePool": _pool("GlobalAveragePool"),
    "GlobalMaxPool": _pool("GlobalMaxPool"),
    "LogSoftmax": _softmax("LogSoftmax"),
    **{op: _reduction(op) for op in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")},
    "Softmax": _softmax("Softmax"),
}
