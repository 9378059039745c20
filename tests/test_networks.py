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


def test_the_guide_lists_every_operator_that_is_read() -> None:
    text = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()
    assert {name for name in OPERATORS.keys() | RULES.keys() if not re.search(rf"\b{name}\b", text)} == set()
