"""Global pooling, sums over axes, softmax."""

from collections.abc import Callable, Sequence

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import elementwise
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, given_axes
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.rules.moves import reshaped, without
from resnet_export.graph.reading.values import Feature, UnreadableError, Value
from resnet_export.network import product

SOFTMAX_OF_AN_AXIS = 13
"""The first opset whose softmax goes along one axis; the ones before take their input for a matrix."""


def _pool(op: str) -> Single:
    return lambda builder, x: builder.add(op, [builder.settled(feature(x))])


def _reduction(op: str) -> Single:
    def rule(
        builder: Builder,
        value: Input,
        given: Input = None,
        *,
        axes: Sequence[int] | None = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Value:
        x = builder.unpadded(feature(value))
        rank = len(x.shape)
        chosen = given_axes(given, axes)
        if not chosen and noop_with_empty_axes:
            return x
        own = tuple(sorted(x.perm[axis % rank] for axis in chosen or range(rank)))
        builder.refuse_batch(x, own)
        if op == "ReduceMean" and rank == 4 and own == (2, 3):
            reduced = builder.permuted("GlobalAveragePool", x, {})
        else:
            reduced = builder.permuted(op, x, {"axes": own})
        return reduced if keepdims else without(builder, reduced, own)

    return rule


def _sum(before: Callable[[Builder, Feature], Feature] | None, after: str | None = None) -> Single:
    """The sum of what is made of the input, and what another operator makes of that."""

    def rule(builder: Builder, x: Input, *given: Input, **attributes: int) -> Value:
        taken = feature(x) if before is None else before(builder, feature(x))
        found = _reduction("ReduceSum")(builder, taken, *given, **attributes)
        return found if after is None else made(builder, after, found)

    return rule


def _of_length_1(builder: Builder, value: Input, axis: int = -1, p: int = 2) -> Value:
    """`LpNormalization`: x / |x| along an axis; 0 where |x| is 0."""
    x = feature(value)
    size = _length(builder, x, p, (axis,))
    empty = made(builder, "Equal", size, elementwise.ZERO)
    return made(builder, "Div", x, made(builder, "Where", empty, elementwise.ONE, size))


def _global_length(builder: Builder, x: Input, p: int = 2) -> Value:
    return _length(builder, feature(x), p, tuple(range(2, len(feature(x).shape))))


def _length(builder: Builder, x: Feature, p: int, axes: tuple[int, ...]) -> Value:
    op = {1: "ReduceL1", 2: "ReduceL2"}.get(p)
    if op is None:
        raise UnreadableError(f"its p is {p}")
    return REDUCTIONS[op](builder, x, axes=axes)


def _softmax(op: str) -> Single:
    def rule(builder: Builder, value: Input, axis: int | None = None, opset: int | None = None) -> Value:
        x = builder.unpadded(feature(value))
        rank = len(x.shape)
        if (opset or builder.opset) >= SOFTMAX_OF_AN_AXIS:
            own = x.perm[(-1 if axis is None else axis) % rank]
            builder.refuse_batch(x, [own])
            return builder.permuted(op, x, {"axis": own})
        x = builder.settled(x)
        first = (1 if axis is None else axis) % rank
        builder.refuse_batch(x, range(first, rank))
        wide = [index for index in range(first, rank) if x.shape[index] != 1]
        if len(wide) <= 1:
            return builder.add(op, [x], {"axis": wide[0] if wide else first})
        flat = reshaped(builder, x, (*x.shape[:first], product(x.shape[first:])))
        return reshaped(builder, builder.add(op, [flat], {"axis": first}), x.shape)

    return rule


REDUCTIONS: dict[str, Single] = {
    **{op: _reduction(op) for op in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")},
    "ReduceL1": _sum(lambda builder, x: made(builder, "Abs", x)),
    "ReduceLogSum": _sum(None, "Log"),
    "ReduceLogSumExp": _sum(lambda builder, x: made(builder, "Exp", x), "Log"),
    "ReduceSumSquare": _sum(lambda builder, x: made(builder, "Mul", x, x)),
}
RULES: dict[str, Single] = {
    "GlobalAveragePool": _pool("GlobalAveragePool"),
    "GlobalLpPool": _global_length,
    "GlobalMaxPool": _pool("GlobalMaxPool"),
    **{op: _softmax(op) for op in ("Hardmax", "LogSoftmax", "Softmax")},
    "LpNormalization": _of_length_1,
    **REDUCTIONS,
}
