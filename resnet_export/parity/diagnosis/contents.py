"""What stands in a file: its structure and numbers, against what they should be, and what another tool made of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec

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
from resnet_export.parity.diagnosis.tensor_faults import ULPS, explain, ulps
from resnet_export.parity.results import OTHER_WEIGHTS, Diagnosis
from resnet_export.runtimes.session import Precision
from resnet_export.weights import Weights
from resnet_export.weights.canonical import Array

P = ParamSpec("P")
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
    changed = _check_digest(model, metadata)
    if metadata.quantization is not None:
        model = as_float(model, metadata)
    wrong = _check_structure(check_canonical, model, metadata.canonical, metadata.interface, metadata.preprocessing)
    if wrong is None and isinstance(weights, Weights) and metadata.spec is not None:
        wrong = _check_specification(metadata, weights)
    if wrong is None and network is not None:
        wrong = _check_structure(match, unfolded(metadata.canonical), unfolded(network))
    if wrong is None and weights is not None and metadata.quantization is None:
        wrong = _check_numbers(model, network or metadata.canonical, weights)
    if wrong is None:
        wrong = changed or _check_metadata(metadata)
    if weights is None:
        values = model.graph.initializers.items()
        weights = {name: value.const_value.numpy() for name, value in values if value.const_value is not None}
    unbind(model)
    return metadata, weights, wrong


def _check_structure(check: Callable[P, object], *given: P.args, **named: P.kwargs) -> Diagnosis | None:
    """What a comparison of structures refuses: of the graph with what the metadata say, of that with the source."""
    try:
        check(*given, **named)
    except StructureError as error:
        return Diagnosis.of(error)
    return None


def _check_specification(metadata: Metadata, weights: Weights) -> Diagnosis | None:
    """Whether the weights belong to the specification of the file."""
    spec = metadata.spec
    assert spec is not None, "only a specification can be compared"
    given = replace(weights.spec, image_size=spec.image_size)  # which no weight depends on
    if given != spec:
        differing = [name for name, value in spec.as_dict().items() if getattr(given, name) != value]
        listed = ", ".join(f"{name} {getattr(spec, name)} and not {getattr(given, name)}" for name in differing)
        return Diagnosis("specification", "the file", f"it has {listed}, as the weights have", None)
    return None


def _check_numbers(model: ir.Model, network: Network, weights: Numbers) -> Diagnosis | None:
    """The first number that is not the folded weights', or that none is, as in the file of another checkpoint."""
    first: tuple[str, Array, float] | None = None
    layers = other = 0
    for name, expected in folded_numbers(network, weights):
        is_weight = name.endswith(".weight")
        layers += is_weight
        tensor = model.graph.initializers[name].const_value if name in model.graph.initializers else None
        if tensor is None or (distance := ulps(found := tensor.numpy(), expected)) <= ULPS:
            continue
        first = first or (name, found, distance)
        other += is_weight
    if first is None:
        return None
    name, found, distance = first
    cause = explain(name, found, dict(folded_numbers(network, weights)), network, weights)
    if cause is None and other == layers:
        detail = f"all {layers} layers hold other numbers than the weights given"
        return Diagnosis(OTHER_WEIGHTS, "the file", detail, None)
    detail = f"{name} differs from the folded weights by {distance:.3g} ulp ({ULPS} are allowed)"
    return Diagnosis(name.rpartition(".")[0], "the file", detail, cause)


def _check_metadata(metadata: Metadata) -> Diagnosis | None:
    """Whether what the file says of its input and output fits its network."""
    network, labels = metadata.canonical, metadata.labels
    if labels is not None and len(labels) != network.classes:
        return Diagnosis("metadata", "the file", f"it has {len(labels)} labels for {network.classes} classes", None)
    for name in ("mean", "std"):
        given = len(getattr(metadata.preprocessing, name))
        if given != network.image[0]:
            detail = f"its {name} has {given} numbers for {network.image[0]} channels"
            return Diagnosis("metadata", "the file", detail, None)
    return None


def _check_digest(model: ir.Model, metadata: Metadata) -> Diagnosis | None:
    """Whether the file holds the numbers that it was written with."""
    if initializers_digest(model) == metadata.initializers_digest:
        return None
    detail = "the digest of the file's numbers is not the one in its metadata"
    return Diagnosis("initializers", "the file", detail, "the file was changed after it was written")


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
