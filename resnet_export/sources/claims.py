"""What is claimed of a network that was read, such as its depth: another one is refused at its first other layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from resnet_export.errors import CheckpointError, SpecificationError, StructureError
from resnet_export.graph.reading import Reading
from resnet_export.live import LiveModel
from resnet_export.network import Network
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.match import match
from resnet_export.sources.recognition import candidates
from resnet_export.spec import ResNetSpec

FAR = 1e-3
"""Distance over the largest value beyond which a model's own run is not that of the network that was read of it."""


def refuse_contradiction(
    network: Network, spec: ResNetSpec | None, asked: Mapping[str, Any], origin: str, side: Callable[[], str]
) -> None:
    """Refuses a network that is not what the caller says.

    Args:
        network: what was read.
        spec: the specification whose network it is, if any.
        asked: what is claimed; None means not asked.
        origin: what messages call the source.
        side: which side a wrong layer is in.

    Raises:
        CheckpointError: it is another one; names its first layer that differs.
    """
    claims = {name: value for name, value in asked.items() if value is not None and name != "image_size"}
    found = {"num_classes": network.classes, "in_channels": network.image[0]}
    for name, value in claims.items():
        has = found.get(name) if spec is None else getattr(spec, name)
        if has is None:
            raise CheckpointError(
                f"{name} {value!r} was asked for, and {origin} is no ResNet of the known family."
                f"{_first_difference(network, claims, side)}",
                hint=f"Mend that layer, or leave {name} out: the network is then read from the model.",
            )
        if has != value:
            raise CheckpointError(
                f"{name} {value!r} was asked for, and {origin} has {has!r}.", hint=f"Leave {name} out."
            )


def wrong_side(reading: Reading, model: LiveModel | None, origin: str) -> str:
    """The model, or its converter, where the model's own run is not that of the network that was read of it."""
    if model is None:
        return origin
    images = np.random.default_rng(0).standard_normal((1, *reading.network.image)).astype(np.float32)
    (read,) = outputs_of(reading.network, reading.numbers, images, [reading.network.output])
    own = model.run(images)[0]
    same = own.shape == read.shape and np.abs(own - read).max() <= FAR * np.abs(read).max()
    return origin if same else f"what the {model.framework} converter made of the model"


def _first_difference(network: Network, claims: Mapping[str, Any], side: Callable[[], str]) -> str:
    """Where the network is not the one of which the claims are true, and which it is for the longest way; in words."""
    differences = list(filter(None, (_difference(network, spec, claims) for spec in candidates(network))))
    if not differences:
        return ""
    _, error = max(differences, key=lambda found: found[0])
    cause = "" if error.cause is None else f" Likely cause: {error.cause}."
    return f" First wrong layer: {error.layer}, in {side()}: {error.detail.rstrip('.')}.{cause}"


def _difference(network: Network, spec: ResNetSpec, claims: Mapping[str, Any]) -> tuple[int, StructureError] | None:
    """(how many steps are right, what is wrong with the next one), where the claims are true of `spec`."""
    try:
        spec = replace(spec, **claims)
        match(network, spec.network)
    except StructureError as error:
        return [step.name for step in spec.network.steps].index(error.layer), error
    except SpecificationError:  # such as groups of a network without bottlenecks
        return None
    return None
