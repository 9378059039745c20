"""A copy of a file that shows intermediate values: they become outputs, all in one run."""

from collections.abc import Sequence
from pathlib import Path

import onnx


def with_outputs(path: Path, names: Sequence[str]) -> tuple[bytes, list[str]]:
    """The file with the values `names` as further outputs.

    Args:
        path: of the `.onnx` file.
        names: of values; those that the graph does not compute are left out.

    Returns:
        The serialised model, and those of `names` that it has, in their order.
    """
    proto = onnx.load_model(path)
    made = {name for node in proto.graph.node for name in node.output}
    shown = [name for name in names if name in made]
    present = {output.name for output in proto.graph.output}
    # Values have the type of the file's input where that is a float, as in files of half precision.
    taken = {value.type.tensor_type.elem_type for value in proto.graph.input}
    kind = onnx.TensorProto.FLOAT16 if onnx.TensorProto.FLOAT16 in taken else onnx.TensorProto.FLOAT
    proto.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kind, None) for name in shown if name not in present
    )
    return proto.SerializeToString(), shown
