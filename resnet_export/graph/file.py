"""The `.onnx` file: numbers into the graph, the graph into bytes, and back."""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath

import onnx
import onnx_ir as ir

from resnet_export import __version__
from resnet_export.error_text import unlogged
from resnet_export.errors import ModelError
from resnet_export.files import is_text
from resnet_export.graph.access import EXTERNAL_ABOVE
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.serial import serialised
from resnet_export.graph.unreadable import COPY, GIVE, explain
from resnet_export.graph.validity import check_nodes, check_tensors, check_texts, sort
from resnet_export.weights.canonical import Array

NO_TENSORS = "resnet_export.no_tensors"
"""Key under which `model.meta` keeps the outputs that are no tensors: name -> what each is, such as `a sequence`."""
EXPORT_AGAIN = "Export it again with the tool that wrote it."
EXTERNAL = "resnet_export.external"
"""Key under which `model.meta` keeps the names of the files beside that `read` took numbers from."""


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
        with path.open("wb") as file:
            file.writelines(serialised(model))


def read(path: Path) -> ir.Model:
    """Reads an ONNX file, with the numbers that it keeps beside it.

    Raises:
        ModelError: it is missing, damaged or no ONNX file, or its numbers are missing or outside its folder.
    """
    content = _content(path)
    try:
        proto = onnx.load_model_from_string(content)
        if not proto.HasField("graph"):
            raise ValueError("it has no graph")
        check_texts(proto)
        others = _without_types(proto.graph)
        with unlogged():  # onnx-ir warns of an invalid graph, which is refused right behind, and in words
            model = ir.from_proto(proto)
    except Exception as error:  # protobuf, onnx and onnx-ir each raise their own kinds
        what, hint = explain(content)
        hint = hint.replace("FILE", shlex.quote(str(path)))
        raise ModelError(f"{path} is {what}.", hint=hint) from error
    del content  # the numbers are in memory once more than they need be already
    if not proto.graph.node:
        raise ModelError(f"{path} is no ONNX model: it has no nodes.", hint=GIVE)
    if not proto.opset_import:
        raise ModelError(f"{path} names no opset: it is truncated, or no ONNX model.", hint=COPY)
    _name_domain_once(model)
    model.meta[NO_TENSORS] = others
    try:
        check_nodes(model)
        sort(model)
        check_tensors(model)
    except ValueError as error:
        raise ModelError(f"{path} is no valid graph: {error}.", hint=EXPORT_AGAIN) from error
    _load_external(model, path)
    return model


def _name_domain_once(model: ir.Model) -> None:
    """ONNX's own operators are of the domain "", which may also be written `ai.onnx`."""
    for versions in (model.opset_imports, *(function.opset_imports for function in model.functions.values())):
        if "ai.onnx" in versions:
            versions.setdefault("", versions.pop("ai.onnx"))
    for node in model.graph.all_nodes():
        node.domain = "" if node.domain == "ai.onnx" else node.domain


def _without_types(graph: onnx.GraphProto) -> dict[str, str]:
    """Takes the types away from outputs that are no tensors, which onnx-ir can't read; name -> what each is."""
    found = {}
    for value in graph.output:
        kind = value.type.WhichOneof("value")
        if kind not in (None, "tensor_type"):
            found[value.name] = f"a {kind.removesuffix('_type').replace('_', ' ')}"
            value.ClearField("type")
    return found


def read_metadata(model: ir.Model, path: Path) -> Metadata:
    """What the file says of itself.

    Raises:
        ModelError: the file was not written by this package, or was damaged.
    """
    try:
        return Metadata.from_props(model.metadata_props)
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from error


def _content(path: Path) -> bytes:
    """The bytes of the file."""
    try:
        if path.is_dir():
            saved = ", a TensorFlow SavedModel" if (path / "saved_model.pb").is_file() else ""
            raise ModelError(f"{path} is a folder{saved}, not a file.", hint=GIVE)
        if not path.exists():
            raise ModelError(f"There is no file {path}.", hint=GIVE)
        if not is_text(path):
            raise ModelError(f"The name of {path} is not in UTF-8, and no runtime opens it.", hint="Rename the file.")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{path} cannot be read: {reason}.", hint="Give a file that you may read.") from error


def _load_external(model: ir.Model, path: Path) -> None:
    """Reads the numbers that stand in other files; the names of those files go into `model.meta`.

    Raises:
        ModelError: one of them is missing, outside the folder of `path`, or too short.
    """
    tensors = [tensor for tensor in _tensors(model) if isinstance(tensor, ir.ExternalTensor)]
    for tensor in tensors:
        _check_external(tensor, path)
    folder = path.absolute().parent
    ir.external_data.set_base_dir(model.graph, folder)
    try:
        for value in model.graph.initializers.values():
            if isinstance(held := value.const_value, ir.ExternalTensor):
                # In the file that a link leads to: onnx-ir follows none that leads out of the folder.
                target = (folder / os.fspath(held.location)).resolve()
                value.const_value = ir.ExternalTensor(
                    target.name, held.offset, held.length, held.dtype, shape=held.shape, name=held.name or "",
                    base_dir=target.parent,
                )  # fmt: skip
        ir.external_data.load_to_model(model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The numbers of {path} cannot be read ({type(error).__name__}: {str(error).splitlines()[0]}).",
            hint="Copy the file and its data again, into one folder.",
        ) from error
    model.meta[EXTERNAL] = tuple(sorted({os.fspath(tensor.location) for tensor in tensors}))


def files_of(model: ir.Model, path: Path) -> list[Path]:
    """A file that was read, and those beside it that it keeps numbers in."""
    return [path, *(path.parent / name for name in model.meta[EXTERNAL])]


def size_of(model: ir.Model, path: Path) -> int:
    """Bytes of a file that was read, with those of the files beside it."""
    return sum(one.stat().st_size for one in files_of(model, path))


def _tensors(model: ir.Model) -> Iterator[object]:
    """The numbers in initializers and attributes, those of subgraphs too."""
    for graph in model.graphs():
        yield from (value.const_value for value in graph.initializers.values())
    for node in model.graph.all_nodes():
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                yield attribute.value


def _check_external(tensor: ir.ExternalTensor, path: Path) -> None:
    """A file must not make its reader open whatever else lies on the machine."""
    location = os.fspath(tensor.location)
    folder = path.absolute().parent
    target = folder / location
    # What is absolute on Windows, or climbs with its separators, must not pass on another system either.
    absolute = Path(location).is_absolute() or PureWindowsPath(location).is_absolute()
    # The cache of Hugging Face has links in the place of both files: what they lead to may lie in one folder elsewhere.
    allowed = (folder.resolve(), path.resolve().parent)
    inside = any(target.resolve().is_relative_to(one) for one in allowed)
    if absolute or ".." in PureWindowsPath(location).parts or not inside:
        raise ModelError(
            f"{path} keeps numbers in {location!r}, which is outside its own folder. It was not read.",
            hint="Put that file beside the .onnx file, no link, and save the model with its name alone as location.",
        )
    if not target.is_file():
        raise ModelError(
            f"{path} keeps numbers in {location!r} beside it, and that file is missing.",
            hint=f"Copy {Path(location).name} into the folder of the .onnx file, under this name.",
        )
    size = target.stat().st_size
    end = (tensor.offset or 0) + (tensor.nbytes if tensor.length is None else tensor.length)
    if end > size:
        raise ModelError(
            f"{path} keeps numbers in {location!r}, which is truncated: it has {size:,} bytes, and {tensor.name} "
            f"ends at {end:,}.",
            hint=f"Copy {Path(location).name} again.",
        )
