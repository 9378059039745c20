"""Normalisations that are operators; those that are written out in arithmetic are recognised in `written_norms`."""

from __future__ import annotations

import numpy as np

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import moves, reductions
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, Single, feature, number, optional
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Number, UnreadableError, Value
from resnet_export.network import NORM_ROLES

LRN = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
"""ONNX's defaults of a local response normalisation."""
MVN_EPSILON = 1e-9
GROUP_NORM_OF_CHANNELS = 21
"""The first opset whose group norm has a scale for each channel."""


def _epsilon(attributes: Attributes) -> float:
    return decimal(attributes.get("epsilon", 1e-5))


def _batch_norm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    if not attributes.get("spatial", 1):
        raise UnreadableError("it normalises each place by numbers of its own")
    if attributes.get("training_mode", 0):
        raise UnreadableError("it was exported in training mode, and normalises by the statistics of the batch")
    numbers = dict(zip(NORM_ROLES, (number(value).vector() for value in inputs[1:5]), strict=True))
    norm = {"epsilon": _epsilon(attributes)}
    return builder.add("BatchNormalization", [builder.settled(feature(inputs[0]))], norm, numbers)


def _instance_norm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    numbers = {"weight": number(inputs[1]).vector(), "bias": number(inputs[2]).vector()}
    norm = {"epsilon": _epsilon(attributes)}
    return builder.add("InstanceNormalization", [builder.settled(feature(inputs[0]))], norm, numbers)


def _layer_norm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = builder.settled(feature(inputs[0]))
    bias = optional(inputs, 2)
    norm = {"axis": attributes.get("axis", -1) % len(x.shape), "epsilon": _epsilon(attributes)}
    builder.refuse_batch(x, range(norm["axis"], len(x.shape)))
    numbers = {"weight": number(inputs[1]), "bias": None if bias is None else number(bias)}
    return builder.add("LayerNormalization", [x], norm, numbers)


def _group_norm(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """An instance norm of each group, then a scale and shift: of a group before opset 21, of a channel from then on."""
    x = builder.settled(feature(inputs[0]))
    groups, channels = attributes["num_groups"], x.shape[1]
    ones, zeros = (Number.constant(np.full(groups, value, np.float32)) for value in (1, 0))
    grouped = moves.reshape(builder, [x, Number.constant(np.array([0, groups, -1]))], {})
    found = feature(_instance_norm(builder, [grouped, ones, zeros], attributes))
    found = moves.reshaped(builder, builder.settled(found), x.shape)
    for op, value in zip(("Mul", "Add"), inputs[1:3], strict=True):
        along = number(value).vector()
        if builder.opset < GROUP_NORM_OF_CHANNELS:
            each = Number.constant(np.repeat(np.arange(groups), int(channels) // groups))  # type: ignore[arg-type]
            along = Number("Gather", (along, each))
        shape = Number.constant(np.array([-1, *(1,) * (len(x.shape) - 2)]))
        found = made(builder, op, found, Number("Reshape", (along, shape)))
    return found


def _local_response(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    found = {name: decimal(attributes.get(name, default)) for name, default in LRN.items()}
    return builder.add("LRN", [builder.settled(feature(inputs[0]))], {**found, "size": attributes["size"]})


def _mean_variance(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """(x - mean) / (sqrt(mean(x^2) - mean^2) + 1e-9)."""
    x = feature(inputs[0])
    axes = {"axes": tuple(attributes.get("axes", (0, 2, 3)))}
    square = made(builder, "Mul", x, x)
    mean, of_squares = (feature(reductions.RULES["ReduceMean"](builder, [one], axes)) for one in (x, square))
    variance = made(builder, "Sub", of_squares, made(builder, "Mul", mean, mean))
    deviation = made(builder, "Add", made(builder, "Sqrt", variance), MVN_EPSILON)
    return made(builder, "Div", made(builder, "Sub", x, mean), deviation)


def _root_mean_square(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    """An axis and those behind it, over the root of their mean square: x / sqrt(mean(x^2) + epsilon) * weight."""
    x = feature(inputs[0])
    axes = tuple(range(attributes.get("axis", -1) % len(x.shape), len(x.shape)))
    mean = feature(reductions.RULES["ReduceMean"](builder, [made(builder, "Mul", x, x)], {"axes": axes}))
    root = made(builder, "Sqrt", made(builder, "Add", mean, _epsilon(attributes)))
    return made(builder, "Mul", made(builder, "Div", x, root), inputs[1])


RULES: dict[str, Single] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "LayerNormalization": _layer_norm,
    "MeanVarianceNormalization": _mean_variance,
    "RMSNormalization": _root_mean_square,
}
