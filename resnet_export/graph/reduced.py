"""A file of reduced precision as the float32 file that it was made of, but for the rounding of its numbers.

    number      (q - zero point) * scale, of each `DequantizeLinear` of an initializer; or what float16 holds
    value       itself, of each pair of `QuantizeLinear` and `DequantizeLinear`, and of the conversions at both ends
    ReLU        put back where it was merged into the range of what it takes

What comes out has to be the canonical graph of the network, node for node.
"""

import numpy as np
import onnx_ir as ir

from resnet_export.graph.access import attribute
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.plan import plan_file
from resnet_export.graph.reading.arithmetic import ARITHMETIC

STORED = "_quantized"
"""What ONNX Runtime's quantiser adds to the name of an initializer."""
CONVERSIONS = ("half.input", "half.output")
"""Nodes that convert the input and the output of a file in float16."""


def as_float(model: ir.Model, metadata: Metadata) -> ir.Model:
    """Takes out of a file what made it one of reduced precision, in place. What it can't undo stays."""
    graph = model.graph
    for node in [node for node in graph if node.op_type == "DequantizeLinear"]:
        source = node.inputs[0]
        before = None if source is None else source.producer()
        if before is not None and before.op_type == "QuantizeLinear" and before.inputs[0] is not None:
            _replace(graph, node, before.inputs[0])
        elif source is not None and all(value is not None and value.const_value is not None for value in node.inputs):
            _replace(graph, node, _number(graph, node, source))
    for node in [node for node in graph if node.op_type == "QuantizeLinear" and not node.outputs[0].uses()]:
        graph.remove(node, safe=True)
    for node in [node for node in graph if (node.name or "").startswith(CONVERSIONS)]:
        if node.inputs[0] is not None:
            _replace(graph, node, node.inputs[0])
    for value in graph.initializers.values():
        if value.const_value is not None and value.const_value.dtype == ir.DataType.FLOAT16:
            value.const_value = ir.Tensor(value.const_value.numpy().astype(np.float32), name=value.name)
    _put_back_relus(model, metadata)
    for name in [name for name, value in graph.initializers.items() if not value.uses()]:
        del graph.initializers[name]
    return model


def _replace(graph: ir.Graph, node: ir.Node, value: ir.Value) -> None:
    """The value in the place of what a node makes."""
    made = node.outputs[0]
    for at, output in enumerate(graph.outputs):
        if output is made:
            value.name, made.name = made.name, None
            graph.outputs[at] = value
    ir.convenience.replace_all_uses_with(made, value)
    graph.remove(node, safe=True)


def _number(graph: ir.Graph, node: ir.Node, source: ir.Value) -> ir.Value:
    """An initializer with the numbers that an integer one stands for."""
    name = (source.name or "").removesuffix(STORED)
    if name not in graph.initializers:
        tensors = [value.const_value for value in node.inputs if value is not None and value.const_value is not None]
        integers, *scaled = (tensor.numpy() for tensor in tensors)
        attributes = {name: attribute(node, name) for name in node.attributes}
        real = ARITHMETIC["DequantizeLinear"](integers, *(one.astype(np.float64) for one in scaled), **attributes)
        tensor = ir.Tensor(np.asarray(real, np.float32), name=name)
        graph.initializers[name] = ir.Value(name=name, const_value=tensor)
    return graph.initializers[name]


def _put_back_relus(model: ir.Model, metadata: Metadata) -> None:
    """Puts back the nodes that were merged into the one before them."""
    graph = model.graph
    plan = plan_file(metadata.canonical, metadata.interface, (), metadata.preprocessing)
    there = {node.name for node in graph}
    makers = {node.outputs[0].name: node for node in graph}
    for wanted in plan.nodes:
        maker = makers.get(wanted.output)
        if wanted.op != "Relu" or wanted.name in there or maker is None:
            continue
        value = maker.outputs[0]
        relu = ir.node("Relu", [value], name=wanted.name)
        ir.convenience.replace_all_uses_with(value, relu.outputs[0])
        relu.replace_input_with(0, value)
        value.name, relu.outputs[0].name = wanted.inputs[0], wanted.output
        graph.insert_after(maker, relu)
