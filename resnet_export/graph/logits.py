"""A file without its softmax or sigmoid: probabilities near 0 and 1 hide how wrong the logits are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import onnx

from resnet_export.graph.interface import ONE

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir

    from resnet_export.graph.interface import Activation

OPERATORS: dict[str, Activation] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


class Head(NamedTuple):
    """How a file makes probabilities."""

    activation: Activation
    logits: str
    """The name of the value that they are made of."""


def find_head(model: ir.Model) -> Head | None:
    """What makes probabilities of the logits, where the first output is that."""
    node = model.graph.outputs[0].producer()
    if node is None:
        return None
    if ONE in model.graph.initializers and node.op_type == "Reciprocal":
        return Head("sigmoid", "logits")  # as this package writes it
    value = node.inputs[0] if node.op_type in OPERATORS else None
    return None if value is None or value.name is None else Head(OPERATORS[node.op_type], value.name)


def write_logits(path: Path, logits: str, target: Path) -> None:
    """Writes a copy of a file whose only output is its logits.

    Args:
        path: of the file.
        logits: the name of the value, as `find_head` gives it.
        target: of the copy.
    """
    proto = onnx.load_model(path)
    needed, kept = {logits}, []
    for node in reversed(proto.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    for tensor in [tensor for tensor in proto.graph.initializer if tensor.name not in needed]:
        proto.graph.initializer.remove(tensor)
    proto.graph.output[0].name = logits
    del proto.graph.output[1:]
    onnx.save_model(proto, target)
