"""Copies of a file with other outputs: the logits behind its probabilities, or its features beside its classes."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx_ir as ir

from resnet_export.graph.access import EXTERNAL_ABOVE
from resnet_export.graph.foreign import PASSING, find_head


def inferred_values(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The types and shapes of values, as far as onnx can infer them; of a graph that it finds invalid, what it says."""
    try:
        graph = onnx.shape_inference.infer_shapes(proto).graph
    except (onnx.shape_inference.InferenceError, ValueError):
        graph = proto.graph
    return [*graph.value_info, *graph.output]


def write_outputs(path: Path, outputs: Sequence[str], target: Path) -> None:
    """Writes a copy of a file whose outputs are these values, such as the logits that `find_head` gives.

    Args:
        path: the file.
        outputs: the names of the values.
        target: the copy.
    """
    proto = onnx.load_model(path)
    producers = {name: node for node in proto.graph.node for name in node.output}
    needed, left = set[str](), list(outputs)
    while left:  # other tools write nodes in any order
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += producers[name].input if name in producers else []
    for node in [node for node in proto.graph.node if needed.isdisjoint(node.output)]:
        proto.graph.node.remove(node)
    gone = {tensor.name for tensor in proto.graph.initializer} - needed
    for field in (proto.graph.initializer, proto.graph.input):  # files of IR version 3 list them among the inputs
        for entry in [entry for entry in field if entry.name in gone]:
            field.remove(entry)
    known = {value.name: value for value in inferred_values(proto)}
    values = [known.get(name) or onnx.ValueInfoProto(name=name) for name in outputs]
    for value in values:
        kind = value.type.tensor_type
        kind.elem_type = kind.elem_type or onnx.TensorProto.FLOAT
    del proto.graph.output[:]
    proto.graph.output.extend(values)
    _save(proto, target)


def write_with_features(path: Path, target: Path) -> int | None:
    """Writes a copy of a classifier in whose first output the features stand before the values of the classes.

    The features, (batch, n), are what the last matrix product takes. One output has both, so that every runtime gives
    both in one run.

    Returns:
        n; None where no matrix product gives the values of the classes, and nothing was written.
    """
    proto = onnx.load_model(path)
    producers = {name: node for node in proto.graph.node for name in node.output}
    known = {value.name: value.type.tensor_type.shape.dim for value in inferred_values(proto)}
    output = proto.graph.output[0]
    head = find_head(ir.from_proto(proto))
    node = producers.get(output.name if head is None else head.logits)
    while node is not None and node.op_type in (*PASSING, "Add"):
        node = producers.get(node.input[0])
    features = node.input[0] if node is not None and node.op_type in ("Gemm", "MatMul") else ""
    shape = known.get(features, ())
    if len(shape) != 2 or not shape[1].dim_value:
        return None
    count, kind = int(shape[1].dim_value), output.type.tensor_type.elem_type
    proto.graph.node.append(onnx.helper.make_node("Cast", [features], ["features"], to=kind))
    proto.graph.node.append(onnx.helper.make_node("Concat", ["features", output.name], ["features_classes"], axis=1))
    del proto.graph.output[:]
    proto.graph.output.append(onnx.helper.make_tensor_value_info("features_classes", kind, None))
    _save(proto, target)
    return count


def _save(proto: onnx.ModelProto, target: Path) -> None:
    size = sum(len(tensor.raw_data) for tensor in proto.graph.initializer)
    beside = f"{target.name}.data" if size > EXTERNAL_ABOVE else None
    onnx.save_model(proto, target, save_as_external_data=beside is not None, location=beside)
