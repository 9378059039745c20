"""Bundles run as their users run them: by themselves, without this package."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

if TYPE_CHECKING:
    from pathlib import Path

ALONE = "import runpy, sys; sys.path.insert(0, ''); sys.modules['resnet_export'] = None; sys.argv = sys.argv[1:]; "


def run_python(bundle: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of a bundle where this package can't be imported."""
    code = f"{ALONE} runpy.run_path(sys.argv[0], run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-B", "-c", code, program, *arguments],
        cwd=bundle,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def multiply_first_weights(path: Path, factor: float = 1.1) -> None:
    """Spoils the first convolution of a file."""
    proto = onnx.load(path)
    convolution = next(node for node in proto.graph.node if node.op_type == "Conv")
    tensor = next(one for one in proto.graph.initializer if one.name == convolution.input[1])
    array: Any = onnx.numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    onnx.save(proto, path)


def multiply_first_scale(path: Path) -> None:
    """Spoils the first convolution of an int8 file: its weights are 1.1 times what they were."""
    proto = onnx.load(path)
    weights = next(node for node in proto.graph.node if node.op_type == "Conv").input[1]
    scale = next(node for node in proto.graph.node if weights in node.output).input[1]
    tensor = next(one for one in proto.graph.initializer if one.name == scale)
    array: Any = onnx.numpy_helper.to_array(tensor) * np.float32(1.1)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    onnx.save(proto, path)


def multiply_weights_in(artefact: Path, source: Path) -> None:
    """Spoils the first convolution of a file in whichever file and order of axes an artefact keeps its numbers."""
    proto = onnx.load(source)
    convolution = next(node for node in proto.graph.node if node.op_type == "Conv")
    tensor = next(one for one in proto.graph.initializer if one.name == convolution.input[1])
    weights: Any = onnx.numpy_helper.to_array(tensor)
    for file in (artefact, artefact.with_suffix(".bin")):
        content = file.read_bytes() if file.is_file() else b""
        for order in ((0, 1, 2, 3), (0, 2, 3, 1), (2, 3, 1, 0)):
            ordered = np.ascontiguousarray(weights.transpose(order))
            if ordered.tobytes() in content:
                file.write_bytes(content.replace(ordered.tobytes(), (np.float32(1.1) * ordered).tobytes()))
                return
    raise AssertionError(f"{artefact} has no such weights")


def move_first_pad(path: Path) -> None:
    """Moves the pad of the first convolution to one side, as frameworks do that pad by themselves."""
    proto = onnx.load(path)
    convolution = next(node for node in proto.graph.node if node.op_type == "Conv")
    pads = next(one for one in convolution.attribute if one.name == "pads")
    pads.ints[:] = [0, 0, pads.ints[0] + pads.ints[2] or 2, pads.ints[1] + pads.ints[3] or 2]
    onnx.save(proto, path)
