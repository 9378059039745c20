"""The `.onnx` file: numbers into the graph, the graph into bytes, and back."""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath

import onnx
import onnx_ir as ir

from resnet_export import __version__
from resnet_export.errors import ModelError
from resnet_export.graph.access import EXTERNAL_ABOVE
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.serial import serialised
from resnet_export.graph.unreadable import COPY, GIVE, explain
from resnet_export.terminal import number
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
        _check_texts(proto)
        others = _without_types(proto.graph)
        with _silent():
            model = ir.from_proto(proto)
    except Exception as error:  # protobuf, onnx and onnx-ir each raise their own kinds
        what, hint = explain(content)
        raise ModelError(f"{path} is {what}.", hint=hint) from error
    del content  # the numbers are in memory once more than they need be already
    if not proto.graph.node:
        raise ModelError(f"{path} is no ONNX model: it has no nodes.", hint=GIVE)
    if not proto.opset_import:
        raise ModelError(f"{path} names no opset: it is truncated, or no ONNX model.", hint=COPY)
    _name_domain_once(model)
    model.meta[NO_TENSORS] = others
    try:
        _check_nodes(model)
        _sort(model)
        _check_tensors(model)
    except ValueError as error:
        raise ModelError(f"{path} is no valid graph: {error}.", hint=EXPORT_AGAIN) from error
    _load_external(model, path)
    return model


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without onnx-ir's warnings of an invalid graph: it is refused right behind, and in words."""
    logger = logging.getLogger("onnx_ir")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_texts(proto: onnx.ModelProto) -> None:
    """Protobuf gives bytes in place of a text that is no UTF-8.

    Raises:
        ValueError: there is one outside of the nodes, whose names are checked later.
    """
    props = [text for entry in proto.metadata_props for text in (entry.key, entry.value)]
    for text in (proto.producer_name, proto.producer_version, proto.domain, proto.graph.name, *props):
        if not isinstance(text, str):
            raise ValueError("one of its texts is no UTF-8")


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


def _check_nodes(model: ir.Model) -> None:
    """Checks that each node takes what is made somewhere, and as much as its operator asks for.

    Raises:
        ValueError: one doesn't, or an output is made by nothing, or there is none.
    """
    if not model.graph.outputs:
        raise ValueError("it gives no output")
    given = {*model.graph.inputs, *model.graph.initializers.values()}
    for node in model.graph:
        if not isinstance(node.op_type, str) or not isinstance(node.domain, str):
            raise ValueError("the name of an operator is no text")
        named = node.name or next((value.name for value in node.outputs), "") or "without a name"
        for value in node.inputs:
            if value is not None and value.producer() is None and value not in given:
                raise ValueError(f"the {node.op_type} {named} takes {value.name!r}, which nothing makes")
        least, most = _arity(node, model.opset_imports.get(node.domain))
        empty = next((given.name for given in node.attributes.values() if given.value is None), None)
        if empty is not None:
            raise ValueError(f"the attribute {empty!r} of the {node.op_type} {named} has no value, or none of its type")
        if not least <= len(node.inputs) <= most or not node.outputs:
            raise ValueError(f"the {node.op_type} {named} has {number(len(node.inputs), 'input')}")
    for value in model.graph.outputs:
        if value.producer() is None and value not in given:
            raise ValueError(f"its output {value.name!r} is made by nothing")


def _arity(node: ir.Node, version: int | None) -> tuple[int, int]:
    """(the least, the largest number of inputs) of an operator; any number of one that onnx doesn't know."""
    try:
        schema = onnx.defs.get_schema(node.op_type, version or 1, node.domain)
    except (onnx.defs.SchemaError, TypeError):
        return 0, 2**31
    return schema.min_input, schema.max_input


def _sort(model: ir.Model) -> None:
    """Puts the nodes in an order in which each can be run, which other tools don't always write.

    Raises:
        ValueError: there is no such order.
    """
    try:
        model.graph.sort()
    except ValueError as error:
        raise ValueError("some of its nodes wait for each other in a circle") from error


def _check_tensors(model: ir.Model) -> None:
    """Checks that the numbers in the file are as many as their shapes say.

    Raises:
        ValueError: some are not, or have a type that there is none of.
    """
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is not None and not isinstance(tensor, ir.ExternalTensor):
            try:
                fits = tensor.numpy().shape == tuple(tensor.shape.numpy())
            except (TypeError, ValueError, AssertionError) as error:  # onnx-ir asserts that the type fits the field
                raise ValueError(f"the numbers of {name} don't fit their shape or type") from error
            if not fits:
                raise ValueError(f"the numbers of {name} don't fit their shape")


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
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Give a file that you may read."
        ) from error


def _load_external(model: ir.Model, path: Path) -> None:
    """Reads the numbers that stand in other files; the names of those files go into `model.meta`.

    Raises:
        ModelError: one of them is missing, outside the folder of `path`, or too short.
    """
    tensors = [tensor for tensor in _tensors(model) if isinstance(tensor, ir.ExternalTensor)]
    for tensor in tensors:
        _check_external(tensor, path)
    ir.external_data.set_base_dir(model.graph, path.absolute().parent)
    try:
        for value in model.graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                value.const_value = _where_it_lies(value.const_value, path)
        ir.external_data.load_to_model(model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The numbers of {path} cannot be read ({type(error).__name__}: {str(error).splitlines()[0]}).",
            hint="Copy the file and its data again, into one folder.",
        ) from error
    model.meta[EXTERNAL] = tuple(sorted({os.fspath(tensor.location) for tensor in tensors}))


def _where_it_lies(tensor: ir.ExternalTensor, path: Path) -> ir.ExternalTensor:
    """The tensor in the file that a link leads to: onnx-ir follows none that leads out of the folder."""
    target = (path.absolute().parent / os.fspath(tensor.location)).resolve()
    return ir.ExternalTensor(
        target.name, tensor.offset, tensor.length, tensor.dtype, shape=tensor.shape, name=tensor.name or "",
        base_dir=target.parent,
    )  # fmt: skip


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
