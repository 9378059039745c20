"""What is verified: a file, what it takes and gives, and where its truth comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import onnx

from resnet_export.errors import CheckpointError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.foreign import image_input
from resnet_export.graph.interface import activation_of
from resnet_export.graph.logits import find_head, write_logits
from resnet_export.graph.metadata import initializers_digest, is_ours
from resnet_export.images import Preprocessing
from resnet_export.parity.changes import describe_change, layer_precisions
from resnet_export.parity.contents import check_contents
from resnet_export.parity.inputs import image_input_of
from resnet_export.parity.oracles import GraphOracle, SpecificationOracle
from resnet_export.parity.results import Diagnosis
from resnet_export.spec import IMAGE_SIZES
from resnet_export.weights import Weights

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    import onnx_ir as ir

    from resnet_export.graph.foreign import ImageInput
    from resnet_export.graph.interface import Activation, Head
    from resnet_export.parity.oracles import Oracle
    from resnet_export.parity.results import Quantity
    from resnet_export.runtimes.session import Precision
    from resnet_export.spec import ResNetSpec


P = TypeVar("P")


@dataclass(frozen=True)
class Subject:
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
        told = []
        if self.change is not None:
            told.append(f"Another tool changed the file after its export: it was {self.change}.")
        if isinstance(self.oracle, GraphOracle):
            told.append(
                "The file was held against its own graph: that the runtimes compute it right is checked, "
                "and not which network it is. Give its checkpoint with --weights."
            )
        if pictures and not self.canonical and self.change is None:
            told.append("The file does not say how pictures are prepared: they are prepared as ImageNet's.")
        return told

    @property
    def network(self) -> SpecificationOracle | None:
        """The specification with its parameters, where they are known."""
        return self.oracle if isinstance(self.oracle, SpecificationOracle) else None


def value_names(path: Path) -> list[str]:
    """The float values of a graph that is not canonical, in its order."""
    proto = onnx.load_model(path)
    inferred = onnx.shape_inference.infer_shapes(proto)
    kinds = {
        value.name: value.type.tensor_type.elem_type for value in (*inferred.graph.value_info, *proto.graph.output)
    }
    made = [name for node in proto.graph.node for name in node.output if name]
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    return [name for name in made if kinds.get(name) in floats]


def describe(path: Path, weights: Weights | str | os.PathLike[str] | None, folder: Path) -> Subject:
    """Reads a file, and the checkpoint that it should hold.

    Args:
        path: of the `.onnx` file.
        weights: the checkpoint; None takes the file for right, and looks at what runtimes make of it.
        folder: where a copy that ends with the logits may be put.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        CheckpointError: `weights` cannot be read, or belong to a network with another input.
    """
    model = read(path)
    logits_path = None
    head = find_head(model)
    if head is not None:
        logits_path = folder / path.name
        write_logits(path, head.logits, logits_path)
    if is_ours(model):
        metadata = read_metadata(model, path)
        if weights is not None and not isinstance(weights, Weights):
            weights = Weights.load(weights, {"eps": metadata.spec.eps}, image_size=metadata.spec.image_size)
        subject = replace(
            canonical_subject(path, None if weights is None else _giving(weights)), logits_path=logits_path
        )
        change = None if subject.wrong is None else describe_change(model, metadata)
        return subject if change is None else _changed(model, subject, *change, oracle_of_weights=weights is not None)
    return _foreign(model, path, weights, logits_path, head and head.activation)


def canonical_subject(path: Path, recall: Callable[[], Weights] | None) -> Subject:
    """Describes a file that this package wrote.

    Args:
        path: where it is.
        recall: loads the weights that it should hold; None checks it against its own numbers.
    """
    contents = check_contents(path, recall)
    metadata = contents.metadata
    what = "the file's own numbers" if recall is None else "the weights given"
    return Subject(
        path=path,
        taken=image_input_of(metadata),
        preprocessing=metadata.preprocessing,
        given=quantity_of(metadata.interface.head),
        logits_path=None,
        activation=activation_of(metadata.interface.head, metadata.spec),
        oracle=SpecificationOracle(
            metadata.spec, recall or _giving(contents.parameters), f"the specification with {what}"
        ),
        canonical=True,
        wrong=contents.wrong,
    )


def _changed(
    model: ir.Model, subject: Subject, change: str, precision: Precision, *, oracle_of_weights: bool
) -> Subject:
    """A file of ours that another tool changed: its metadata still tell what it takes, and which network it should be.

    Args:
        model: the file.
        subject: what it would be, had nobody changed it.
        change: what was made of it.
        precision: by which it is judged.
        oracle_of_weights: whether the weights are given; otherwise the file's own numbers have to be those exported.
    """
    metadata = read_metadata(model, subject.path)
    kept = initializers_digest(model) == metadata.initializers_digest
    dtype = image_input(model, subject.path).dtype
    taken = replace(subject.taken, dtype=dtype)
    known = oracle_of_weights or kept
    told = f"{change}; its numbers are {'still' if kept else 'no longer'} those that were exported"
    given: Quantity = subject.given if known or subject.logits_path is not None else "output"
    return replace(
        subject,
        taken=taken,
        given=given,
        activation=subject.activation if subject.logits_path is not None else None,
        oracle=subject.oracle if known else GraphOracle(subject.logits_path or subject.path, taken, change=told),
        canonical=False,
        precision=precision,
        wrong=None,
        change=told,
    )


def quantity_of(head: Head) -> Quantity:
    """What a file with that head gives."""
    return "probabilities" if head == "sigmoid" else head


def _giving(parameters: P) -> Callable[[], P]:
    return lambda: parameters


def _foreign(
    model: ir.Model,
    path: Path,
    weights: Weights | str | os.PathLike[str] | None,
    logits_path: Path | None,
    activation: Activation | None,
) -> Subject:
    taken = image_input(model, path)
    given: Quantity = "output" if logits_path is None else "probabilities"
    oracle: Oracle = GraphOracle(logits_path or path, taken)
    size, wrong = taken.height, None
    if weights is not None:
        if not isinstance(weights, Weights):
            weights = Weights.load(weights, image_size=size)
        spec = weights.spec
        if spec.in_channels != taken.channels:
            raise CheckpointError(
                f"The weights take {spec.in_channels} channels, and {path.name} takes {taken.channels}.",
                hint="Give the checkpoint that the file was made of.",
            )
        spec = replace(spec, image_size=size or spec.image_size)
        given = "logits" if logits_path is None else "probabilities"
        pixels = "; its pixels are taken to be normalised as ImageNet's" if taken.dtype == "uint8" else ""
        oracle = SpecificationOracle(spec, _giving(weights), f"the specification with the weights given{pixels}")
        wrong = _wrong_classes(model, spec)
        size = spec.image_size
    preprocessing = Preprocessing.default(taken.channels, size or IMAGE_SIZES["imagenet"])
    return Subject(
        path=path,
        taken=taken,
        preprocessing=preprocessing,
        given=given,
        logits_path=logits_path,
        activation=activation,
        oracle=oracle,
        canonical=False,
        # float32 where one layer has it, so that a file cannot loosen its own rule
        precision=precisions.pop() if len(precisions := layer_precisions(model)) == 1 else "float32",
        wrong=wrong,
    )


def _wrong_classes(model: ir.Model, spec: ResNetSpec) -> Diagnosis | None:
    """Whether the file has another number of outputs than the checkpoint has classes."""
    shape = model.graph.outputs[0].shape
    last = None if shape is None or not len(shape) else shape[-1]
    if not isinstance(last, int) or last == spec.num_classes:
        return None
    return Diagnosis("fc", "the file", f"it gives {last} values, and the weights have {spec.num_classes} classes", None)
