"""What stands in a file: its structure and numbers, against what they should be, and what another tool made of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import onnx_ir as ir

from resnet_export.errors import StructureError
from resnet_export.graph.check import check_canonical
from resnet_export.graph.cost import layers, operands, stored_type
from resnet_export.graph.file import read, read_metadata, unbind
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.graph.reduced import as_float
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import folded_numbers, unfolded
from resnet_export.network.match import match
from resnet_export.parity.diagnosis.faults import ULPS, explain, ulps
from resnet_export.parity.results import OTHER_WEIGHTS, Diagnosis
from resnet_export.runtimes.session import Precision
from resnet_export.weights import Weights
from resnet_export.weights.canonical import Array

PRECISIONS: dict[str | None, Precision] = {
    "int8": "int8", "uint8": "int8", "bfloat16": "bfloat16", "float16": "float16",
}  # fmt: skip
"""Type of stored weights -> the precision by which the file is judged; the least precise come first."""


def check_contents(
    file: Path, recall: Callable[[], Numbers] | None, network: Network | None = None
) -> tuple[Metadata, Numbers, Diagnosis | None]:
    """Reads a file and checks its structure, then its numbers.

    Args:
        file: where it is.
        recall: loads the weights that it should hold; None takes its own numbers for right.
        network: the one that these belong to, folded; None for that of the file's metadata.

    Returns:
        What it says of itself; what the truth is evaluated with, which are its own numbers where no weights are known;
        and the first thing that is wrong in it.

    Raises:
        ModelError: the file is missing, damaged, or was not written by this package.
    """
    model = read(file)
    metadata = read_metadata(model, file)
    weights = None if recall is None else recall()
    intact = initializers_digest(model) == metadata.initializers_digest
    if metadata.quantization is not None:
        model = as_float(model, metadata)
    try:
        wrong = next(_faults(model, metadata, weights, network, intact=intact), None)
    except StructureError as error:
        wrong = Diagnosis.of(error)
    if weights is None:
        values = model.graph.initializers.items()
        weights = {name: value.const_value.numpy() for name, value in values if value.const_value is not None}
    unbind(model)
    return metadata, weights, wrong


def _faults(
    model: ir.Model, metadata: Metadata, weights: Numbers | None, network: Network | None, *, intact: bool
) -> Iterator[Diagnosis]:
    """What is wrong: the graph by its metadata, these by the source, the numbers, what the metadata say besides.

    Raises:
        StructureError: it is another graph, or another network.
    """
    check_canonical(model, metadata.canonical, metadata.interface, metadata.preprocessing)
    if isinstance(weights, Weights) and (spec := metadata.spec) is not None:
        given = replace(weights.spec, image_size=spec.image_size)  # which no weight depends on
        differing = [name for name, value in spec.as_dict().items() if getattr(given, name) != value]
        if differing:
            listed = ", ".join(f"{name} {getattr(spec, name)} and not {getattr(given, name)}" for name in differing)
            yield Diagnosis("specification", "the file", f"it has {listed}, as the weights have", None)
    if network is not None:
        match(unfolded(metadata.canonical), unfolded(network))
    if weights is not None and metadata.quantization is None:
        yield from _other_numbers(model, network or metadata.canonical, weights)
    if not intact:
        detail = "the digest of the file's numbers is not the one in its metadata"
        yield Diagnosis("initializers", "the file", detail, "the file was changed after it was written")
    channels, classes, labels = metadata.canonical.image[0], metadata.canonical.classes, metadata.labels
    if labels is not None and len(labels) != classes:
        yield Diagnosis("metadata", "the file", f"it has {len(labels)} labels for {classes} classes", None)
    for name in ("mean", "std"):
        count = len(getattr(metadata.preprocessing, name))
        if count != channels:
            yield Diagnosis("metadata", "the file", f"its {name} has {count} numbers for {channels} channels", None)


def _other_numbers(model: ir.Model, network: Network, weights: Numbers) -> Iterator[Diagnosis]:
    """The first number that is not the folded weights', or that none is, as in the file of another checkpoint."""
    wrong: dict[str, tuple[Array, float]] = {}
    layers = 0
    for name, expected in folded_numbers(network, weights):
        layers += name.endswith(".weight")
        tensor = model.graph.initializers[name].const_value if name in model.graph.initializers else None
        if tensor is not None and (distance := ulps(found := tensor.numpy(), expected)) > ULPS:
            wrong[name] = found, distance
    if not wrong:
        return
    name, (found, distance) = next(iter(wrong.items()))
    cause = explain(name, found, dict(folded_numbers(network, weights)), network, weights)
    if cause is None and sum(other.endswith(".weight") for other in wrong) == layers:
        detail = f"all {layers} layers hold other numbers than the weights given"
        yield Diagnosis(OTHER_WEIGHTS, "the file", detail, None)
        return
    detail = f"{name} differs from the folded weights by {distance:.3g} ulp ({ULPS} are allowed)"
    yield Diagnosis(name.rpartition(".")[0], "the file", detail, cause)


def layer_precisions(model: ir.Model) -> set[Precision]:
    """In what the layers store their weights. What no layer uses doesn't count."""
    return {PRECISIONS.get(stored_type(operands(node)[1]), "float32") for node in layers(model)}


def describe_change(model: ir.Model, metadata: Metadata) -> tuple[str, Precision] | None:
    """(what a tool made of the file, the precision by which to judge it); None where its layers show no such thing."""
    precisions = layer_precisions(model)
    for precision in dict.fromkeys(PRECISIONS.values()):
        if precision in precisions:
            return ("quantised to int8" if precision == "int8" else f"converted to {precision}"), precision
    opset, written = model.opset_imports.get(""), metadata.interface.opset
    if opset is not None and opset != written:
        return f"converted from opset {written} to {opset}", "float32"
    domains = sorted({node.domain for node in model.graph if node.domain})
    return (f"optimised for one runtime, with operators of {', '.join(domains)}", "float32") if domains else None
