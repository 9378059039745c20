"""Which specification a network is of, if any: its structure is held against that of each that it could be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from resnet_export.errors import SpecificationError, StructureError
from resnet_export.network import Network
from resnet_export.network.match import match
from resnet_export.spec import BASE_WIDTH, STEMS, STRIDE_POSITIONS, VARIANTS, ResNetSpec, base_width_of


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
    inner, groups = _first_bottleneck(network)
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


def _first_bottleneck(network: Network) -> tuple[int, int]:
    """(channels, groups) of the 3x3 convolution of the first bottleneck, if the network has any."""
    convolutions = [step for step in network.steps if step.op == "Conv"]
    shape, groups = next(
        (
            (step.parameters["weight"], step.attributes["group"])
            for step in convolutions[1:]
            if step.attributes["kernel_shape"] == (3, 3)
        ),
        ((BASE_WIDTH,), 1),
    )
    return shape[0], groups
