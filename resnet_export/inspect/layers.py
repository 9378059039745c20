"""The layers of any graph: their multiply-adds and the types that they compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.graph.cost import layers, multiply_adds, operands, quantization, stored_type, value_type
from resnet_export.graph.rewriting import producer
from resnet_export.graph.shapes import resolve_shapes
from resnet_export.inspect.results import Layer

if TYPE_CHECKING:
    import onnx_ir as ir

    from resnet_export.graph.foreign import ImageInput


def measure_layers(model: ir.Model, image: ImageInput | None, size: tuple[int, int] | None) -> tuple[Layer, ...]:
    """The layers in the order of the graph.

    The model is used up: functions are inlined, large constants become inputs, and open sizes are fixed.

    Args:
        model: any.
        image: its input, where that is an image.
        size: height and width in pixels to count at, where the file leaves them open.
    """
    resolve_shapes(model, None if image is None or size is None else _shape(image, size))
    batch = image.batch or 1 if image is not None else 1
    return tuple(_layer(node, batch) for node in layers(model))


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


def _shape(image: ImageInput, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Of one image, as the file takes it."""
    return (1, image.channels, *size) if image.layout == "nchw" else (1, *size, image.channels)
