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


def move_first_pad(path: Path) -> None:
    """Moves the pad of the first convolution to one side, as frameworks do that pad by themselves."""
    proto = onnx.load(path)
    convolution = next(node for node in proto.graph.node if node.op_type == "Conv")
    pads = next(one for one in convolution.attribute if one.name == "pads")
    pads.ints[:] = [0, 0, pads.ints[0] + pads.ints[2] or 2, pads.ints[1] + pads.ints[3] or 2]
    onnx.save(proto, path)
