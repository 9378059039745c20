"""The float64 truth against both frameworks in float64, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_export import ResNetSpec, Weights
from resnet_export.models.torch import build, load
from resnet_export.parity.reference.truth import convolve, evaluate, last_values
from resnet_export.weights.initial import trained_like

SPECS = [
    ResNetSpec(depth=18, num_classes=10, width=8, image_size=33),
    ResNetSpec(depth=50, num_classes=7, in_channels=1, width=4, image_size=16, stem="cifar"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_is_what_torch_computes_in_float64(spec: ResNetSpec) -> None:
    weights = Weights(spec, trained_like(spec, seed=3))
    images = np.random.default_rng(0).standard_normal((3, spec.in_channels, spec.image_size, spec.image_size))
    model = build(spec)
    load(model, weights)
    with torch.no_grad():
        expected = model.double().eval()(torch.from_numpy(images)).numpy()
    truth = last_values(spec, weights, images)
    assert truth.dtype == np.float64
    assert np.abs(truth - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_step_has_the_shape_of_the_specification(spec: ResNetSpec) -> None:
    weights = Weights.initial(spec)
    images = np.zeros((2, spec.in_channels, spec.image_size, spec.image_size))
    steps = []
    for step, value in evaluate(spec, weights, images):
        flat = step.name in ("flatten", "fc")
        assert value.shape == (2, step.channels) + (() if flat else (step.size, step.size))
        steps.append(step)
    assert tuple(steps) == spec.steps


def test_a_batch_is_a_prefix_of_a_larger_one() -> None:
    spec = SPECS[0]
    weights = Weights.initial(spec)
    images = np.random.default_rng(0).standard_normal((7, 3, 33, 33))
    assert np.array_equal(last_values(spec, weights, images[:2]), last_values(spec, weights, images)[:2])


def test_asymmetric_padding_is_torchs() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 9))
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3))
    padded = torch.nn.functional.pad(torch.from_numpy(x), (1, 2, 0, 1))  # left, right, top, bottom
    expected = torch.nn.functional.conv2d(padded, torch.from_numpy(weight), stride=2).numpy()
    found = convolve(x, weight, 2, (0, 1, 1, 2), np.float64)
    assert np.allclose(found, expected, rtol=0, atol=1e-12)
