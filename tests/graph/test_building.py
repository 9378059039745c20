"""A plan becomes a graph: inputs, outputs, initializers, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import outputs_of

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec

PREPROCESSING = Preprocessing.default(3, 32)


def shape_of(value: ir.Value) -> list[int | str]:
    assert value.shape is not None
    return [size if isinstance(size, int) else str(size.value) for size in value.shape]


def test_initializers_are_the_parameters_without_numbers(small: ResNetSpec) -> None:
    model = build_graph(small.canonical, Interface(), PREPROCESSING, name="resnet18")
    assert list(model.graph.initializers) == list(small.canonical.parameters)
    assert all(value.const_value is None for value in model.graph.initializers.values())
    assert model.graph.name == "resnet18"


def test_nothing_is_noted_on_the_values_in_between(small: ResNetSpec) -> None:
    model = build_graph(small.canonical, Interface(), PREPROCESSING, name="resnet18")
    assert not model.graph.doc_string
    assert not model.metadata_props
    outputs = list(model.graph.outputs)
    for node in model.graph:
        assert not node.metadata_props
        assert not node.doc_string
        for value in node.outputs:
            assert value in outputs or value.shape is value.type is None
            assert not value.metadata_props


def test_a_rectangular_image_and_several_outputs() -> None:
    steps = (
        Step("relu", "Relu", (IMAGE,)),
        Step("pool", "GlobalAveragePool", ("relu",)),
        Step("flat", "Flatten", ("pool",), {"axis": 1}),
    )
    network = Network((3, 8, 5), steps, ("flat", "relu"))
    model = build_graph(network, Interface("nhwc", batch=2), PREPROCESSING, name="network", outputs=("features",))
    assert shape_of(model.graph.inputs[0]) == [2, 8, 5, 3]
    assert [(value.name, shape_of(value)) for value in model.graph.outputs] == [
        ("logits", [2, 3]),
        ("features", [2, 3, 8, 5]),
    ]
    onnx.checker.check_model(ir.to_proto(model), full_check=True)


@pytest.mark.parametrize("opset", [13, 17, 26])
def test_the_ir_version_is_the_lowest_that_has_the_opset(opset: int, small: ResNetSpec) -> None:
    model = build_graph(small.canonical, Interface(opset=opset), PREPROCESSING, name="resnet18")
    assert model.opset_imports == {"": opset}
    assert model.ir_version == onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)])


def test_zeros_before_a_max_pool_stay_zeros_in_the_optimised_graph() -> None:
    """ONNX Runtime merges a Pad of 0.0 into the pool as if it were minus infinity; -0.0 it leaves alone."""
    pads = {"mode": "constant", "pads": (0, 0, 1, 1, 0, 0, 1, 1), "value": 0.0}
    window = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (0,) * 4, "dilations": (1, 1), "ceil_mode": 0}
    steps = (
        Step("neg", "Neg", (IMAGE,)),
        Step("pad", "Pad", ("neg",), pads),
        Step("pool", "MaxPool", ("pad",), window),
    )
    network = Network((3, 8, 8), steps, ("pool",))
    model = build_graph(network, Interface(), PREPROCESSING, name="network")
    bind(model, {})
    images = np.random.default_rng(0).uniform(1, 2, (2, 3, 8, 8)).astype(np.float32)  # -x is nowhere more than 0
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": images})
    (wanted,) = outputs_of(network, {}, images, ["pool"])
    assert wanted.max() == 0
    np.testing.assert_array_equal(found, wanted.astype(np.float32))
