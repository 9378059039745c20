"""What is verified: a file, what it takes and gives, and where its truth comes from."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import onnx
import onnx_ir as ir

from resnet_export.errors import CheckpointError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.foreign import ImageInput, find_head, image_input, write_logits
from resnet_export.graph.interface import Activation, Head
from resnet_export.graph.metadata import Metadata, initializers_digest, is_ours
from resnet_export.graph.reading import read as read_network
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.images import Preprocessing
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import fold, unfolded
from resnet_export.parity.diagnosis.contents import check_contents, describe_change, layer_precisions
from resnet_export.parity.gate.inputs import image_input_of
from resnet_export.parity.reference.oracles import OWN_GRAPH, GraphOracle, NetworkOracle, Oracle
from resnet_export.parity.results import Diagnosis, Quantity
from resnet_export.runtimes.session import Precision
from resnet_export.spec import IMAGE_SIZES, ResNetSpec
from resnet_export.weights import Weights

Given = TypeVar("Given")


@dataclass(frozen=True)
class ModelUnderTest:
    """A file to be verified."""

    path: Path
    taken: ImageInput
    preprocessing: Preprocessing
    given: Quantity
    """What its first output is."""
    logits_path: Path | None
    """A copy that ends with the logits, where the first output is probabilities."""
    activation: Activation | None
    """What makes these of the logits."""
    oracle: Oracle
    canonical: bool
    """Whether its values are named after the specification."""
    precision: Precision = "float32"
    """In what its numbers are stored: less than float32 in a half-precision or quantised file."""
    wrong: Diagnosis | None = None
    """What is wrong in it, seen without running it."""
    change: str | None = None
    """What another tool made of a file of ours."""

    def notes(self, *, pictures: bool) -> list[str]:
        """What a reader has to know about a file that does not say it itself."""
        found = []
        if self.change is not None:
            found.append(f"Another tool changed the file after its export: it was {self.change}.")
        if self.oracle.description == OWN_GRAPH:
            found.append(
                "The file was held against its own graph: that the runtimes compute it right is checked, "
                "and not which network it is. Give its checkpoint with --weights."
            )
        if pictures and not self.canonical and self.change is None:
            found.append("The file does not say how pictures are prepared: they are prepared as ImageNet's.")
        return found

    @property
    def network(self) -> NetworkOracle | None:
        """The network with its parameters, where they are known."""
        return self.oracle if isinstance(self.oracle, NetworkOracle) else None


def value_names(path: Path) -> list[str]:
    """The float values of a graph that is not canonical, in its order."""
    proto = onnx.load_model(path)
    inferred = onnx.shape_inference.infer_shapes(proto)
    values = (*inferred.graph.value_info, *proto.graph.output)
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    return [name for node in proto.graph.node for name in node.output if name and kinds.get(name) in floats]


def describe(path: Path, weights: Weights | str | os.PathLike[str] | None, folder: Path) -> ModelUnderTest:
    """Reads a file, and the checkpoint that it should hold.

    Args:
        path: the `.onnx` file.
        weights: the checkpoint; None takes the file for right, and looks at what runtimes make of it.
        folder: where a copy that ends with the logits may be put.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        CheckpointError: `weights` cannot be read, or belong to a network with another input.
    """
    model = read(path)
    logits_path = None
    if (head := find_head(model)) is not None:
        logits_path = folder / path.name
        write_logits(path, head.logits, logits_path)
    if not is_ours(model):
        taken = image_input(model, path)
        if weights is not None and not isinstance(weights, Weights):
            weights = Weights.load(weights, image_size=taken.height)
        return _foreign(model, path, taken, weights, logits_path, head and head.activation)
    metadata = read_metadata(model, path)
    if weights is not None and not isinstance(weights, Weights):
        weights = Weights.load(weights, {"eps": metadata.spec.eps}, image_size=metadata.spec.image_size)
    tested = replace(canonical_model(path, None if weights is None else _giving(weights)), logits_path=logits_path)
    change = None if tested.wrong is None else describe_change(model, metadata)
    return tested if change is None else _changed(model, metadata, tested, *change, given=weights is not None)


def canonical_model(
    path: Path, recall: Callable[[], Numbers] | None, network: Network | None = None, proof: str | None = None
) -> ModelUnderTest:
    """Describes a file that this package wrote.

    Args:
        path: where it is.
        recall: loads the weights that it should hold; None checks it against its own numbers.
        network: the one that these belong to, before batch norms are folded; None for that of the file's metadata.
        proof: what the truth is, in words; None for what is known of it here.
    """
    metadata, numbers, wrong = check_contents(path, recall, None if network is None else fold(network))
    interface, canonical = metadata.interface, metadata.canonical
    what = "the file's own numbers" if recall is None else "the weights given"
    if network is None:
        network = unfolded(canonical) if recall is None or metadata.spec is None else metadata.spec.network
    return ModelUnderTest(
        path=path,
        taken=image_input_of(canonical, interface),
        preprocessing=metadata.preprocessing,
        given=quantity_of(interface.head),
        logits_path=None,
        activation=interface.activation_of(canonical.classes),
        oracle=NetworkOracle(
            network,
            recall or _giving(numbers),
            proof or f"the {'network' if metadata.spec is None else 'specification'} with {what}",
        ),
        canonical=True,
        wrong=wrong,
    )


def quantity_of(head: Head) -> Quantity:
    """What a file with that head gives."""
    return "probabilities" if head == "sigmoid" else head


def _giving(value: Given) -> Callable[[], Given]:
    return lambda: value


def _changed(
    model: ir.Model,
    metadata: Metadata,
    tested: ModelUnderTest,
    change: str,
    precision: Precision,
    *,
    given: bool,
) -> ModelUnderTest:
    """A file of ours that another tool changed: its metadata still say what it takes, and what it should be."""
    kept = initializers_digest(model) == metadata.initializers_digest
    taken = replace(tested.taken, dtype=image_input(model, tested.path).dtype)
    known, copied = given or kept, tested.logits_path is not None
    change = f"{change}; its numbers are {'still' if kept else 'no longer'} those that were exported"
    return replace(
        tested,
        taken=taken,
        given=tested.given if known or copied else "output",
        activation=tested.activation if copied else None,
        oracle=tested.oracle if known else _own_graph(tested.logits_path or tested.path, taken, change),
        canonical=False,
        precision=precision,
        wrong=None,
        change=change,
    )


def _foreign(
    model: ir.Model,
    path: Path,
    taken: ImageInput,
    weights: Weights | None,
    logits_path: Path | None,
    activation: Activation | None,
) -> ModelUnderTest:
    given: Quantity = "output" if logits_path is None else "probabilities"
    oracle = _own_graph(logits_path or path, taken)
    size, wrong = taken.height, None
    if weights is not None:
        if weights.spec.in_channels != taken.channels:
            raise CheckpointError(
                f"The weights take {weights.spec.in_channels} channels, and {path.name} takes {taken.channels}.",
                hint="Give the checkpoint that the file was made of.",
            )
        spec = replace(weights.spec, image_size=size or weights.spec.image_size)
        given = "logits" if logits_path is None else "probabilities"
        pixels = "; its pixels are taken to be normalised as ImageNet's" if taken.dtype == "uint8" else ""
        description = f"the specification with the weights given{pixels}"
        oracle = NetworkOracle(spec.network, _giving(weights), description)
        wrong = _wrong_classes(model, spec)
        size = spec.image_size
    precisions = layer_precisions(model)
    return ModelUnderTest(
        path=path,
        taken=taken,
        preprocessing=Preprocessing.default(taken.channels, size or IMAGE_SIZES["imagenet"]),
        given=given,
        logits_path=logits_path,
        activation=activation,
        oracle=oracle,
        canonical=False,
        # float32 where one layer has it, so that a file cannot loosen its own rule
        precision=precisions.pop() if len(precisions) == 1 else "float32",
        wrong=wrong,
    )


def _own_graph(path: Path, taken: ImageInput, change: str | None = None) -> Oracle:
    """The network that is read off the file; where that can't be, its graph as it stands."""
    size = taken.height or IMAGE_SIZES["imagenet"], taken.width or IMAGE_SIZES["imagenet"]
    try:
        found = read_network(read(path), (taken.channels, *size), layout=taken.layout, batch=taken.batch)
    except UnreadableError:
        return GraphOracle(path, taken, change=change)
    return NetworkOracle(found.network, _giving(found.numbers), OWN_GRAPH, of_file=True)


def _wrong_classes(model: ir.Model, spec: ResNetSpec) -> Diagnosis | None:
    """Whether the file has another number of outputs than the checkpoint has classes."""
    shape = model.graph.outputs[0].shape
    last = None if shape is None or not len(shape) else shape[-1]
    if not isinstance(last, int) or last == spec.num_classes:
        return None
    return Diagnosis("fc", "the file", f"it gives {last} values, and the weights have {spec.num_classes} classes", None)
