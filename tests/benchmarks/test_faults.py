"""The mistakes that `benchmarks/corpus.py` makes in files are those that it says, and no others."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[2] / "benchmarks"
NET = """
<ir_version: 8, opset_import: ["" : 17]> net (float[N,3,8,8] x) => (float[N,4,4,4] z)
{ y = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w) z0 = Relu(y) z = Identity(z0) }
"""


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("zoo.faults")


@pytest.fixture
def model() -> onnx.ModelProto:
    model = onnx.parser.parse_model(NET)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w"))
    return model


def test_weights(faults: ModuleType, model: onnx.ModelProto) -> None:
    wrong, where = faults.faulty(model, "weights x 1.01")
    assert where == "Conv y"
    np.testing.assert_allclose(numpy_helper.to_array(wrong.graph.initializer[0]), 1.01, rtol=1e-6)
    assert numpy_helper.to_array(model.graph.initializer[0]).max() == 1, "the right one is left as it was"


def test_a_pad(faults: ModuleType, model: onnx.ModelProto) -> None:
    wrong, _ = faults.faulty(model, "a pad moved")
    pads = next(entry for entry in wrong.graph.node[0].attribute if entry.name == "pads")
    assert list(pads.ints) == [2, 1, 0, 1]


def test_a_relu(faults: ModuleType, model: onnx.ModelProto) -> None:
    wrong, where = faults.faulty(model, "a ReLU removed")
    assert where == "Relu z0"
    assert [node.op_type for node in wrong.graph.node] == ["Conv", "Identity"]
    assert wrong.graph.node[1].input[0] == "y"
    with pytest.raises(faults.InapplicableError, match="no activation"):
        faults.faulty(wrong, "a ReLU removed")
