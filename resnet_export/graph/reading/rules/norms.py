"""Normalisations that are operators; those that are written out in arithmetic are recognised in `written_norms`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import moves, reductions
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import NORM_ROLES

MVN_EPSILON = 1e-9
GROUP_NORM_OF_CHANNELS = 21
"""The first opset whose group norm has a scale for each channel."""


def _batch_norm(
    builder: Builder, x: Input, *given: Input, epsilon: float = 1e-5, spatial: int = 1, training_mode: int = 0, **_: Any
) -> Value:
    if not spatial:
        raise UnreadableError("it normalises each place by numbers of its own")
    if training_mode:
        raise UnreadableError("it was exported in training mode, and normalises by the statistics of the batch")
    numbers = dict(zip(NORM_ROLES, (number(value).vector() for value in given), strict=True))
    return builder.add("BatchNormalization", [builder.settled(feature(x))], {"epsilon": decimal(epsilon)}, numbers)


def _instance_norm(builder: Builder, x: Input, weight: Input, bias: Input, epsilon: float = 1e-5) -> Feature:
    numbers = {"weight": number(weight).vector(), "bias": number(bias).vector()}
    return builder.add("InstanceNormalization", [builder.settled(feature(x))], {"epsilon": decimal(epsilon)}, numbers)


def _layer_norm(
    builder: Builder,
    image: Input,
    weight: Input,
    bias: Input = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    **_: Any,
) -> Value:
    x = builder.settled(feature(image))
    first = axis % len(x.shape)
    builder.refuse_batch(x, range(first, len(x.shape)))
    numbers = {"weight": number(weight), "bias": None if bias is None else number(bias)}
    return builder.add("LayerNormalization", [x], {"axis": first, "epsilon": decimal(epsilon)}, numbers)


def _group_norm(
    builder: Builder, image: Input, scale: Input, shift: Input, *, num_groups: int, epsilon: float = 1e-5, **_: Any
) -> Value:
    """Each group, then a scale and shift: of a group before opset 21, of a channel from then on.

    The variance is that of ONNX's function, mean(x^2) - mean^2: in float32 it loses digits where the mean is large.
    """
    x, do = builder.settled(feature(image)), partial(made, builder)
    centred, variance = _moments(builder, moves.reshape(builder, x, shape=(0, num_groups, -1)), (2,))
    normal = do("Div", centred, do("Sqrt", do("Add", variance, decimal(epsilon))))
    found = moves.reshaped(builder, builder.settled(normal), x.shape)
    for op, value in (("Mul", scale), ("Add", shift)):
        along = number(value).vector()
        if builder.opset < GROUP_NORM_OF_CHANNELS:
            channels = int(x.shape[1]) // num_groups  # type: ignore[arg-type]
            along = Number("Gather", (along, Number.constant(np.repeat(np.arange(num_groups), channels))))
        shape = Number.constant(np.array([-1, *(1,) * (len(x.shape) - 2)]))
        found = made(builder, op, found, Number("Reshape", (along, shape)))
    return found


def _local_response(
    builder: Builder, x: Input, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Value:
    numbers = {"alpha": decimal(alpha), "beta": decimal(beta), "bias": decimal(bias)}
    return builder.add("LRN", [builder.settled(feature(x))], {**numbers, "size": size})


def _mean_variance(builder: Builder, x: Input, axes: Sequence[int] = (0, 2, 3)) -> Value:
    """(x - mean) / (sqrt(mean(x^2) - mean^2) + 1e-9)."""
    do = partial(made, builder)
    centred, variance = _moments(builder, x, axes)
    return do("Div", centred, do("Add", do("Sqrt", variance), MVN_EPSILON))


def _moments(builder: Builder, x: Input, axes: Sequence[int]) -> tuple[Feature, Feature]:
    """(x - mean, mean(x^2) - mean^2)."""
    do = partial(made, builder)
    mean, of_squares = (reductions.RULES["ReduceMean"](builder, one, axes=axes) for one in (x, do("Mul", x, x)))
    return do("Sub", x, mean), do("Sub", of_squares, do("Mul", mean, mean))


def _root_mean_square(
    builder: Builder, value: Input, weight: Input, *, axis: int = -1, epsilon: float = 1e-5, **_: Any
) -> Value:
    """An axis and those behind it, over the root of their mean square: x / sqrt(mean(x^2) + epsilon) * weight."""
    x, do = feature(value), partial(made, builder)
    axes = tuple(range(axis % len(x.shape), len(x.shape)))
    mean = reductions.RULES["ReduceMean"](builder, do("Mul", x, x), axes=axes)
    return do("Mul", do("Div", x, do("Sqrt", do("Add", mean, decimal(epsilon)))), weight)


RULES: dict[str, Single] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "LayerNormalization": _layer_norm,
    "MeanVarianceNormalization": _mean_variance,
    "RMSNormalization": _root_mean_square,
}
