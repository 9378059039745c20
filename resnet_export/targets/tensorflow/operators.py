"""Every operator that is carried over: `OPERATORS[op](call, *inputs, **attributes)` gives the output of a step.

The formulas are those of `network.operators`, whose names and attributes these are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.access import NCHW_TO_NHWC, NHWC_TO_NCHW
from resnet_export.network.operators.elementwise import operands
from resnet_export.network.operators.moves import cuts
from resnet_export.network.operators.windows import spatial_pads
from resnet_export.targets.tensorflow.values import Call, Tensor, UnknownError, Value, lengths, tf
from resnet_export.targets.tensorflow.windows import average_pool, convolve, max_pool

Sizes = tuple[int, ...]


def _elementwise(function: Callable[..., Tensor]) -> Callable[..., Value]:
    """Of a function that broadcasts its tensors, and takes the step's attributes."""

    def apply(call: Call, *inputs: Value, **attributes: Any) -> Value:
        last = any(one.channels_last for one in inputs) and all(one.rank == 4 for one in inputs)
        numbers = {role: _channels_last(number) if last else number for role, number in call.numbers.items()}
        tensors = tuple(one.last if last else one.first for one in inputs)
        if numbers:
            tensors = operands(*tensors, **numbers)
        return Value(function(*tensors, **attributes), last)

    return apply


def _channels_last(number: NDArray[np.float32]) -> NDArray[np.float32]:
    """A number that broadcasts over (N, C, H, W), for (N, H, W, C)."""
    return number.reshape((1,) * (4 - number.ndim) + number.shape).transpose(NCHW_TO_NHWC)


def _clip(x: Tensor, min: float | None, max: float | None) -> Tensor:  # noqa: A002
    if (min, max) == (0, 6):
        return tf().nn.relu6(x)
    above = x if min is None else tf().maximum(x, np.float32(min))
    return above if max is None else tf().minimum(above, np.float32(max))


def _hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    return tf().clip_by_value(np.float32(alpha) * x + np.float32(beta), 0.0, 1.0)


def _batch_norm(call: Call, x: Value, *, epsilon: float) -> Value:
    own = {role: number.astype(np.float64) for role, number in call.numbers.items()}
    scale = own["weight"] / np.sqrt(own["running_var"] + epsilon)
    return _scaled(x, x.tensor, scale, own["bias"] - own["running_mean"] * scale)


def _instance_norm(call: Call, x: Value, *, epsilon: float) -> Value:
    return _scaled(x, _standardised(x.tensor, x.pixels, epsilon), call.numbers["weight"], call.numbers["bias"])


def _layer_norm(call: Call, x: Value, *, axis: int, epsilon: float) -> Value:
    out = _standardised(x.first, list(range(axis, x.rank)), epsilon) * call.numbers["weight"]
    return Value(_plus_bias(call, out))


def _scaled(x: Value, tensor: Tensor, scale: NDArray[Any], shift: NDArray[Any]) -> Value:
    """A tensor in the order of `x` times one number for each channel, and plus one."""
    return x.like(tensor * x.along_channels(scale) + x.along_channels(shift))


def _standardised(x: Tensor, axes: list[int], epsilon: float) -> Tensor:
    centred = x - tf().reduce_mean(x, axes, keepdims=True)
    return centred * tf().math.rsqrt(tf().reduce_mean(tf().square(centred), axes, keepdims=True) + np.float32(epsilon))


def _product(call: Call, x: Value, *, transB: int) -> Value:  # noqa: N803
    return Value(_plus_bias(call, tf().matmul(x.first, call.numbers["weight"], transpose_b=bool(transB))))


def _plus_bias(call: Call, out: Tensor) -> Tensor:
    return out + call.numbers["bias"] if "bias" in call.numbers else out


def _matrix_product(call: Call, *inputs: Value) -> Value:
    left, right = operands(*(one.first for one in inputs), **call.numbers)
    # TensorFlow's matmul gives wrong numbers for some values of more than two axes and a matrix.
    return Value(tf().tensordot(left, right, 1) if len(right.shape) == 2 else tf().matmul(left, right))


def _over_axis(name: str) -> Callable[..., Value]:
    return lambda call, x, *, axis: x.like(getattr(tf().nn, name)(x.tensor, axis=x.axis(axis)))


def _reduction(name: str) -> Callable[..., Value]:
    """Over the attribute `axes`; over the pixels where a step has none."""

    def reduce(call: Call, x: Value, *, axes: Sizes | None = None) -> Value:
        over = x.pixels if axes is None else [x.axis(axis) for axis in axes]
        return x.like(getattr(tf(), name)(x.tensor, over, keepdims=True))

    return reduce


def _pad(call: Call, x: Value, *, pads: Sizes, mode: str, value: float) -> Value:
    if mode not in ("constant", "reflect"):
        raise UnknownError(f"in mode {mode}")
    sides = [(0, 0)] * x.rank
    for axis, both in enumerate(spatial_pads(pads)):
        sides[x.axis(axis)] = both
    return x.like(tf().pad(x.tensor, sides, mode.upper(), constant_values=value))


def _slice(call: Call, x: Value, **bounds: Sizes) -> Value:
    index = [slice(None)] * x.rank
    for axis, cut in cuts(**bounds):
        index[x.axis(axis)] = cut
    return x.like(x.tensor[tuple(index)])


def _concat(call: Call, *inputs: Value, axis: int) -> Value:
    last = any(one.channels_last for one in inputs)
    tensors = [one.last if last else one.first for one in inputs]
    return Value(tf().concat(tensors, NHWC_TO_NCHW[axis] if last else axis), last)


def _gather(call: Call, x: Value, *, axis: int, indices: Sizes) -> Value:
    return x.like(tf().gather(x.tensor, np.asarray(indices, np.int32), axis=x.axis(axis)))


def _reshape(call: Call, x: Value, **_: Any) -> Value:
    return Value(tf().reshape(x.first, call.lengths))


def _expand(call: Call, x: Value, **_: Any) -> Value:
    wide = [1] * (len(call.shape) - x.rank) + lengths(call.taken[0])
    times = [1 if own == size else size for own, size in zip(wide, call.lengths, strict=True)]
    return Value(tf().tile(tf().reshape(x.first, wide), times))


def _transpose(call: Call, x: Value, *, perm: Sizes) -> Value:
    if x.channels_last and perm == NCHW_TO_NHWC:
        return Value(x.tensor)
    if not x.channels_last and perm == NHWC_TO_NCHW:
        return Value(x.tensor, channels_last=True)
    return Value(tf().transpose(x.first, perm))


OPERATORS: dict[str, Callable[..., Value]] = {
    "Abs": _elementwise(lambda x: tf().abs(x)),
    "Add": _elementwise(lambda left, right: left + right),
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _elementwise(_clip),
    "Concat": _concat,
    "Conv": convolve,
    "Div": _elementwise(lambda left, right: left / right),
    "Elu": _elementwise(lambda x, alpha: tf().nn.relu(x) + alpha * (tf().exp(-tf().nn.relu(-x)) - 1)),
    "Exp": _elementwise(lambda x: tf().exp(x)),
    "Expand": _expand,
    "Flatten": _reshape,
    "Gather": _gather,
    "Gemm": _product,
    "GlobalAveragePool": _reduction("reduce_mean"),
    "GlobalMaxPool": _reduction("reduce_max"),
    "HardSigmoid": _elementwise(_hard_sigmoid),
    "HardSwish": _elementwise(lambda x: x * tf().nn.relu6(x + 3) * np.float32(1 / 6)),
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _elementwise(lambda x, alpha: tf().nn.leaky_relu(x, alpha)),
    "Log": _elementwise(lambda x: tf().math.log(x)),
    "LogSoftmax": _over_axis("log_softmax"),
    "MatMul": _matrix_product,
    "Max": _elementwise(lambda left, right: tf().maximum(left, right)),
    "MaxPool": max_pool,
    "Min": _elementwise(lambda left, right: tf().minimum(left, right)),
    "Mul": _elementwise(lambda left, right: left * right),
    "Neg": _elementwise(lambda x: -x),
    "Pad": _pad,
    "Pow": _elementwise(lambda left, right: tf().pow(left, right)),
    "Reciprocal": _elementwise(lambda x: 1 / x),
    "ReduceMax": _reduction("reduce_max"),
    "ReduceMean": _reduction("reduce_mean"),
    "ReduceMin": _reduction("reduce_min"),
    "ReduceSum": _reduction("reduce_sum"),
    "Relu": _elementwise(lambda x: tf().nn.relu(x)),
    "Reshape": _reshape,
    "Sigmoid": _elementwise(lambda x: tf().sigmoid(x)),
    "Slice": _slice,
    "Softmax": _over_axis("softmax"),
    "Softplus": _elementwise(lambda x: tf().math.softplus(x)),
    "Sqrt": _elementwise(lambda x: tf().sqrt(x)),
    "Sub": _elementwise(lambda left, right: left - right),
    "Tanh": _elementwise(lambda x: tf().tanh(x)),
    "Transpose": _transpose,
}
"""Operator -> what makes its output. Of TensorFlow's others, LiteRT has no `erf`."""
