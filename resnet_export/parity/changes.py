"""What another tool did to a file of ours after the export: a file that was quantised is no wrong `conv1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from resnet_export.graph.metadata import Metadata
    from resnet_export.runtimes.session import Precision

LAYERS = {
    "Conv": 1, "Gemm": 1, "MatMul": 1, "FusedConv": 1, "FusedGemm": 1, "FusedMatMul": 1, "ConvInteger": 1,
    "MatMulInteger": 1, "DynamicQuantizeMatMul": 1, "QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3,
}  # fmt: skip
"""Operators of ONNX, and of ONNX Runtime, that multiply with weights -> which of their inputs these are."""
PRECISIONS: dict[ir.DataType, Precision] = {
    ir.DataType.FLOAT16: "float16",
    ir.DataType.BFLOAT16: "bfloat16",
    ir.DataType.INT8: "int8",
    ir.DataType.UINT8: "int8",
}
REDUCED: tuple[Precision, ...] = ("int8", "bfloat16", "float16")
"""Least precise first."""


def layer_precisions(model: ir.Model) -> set[Precision]:
    """In what the layers store their weights. What no layer uses doesn't count."""
    inputs = ((node, LAYERS.get(node.op_type)) for node in model.graph)
    return {_precision_of(node.inputs[at]) for node, at in inputs if at is not None and at < len(node.inputs)}


def describe_change(model: ir.Model, metadata: Metadata) -> tuple[str, Precision] | None:
    """(what a tool made of the file, the precision by which to judge it); None where its layers show no such thing.

    Args:
        model: a file with the metadata of this package whose graph, or numbers, are not as they were written.
        metadata: what it says of itself.
    """
    precisions = layer_precisions(model)
    for precision in REDUCED:
        if precision in precisions:
            return ("quantised to int8" if precision == "int8" else f"converted to {precision}"), precision
    opset, written = model.opset_imports.get(""), metadata.interface.opset
    if opset is not None and opset != written:
        return f"converted from opset {written} to {opset}", "float32"
    domains = sorted({node.domain for node in model.graph if node.domain not in ("", "ai.onnx")})
    return (f"optimised for one runtime, with operators of {', '.join(domains)}", "float32") if domains else None


def _precision_of(value: ir.Value | None) -> Precision:
    """By the type in which a layer's numbers are stored."""
    while value is not None and value.const_value is None:
        node = value.producer()
        if node is None:
            break
        value = node.inputs[0] if node.inputs else None
    return "float32" if value is None or value.dtype is None else PRECISIONS.get(value.dtype, "float32")
