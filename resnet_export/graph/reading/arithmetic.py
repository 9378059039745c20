"""Operators on numbers: what converters compute of parameters, constants and shapes before the network runs.

An operator that is a step of networks too is evaluated as that step. What is here brings the inputs and attributes of a
node into the step's form, and knows what whole numbers and lengths need.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.network import NORM_ROLES
from resnet_export.network.operators import BINARY, COMPARISONS, OPERATORS, UNARY
from resnet_export.network.sizes import BATCH, Batch

LARGEST_DENOMINATOR = 64
"""Of a fraction that is taken for what was meant: a hard sigmoid's 1/6."""
Array = NDArray[Any]
_step = {op: operator.evaluation for op, operator in OPERATORS.items()}
"""Operator -> what a step of a network gives: (inputs, parameters and attributes by their names) -> output."""


def decimal(value: float) -> float:
    """What was meant by an attribute, which has passed through float32: a fraction such as 1/6, or a short decimal.

    `1e-5` in float32 is 9.99999974738e-06, which would be off by 1e-8 in float64.
    """
    fraction = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return float(fraction) if np.float32(fraction) == np.float32(value) else float(str(np.float32(value)))


def _axes(given: Array | None, axes: Sequence[int] | None) -> tuple[int, ...]:
    """Axes, which are an input in later opsets and an attribute in earlier ones."""
    return tuple(axes or ()) if given is None else tuple(int(axis) for axis in given.ravel())


def _reshape(x: Array, shape: Array, allowzero: int = 0) -> Array:
    wanted = shape.tolist()
    return x.reshape(wanted) if allowzero else _step["Reshape"](x, shape=wanted)


def _slice(x: Array, *bounds: Array, **attributes: Any) -> Array:
    index = [slice(None)] * x.ndim
    for start, end, axis, step in slice_bounds(bounds, attributes):
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(index)]


def slice_bounds(bounds: Sequence[Array | None], attributes: Mapping[str, Any]) -> list[tuple[int, int, int, int]]:
    """(start, end, axis, step) of each cut: inputs in later opsets, and attributes in opset 9 and earlier."""
    names = ("starts", "ends", "axes", "steps")
    given = dict(attributes)
    given |= {name: bound.ravel().tolist() for name, bound in zip(names, bounds, strict=False) if bound is not None}
    starts, ends, axes, steps = (given.get(name) for name in names)
    if starts is None or ends is None:
        raise ValueError("a slice without bounds")
    return list(zip(starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True))


def _reduction(op: str) -> Callable[..., Array]:
    def apply(
        x: Array, given: Array | None = None, axes: Sequence[int] | None = None, keepdims: int = 1, **_: Any
    ) -> Array:
        chosen = tuple(axis % x.ndim for axis in _axes(given, axes)) or tuple(range(x.ndim))
        found = np.asarray(_step[op](x, axes=chosen))
        return found if keepdims else found.squeeze(chosen)

    return apply


def _between(op: str) -> Callable[..., Array]:
    """Of two numbers; older files say that they broadcast."""
    return lambda x, y, **_: _step[op](x, y)


def _divide(x: Array, y: Array, **_: Any) -> Array:
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    if object in (x.dtype, y.dtype):  # lengths, which are positive, and depend on the batch
        return np.asarray(x // y)
    return np.asarray(np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y)), x.dtype)  # towards zero


def _cast(x: Array, to: int, **_: Any) -> Array:
    if any(isinstance(size, Batch) for size in x.ravel().tolist() if x.dtype == object):
        return x
    # Precision is not lost on the way: what is computed of numbers is computed in float64.
    floating = ir.DataType(to).is_floating_point() and x.dtype.kind == "f"
    return x if floating else x.astype(ir.DataType(to).numpy())


def _clip(x: Array, least: Any = None, most: Any = None, **bounds: Any) -> Array:
    return np.asarray(_step["Clip"](x, min=bounds.get("min", least), max=bounds.get("max", most)))


def _batch_norm(x: Array, *given: Array, epsilon: float = 1e-5, **_: Any) -> Array:
    numbers = dict(zip(NORM_ROLES, given, strict=True))
    return np.asarray(_step["BatchNormalization"](x, **numbers, epsilon=decimal(epsilon)))


def _gemm(x: Array, y: Array, z: Array | None = None, alpha: float = 1.0, beta: float = 1.0, **turned: int) -> Array:
    left, right = (side.T if turned.get(name) else side for side, name in ((x, "transA"), (y, "transB")))
    found = alpha * (left @ right)
    return np.asarray(found if z is None else found + beta * z)


def _for_one_image(shape: Array) -> tuple[int, ...]:
    """Along the batch once, where it broadcasts."""
    return tuple(1 if isinstance(size, Batch) else size for size in shape.tolist())


def _fill(shape: Array, value: ir.TensorProtocol | None = None) -> Array:
    """The same number everywhere."""
    return np.full(_for_one_image(shape), np.float32(0) if value is None else value.numpy().ravel()[0])


def _range(*bounds: Array) -> Array:
    start, limit, step = (bound.item() for bound in bounds)
    if (start, limit, step) == (0, BATCH, 1):
        return np.array([EVERY_IMAGE], object)
    if isinstance(limit, Batch):
        raise CountsImagesError
    return np.arange(start, limit, step)


class CountsImagesError(ValueError):
    """What is computed depends on the number of images, of which a network has any."""

    def __str__(self) -> str:
        return "it counts the images of the batch"


class EveryImage:
    """The places of the images along the batch, however many there are; an array holds it once."""


EVERY_IMAGE = EveryImage()


def _scatter(x: Array, points: Array, values: Array, reduction: str = "none") -> Array:
    """The number with others at some points, as tracers write what is assigned to a part of a mask."""
    if reduction != "none":
        raise ValueError("what is scattered is joined with what is there")
    if EVERY_IMAGE in points.ravel().tolist():
        return values
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


def _quantize(x: Array, scale: Array, zero: Array | None = None, axis: int = 1, **_: Any) -> Array:
    zero = np.array(0, np.uint8) if zero is None else zero
    least, most = integer_limits(zero.dtype)
    numbers = {"scale": scale, "zero_point": zero.astype(x.dtype)}
    return np.asarray(_step["QuantizeLinear"](x, **numbers, axis=axis, min=least, max=most)).astype(zero.dtype)


def _dequantize(
    x: Array, scale: Array, zero: Array | None = None, axis: int = 1, block_size: int = 0, **_: Any
) -> Array:
    """With a scale for each index of an axis, or for each of its blocks."""
    numbers = {"scale": scale, "zero_point": np.zeros_like(scale) if zero is None else zero.astype(np.float64)}
    if block_size:
        every = range(x.shape[axis])
        numbers = {role: np.repeat(values, block_size, axis).take(every, axis) for role, values in numbers.items()}
    return np.asarray(_step["DequantizeLinear"](x.astype(np.float64), **numbers, axis=axis))


ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{op: _step[op] for op in (*UNARY, "Concat", "MatMul", "Where")},
    **{op: _between(op) for op in (*BINARY, *COMPARISONS)},
    **{op: _reduction(op) for op in OPERATORS if op.startswith("Reduce")},
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "CastLike": lambda x, y, **_: x if x.dtype.kind == y.dtype.kind == "f" else x.astype(y.dtype),
    "Clip": _clip,
    "ConstantOfShape": _fill,
    "DequantizeLinear": _dequantize,
    "Div": _divide,
    "Einsum": lambda *x, equation: np.asarray(np.einsum(equation, *x)),
    "Expand": lambda x, shape: _step["Expand"](x, shape=_for_one_image(shape)),
    "Flatten": lambda x, axis=1: _step["Flatten"](x, axis=axis),
    "Gather": lambda x, indices, axis=0: np.take(x, indices, axis),
    "Gemm": _gemm,
    "Identity": lambda x: x,
    "LogSoftmax": lambda x, axis=-1: _step["LogSoftmax"](x, axis=axis),
    "Max": lambda *x: functools.reduce(np.maximum, x),
    "Min": lambda *x: functools.reduce(np.minimum, x),
    "Mod": lambda x, y, fmod=0: np.fmod(x, y) if fmod else np.mod(x, y),
    "QuantizeLinear": _quantize,
    "Range": _range,
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Slice": _slice,
    "Softmax": lambda x, axis=-1: _step["Softmax"](x, axis=axis),
    "Squeeze": lambda x, given=None, axes=None: x.squeeze(_axes(given, axes) or None),
    "Transpose": lambda x, perm=None: x.transpose(perm),
    "Unsqueeze": lambda x, given=None, axes=None: np.expand_dims(x, _axes(given, axes)),
}
"""ONNX operator -> its evaluation by NumPy, in the precision of its operands."""
