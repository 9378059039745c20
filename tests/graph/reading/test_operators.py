"""Every operator that is read, at every opset, against ONNX Runtime without its optimisations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from resnet_export.graph.reading import read
from resnet_export.graph.reading.rules import RULES, RULES_OF_MICROSOFT
from resnet_export.network.evaluation import outputs_of
from tests.graph.reading.checking import run
from tests.graph.reading.sweep import CONTRIBUTED, LAST, MICROSOFT, NODES, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 2e-6
"""Of the largest value: an exponential or a long sum in float32."""
NOTHING = {"Cast", "Dropout", "Identity"}
"""Operators that leave the image as it is."""
ELSEWHERE = {
    "CastLike", "Equal", "GatherND", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "ScatterND", "Swish",
    "Where",
}  # fmt: skip
"""Operators that take two values of the image, or that ONNX Runtime 1.31 has no kernel for."""


def model_of(node: Node, opset: int) -> onnx.ModelProto:
    names = ["image" if index == node.at else f"operand_{index}" for index in range(len(node.operands) + 1)]
    operands = [name for name in names if name != "image"]
    held = {name: array for name, array in zip(operands, node.operands, strict=True) if array is not None}
    taken = [name if name == "image" or name in held else "" for name in names]
    made = [f"made_{index}" for index in range(node.outputs)]
    nodes = [helper.make_node(node.op, taken, made, domain=node.domain, **node.attributes)]
    if node.op in NOTHING:  # an output that is the image itself has no network
        nodes[0].output[0] = "same"
        nodes.append(helper.make_node("Neg", ["same"], made))
    kind = helper.np_dtype_to_tensor_dtype(node.image.dtype)
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("image", kind, node.image.shape)],
        [helper.make_empty_tensor_value_info(name) for name in made],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def distance(node: Node, opset: int) -> float:
    """How far what is read is from what ONNX Runtime gives, over the largest value."""
    model = model_of(node, opset)
    expected = run(model, node.image)
    reading = read(
        ir.from_proto(model), node.image.shape[1:], batch=node.image.shape[0] if node.mixes else None, mixing=node.mixes
    )
    found = outputs_of(reading.network, reading.numbers, node.image.astype(np.float64), reading.network.outputs)
    return max(map(_distance, found, [expected[int(name.removeprefix("made_"))] for name in reading.outputs]))


def _distance(found: NDArray[Any], expected: NDArray[Any]) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected.astype(np.float64)).max())))


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.title)
def test_the_standard_s_operators(node: Node) -> None:
    wrong = {}
    for opset in range(node.since, node.until + 1):
        try:
            found = distance(node, opset)
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
            continue
        if found > TOLERANCE:
            wrong[opset] = found
    assert not wrong


@pytest.mark.parametrize("node", CONTRIBUTED, ids=lambda node: node.title)
def test_the_operators_of_onnx_runtime(node: Node) -> None:
    assert distance(replace(node, domain=MICROSOFT), 17) <= TOLERANCE


def test_every_operator_takes_part() -> None:
    assert {node.op for node in NODES} == RULES.keys() - ELSEWHERE
    assert {node.op for node in CONTRIBUTED} == RULES_OF_MICROSOFT.keys() - {"QuantizeLinear", "DequantizeLinear"}
    assert onnx.defs.onnx_opset_version() >= LAST
