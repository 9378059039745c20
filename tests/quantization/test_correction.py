from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.network import Network, Step
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.folding import fold, folded_numbers, unfolded
from resnet_export.quantization.correction import correct_biases, equalise, pairs, rounded
from resnet_export.quantization.presets import PRESETS
from resnet_export.quantization.statistics import Values

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

WINDOW = {"dilations": (1, 1), "pads": (0, 0, 0, 0), "strides": (1, 1)}


def chain(group: int) -> tuple[Network, dict[str, Any]]:
    """Two convolutions with a ReLU between them, the second with groups."""
    draw = np.random.default_rng(0).standard_normal
    first = {**WINDOW, "group": 1, "kernel_shape": (1, 1)}
    steps = (
        Step("a", "Conv", ("input",), first, {"weight": (8, 3, 1, 1), "bias": (8,)}),
        Step("r", "Relu", ("a",)),
        Step("b", "Conv", ("r",), {**first, "group": group}, {"weight": (4, 8 // group, 1, 1), "bias": (4,)}),
    )
    network = Network((3, 4, 4), steps, ("b",))
    return network, {name: draw(shape).astype(np.float32) for name, shape in network.parameters.items()}


def folded(spec: ResNetSpec, weights: Weights) -> tuple[Network, dict[str, Any]]:
    network = fold(spec.network)
    return unfolded(network), dict(folded_numbers(network, weights))


@pytest.mark.parametrize("group", [1, 2, 4])
def test_equalisation_leaves_the_network_as_it_is_and_makes_both_ranges_alike(group: int) -> None:
    network, numbers = chain(group)
    numbers["a.weight"][3] *= 1000
    changed = {**numbers, **equalise(network, numbers)}
    images = np.random.default_rng(1).standard_normal((2, 3, 4, 4))
    before, after = (outputs_of(network, given, images, ["b"])[0] for given in (numbers, changed))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5 * np.abs(before).max())
    first = np.abs(changed["a.weight"]).reshape(8, -1).max(1)
    split = changed["b.weight"].reshape(group, 4 // group, 8 // group)
    np.testing.assert_allclose(first, np.abs(split).max(1).ravel(), rtol=1e-5)


def test_pairs_of_residual_blocks(tiny: ResNetSpec, bottlenecks: ResNetSpec) -> None:
    names = [(first.name, second.name) for first, second in pairs(unfolded(fold(tiny.network)))]
    assert names[0] == ("layer1.0.conv1", "layer1.0.conv2")
    assert len(names) == 8
    assert len(list(pairs(unfolded(fold(bottlenecks.network))))) == 2 * 16


def test_a_value_with_another_use_is_not_scaled() -> None:
    network, _ = chain(1)
    assert len(list(pairs(network))) == 1
    assert not list(pairs(replace(network, outputs=("b", "r"))))


@pytest.mark.parametrize(("preset", "levels"), [("x86-vnni", 127), ("x86-avx2", 64)])
def test_rounded_weights_have_so_many_steps(preset: str, levels: int) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 8, 3, 3)).astype(np.float32)
    found = rounded(weight, PRESETS[preset])
    step = np.abs(weight).reshape(4, -1).max(1) / levels
    assert np.abs(found - weight).max() <= step.max() / 2 * (1 + 1e-6)
    in_steps = found / step[:, None, None, None]
    np.testing.assert_allclose(in_steps, np.round(in_steps), atol=1e-9)


@pytest.mark.parametrize("group", [1, 4])
def test_a_corrected_bias_takes_back_the_mean_error(group: int) -> None:
    network, numbers = chain(group)
    images = np.abs(np.random.default_rng(1).standard_normal((64, 3, 4, 4)))
    a, r, exact = outputs_of(network, numbers, images, ["a", "r", "b"])
    preset = PRESETS["x86-avx2"]
    found = {
        name: Values(0, 1, value.mean((0, 2, 3)), np.zeros(1, np.int64))
        for name, value in {"input": images, "a": a, "r": r}.items()
    }
    biases = correct_biases(network, numbers, found, preset, kept=("a",))
    assert list(biases) == ["b.bias"]
    coarse = {**numbers, "b.weight": rounded(numbers["b.weight"], preset)}
    shifts = [
        np.abs((outputs_of(network, given, images, ["b"])[0] - exact).mean((0, 2, 3))).max()
        for given in (coarse, {**coarse, **biases})
    ]
    assert shifts[1] < 1e-5 < shifts[0]
