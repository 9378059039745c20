"""Hand-made graphs in ONNX's text form, and what a pass makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx_ir.passes.common import RemoveUnusedNodesPass

if TYPE_CHECKING:
    from numpy.typing import NDArray


def model_of(signature: str, body: str, opset: int = 18) -> ir.Model:
    """`model_of("(float[N,C] x) => (float[N,C] y)", "y = Relu(x)")`."""
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> agraph {signature} {{ {body} }}'
    return ir.from_proto(onnx.parser.parse_model(text))


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph if node.op_type != "Constant"]


def proto_of(model: ir.Model) -> onnx.ModelProto:
    """Without notes on values between, which the passes do not keep."""
    proto = ir.to_proto(model)
    del proto.graph.value_info[:]
    return proto


def run(proto: onnx.ModelProto, feeds: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """In ONNX Runtime, as it stands."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[np.float32]] = session.run(None, feeds)
    return outputs


def rewritten(model: ir.Model, rewrite: ir.passes.InPlacePass, *, changes: bool) -> ir.Model:
    """Runs a pass; asserts that it says whether it changed the graph, and that the graph still computes the same.

    Args:
        model: its inputs have fixed sizes; one whose name starts with `variance` gets positive numbers.
        rewrite: the pass.
        changes: what it must return.
    """
    generator = np.random.default_rng(0)
    feeds = {}
    for value in model.graph.inputs:
        assert value.name is not None
        assert value.shape is not None
        array = generator.standard_normal(value.shape.numpy()).astype(np.float32)
        feeds[value.name] = abs(array) + 0.1 if value.name.startswith("variance") else array
    RemoveUnusedNodesPass()(model)
    before = proto_of(model)
    expected = run(before, feeds)
    assert rewrite(model).modified is changes
    RemoveUnusedNodesPass()(model)
    after = proto_of(model)
    for output, declared in zip(after.graph.output, before.graph.output, strict=True):
        output.type.CopyFrom(declared.type)  # set at the end, by `apply_interface`
    onnx.checker.check_model(after)
    if not changes:
        assert after == before
    for found, wanted in zip(run(after, feeds), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    if changes:
        assert rewrite(model).modified is False, "a second run has nothing to do"
    return model
