"""The `.onnx` file: numbers into the graph, the graph into bytes, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir

from resnet_export import __version__
from resnet_export.errors import ModelError
from resnet_export.graph.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from resnet_export.weights.canonical import Array

EXTERNAL_ABOVE = 2**31 - 2**20
"""Bytes of numbers above which they go into a file beside: protobuf stops at 2 GiB, some of it for the graph."""


def bind(model: ir.Model, arrays: Mapping[str, Array]) -> None:
    """Gives the initializers of the canonical graph their numbers; `arrays` may have more than the graph uses."""
    for name, value in model.graph.initializers.items():
        if name in arrays:
            value.const_value = ir.Tensor(arrays[name], name=name)


def unbind(model: ir.Model) -> None:
    """Lets go of the numbers: a graph's objects refer to each other in circles, and would keep them for long."""
    for value in model.graph.initializers.values():
        value.const_value = None


def write(model: ir.Model, path: Path, metadata: Metadata) -> None:
    """Writes one self-contained file (with `<name>.data` beside it above 2 GB). The same model gives the same bytes.

    The model has no numbers afterwards: they are in the file, and would be in memory twice.

    Raises:
        OSError: the operating system refused to write it.
    """
    model.producer_name, model.producer_version = "resnet-export", __version__
    model.doc_string = None
    model.metadata_props.clear()
    model.metadata_props.update(metadata.to_props())
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    if size > EXTERNAL_ABOVE:
        ir.save(model, path, external_data=f"{path.name}.data", size_threshold_bytes=1024)
    else:
        proto = ir.to_proto(model)
        unbind(model)
        path.write_bytes(proto.SerializeToString(deterministic=True))


def read(path: Path) -> ir.Model:
    """Reads an ONNX file.

    Raises:
        ModelError: it is missing, damaged or no ONNX file.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", hint="Give the path of an .onnx file.")
    try:
        proto = onnx.load_model(path)
    except Exception as error:  # protobuf, onnx and the operating system each raise their own kinds
        raise ModelError(
            f"{path} cannot be read as an ONNX file ({type(error).__name__}: {str(error).splitlines()[0]}).",
            hint="Export the network again, or give another file.",
        ) from error
    if not proto.graph.node or not proto.opset_import:
        raise ModelError(f"{path} is no ONNX model: it has no nodes.", hint="Give the path of an .onnx file.")
    return ir.from_proto(proto)


def read_metadata(model: ir.Model, path: Path) -> Metadata:
    """What the file says of itself.

    Raises:
        ModelError: the file was not written by this package, or was damaged.
    """
    try:
        return Metadata.from_props(model.metadata_props)
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from error
