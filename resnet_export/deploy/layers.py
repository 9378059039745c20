"""The first wrong layer of an artefact whose values have names of their own: they are found by their numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, evaluate
from resnet_export.network.operators.operator import Floats

FOLLOWING = ("BatchNormalization", "Relu", "Add")
"""Operators that runtimes fuse into what stands before them, whose own value is then not to be seen."""
TOLERANCE = 1e-3
"""Of the largest value. Float32 is a hundred times closer, and a wrong layer a hundred times further away."""


def first_wrong(
    network: Network, numbers: Numbers, images: Floats, values: Iterable[NDArray[np.float32]]
) -> str | None:
    """The first convolution or product that no value of the artefact shows, neither by itself nor with what follows it.

    Args:
        network: the right one.
        numbers: its parameters.
        images: (1, channels, height, width), as the network takes them.
        values: of the artefact for the same image, in any order, without the axis of the batch or with it.
    """
    seen = [np.squeeze(value).astype(np.float64) for value in values]
    unseen: dict[str, list[str]] = {}  # a step whose value was not seen -> the layers that it may be fused with
    for step, value in evaluate(network, numbers, images):
        fused = [layer for name in step.inputs for layer in unseen.pop(name, ())] if step.op in FOLLOWING else []
        layers = fused or [step.name] * bool(step.parameters)
        if layers and not _is_among(value, seen):
            unseen[step.name] = layers
    wrong = {layer for layers in unseen.values() for layer in layers}
    return next((step.name for step in network.steps if step.name in wrong), None)


def _is_among(value: Floats, seen: Iterable[Floats]) -> bool:
    wanted = np.squeeze(value)
    bound = TOLERANCE * np.abs(wanted).max(initial=0.0)
    return any(one.shape == wanted.shape and np.abs(one - wanted).max(initial=0.0) <= bound for one in seen)
