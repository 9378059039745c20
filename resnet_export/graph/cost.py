"""What one image costs: multiply-adds, and the bytes that have to be moved.

convolution              output elements * in channels / group * kernel elements
transposed convolution   input elements * out channels / group * kernel elements
matrix product           output elements * length of the sum

They are those of the definition, which a fast algorithm may need fewer than (Winograd's minimal filtering: 2.25 times
fewer for a 3x3 convolution with tiles of 2x2, 4 times with 4x4; A. Lavin and S. Gray, CVPR 2016).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import onnx_ir as ir

from resnet_export.graph.access import attribute, made_of, producer
from resnet_export.graph.foreign import CONVOLUTIONS, graph_inputs, static_shape, type_name
from resnet_export.graph.shapes import resolve_shapes

PRODUCTS = {
    **dict.fromkeys(("DynamicQuantizeMatMul", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger"), 1),
    **dict.fromkeys(("QGemm", "QLinearMatMul"), 3),
}
"""Operator -> index of its second operand."""
WEIGHTS = {**CONVOLUTIONS, "ConvTranspose": 1, **PRODUCTS}
"""Operator that multiplies and adds -> index of its weights; its activations come first."""
QOPERATORS = frozenset({"ConvInteger", "MatMulInteger", "QGemm", "QLinearConv", "QLinearMatMul"})
CONVERSIONS = frozenset({"Cast", "DequantizeLinear", "Identity", "Reshape", "Transpose"})
"""Operators between a stored weight and the layer."""

Quantized = Literal["qdq", "qoperator"]


@dataclass(frozen=True)
class Cost:
    """What one image costs."""

    multiply_adds: int
    quantized_multiply_adds: int
    """Those between quantised weights and quantised activations."""
    weight_bytes: int
    """Bytes of the constants, as they are stored; they are read once for a batch."""
    image_bytes: int
    """Bytes of the inputs and the outputs."""
    result_bytes: tuple[int, ...]
    """Bytes of the output of each layer, in the order of the graph."""


def count(model: ir.Model, image: Sequence[int]) -> Cost | None:
    """What one image costs, whatever the batch of the file; None where the size of a layer cannot be inferred.

    `image` is the shape of the input, such as (1, 3, 224, 224): it counts where the file leaves an axis open. The model
    is used up.
    """
    constants = [value for graph in model.graphs() for value in graph.initializers.values()]
    constants += [node.outputs[0] for node in model.graph.all_nodes() if node.op_type == "Constant"]
    tensors = [ir.convenience.get_const_tensor(value) for value in constants]
    weight_bytes = sum(tensor.nbytes for tensor in tensors if tensor is not None)
    inputs = graph_inputs(model)  # of which the constants are no part yet
    resolve_shapes(model, image)
    batch = (static_shape(inputs[0]) or (1,))[0] if inputs else 1
    nodes = layers(model)
    counts = [multiply_adds(node) for node in nodes]
    results = [_bytes(node.outputs[0]) for node in nodes]
    ends = [_bytes(value) for value in (*inputs, *model.graph.outputs)]
    if None in counts or None in results or None in ends:
        return None
    quantized = [number for node, number in zip(nodes, counts, strict=True) if quantization(node) is not None]
    return Cost(
        multiply_adds=sum(filter(None, counts)) // batch,
        quantized_multiply_adds=sum(filter(None, quantized)) // batch,
        weight_bytes=weight_bytes,
        image_bytes=sum(filter(None, ends)) // batch,
        result_bytes=tuple((size or 0) // batch for size in results),
    )


def layers(model: ir.Model) -> list[ir.Node]:
    """The nodes that multiply and add, in the order of the graph."""
    return [node for node in model.graph if len(node.inputs) > WEIGHTS.get(node.op_type, len(node.inputs))]


def multiply_adds(node: ir.Node) -> int | None:
    """Multiply-adds of a layer for the whole batch; None where a shape is open or unknown."""
    activations, weights = operands(node)
    taken, kernel, given = static_shape(activations), static_shape(weights), static_shape(node.outputs[0])
    if taken is None or given is None:
        return None
    if node.op_type in PRODUCTS:
        return math.prod(given) * taken[0 if attribute(node, "transA", 0) else -1]
    if kernel is None:
        return None
    return math.prod(taken if node.op_type == "ConvTranspose" else given) * math.prod(kernel[1:])


def quantization(node: ir.Node) -> Quantized | None:
    """How it is written down that a layer multiplies integers; None where it doesn't."""
    activations, weights = operands(node)
    if node.op_type in QOPERATORS:
        return "qoperator"
    return "qdq" if producer(activations, "DequantizeLinear") and stored_type(weights) != value_type(weights) else None


def operands(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    """(activations, weights) of a layer."""
    return node.inputs[0], node.inputs[WEIGHTS[node.op_type]]


def value_type(value: ir.Value | None) -> str | None:
    """As NumPy calls it; None where it is unknown."""
    return None if value is None or value.dtype is None else type_name(value.dtype)


def stored_type(value: ir.Value | None) -> str | None:
    """The type that a value has before it is converted for a layer."""
    return value_type(made_of(value, CONVERSIONS))


def _bytes(value: ir.Value) -> int | None:
    """For the whole batch; None where shape or type is unknown."""
    shape = static_shape(value)
    return None if shape is None or value.dtype is None else math.ceil(math.prod(shape) * value.dtype.itemsize)
