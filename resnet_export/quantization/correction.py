"""Two changes of the weights that make 8 bits lose less.

Source: M. Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019.

Cross-layer equalisation. ReLU(s x) = s ReLU(x) for s > 0, so that of two convolutions with nothing but a ReLU between
them the first may be divided and the second multiplied, channel by channel, and the network stays the same:

    s_i  = sqrt(r1_i r2_i) / r2_i          r1_i = max |W1[i]|,  r2_i = max |W2[:, i]|
    W1[i] /= s_i,  b1_i /= s_i,  W2[:, i] *= s_i

Both ranges are then sqrt(r1_i r2_i). The paper's rounds until nothing changes matter in chains of three.

Bias correction. Rounded weights shift the mean of an output channel, which its bias can take back:

    b_o -= sum_{i,k} (Wq - W)[o, i, k] E[x_i]

E[x_i] is the mean of input channel i over the pictures; a zero padding is neglected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import Network, Step
from resnet_export.quantization.float_network import Arrays
from resnet_export.quantization.presets import Preset
from resnet_export.quantization.statistics import Values

Floats = NDArray[np.float64]
ROUNDS = 8
"""Chains of three convolutions have converged to 1 % by then."""
SETTLED = 1e-2
"""A change of scale that is no longer worth a round."""


def pairs(network: Network) -> Iterator[tuple[Step, Step]]:
    """Convolutions with nothing between them but a ReLU, each of whose values has a single use."""
    for second in network.steps:
        between = network.step.get(second.inputs[0]) if second.op == "Conv" else None
        if between is None or between.op != "Relu":
            continue
        first = network.step.get(between.inputs[0])
        single = first is not None and all(
            len(network.users[name]) == 1 and name not in network.outputs for name in (first.name, between.name)
        )
        if first is not None and first.op == "Conv" and single:
            yield first, second


def equalise(network: Network, numbers: Arrays) -> dict[str, NDArray[np.float32]]:
    """The numbers that equalisation changes; in float64, and rounded once."""
    found: dict[str, Floats] = {}
    linked = list(pairs(network))
    for _ in range(ROUNDS):
        largest = 0.0
        for first, second in linked:
            names = [*first.names, second.parameter("weight")]
            arrays = {name: found.get(name, numbers[name].astype(np.float64)) for name in names}
            scale = _scale(arrays[first.parameter("weight")], _by_input(second, arrays[names[-1]]))
            largest = max(largest, float(np.abs(np.log(scale)).max()))
            for name in first.names:
                found[name] = arrays[name] / scale.reshape(-1, *(1,) * (arrays[name].ndim - 1))
            found[names[-1]] = arrays[names[-1]] * _over_inputs(second, scale)
        if largest < SETTLED:
            break
    return {name: array.astype(np.float32) for name, array in found.items()}


def _scale(first: Floats, second: Floats) -> Floats:
    """(channels,); 1 for a channel that one of the two does not use."""
    r1, r2 = (np.abs(weight).reshape(len(weight), -1).max(1) for weight in (first, second))
    used = (r1 > 0) & (r2 > 0)
    return np.sqrt(np.where(used, r1, 1) / np.where(used, r2, 1))


def _by_input(step: Step, weight: Floats) -> Floats:
    """(in channels, ...) of a weight (out, in / group, height, width)."""
    group = int(step.attributes["group"])
    split = weight.reshape(group, -1, *weight.shape[1:])
    return np.swapaxes(split, 1, 2).reshape(group * weight.shape[1], -1)


def _over_inputs(step: Step, scale: Floats) -> Floats:
    """A number for each input channel, in a shape that multiplies a weight (out, in / group, height, width)."""
    weight, group = step.parameters["weight"], int(step.attributes["group"])
    return np.repeat(scale.reshape(group, -1), weight[0] // group, 0)[..., None, None]


def rounded(weight: NDArray[np.floating], preset: Preset) -> Floats:
    """The weight as 8 bits hold it: symmetric, one scale for each output channel."""
    levels = 64 if preset.reduced else 127
    exact = weight.astype(np.float64)
    scale = np.abs(exact).reshape(len(exact), -1).max(1).reshape(-1, *(1,) * (exact.ndim - 1)) / levels
    scale = np.where(scale > 0, scale, 1.0)
    return np.clip(np.round(exact / scale), -levels, levels) * scale


def correct_biases(
    network: Network, numbers: Arrays, values: Mapping[str, Values], preset: Preset, kept: tuple[str, ...]
) -> dict[str, NDArray[np.float32]]:
    """The biases that make up for the rounding of the weights.

    Args:
        network: the steps.
        numbers: theirs.
        values: what the steps gave on pictures.
        preset: how weights are rounded.
        kept: the steps that stay in float32.
    """
    found = {}
    for step in network.steps:
        if step.op not in ("Conv", "Gemm") or "bias" not in step.parameters or step.name in kept:
            continue
        weight = numbers[step.parameter("weight")]
        mean = values[step.inputs[0]].means
        error = (rounded(weight, preset) - weight).reshape(*weight.shape[:2], -1).sum(2)
        shift = error @ mean if step.op == "Gemm" else (error * _over_inputs(step, mean)[..., 0, 0]).sum(1)
        name = step.parameter("bias")
        found[name] = (numbers[name] - shift).astype(np.float32)
    return found
