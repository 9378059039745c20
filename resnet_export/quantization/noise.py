"""What 8 bits do to each step, and to the logits, on pictures.

    SQNR = 10 log10( sum x^2 / sum (q - x)^2 )      in decibel, x in float32, q quantised, over all numbers of a value

The noise over the signal that a step adds is that of its output, less that of the noisiest value that it takes. One
pass with all intermediate values ranks the layers this way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import IMAGE, Network, Step
from resnet_export.quantization.float_network import FloatNetwork
from resnet_export.quantization.pictures import Part
from resnet_export.quantization.results import LayerNoise
from resnet_export.quantization.statistics import batch_size
from resnet_export.quantization.writing import DEQUANTIZED
from resnet_export.runtimes import parse_runtime

MOST_DB = 200.0
"""Shown of a value that did not change."""


def layer_noise(network: FloatNetwork, path: Path, part: Part) -> tuple[LayerNoise, ...]:
    """Every step in the order of the network.

    Args:
        network: in float32.
        path: the quantised file that takes normalised pictures.
        part: the pictures.
    """
    steps, values = network.network.steps, network.value_of
    own = {values[step.name]: step.name for step in steps}
    # Behind its pair of nodes a value is what the next step takes; it comes later, and counts.
    names = own | {DEQUANTIZED.format(value): name for value, name in {**own, values[IMAGE]: IMAGE}.items()}
    power: dict[str, float] = {}
    noise: dict[str, float] = {}
    with network.open() as exact, parse_runtime("ort:cpu").open(path) as rounded:
        for images in part.normalised(network.preprocessing, batch_size(network.network)):
            truth = exact.values(images, list(own))
            right = {IMAGE: images, **{own[value]: found for value, found in truth.items()}}
            shown = {names[value]: found for value, found in rounded.values(images, [*names]).items()}
            for name, value in shown.items():
                power[name] = power.get(name, 0.0) + _energy(right[name])
                noise[name] = noise.get(name, 0.0) + _energy(value - right[name])
    relative = {name: noise[name] / power[name] if power[name] else 0.0 for name in noise}
    return tuple(
        LayerNoise(one.name, one.op, _decibel(relative[one.name]), relative[one.name] - _taken(network, one, relative))
        for one in steps
        if one.name in relative
    )


def _taken(network: FloatNetwork, step: Step, relative: Mapping[str, float]) -> float:
    """The noise over the signal of the noisiest value that a step takes, past those that were merged into it."""
    known = [
        relative[name] if name in relative else _taken(network, network.network.step[name], relative)
        for name in step.inputs
        if name in relative or name != IMAGE
    ]
    return max(known, default=0.0)


def logits_sqnr(network: FloatNetwork, path: Path, part: Part) -> float:
    """Of the first output, in decibel."""
    power = noise = 0.0
    with network.open() as exact, parse_runtime("ort:cpu").open(path) as rounded:
        for images in part.normalised(network.preprocessing, batch_size(network.network)):
            right, found = exact.run(images), rounded.run(images)
            power, noise = power + _energy(right), noise + _energy(found - right)
    return _decibel(noise / power if power else 0.0)


def most_sensitive(network: Network, layers: Sequence[LayerNoise], quantised: Sequence[str]) -> list[str]:
    """The quantised layers, the one that adds the most noise first; one that a ReLU was merged into has its noise."""
    added = {one.step: one.added for one in layers}
    users = {name: [step.name for step in network.users.get(name, ())] for name in quantised}
    return sorted(
        quantised, key=lambda name: -max((added[at] for at in (name, *users[name]) if at in added), default=0)
    )


def _energy(value: NDArray[np.float32]) -> float:
    return float(np.square(value, dtype=np.float64).sum())


def _decibel(ratio: float) -> float:
    if not math.isfinite(ratio):
        return -MOST_DB
    return min(MOST_DB, -10 * math.log10(ratio)) if ratio > 0 else MOST_DB
