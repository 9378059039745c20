"""Activations that become several steps give what ONNX Runtime makes of them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.graph.reading import read

from .checking import assert_equal, run, written
from .graphs import model_of

WRITTEN = {
    "Celu(x)": 12,
    "Celu <alpha = 0.3> (x)": 18,
    "Gelu(x)": 20,
    'Gelu <approximate = "tanh"> (x)': 20,
    "Mish(x)": 18,
    "Selu(x)": 17,
    "Selu <alpha = 1.5, gamma = 0.9> (x)": 7,
    "Softsign(x)": 13,
    "Sum(x, x, x)": 13,
}
"""Expression in ONNX's text form -> opset."""


@pytest.mark.parametrize("expression", WRITTEN)
def test_activations(expression: str) -> None:
    model = model_of("(float[N,3,4,4] x) => (float[N,3,4,4] y)", f"y = {expression}", WRITTEN[expression])
    reading = read(model, (3, 4, 4))
    images = np.random.default_rng(0).normal(0, 2, (2, 3, 4, 4)).astype(np.float32)
    assert_equal(reading, images, run(ir.to_proto(model), images), "the reading")
    assert_equal(reading, images, run(written(reading, 17), images), "the written file")
