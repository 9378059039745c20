"""Which specification a network is of, if any: its structure is held against that of each that it could be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from resnet_export.errors import SpecificationError, StructureError
from resnet_export.network import Network
from resnet_export.network.match import match
from resnet_export.spec import STEMS, VARIANTS, ResNetSpec


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
    """Every specification with the network's image, classes, width and usual eps."""
    channels, height, width = network.image
    first = network.steps[0]
    usual = Counter(step.attributes["epsilon"] for step in network.steps if step.op == "BatchNormalization")
    if height != width or first.op != "Conv" or not usual:
        return
    ((eps, _),) = usual.most_common(1)
    for depth in VARIANTS:
        for stem in STEMS:
            try:
                yield ResNetSpec(
                    depth=depth, num_classes=network.classes, in_channels=channels, image_size=height,
                    width=first.parameters["weight"][0], stem=stem, eps=eps,
                )  # fmt: skip
            except SpecificationError:
                return
