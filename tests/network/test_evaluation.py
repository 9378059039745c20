"""Whole networks in float64, against both frameworks in float64, and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_export import ResNetSpec, Weights
from resnet_export.models.torch import build, load
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import evaluate, outputs_of
from resnet_export.network.operators import OPERATORS
from resnet_export.network.sizes import concrete
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
    for network in (spec.network, spec.canonical):
        (truth,) = outputs_of(network, weights, images, ["fc"] if network is spec.network else [network.output])
        assert truth.dtype == np.float64
        assert np.abs(truth - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_step_has_the_shape_of_the_network(spec: ResNetSpec) -> None:
    weights = Weights.initial(spec)
    images = np.zeros((2, spec.in_channels, spec.image_size, spec.image_size))
    steps = []
    for step, value in evaluate(spec.network, weights, images):
        assert value.shape == concrete(spec.network.shapes[step.name], 2)
        steps.append(step)
    assert tuple(steps) == spec.network.steps


def test_a_batch_is_a_prefix_of_a_larger_one() -> None:
    spec = SPECS[0]
    weights = Weights.initial(spec)
    images = np.random.default_rng(0).standard_normal((7, 3, 33, 33))
    few, many = (outputs_of(spec.network, weights, given, ["fc"])[0] for given in (images[:2], images))
    assert np.array_equal(few, many[:2])


def test_several_outputs_in_the_order_asked() -> None:
    spec = SPECS[0]
    weights = Weights.initial(spec)
    images = np.random.default_rng(0).standard_normal((2, 3, 33, 33))
    logits, embedding = outputs_of(spec.network, weights, images, ["fc", "flatten"])
    assert (logits.shape, embedding.shape) == ((2, 10), (2, 64))
    assert np.array_equal(outputs_of(spec.network, weights, images, ["flatten"])[0], embedding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_operation_has_the_precision_that_was_asked(dtype: type[np.floating]) -> None:
    spec = SPECS[0]
    weights = Weights(spec, trained_like(spec, seed=3))
    images = np.random.default_rng(0).standard_normal((1, 3, 33, 33))
    assert {value.dtype for _, value in evaluate(spec.network, weights, images, dtype)} == {np.dtype(dtype)}


def test_float32_is_rounding_away_from_it() -> None:
    spec = SPECS[0]
    weights = Weights(spec, trained_like(spec, seed=3))
    images = np.random.default_rng(0).standard_normal((2, 3, 33, 33))
    exact, rounded = (outputs_of(spec.network, weights, images, ["fc"], dtype)[0] for dtype in (np.float64, np.float32))
    assert 0 < np.abs(rounded - exact).max() < 1e-5 * np.abs(exact).max()


def test_what_is_not_finite_comes_out_without_a_warning() -> None:
    network = Network((1, 2, 2), (Step("log", "Log", (IMAGE,)),), ("log",))
    (found,) = outputs_of(network, {}, np.array([[[[0.0, -1.0], [1.0, np.nan]]]]), ["log"])
    np.testing.assert_array_equal(found[0, 0], [[-np.inf, np.nan], [0.0, np.nan]])


def test_inputs_are_left_as_they_are() -> None:
    """Values are let go of as soon as nothing takes them any more, and none is computed in place."""
    steps = (
        Step("relu", "Relu", (IMAGE,)),
        Step("add", "Add", (IMAGE, "relu")),
        Step("again", "Add", ("relu", "relu")),
        Step("sum", "Add", ("add", "again")),
    )
    images = np.random.default_rng(0).standard_normal((1, 2, 2, 2))
    before = images.copy()
    found = {step.name: value.copy() for step, value in evaluate(Network((2, 2, 2), steps, ("sum",)), {}, images)}
    positive = np.maximum(before, 0)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(found["sum"], before + positive + 2 * positive)


def test_asymmetric_padding_is_torchs() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 9))
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3))
    padded = torch.nn.functional.pad(torch.from_numpy(x), (1, 2, 0, 1))  # left, right, top, bottom
    expected = torch.nn.functional.conv2d(padded, torch.from_numpy(weight), stride=2).numpy()
    attributes = {"group": 1, "kernel_shape": (3, 3), "strides": (2, 2), "pads": (0, 1, 1, 2), "dilations": (1, 1)}
    found = OPERATORS["Conv"].apply(attributes, [x], {"weight": weight})
    assert np.allclose(found, expected, rtol=0, atol=1e-12)
