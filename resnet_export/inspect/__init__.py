"""What a file says of itself, whether that is so, and what tells two files apart. Any `.onnx`, ours or not."""

import os
from collections import Counter
from pathlib import Path

import onnx_ir as ir

from resnet_export.errors import ModelError, StructureError
from resnet_export.files import sha256
from resnet_export.graph.access import operator_of
from resnet_export.graph.check import check_canonical
from resnet_export.graph.file import EXTERNAL, read
from resnet_export.graph.foreign import ImageInput, graph_inputs, image_input
from resnet_export.graph.metadata import PREFIX, Metadata, initializers_digest, is_ours
from resnet_export.graph.reduced import as_float
from resnet_export.inspect.diff import diff
from resnet_export.inspect.facts import measure_layers, read_opsets, read_ports, read_producer
from resnet_export.inspect.results import Change, Layer, ModelDiff, ModelReport, Port, TensorChange
from resnet_export.network.evaluation import not_finite

__all__ = ["Change", "Layer", "ModelDiff", "ModelReport", "Port", "TensorChange", "diff", "inspect"]

USUAL_SIZE = 224
"""Pixels at which multiply-adds are counted where a file takes images of any size and says no other."""

NO_PARAMETERS = frozenset({ir.DataType.BOOL, ir.DataType.INT64, ir.DataType.STRING})
"""Types of shapes, axes and conditions."""

SCALES = {
    "DequantizeLinear": (1, 2),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearGlobalAveragePool": (1, 2, 3, 4),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QuantizeLinear": (1, 2),
}
"""Operator -> which of its inputs are scales and zero points."""


def inspect(path: str | os.PathLike[str]) -> ModelReport:
    """Reads a file and tells what is in it.

    Raises:
        ModelError: it is missing, damaged or no ONNX file.
    """
    path = Path(path)
    model = read(path)
    image = _image(model, path)
    metadata, faults = _metadata(model)
    canonical = intact = None
    if metadata is not None:
        wrong = _structure_fault(model, metadata)
        canonical, intact = wrong is None, initializers_digest(model) == metadata.initializers_digest
        if wrong is not None:
            faults.append(wrong)
        if not intact:
            faults.append("The digest of its numbers is not the one in its metadata: they were changed after writing.")
    size = _image_size(image, metadata)
    faults += _not_finite(model)
    return ModelReport(
        path=str(path),
        size=path.stat().st_size,
        data={name: (path.parent / name).stat().st_size for name in model.meta[EXTERNAL]},
        sha256=sha256(path),
        ir_version=model.ir_version,
        opsets=read_opsets(model),
        producer=read_producer(model),
        inputs=read_ports(graph_inputs(model), model),
        outputs=read_ports(model.graph.outputs, model),
        image=image,
        operators=_operators(model),
        parameters=_parameters(model),
        image_size=size,
        metadata=metadata,
        other_metadata={key: value for key, value in model.metadata_props.items() if not key.startswith(PREFIX)},
        canonical=canonical,
        intact=intact,
        faults=tuple(faults),
        layers=measure_layers(model, image, size),  # the last: it uses the model up
    )


def _image(model: ir.Model, path: Path) -> ImageInput | None:
    try:
        return image_input(model, path)
    except ModelError:
        return None


def _metadata(model: ir.Model) -> tuple[Metadata | None, list[str]]:
    """What the file says of itself, and what is wrong with how it says it."""
    if not is_ours(model):
        return None, []
    try:
        return Metadata.from_props(model.metadata_props), []
    except ModelError as error:
        return None, [error.message]


def _not_finite(model: ir.Model) -> list[str]:
    """The first initializer with numbers that are NaN or infinite."""
    held = {name: value.const_value.numpy() for name, value in model.graph.initializers.items() if value.const_value}
    return [
        f"{count:,} of the {held[name].size:,} numbers of {name} are NaN or infinite."
        for name, count in not_finite(held)
    ][:1]


def _structure_fault(model: ir.Model, metadata: Metadata) -> str | None:
    """The first node that is not the specification's."""
    if metadata.quantization is not None:
        model = as_float(model.clone(), metadata)
    try:
        check_canonical(model, metadata.canonical, metadata.interface, metadata.preprocessing)
    except StructureError as error:
        cause = f" Likely cause: {error.cause}." if error.cause else ""
        return f"The graph is not that of its specification. {error.layer}: {error.detail}{cause}"
    return None


def _image_size(image: ImageInput | None, metadata: Metadata | None) -> tuple[int, int] | None:
    if image is None:
        return None
    height, width = (USUAL_SIZE,) * 2 if metadata is None else metadata.canonical.image[1:]
    return image.height or height, image.width or width


def _operators(model: ir.Model) -> dict[str, int]:
    """Operator -> number of nodes."""
    counts = Counter(map(operator_of, model.graph.all_nodes()))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _parameters(model: ir.Model) -> int:
    """Elements of the constants that the file computes with."""
    nodes = list(model.graph.all_nodes())
    scales = {
        value for node in nodes for index in SCALES.get(node.op_type, ()) for value in node.inputs[index : index + 1]
    }
    constants = [value for graph in model.graphs() for value in graph.initializers.values()]
    constants += [node.outputs[0] for node in nodes if node.op_type == "Constant"]
    tensors = [ir.convenience.get_const_tensor(value) for value in constants if value not in scales]
    return sum(tensor.size for tensor in tensors if tensor is not None and tensor.dtype not in NO_PARAMETERS)
