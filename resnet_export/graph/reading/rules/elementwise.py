"""Activations, and arithmetic between features or with numbers."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number, scalar
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import BATCH
from resnet_export.network.operators import BINARY, COMPARISONS, UNARY
from resnet_export.network.operators.elementwise import COMMUTATIVE
from resnet_export.network.operators.moves import MOVES
from resnet_export.network.sizes import Shape, broadcast

NEUTRAL = {"Add": 0.0, "Div": 1.0, "Mul": 1.0, "Sub": 0.0, "Pow": 1.0}
"""Operator -> the second operand that changes nothing."""
BOOL = 9
"""ONNX's type of truth values."""
ONE, ZERO = Number.constant(np.float32(1)), Number.constant(np.float32(0))
FLOATS = (1, 10, 11, 16)
"""ONNX's floating types: a cast between these is left out, as a network has no precision of its own."""


def _unary(op: str) -> Single:
    def rule(builder: Builder, x: Input, **attributes: Any) -> Value:
        defaults = UNARY[op].defaults
        given = {name: decimal(attributes[name]) for name in defaults if name in attributes}
        return builder.permuted(op, feature(x), {**defaults, **given})

    return rule


def _clip(builder: Builder, x: Input, least: Input = None, most: Input = None, **bounds: float) -> Value:
    limit = float(np.finfo(np.float32).max)
    low, high = scalar(least, bounds.get("min")), scalar(most, bounds.get("max"))
    low = None if low is None or low <= -limit else low
    high = None if high is None or high >= limit else high
    if low == 0.0 and high is None:
        return builder.permuted("Relu", feature(x), {})
    return builder.permuted("Clip", feature(x), {"min": low, "max": high})


def _prelu(builder: Builder, x: Input, slope: Input) -> Value:
    """max(x, 0) + slope * min(x, 0)."""
    negative = made(builder, "Mul", made(builder, "Min", x, 0.0), slope)
    return made(builder, "Add", made(builder, "Max", x, 0.0), negative)


def _binary(op: str) -> Single:
    def rule(builder: Builder, *inputs: Input, **_: Any) -> Value:  # older files say that they broadcast
        if len(inputs) > 2:  # Max, Min and Sum take any number
            if not any(isinstance(value, Feature) for value in inputs[:2]):
                inputs = tuple(sorted(inputs, key=lambda value: not isinstance(value, Feature)))
            return rule(builder, rule(builder, *inputs[:2]), *inputs[2:])
        if len(inputs) == 1:
            return feature(inputs[0])
        left, right = inputs
        if isinstance(left, Feature) and isinstance(right, Feature):
            return _of_features(builder, op, left, right)
        if isinstance(left, Feature) and isinstance(right, Number):
            return _with_number(builder, op, left, right, "right")
        if not isinstance(left, Number):
            raise UnreadableError("one of its inputs is missing")
        return _with_number(builder, op, feature(right), left, "left")

    return rule


def _of_features(builder: Builder, op: str, left: Feature, right: Feature) -> Feature:
    left, right = builder.unpadded(left), builder.unpadded(right)
    left = _once(builder, left, right.seen)
    right = _once(builder, right, left.seen)
    if len(left.shape) != len(right.shape):
        shorter = min(left, right, key=lambda value: len(value.shape))
        if BATCH in shorter.shape:
            raise UnreadableError("it broadcasts the batch along another axis")
        return builder.add(op, [builder.settled(left), builder.settled(right)])
    if left.perm != right.perm:
        perm = left.perm if _elements(right) < _elements(left) else right.perm
        left, right = (as_seen(builder, value, perm) for value in (left, right))
    return replace(builder.add(op, [left, right]), perm=left.perm)


def _once(builder: Builder, x: Feature, other: Shape) -> Feature:
    """What was repeated by an `Expand`, where an operation with the other shape repeats it by itself."""
    bare = replace(builder.repeated.get(x.step, x), perm=x.perm)
    return bare if broadcast(bare.seen, other) == broadcast(x.seen, other) else x


def _elements(x: Feature) -> int:
    """How many an image has: the smaller value is the cheaper one to turn."""
    return math.prod(size for size in x.shape if isinstance(size, int))


def as_seen(builder: Builder, x: Feature, perm: tuple[int, ...]) -> Feature:
    """The same value, whose step's axes are in the order of `perm`."""
    if x.perm == perm:
        return x
    order = tuple(x.perm[axis] for axis in np.argsort(perm))
    return replace(builder.settled(replace(x, perm=order)), perm=perm)


def _with_number(builder: Builder, op: str, x: Feature, number: Number, role: str) -> Feature:
    shape = number.value().shape
    if len(shape) > len(x.shape):
        raise UnreadableError("the number has more axes than the value")
    x = _once(builder, builder.unpadded(x), shape)
    if number.is_constant and role == "right" and op in NEUTRAL and number.scalar == NEUTRAL[op]:
        return x
    if op in COMMUTATIVE:
        role = "right"
    return replace(builder.add(op, [x], {}, {role: _aligned(number, shape, x)}), perm=x.perm)


def _aligned(number: Number, shape: tuple[int, ...], x: Feature) -> Number:
    """The number with its axes in the order of the step's; a single one as a scalar."""
    if number.value().size == 1:
        return Number("Reshape", (number, Number.constant(np.array([], np.int64)))) if shape else number
    full = (1,) * (len(x.shape) - len(shape)) + shape
    if full != shape:
        number = Number("Reshape", (number, Number.constant(np.array(full, np.int64))))
    if not x.upright:
        number = Number("Transpose", (number,), {"perm": tuple(int(axis) for axis in np.argsort(x.perm))})
        full = tuple(full[axis] for axis in number.attributes["perm"])
    # Axes of length 1 at the front say nothing.
    while len(full) > 1 and full[0] == 1 and len(full) > len(x.shape) - 1:
        full = full[1:]
    if len(full) < len(x.shape):
        number = Number("Reshape", (number, Number.constant(np.array(full, np.int64))))
    return number


def _dropout(builder: Builder, x: Input, ratio: Input = None, training: Input = None, **_: Any) -> Value:
    if scalar(training):
        raise UnreadableError("it was exported in training mode, and drops values at random")
    return feature(x)


def _cast(builder: Builder, value: Input, to: int, **_: Any) -> Value:
    x = feature(value)
    boolean = _is_boolean(builder, x)
    if to == BOOL:
        return x if boolean else builder.permuted("Not", made(builder, "Equal", x, ZERO), {})
    if boolean:
        return _chosen(builder, x, ONE, ZERO)
    if to in FLOATS:
        return x
    if not builder.mixing:
        raise UnreadableError("it casts to a type that is not floating")
    sizes = builder.permuted("Floor", builder.permuted("Abs", x, {}), {})  # towards zero, and without overflow
    return _of_features(builder, "Mul", builder.permuted("Sign", x, {}), sizes)


def _is_boolean(builder: Builder, x: Feature) -> bool:
    """Whether a value is the outcome of a comparison, which nothing but moves has taken since."""
    step = builder.steps.get(x.step)
    while step is not None and step.op in MOVES and len(step.inputs) == 1:
        step = builder.steps.get(step.inputs[0])
    return step is not None and (step.op in COMPARISONS or step.op == "Not")


def _where(builder: Builder, mask: Input, x: Input, other: Input) -> Value:
    if isinstance(mask, Feature):
        return _chosen(builder, mask, x, other)
    return _filled(builder, number(mask), x, other)


def _chosen(builder: Builder, mask: Feature, *values: Input) -> Feature:
    """One of two values, by a comparison of values of the image."""
    features = [builder.unpadded(value) for value in (mask, *values) if isinstance(value, Feature)]
    if len({value.perm for value in features}) > 1:
        features = [builder.settled(value) for value in features]
    widest = max(features, key=lambda value: len(value.shape))
    if any(len(value.shape) < len(widest.shape) and BATCH in value.shape for value in features):
        raise UnreadableError("it broadcasts the batch along another axis")
    numbers = {role: value for role, value in zip(("left", "right"), values, strict=True) if isinstance(value, Number)}
    if any(value.value().ndim > len(widest.shape) for value in numbers.values()):
        raise UnreadableError("the number has more axes than the value")
    aligned = {role: _aligned(value, value.value().shape, widest) for role, value in numbers.items()}
    return replace(builder.add("Where", features, {}, aligned), perm=widest.perm)


def _filled(builder: Builder, mask: Number, x: Input, other: Input) -> Value:
    """Known places are filled with a number: x * kept + filled."""
    if isinstance(x, Feature) and isinstance(other, Feature):
        raise UnreadableError("it chooses between values of the image")
    kept = mask.value().astype(bool)
    if isinstance(x, Number):
        x, other, kept = other, x, ~kept
    filled = np.where(kept, np.float32(0), number(other).value())
    if not np.isfinite(filled).all():
        raise UnreadableError("it fills with what is not finite")
    found = feature(x)
    if not kept.all():
        found = made(builder, "Mul", found, Number.constant(kept.astype(np.float32)))
    return made(builder, "Add", found, Number.constant(filled)) if filled.any() else found


def _mean(builder: Builder, *inputs: Input) -> Value:
    return made(builder, "Div", made(builder, "Add", *inputs), Number.constant(np.float32(len(inputs))))


def made(builder: Builder, op: str, *operands: Input | float, **attributes: float) -> Feature:
    """What the rule of an operator makes of values and plain numbers."""
    values = (Number.constant(value) if isinstance(value, float) else value for value in operands)
    return feature(RULES[op](builder, *values, **attributes))


RULES: dict[str, Single] = {
    **{op: _unary(op) for op in UNARY if op != "Clip"},
    **{op: _binary(op) for op in (*BINARY, *COMPARISONS)},
    "Cast": _cast,
    "CastLike": lambda builder, value, other, **_: value,  # both are floating, whichever depends on the image
    "Clip": _clip,
    "Dropout": _dropout,
    "Identity": lambda builder, x: feature(x),
    "Mean": _mean,
    "PRelu": _prelu,
    "Sum": _binary("Add"),
    "Where": _where,
}
