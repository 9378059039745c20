"""Operators on numbers: what converters compute of parameters, constants and shapes before the network runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.network.operators import OPERATORS, UNARY
from resnet_export.network.operators.norms import exact_epsilon
from resnet_export.network.operators.quantization import along
from resnet_export.network.sizes import Batch

DEFAULTS: dict[str, dict[str, float]] = {
    "Elu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01},
    "LogSoftmax": {"axis": -1},
    "Softmax": {"axis": -1},
}
"""Operator -> its attributes where they are left out."""
Attributes = Mapping[str, Any]
Array = NDArray[Any]


def axes_of(attributes: Attributes, *given: Array) -> tuple[int, ...]:
    """Axes, which are an input in later opsets and an attribute in earlier ones."""
    if attributes.get("axes") is not None:
        return tuple(attributes["axes"])
    return tuple(int(axis) for axis in given[0].ravel()) if given else ()


def _reshape(attributes: Attributes, x: Array, shape: Array) -> Array:
    keeps = not attributes.get("allowzero")
    return x.reshape([x.shape[axis] if keeps and size == 0 else size for axis, size in enumerate(shape.tolist())])


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


def _reduction(reduce: Callable[..., Any]) -> Callable[..., Array]:
    def apply(attributes: Attributes, x: Array, *axes: Array) -> Array:
        axis = axes_of(attributes, *axes) or None
        return np.asarray(reduce(x, axis=axis, keepdims=bool(attributes.get("keepdims", 1))))

    return apply


def _length(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.asarray(np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims)))


def _divide(attributes: Attributes, x: Array, y: Array) -> Array:
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    if object in (x.dtype, y.dtype):  # lengths, which are positive, and depend on the batch
        return np.asarray(x // y)
    return np.asarray(np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y)), x.dtype)  # towards zero


def _cast(attributes: Attributes, x: Array) -> Array:
    if any(isinstance(size, Batch) for size in x.ravel().tolist() if x.dtype == object):
        return x
    dtype = ir.DataType(attributes["to"]).numpy()
    # Precision is not lost on the way: what is computed of numbers is computed in float64.
    return x if dtype.kind == "f" and x.dtype.kind == "f" else x.astype(dtype)


def _standardise(attributes: Attributes, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> Array:
    scale = gamma / np.sqrt(variance + exact_epsilon(attributes.get("epsilon", 1e-5)))
    along = (-1, *(1,) * (x.ndim - 2))
    return np.asarray((x - mean.reshape(along)) * scale.reshape(along) + beta.reshape(along))


def _expand(attributes: Attributes, x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, _for_one_image(shape)))


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


def _gather(attributes: Attributes, x: Array, indices: Array) -> Array:
    return np.asarray(np.take(x, indices, attributes.get("axis", 0)))


def integer_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the largest value of a type of whole numbers, those of 4 bits among them.

    Raises:
        ValueError: it has other numbers too.
    """
    found = ml_dtypes.iinfo(dtype)  # type: ignore[no-untyped-call]
    return int(found.min), int(found.max)


def _quantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    axis, shift = attributes.get("axis", 1), np.array(0, np.uint8) if zero is None else zero
    rounded = np.rint(x / along(scale, x, axis)) + along(shift, x, axis).astype(x.dtype)
    return np.asarray(np.clip(rounded, *integer_limits(shift.dtype)), shift.dtype)


def _dequantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    """With a scale for each index of an axis, or for each of its blocks."""
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)

    def wide(values: Array) -> Array:
        if block:
            return np.repeat(values, block, axis).take(range(x.shape[axis]), axis)
        return along(values, x, axis)

    centred = x.astype(np.float64) - (0 if zero is None else wide(zero).astype(np.float64))
    return np.asarray(centred * wide(scale))


def _as_in_networks(op: str) -> Callable[..., Array]:
    """The operator's evaluation where it is a step of a network."""

    def apply(attributes: Attributes, x: Array) -> Array:
        return np.asarray(OPERATORS[op].apply({**DEFAULTS.get(op, {}), **attributes}, [x], {}))

    return apply


ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{op: _as_in_networks(op) for op in (*UNARY, "LogSoftmax", "Softmax")},
    "Abs": lambda _, x: np.abs(x),
    "Add": lambda _, x, y: x + y,
    "BatchNormalization": _standardise,
    "Cast": _cast,
    "CastLike": lambda _, x, y: x if x.dtype.kind == y.dtype.kind == "f" else x.astype(y.dtype),
    "Clip": lambda a, x, least=None, most=None: np.clip(
        x, a.get("min", None) if least is None else least, a.get("max", None) if most is None else most
    ),
    "Concat": lambda a, *x: np.concatenate(x, a["axis"]),
    "ConstantOfShape": _fill,
    "DequantizeLinear": _dequantize,
    "Div": _divide,
    "Ceil": lambda _, x: np.ceil(x),
    "Equal": lambda _, x, y: x == y,
    "Exp": lambda _, x: np.exp(x),
    "Floor": lambda _, x: np.floor(x),
    "Greater": lambda _, x, y: x > y,
    "Less": lambda _, x, y: x < y,
    "Expand": _expand,
    "Flatten": lambda a, x: x.reshape(int(np.prod(x.shape[: a.get("axis", 1)])), -1),
    "Gather": _gather,
    "Identity": lambda _, x: x,
    "MatMul": lambda _, x, y: x @ y,
    "Max": lambda _, *x: functools.reduce(np.maximum, x),
    "Min": lambda _, *x: functools.reduce(np.minimum, x),
    "Mod": lambda a, x, y: np.fmod(x, y) if a.get("fmod") else np.mod(x, y),
    "Mul": lambda _, x, y: x * y,
    "Neg": lambda _, x: -x,
    "Not": lambda _, x: ~x,
    "Pow": lambda _, x, y: x**y,
    "QuantizeLinear": _quantize,
    "Range": _range,
    "Reciprocal": lambda _, x: 1 / x,
    "ReduceL2": _reduction(_length),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(np.mean),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Relu": lambda _, x: np.maximum(x, 0),
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Sigmoid": lambda _, x: 1 / (1 + np.exp(-x)),
    "Slice": _slice,
    "Sqrt": lambda _, x: np.sqrt(x),
    "Squeeze": _squeeze,
    "Sub": lambda _, x, y: x - y,
    "Tanh": lambda _, x: np.tanh(x),
    "Transpose": lambda a, x: x.transpose(a.get("perm")),
    "Unsqueeze": lambda a, x, *axes: np.expand_dims(x, axes_of(a, *axes)),
    "Where": lambda _, chosen, x, y: np.where(chosen, x, y),
}
"""ONNX operator -> its evaluation by NumPy, in the precision of its operands."""
