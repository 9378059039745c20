"""Normalisations that are operators; those that are written out in arithmetic are recognised in `written_norms`."""

from __future__ import annotations

from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import feature, number, optional, refuse_batch
from resnet_export.graph.reading.values import UnreadableError, Value
from resnet_export.network.operators.norms import exact_epsilon

ROLES = ("weight", "bias", "running_mean", "running_var")


def _batch_norm(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    if attributes.get("training_mode", 0):
        raise UnreadableError("it was exported in training mode, and normalises by the statistics of the batch")
    numbers = dict(zip(ROLES, (number(value).vector() for value in inputs[1:5]), strict=True))
    epsilon = exact_epsilon(attributes.get("epsilon", 1e-5))
    return builder.add("BatchNormalization", [builder.settled(feature(inputs[0]))], {"epsilon": epsilon}, numbers)


def _instance_norm(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    numbers = {"weight": number(inputs[1]).vector(), "bias": number(inputs[2]).vector()}
    epsilon = exact_epsilon(attributes.get("epsilon", 1e-5))
    return builder.add("InstanceNormalization", [builder.settled(feature(inputs[0]))], {"epsilon": epsilon}, numbers)


def _layer_norm(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    x = builder.settled(feature(inputs[0]))
    bias = optional(inputs, 2)
    norm = {
        "axis": attributes.get("axis", -1) % len(x.shape),
        "epsilon": exact_epsilon(attributes.get("epsilon", 1e-5)),
    }
    refuse_batch(x, range(norm["axis"], len(x.shape)))
    numbers = {"weight": number(inputs[1]), "bias": None if bias is None else number(bias)}
    return builder.add("LayerNormalization", [x], norm, numbers)


RULES = {
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
}
