"""An `.onnx` file as tract and pnnx take it: with its numbers, and without the sizes of what lies between the nodes."""

from pathlib import Path

import onnx


def write(file: Path, made: Path) -> Path:
    """Writes such a copy of a file."""
    proto = onnx.load_model(file)
    # Other exporters note these sizes as symbols, which clash with the sizes of the images.
    del proto.graph.value_info[:]
    onnx.save_model(proto, made)
    return made
