"""A file without its softmax or sigmoid: probabilities near 0 and 1 hide how wrong the logits are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import onnx

from resnet_export.graph.interface import ONE

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir

    from resnet_export.graph.interface import Activation

PASSING = ("Cast", "Identity", "QuantizeLinear", "DequantizeLinear")
"""Operators that other tools put behind the last one."""
OPERATORS: dict[str, Activation] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


class ProbabilityHead(NamedTuple):
    """How a file makes probabilities."""

    activation: Activation
    logits: str
    """The name of the value that they are made of."""


def find_head(model: ir.Model) -> ProbabilityHead | None:
    """What makes probabilities of the logits, where the first output is that."""
    node = model.graph.outputs[0].producer()
    while node is not None and node.op_type in PASSING and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None:
        return None
    if ONE in model.graph.initializers and node.op_type == "Reciprocal":
        return ProbabilityHead("sigmoid", "logits")  # as this package writes it
    value = node.inputs[0] if node.op_type in OPERATORS else None
    return None if value is None or value.name is None else ProbabilityHead(OPERATORS[node.op_type], value.name)


def write_logits(path: Path, logits: str, target: Path) -> None:
    """Writes a copy of a file whose only output is its logits.

    Args:
        path: the file.
        logits: the name of the value, as `find_head` gives it.
        target: the copy.
    """
    proto = onnx.load_model(path)
    producers = {name: node for node in proto.graph.node for name in node.output}
    needed, left = set[str](), [logits]
    while left:  # other tools write nodes in any order
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += producers[name].input if name in producers else []
    for node in [node for node in proto.graph.node if needed.isdisjoint(node.output)]:
        proto.graph.node.remove(node)
    for tensor in [tensor for tensor in proto.graph.initializer if tensor.name not in needed]:
        proto.graph.initializer.remove(tensor)
    inferred = onnx.shape_inference.infer_shapes(proto).graph.value_info
    kind = next((value.type.tensor_type.elem_type for value in inferred if value.name == logits), 0)
    proto.graph.output[0].name = logits
    proto.graph.output[0].type.tensor_type.elem_type = kind or onnx.TensorProto.FLOAT
    del proto.graph.output[1:]
    onnx.save_model(proto, target)
