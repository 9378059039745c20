"""What stands in any file: versions, producer, inputs and outputs, and its layers with what they cost."""

from collections.abc import Iterable

import onnx_ir as ir

from resnet_export.graph.access import producer
from resnet_export.graph.cost import layers, multiply_adds, operands, quantization, stored_type, value_type
from resnet_export.graph.file import NO_TENSORS
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.shapes import resolve_shapes
from resnet_export.inspect.results import Layer, Port

ONNX = "ai.onnx"
"""The ONNX operators' own domain, whose other name is the empty one."""


def read_opsets(model: ir.Model) -> dict[str, int]:
    """Domain -> version."""
    return {domain or ONNX: version for domain, version in model.opset_imports.items()}


def read_producer(model: ir.Model) -> str:
    """Name and version of what wrote the file."""
    return " ".join(part for part in (model.producer_name, model.producer_version) if part)


def read_ports(values: Iterable[ir.Value], model: ir.Model) -> tuple[Port, ...]:
    """Names, types and shapes of inputs or outputs."""
    others = model.meta[NO_TENSORS]
    named = ((value.name or "", value) for value in values)
    return tuple(Port(name, others.get(name) or value_type(value), _shape(value)) for name, value in named)


def measure_layers(model: ir.Model, image: ImageInput | None, size: tuple[int, int] | None) -> tuple[Layer, ...]:
    """The layers in the order of the graph, counted at `size` (height, width) where the file leaves that open.

    The model is used up: functions are inlined, large constants become inputs, and open sizes are fixed.
    """
    shape = None
    if image is not None and size is not None:
        shape = (1, image.channels, *size) if image.layout == "nchw" else (1, *size, image.channels)
    resolve_shapes(model, shape)
    return tuple(_layer(node, image.batch or 1 if image is not None else 1) for node in layers(model))


def _layer(node: ir.Node, batch: int) -> Layer:
    activations, weights = operands(node)
    count = multiply_adds(node)
    return Layer(
        name=node.name or node.outputs[0].name or "",
        op=node.op_type,
        weights=stored_type(weights),
        activations=stored_type(activations) if producer(activations, "DequantizeLinear") else value_type(activations),
        quantized=quantization(node),
        multiply_adds=None if count is None else count // batch,
    )


def _shape(value: ir.Value) -> tuple[int | str | None, ...] | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else size.value for size in value.shape)
