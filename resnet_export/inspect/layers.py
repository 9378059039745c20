"""The layers of any graph: their multiply-adds and the types that they compute with.

convolution              output elements * in channels / group * kernel elements
transposed convolution   input elements * out channels / group * kernel elements
matrix product           output elements * length of the sum
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from resnet_export.graph.foreign import graph_inputs, type_name
from resnet_export.graph.rewriting import attribute, producer
from resnet_export.inspect.results import Layer

if TYPE_CHECKING:
    from resnet_export.graph.foreign import ImageInput

OPERANDS = {
    "Conv": (0, 1),
    "ConvInteger": (0, 1),
    "ConvTranspose": (0, 1),
    "FusedConv": (0, 1),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QGemm": (0, 3),
    "QLinearConv": (0, 3),
    "QLinearMatMul": (0, 3),
}
"""Operator -> which of its inputs are the activations and the weights."""

PRODUCTS = frozenset({"Gemm", "MatMul", "MatMulInteger", "QGemm", "QLinearMatMul"})
QOPERATORS = frozenset({"ConvInteger", "MatMulInteger", "QGemm", "QLinearConv", "QLinearMatMul"})
CONVERSIONS = frozenset({"Cast", "DequantizeLinear", "Identity", "Reshape", "Transpose"})
"""Operators between a stored weight and the layer."""

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


def measure_layers(model: ir.Model, image: ImageInput | None, size: tuple[int, int] | None) -> tuple[Layer, ...]:
    """The layers in the order of the graph.

    The model is used up: functions are inlined, large constants become inputs, and open sizes are fixed.

    Args:
        model: any.
        image: its input, where that is an image.
        size: height and width in pixels to count at, where the file leaves them open.
    """
    if model.functions:
        InlinePass()(model)
    _fix_sizes(model, image, size)
    _infer_shapes(model)
    batch = image.batch or 1 if image is not None else 1
    return tuple(_layer(node, batch) for node in model.graph if node.op_type in OPERANDS)


def _layer(node: ir.Node, batch: int) -> Layer:
    activations, weights = (node.inputs[index] for index in OPERANDS[node.op_type])
    quantized: Literal["qdq", "qoperator"] | None = None
    if node.op_type in QOPERATORS:
        quantized = "qoperator"
    elif producer(activations, "DequantizeLinear") and _stored(weights) != _type(weights):
        quantized = "qdq"
    count = _multiply_adds(node, activations, weights)
    return Layer(
        name=node.name or node.outputs[0].name or "",
        op=node.op_type,
        weights=_stored(weights),
        activations=_stored(activations) if producer(activations, "DequantizeLinear") else _type(activations),
        quantized=quantized,
        multiply_adds=None if count is None else count // batch,
    )


def _type(value: ir.Value | None) -> str | None:
    return None if value is None or value.dtype is None else type_name(value.dtype)


def _stored(value: ir.Value | None) -> str | None:
    """The type that a value has before it is converted for a layer."""
    while value is not None and (node := value.producer()) is not None and node.op_type in CONVERSIONS:
        value = node.inputs[0]
    return _type(value)


def _multiply_adds(node: ir.Node, activations: ir.Value | None, weights: ir.Value | None) -> int | None:
    """For the whole batch; None where a shape is open or unknown."""
    taken, kernel, given = _shape(activations), _shape(weights), _shape(node.outputs[0])
    if taken is None or given is None:
        return None
    if node.op_type in PRODUCTS:
        return math.prod(given) * taken[0 if attribute(node, "transA", 0) else -1]
    if kernel is None:
        return None
    return math.prod(taken if node.op_type == "ConvTranspose" else given) * math.prod(kernel[1:])


def _shape(value: ir.Value | None) -> tuple[int, ...] | None:
    static = value is not None and value.shape is not None and value.shape.is_static()
    return tuple(value.shape.numpy()) if static and value is not None and value.shape is not None else None


def _fix_sizes(model: ir.Model, image: ImageInput | None, size: tuple[int, int] | None) -> None:
    """One image where the batch is open, and `size` where height and width are."""
    for value in graph_inputs(model):
        if value.shape is None or not len(value.shape):
            continue
        sizes: list[int | ir.SymbolicDim] = list(value.shape)
        asked: dict[int, int] = {0: 1}
        if image is not None and size is not None:
            height = 2 if image.layout == "nchw" else 1
            asked |= {height: size[0], height + 1: size[1], 1 if height == 2 else 3: image.channels}
        for axis, number in asked.items():
            if not isinstance(sizes[axis], int):
                sizes[axis] = number
        value.shape = ir.Shape(sizes)


def _infer_shapes(model: ir.Model) -> None:
    """Gives every value the shape and type that onnx infers; what it cannot infer stays as it is."""
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
    proto = ir.to_proto(model)
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
