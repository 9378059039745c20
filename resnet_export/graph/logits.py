"""A file without its softmax: probabilities near 0 and 1 hide how wrong the logits are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir


def softmax_input(model: ir.Model) -> str | None:
    """The name of the logits, where the first output is their softmax."""
    node = model.graph.outputs[0].producer()
    value = node.inputs[0] if node is not None and node.op_type == "Softmax" else None
    return None if value is None else value.name


def write_logits(path: Path, logits: str, target: Path) -> None:
    """Writes a copy of a file whose only output is its logits.

    Args:
        path: of the file.
        logits: the name of the value, as `softmax_input` gives it.
        target: of the copy.
    """
    proto = onnx.load_model(path)
    probabilities = proto.graph.output[0].name
    softmax = next(node for node in proto.graph.node if probabilities in node.output)
    proto.graph.node.remove(softmax)
    proto.graph.output[0].name = logits
    del proto.graph.output[1:]
    onnx.save_model(proto, target)
