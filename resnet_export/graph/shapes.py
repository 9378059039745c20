"""The size of every value in a graph, for one size of image: what onnx infers once nothing is left open."""

from collections.abc import Sequence

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from resnet_export.graph.foreign import graph_inputs

STANDARD = {
    "FusedConv": ("Conv", (0, 1, 2)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearMul": ("Mul", (0, 3)),
}
"""ONNX Runtime's operators, of whose shapes onnx knows nothing -> (a standard one of the same shapes, its inputs)."""

INFERENCE_READS = 1024
"""Bytes up to which a constant stays for the shape inference, which needs those that are shapes."""


def resolve_shapes(model: ir.Model, image: Sequence[int] | None) -> None:
    """Gives every value the shape and type that can be inferred; the others stay as they are.

    The shape of the input counts where the file leaves an axis open; None fixes the batch alone, at 1. The model is
    used up: functions are inlined, and large constants become inputs.
    """
    if model.functions:
        InlinePass()(model)
    _fix_sizes(model, image)
    _infer(model)


def _fix_sizes(model: ir.Model, image: Sequence[int] | None) -> None:
    """Those of the inputs, and of every value that says itself that it has one of them."""
    known: dict[str | None, int] = {}
    for value in graph_inputs(model):
        if value.shape is None or not len(value.shape):
            continue
        given = image if image is not None and len(image) == len(value.shape) else (1,)
        sizes: list[int | ir.SymbolicDim] = list(value.shape)
        for axis, number in enumerate(given):
            size = sizes[axis]
            if not isinstance(size, int):
                known[size.value] = sizes[axis] = number
        value.shape = ir.Shape(sizes)
    known.pop(None, None)
    for node in model.graph:
        for value in node.outputs:
            if value.shape is not None:
                value.shape = ir.Shape(
                    [size if isinstance(size, int) else known.get(size.value, size) for size in value.shape]
                )


def _infer(model: ir.Model) -> None:
    graph = model.graph
    for name, value in list(graph.initializers.items()):
        tensor = value.const_value
        if tensor is None:
            continue
        value.shape, value.dtype = ir.Shape(tensor.shape.numpy()), tensor.dtype
        # The inference serialises the model, and 2 GB is the most that protobuf can.
        if tensor.nbytes > INFERENCE_READS:
            del graph.initializers[name]
            if value not in graph.inputs:
                graph.inputs.append(value)
    try:
        proto = ir.to_proto(model)
    except ir.serde.SerdeError:  # the name of a node is no UTF-8, for one
        return
    for node in proto.graph.node:
        if node.domain == "com.microsoft" and node.op_type in STANDARD:
            op, taken = STANDARD[node.op_type]
            inputs = [node.input[index] for index in taken if index < len(node.input)]
            node.op_type, node.domain = op, ""
            del node.input[:]
            node.input.extend(inputs)
    try:
        inferred = ir.from_proto(onnx.shape_inference.infer_shapes(proto, data_prop=True))
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return  # the counts are then unknown, and said to be
    found = ir.convenience.create_value_mapping(inferred.graph)
    for name, value in ir.convenience.create_value_mapping(graph).items():
        if name in found:
            value.shape = found[name].shape or value.shape
            value.type = found[name].type or value.type
