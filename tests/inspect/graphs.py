"""Small models of other hands, and changes to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def model_of(signature: str, body: str, **initializers: Any) -> onnx.ModelProto:
    """`model_of("(float[N] x) => (float[N] y)", "y = Mul(x, a)", a=np.float32(2))`."""
    head = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
    proto = onnx.parser.parse_model(f"{head} agraph {signature} {{ {body} }}")
    for index, node in enumerate(proto.graph.node):
        node.name = f"node{index}"
    for name, array in initializers.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return proto


def zeros(**shapes: tuple[int, ...]) -> dict[str, NDArray[np.float32]]:
    """Initializers of float32."""
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def edit(path: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    proto = onnx.load(path)
    change(proto)
    path.write_bytes(proto.SerializeToString())


def tamper(proto: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == "fc.bias")
    array = onnx.numpy_helper.to_array(tensor).copy()
    array[3] = np.nextafter(array[3], np.float32(9))
    tensor.raw_data = array.tobytes()


def reroute(proto: onnx.ModelProto) -> None:
    node = next(node for node in proto.graph.node if node.name == "layer2.0.conv1")
    next(entry for entry in node.attribute if entry.name == "dilations").ints[:] = [2, 2]
