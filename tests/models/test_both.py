"""What holds for both definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition
from resnet_export.network.evaluation import outputs_of
from resnet_export.parity.gate.gate import FILE_FACTOR, floor, max_error
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DEFINITIONS: dict[str, Any] = {"torch": torch_definition, "keras": keras_definition}
both = pytest.mark.parametrize("framework", DEFINITIONS)


def built(framework: str, weights: Weights) -> Any:
    model = DEFINITIONS[framework].build(weights.spec)
    DEFINITIONS[framework].load(model, weights)
    return model


def logits(framework: str, model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of images (N, C, H, W), in inference mode."""
    if framework == "torch":
        with torch.inference_mode():
            found: NDArray[np.float32] = model.eval()(torch.from_numpy(images)).numpy()
            return found
    return model(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), training=False).numpy()


def bits(weights: Weights) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in weights.items()}


def images_of(spec: ResNetSpec, batch: int = 4) -> NDArray[np.float32]:
    shape = (batch, spec.in_channels, spec.image_size, spec.image_size)
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("fields", [{"groups": 4, "base_width": 32}, {"base_width": 128}, {"stride_on": "1x1"}])
@both
def test_relatives_give_the_specification_s_logits(framework: str, fields: dict[str, Any]) -> None:
    spec = ResNetSpec(depth=50, num_classes=5, image_size=32, width=8, stem="cifar", **fields)
    weights = Weights(spec, trained_like(spec, 0), origin="a test")
    (truth,) = outputs_of(spec.network, weights, images_of(spec, 2), ["fc"])
    found = logits(framework, built(framework, weights), images_of(spec, 2))
    assert max_error(found, truth) <= 1e-5 * float(np.abs(truth).max())


@both
def test_parameters_are_those_of_the_specification(framework: str, spec: ResNetSpec) -> None:
    found = DEFINITIONS[framework].read(DEFINITIONS[framework].build(spec), spec)
    assert {name: array.shape for name, array in found.items()} == dict(spec.parameters)


def test_same_logits_for_the_same_weights(spec: ResNetSpec, weights: Weights) -> None:
    images = images_of(spec)
    (truth,) = outputs_of(spec.network, weights, images, ["fc"])
    outputs = [logits(framework, built(framework, weights), images) for framework in DEFINITIONS]
    for output in outputs:
        assert output.shape == (4, spec.num_classes)
        assert output.dtype == np.float32
        assert max_error(output, truth) <= FILE_FACTOR * floor(truth)
    assert max_error(outputs[0], outputs[1].astype(np.float64)) <= FILE_FACTOR * floor(truth)


@both
def test_other_sizes_and_channels(framework: str, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    """Odd sizes are where SAME padding and symmetric padding differ."""
    spec = replace(tiny, in_channels=1, num_classes=3, image_size=37, stem="imagenet")
    weights, images = trained(spec), images_of(spec)
    (truth,) = outputs_of(spec.network, weights, images, ["fc"])
    assert max_error(logits(framework, built(framework, weights), images), truth) <= FILE_FACTOR * floor(truth)


@both
def test_eps_of_the_specification_is_used(framework: str, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    weights, images = trained(tiny), images_of(tiny)
    other = Weights(replace(tiny, eps=1e-2), dict(weights))
    (truth,) = outputs_of(other.network, other, images, ["fc"])
    assert max_error(logits(framework, built(framework, other), images), truth) <= FILE_FACTOR * floor(truth)
    assert max_error(logits(framework, built(framework, weights), images), truth) > 100 * floor(truth)


@both
def test_loading_and_reading_keeps_every_bit(framework: str, weights: Weights) -> None:
    assert bits(DEFINITIONS[framework].read(built(framework, weights), weights.spec)) == bits(weights)


@pytest.mark.parametrize(("one", "other"), [("torch", "keras"), ("keras", "torch")])
def test_from_one_framework_to_the_other_and_back(one: str, other: str, spec: ResNetSpec) -> None:
    """From the framework's own initialisation."""
    start = DEFINITIONS[one].read(DEFINITIONS[one].build(spec), spec)
    there = DEFINITIONS[other].read(built(other, start), spec)
    back = DEFINITIONS[one].read(built(one, there), spec)
    assert bits(start) == bits(there) == bits(back)
    assert start.digest == back.digest


@both
def test_what_is_read_is_a_copy(framework: str, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model = built(framework, trained(tiny))
    before = DEFINITIONS[framework].read(model, tiny)
    DEFINITIONS[framework].load(model, trained(tiny, 1))
    assert bits(before) == bits(trained(tiny))
    assert bits(DEFINITIONS[framework].read(model, tiny)) == bits(trained(tiny, 1))


@both
def test_running_means_move_by_a_tenth(framework: str, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    """Torch calls it momentum 0.1, Keras 0.9."""
    weights, images = trained(tiny), images_of(tiny, 8)
    model = built(framework, weights)
    if framework == "torch":
        model.train()(torch.from_numpy(images))
    else:
        model(images.transpose(0, 2, 3, 1), training=True)
    after = DEFINITIONS[framework].read(model, tiny)
    stem = torch.nn.functional.conv2d(
        torch.from_numpy(images), torch.from_numpy(weights["conv1.weight"].copy()), padding=1
    )
    expected = 0.9 * weights["bn1.running_mean"] + 0.1 * stem.mean((0, 2, 3)).numpy()
    np.testing.assert_allclose(after["bn1.running_mean"], expected, rtol=1e-5, atol=1e-6)
    changed = {name for name in weights if after[name].tobytes() != weights[name].tobytes()}
    assert changed == {name for name in weights if ".running_" in name}


@both
def test_initialisation_is_hes_with_fan_out(framework: str, tiny: ResNetSpec) -> None:
    """Deviation sqrt(2 / (out channels * kernel^2)); 36,864 numbers tell it to 1.5 % at four sigma."""
    found = DEFINITIONS[framework].read(DEFINITIONS[framework].build(tiny), tiny)
    kernel = found["layer4.1.conv1.weight"]
    assert kernel.size == 36_864
    assert abs(kernel.std() / np.sqrt(2 / (64 * 9)) - 1) < 0.015
    assert abs(kernel).max() > 3 * kernel.std(), "the distribution is not truncated"
    for name, array in found.items():
        if ".bn" in name or name.startswith("bn"):
            assert (array == (1 if name.endswith((".weight", ".running_var")) else 0)).all(), name
