"""Operators on numbers: what converters compute of parameters, constants and shapes before the network runs.

An operator that is a step of networks too is evaluated as that step. What is here brings the inputs and attributes of a
node into the step's form, and knows what whole numbers and lengths need.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.network import NORM_ROLES
from resnet_export.network.operators import BINARY, COMPARISONS, OPERATORS, UNARY
from resnet_export.network.sizes import Batch

DEFAULTS: dict[str, dict[str, float]] = {
    "Elu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01},
    "LogSoftmax": {"axis": -1},
    "Softmax": {"axis": -1},
}
"""Operator -> its attributes where they are left out."""
LARGEST_DENOMINATOR = 64
"""Of a fraction that is taken for what was meant: a hard sigmoid's 1/6."""
Attributes = Mapping[str, Any]
Array = NDArray[Any]


def decimal(value: float) -> float:
    """What was meant by an attribute, which has passed through float32: a fraction such as 1/6, or a short decimal.

    `1e-5` in float32 is 9.99999974738e-06, which would be off by 1e-8 in float64.
    """
    fraction = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return float(fraction) if np.float32(fraction) == np.float32(value) else float(str(np.float32(value)))


def _step(op: str, attributes: Attributes, *inputs: Array, **numbers: Array) -> Array:
    """What a step of a network with this operator gives."""
    return np.asarray(OPERATORS[op].apply(attributes, inputs, numbers))


def _as_step(op: str) -> Callable[..., Array]:
    """The evaluation of a step, which takes what the node takes."""

    def apply(attributes: Attributes, *inputs: Array) -> Array:
        return _step(op, {**DEFAULTS.get(op, {}), **attributes}, *inputs)

    return apply


def axes_of(attributes: Attributes, *given: Array) -> tuple[int, ...]:
    """Axes, which are an input in later opsets and an attribute in earlier ones."""
    if attributes.get("axes") is not None:
        return tuple(attributes["axes"])
    return tuple(int(axis) for axis in given[0].ravel()) if given else ()


def _reshape(attributes: Attributes, x: Array, shape: Array) -> Array:
    wanted = shape.tolist()
    return x.reshape(wanted) if attributes.get("allowzero") else _step("Reshape", {"shape": wanted}, x)


def _slice(attributes: Attributes, x: Array, *bounds: Array) -> Array:
    starts, ends, axes, steps = slice_bounds(attributes, *bounds)
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(index)]


def slice_bounds(attributes: Attributes, *bounds: Array | None) -> tuple[list[int], list[int], list[int], list[int]]:
    """(starts, ends, axes, steps), which are inputs in later opsets and attributes in opset 9 and earlier."""
    given = [None if bound is None else list(bound.ravel().tolist()) for bound in bounds] + [None] * (4 - len(bounds))
    names = ("starts", "ends", "axes", "steps")
    starts, ends, axes, steps = (
        list(attributes[name]) if values is None and attributes.get(name) is not None else values
        for name, values in zip(names, given, strict=True)
    )
    if starts is None or ends is None:
        raise ValueError("a slice without bounds")
    return starts, ends, axes or list(range(len(starts))), steps or [1] * len(starts)


def _squeeze(attributes: Attributes, x: Array, *axes: Array) -> Array:
    return x.squeeze(axes_of(attributes, *axes) or None)


def _reduction(op: str) -> Callable[..., Array]:
    def apply(attributes: Attributes, x: Array, *given: Array) -> Array:
        axes = tuple(axis % x.ndim for axis in axes_of(attributes, *given)) or tuple(range(x.ndim))
        found = _step(op, {"axes": axes}, x)
        return found if attributes.get("keepdims", 1) else found.squeeze(axes)

    return apply


def _divide(attributes: Attributes, x: Array, y: Array) -> Array:
    if x.dtype.kind == "f":
        return _step("Div", {}, x, y)
    if object in (x.dtype, y.dtype):  # lengths, which are positive, and depend on the batch
        return np.asarray(x // y)
    return np.asarray(np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y)), x.dtype)  # towards zero


def _cast(attributes: Attributes, x: Array) -> Array:
    if any(isinstance(size, Batch) for size in x.ravel().tolist() if x.dtype == object):
        return x
    dtype = ir.DataType(attributes["to"]).numpy()
    # Precision is not lost on the way: what is computed of numbers is computed in float64.
    return x if dtype.kind == "f" and x.dtype.kind == "f" else x.astype(dtype)


def _batch_norm(attributes: Attributes, x: Array, *given: Array) -> Array:
    epsilon = decimal(attributes.get("epsilon", 1e-5))
    return _step("BatchNormalization", {"epsilon": epsilon}, x, **dict(zip(NORM_ROLES, given, strict=True)))


def _for_one_image(shape: Array) -> tuple[int, ...]:
    """Along the batch once, where it broadcasts."""
    return tuple(1 if isinstance(size, Batch) else size for size in shape.tolist())


def _fill(attributes: Attributes, shape: Array) -> Array:
    """The same number everywhere."""
    value = attributes.get("value")
    return np.full(_for_one_image(shape), np.float32(0) if value is None else value.numpy().ravel()[0])


def _range(attributes: Attributes, *bounds: Array) -> Array:
    start, limit, step = (bound.item() for bound in bounds)
    if isinstance(limit, Batch):
        raise ValueError("it counts the images of the batch")
    return np.arange(start, limit, step)


def _scatter(attributes: Attributes, x: Array, points: Array, values: Array) -> Array:
    """The number with others at some points, as tracers write what is assigned to a part of a mask."""
    if attributes.get("reduction", "none") != "none":
        raise ValueError("what is scattered is joined with what is there")
    found = x.copy()
    found[tuple(np.moveaxis(points, -1, 0))] = values
    return found


def integer_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the largest value of a type of whole numbers, those of 4 bits among them.

    Raises:
        ValueError: it has other numbers too.
    """
    try:
        found = ml_dtypes.iinfo(dtype)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError(f"it quantises to {dtype}") from None
    return int(found.min), int(found.max)


def _quantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    zero = np.array(0, np.uint8) if zero is None else zero
    least, most = integer_limits(zero.dtype)
    limits = {"axis": attributes.get("axis", 1), "min": least, "max": most}
    return _step("QuantizeLinear", limits, x, scale=scale, zero_point=zero.astype(x.dtype)).astype(zero.dtype)


def _dequantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    """With a scale for each index of an axis, or for each of its blocks."""
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    numbers = {"scale": scale, "zero_point": np.zeros_like(scale) if zero is None else zero.astype(np.float64)}
    if block:
        every = range(x.shape[axis])
        numbers = {role: np.repeat(values, block, axis).take(every, axis) for role, values in numbers.items()}
    return _step("DequantizeLinear", {"axis": axis}, x.astype(np.float64), **numbers)


ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{op: _as_step(op) for op in (*UNARY, *BINARY, *COMPARISONS)},
    **{op: _as_step(op) for op in ("Concat", "LogSoftmax", "MatMul", "Softmax", "Where")},
    **{op: _reduction(op) for op in OPERATORS if op.startswith("Reduce")},
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "CastLike": lambda _, x, y: x if x.dtype.kind == y.dtype.kind == "f" else x.astype(y.dtype),
    "Clip": lambda a, x, least=None, most=None: _step(
        "Clip", {"min": a.get("min") if least is None else least, "max": a.get("max") if most is None else most}, x
    ),
    "ConstantOfShape": _fill,
    "DequantizeLinear": _dequantize,
    "Div": _divide,
    "Expand": lambda _, x, shape: _step("Expand", {"shape": _for_one_image(shape)}, x),
    "Flatten": lambda a, x: _step("Flatten", {"axis": a.get("axis", 1)}, x),
    "Gather": lambda a, x, indices: _step("Gather", {"axis": a.get("axis", 0), "indices": indices}, x),
    "Identity": lambda _, x: x,
    "Max": lambda _, *x: functools.reduce(np.maximum, x),
    "Min": lambda _, *x: functools.reduce(np.minimum, x),
    "Mod": lambda a, x, y: np.fmod(x, y) if a.get("fmod") else np.mod(x, y),
    "QuantizeLinear": _quantize,
    "Range": _range,
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": lambda a, x: _step("Transpose", {"perm": a.get("perm")}, x),
    "Unsqueeze": lambda a, x, *axes: np.expand_dims(x, axes_of(a, *axes)),
}
"""ONNX operator -> its evaluation by NumPy, in the precision of its operands."""
