"""Networks of other families, exported as a user would, and run in ONNX Runtime as a user would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from resnet_export import export
from resnet_export.graph.reading.rules import RULES
from resnet_export.network.operators import OPERATORS
from tests.corpus_networks import CLASSES, densenet, mobilenet, resnet_v2, resnext, timm_resnet, tutorial

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TOLERANCE = 1e-4
"""Largest distance of two float32 runs over the largest output."""
EXACT = 1e-9
"""Distance of two float64 runs: 1e-14 but for constants that a traced graph has in float32, such as 1/6."""


def own_run(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The model's own answers."""
    if type(model).__module__.startswith("keras"):
        return np.asarray(model(images.transpose(0, 2, 3, 1), training=False))
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()


@pytest.mark.long
@pytest.mark.parametrize(
    ("build", "size", "operators"),
    [
        (timm_resnet, 32, {"Pad", "Sigmoid", "Mul", "AveragePool"}),
        (resnext, 32, {"MaxPool", "Add"}),
        (resnet_v2, 32, {"Pad", "MaxPool", "BatchNormalization"}),
        (mobilenet, 24, {"Clip", "HardSwish", "HardSigmoid", "Mul"}),
        (tutorial, 16, {"Relu", "Softmax"}),
        (densenet, 32, {"Concat", "AveragePool", "BatchNormalization"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_file_is_the_network(build: Callable[[], Any], size: int, operators: set[str], tmp_path: Path) -> None:
    model = build()
    report = export(model, tmp_path / "network.onnx", image_size=size)
    assert report.passed
    assert report.spec is None, "it is of no known family"
    assert report.verification is not None
    assert report.verification.witness is not None
    assert report.verification.witness < EXACT, "the network that was read is the source, in float64"
    assert operators <= set(report.nodes)

    images = np.random.default_rng(1).standard_normal((3, 3, size, size)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": images})
    expected = own_run(model, images)
    assert found.shape == expected.shape == (3, CLASSES)
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def _resizing_torch() -> Any:
    import torch
    from torch import nn

    class Resizing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow, self.last = nn.Conv2d(3, 8, 3, stride=2), nn.Linear(8, CLASSES)

        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.interpolate(x, size=(24, 40), mode="bilinear", align_corners=False)
            x = self.narrow(x).relu()
            return self.last((x + torch.nn.functional.interpolate(x[:, :, ::2, ::2], size=x.shape[2:])).mean((2, 3)))

    torch.manual_seed(0)
    return Resizing().eval()


def _resizing_keras(interpolation: str) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Resizing(24, 40, interpolation=interpolation),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES),
        ]
    )


@pytest.mark.parametrize(
    "build", [_resizing_torch, lambda: _resizing_keras("bilinear"), lambda: _resizing_keras("nearest")]
)
def test_a_network_that_resizes_its_images_itself(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    report = export(model, tmp_path / "network.onnx", image_size=16)
    assert report.passed
    assert report.nodes["Resize"] == (2 if build is _resizing_torch else 1)
    images = np.random.default_rng(1).uniform(0, 255, (3, 3, 16, 16)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": images})
    expected = own_run(model, images)
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_the_guide_lists_every_operator_that_is_read() -> None:
    text = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()
    assert {name for name in OPERATORS.keys() | RULES.keys() if not re.search(rf"\b{name}\b", text)} == set()
