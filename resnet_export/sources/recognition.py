"""Which specification a network is of, if any: its structure is held against that of each that it could be.

Another one than is claimed, such as another depth, is refused at its first other layer.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from resnet_export.errors import CheckpointError, SpecificationError, StructureError
from resnet_export.graph.reading import Reading
from resnet_export.live import LiveModel
from resnet_export.network import Network
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.match import match
from resnet_export.spec import BASE_WIDTH, STEMS, STRIDE_POSITIONS, VARIANTS, ResNetSpec, base_width_of

FAR = 1e-3
"""Distance over the largest value beyond which a model's own run is not that of the network that was read of it."""


def recognise(network: Network) -> tuple[ResNetSpec | None, Mapping[str, str]]:
    """(the specification whose network it is, its steps' names -> the specification's); None and nothing else."""
    for spec in candidates(network):
        if len(spec.network.steps) != len(network.steps):
            continue
        try:
            names = match(network, spec.network)
        except StructureError:
            continue
        return spec, {found: name for name, found in names.items()}
    return None, {}


def candidates(network: Network) -> Iterator[ResNetSpec]:
    """Every specification with the network's image, classes, width, usual eps, and groups as in its first block."""
    channels, height, width = network.image
    first = network.steps[0]
    usual = Counter(step.attributes["epsilon"] for step in network.steps if step.op == "BatchNormalization")
    if height != width or first.op != "Conv" or not usual:
        return
    ((eps, _),) = usual.most_common(1)
    width = first.parameters["weight"][0]
    # Of the first bottleneck, if there is any, the 3x3 convolution.
    _, *convolutions = (step for step in network.steps if step.op == "Conv")
    found = (step for step in convolutions if step.attributes["kernel_shape"] == (3, 3))
    inner, groups = next(((step.parameters["weight"][0], step.attributes["group"]) for step in found), (BASE_WIDTH, 1))
    base_width = base_width_of(inner, groups, width)
    for (depth, variant), stem, stride_on in product(VARIANTS.items(), STEMS, STRIDE_POSITIONS):
        inside: dict[str, Any] = {"groups": groups, "base_width": base_width, "stride_on": stride_on}
        if not variant.bottleneck and stride_on != ResNetSpec.stride_on:
            continue
        try:
            yield ResNetSpec(
                depth=depth, num_classes=network.classes, in_channels=channels, image_size=height, width=width,
                stem=stem, eps=eps, **(inside if variant.bottleneck else {}),
            )  # fmt: skip
        except SpecificationError:
            continue


def refuse_contradiction(
    network: Network, spec: ResNetSpec | None, asked: Mapping[str, Any], origin: str, side: Callable[[], str]
) -> None:
    """Refuses a network that is not what the caller claims; `spec` is the specification whose network it is, if any.

    Raises:
        CheckpointError: it is another one; names its first layer that differs, and the `side` that this is in.
    """
    claims = {name: value for name, value in asked.items() if name != "image_size"}
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
    differences: list[tuple[int, StructureError]] = []  # (how many steps are right, what is wrong with the next one)
    for candidate in candidates(network):
        with contextlib.suppress(SpecificationError):  # such as groups of a network without bottlenecks
            expected = replace(candidate, **claims).network
            try:
                match(network, expected)
            except StructureError as error:
                differences.append(([step.name for step in expected.steps].index(error.layer), error))
    if not differences:
        return ""
    _, first = max(differences, key=lambda found: found[0])
    cause = "" if first.cause is None else f" Likely cause: {first.cause}."
    return f" First wrong layer: {first.layer}, in {side()}: {first.detail.rstrip('.')}.{cause}"
