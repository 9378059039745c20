"""What is verified: a file, what it takes and gives, and where its truth comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import onnx
import onnx_ir as ir

from resnet_export.errors import CheckpointError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.foreign import image_input
from resnet_export.graph.metadata import is_ours
from resnet_export.images import Preprocessing
from resnet_export.parity.contents import check_contents
from resnet_export.parity.inputs import image_input_of
from resnet_export.parity.truth import float32_values, last_values
from resnet_export.spec import IMAGE_SIZES
from resnet_export.weights import Weights

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.graph.foreign import ImageInput
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Diagnosis, Quantity
    from resnet_export.parity.truth import Floats, Parameters, Truth
    from resnet_export.runtimes.session import Precision
    from resnet_export.spec import ResNetSpec


P = TypeVar("P")


class Oracle(Protocol):
    """Evaluates the network independently of any runtime."""

    @property
    def description(self) -> str:
        """What it evaluates, for people."""
        ...

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """(N, K) in float64; of fewer images it is a prefix of it."""
        ...

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """The same with every operation in float32."""
        ...


@dataclass(frozen=True)
class SpecificationOracle:
    """The specification with its parameters."""

    spec: ResNetSpec
    recall: Callable[[], Parameters]
    """Gives the parameters, which need not be in memory all along."""
    description: str

    @property
    def parameters(self) -> Parameters:
        """Name -> array."""
        return self.recall()

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """See `Oracle`."""
        found = last_values(self.spec, self.parameters, inputs.exact, step_of(quantity))
        return np.asarray(softmax(found) if quantity == "probabilities" else found)

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """See `Oracle`."""
        found = float32_values(self.spec, self.parameters, inputs.normalised, step_of(quantity))
        return softmax(found) if quantity == "probabilities" else found


class GraphOracle:
    """The file's own graph."""

    description = "the file's own graph"

    def __init__(self, path: Path, *, singly: bool) -> None:
        self._path, self._singly = path, singly

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """See `Oracle`."""
        from resnet_export.parity.evaluator import Evaluator

        return Evaluator(self._path, np.float64).output(inputs.file, singly=self._singly).astype(np.float64)

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """See `Oracle`."""
        from resnet_export.parity.evaluator import Evaluator

        return Evaluator(self._path, np.float32).output(inputs.file, singly=self._singly)


@dataclass(frozen=True)
class Subject:
    """A file to be verified."""

    path: Path
    taken: ImageInput
    preprocessing: Preprocessing
    given: Quantity
    """What its first output is."""
    oracle: Oracle
    canonical: bool
    """Whether its values are named after the specification."""
    precision: Precision = "float32"
    """In what its numbers are stored: less than float32 in a half-precision or quantised file."""
    wrong: Diagnosis | None = None
    """What is wrong in it, seen without running it."""

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
    return [name for name in made if kinds.get(name) == onnx.TensorProto.FLOAT]


def describe(path: Path, weights: Weights | str | os.PathLike[str] | None = None) -> Subject:
    """Reads a file, and the checkpoint that it should hold.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        CheckpointError: `weights` cannot be read, or belong to a network with another input.
    """
    model = read(path)
    if is_ours(model):
        metadata = read_metadata(model, path)
        if weights is not None and not isinstance(weights, Weights):
            # what no tensor shows
            weights = Weights.load(weights, image_size=metadata.spec.image_size, eps=metadata.spec.eps)
        return canonical_subject(path, None if weights is None else _giving(weights))
    return _foreign(model, path, weights)


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
        given=metadata.interface.head,
        oracle=SpecificationOracle(
            metadata.spec, recall or _giving(contents.parameters), f"the specification with {what}"
        ),
        canonical=True,
        wrong=contents.wrong,
    )


def step_of(quantity: Quantity) -> str:
    """The step of the specification that gives it."""
    return "flatten" if quantity == "embedding" else "fc"


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Over the last axis, in the logits' own precision."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _giving(parameters: P) -> Callable[[], P]:
    return lambda: parameters


def _foreign(model: ir.Model, path: Path, weights: Weights | str | os.PathLike[str] | None) -> Subject:
    taken = image_input(model, path)
    last = model.graph.outputs[0].producer()
    given: Quantity = "output"
    oracle: Oracle = GraphOracle(path, singly=taken.batch is None)
    size = taken.height
    if weights is not None:
        if not isinstance(weights, Weights):
            weights = Weights.load(weights, **({} if size is None else {"image_size": size}))
        spec = weights.spec
        if spec.in_channels != taken.channels:
            raise CheckpointError(
                f"The weights take {spec.in_channels} channels, and {path.name} takes {taken.channels}.",
                hint="Give the checkpoint that the file was made of.",
            )
        spec = replace(spec, image_size=size or spec.image_size)
        given = "probabilities" if last is not None and last.op_type == "Softmax" else "logits"
        oracle = SpecificationOracle(spec, _giving(weights), "the specification with the weights given")
        size = spec.image_size
    preprocessing = Preprocessing.default(taken.channels, size or IMAGE_SIZES["imagenet"])
    return Subject(path, taken, preprocessing, given, oracle, canonical=False, precision=_precision(model))


def _precision(model: ir.Model) -> Precision:
    """The least precise of what the graph computes in."""
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return "int8"
    stored = {value.dtype for value in model.graph.initializers.values()}
    return "float16" if ir.DataType.FLOAT16 in stored else "bfloat16" if ir.DataType.BFLOAT16 in stored else "float32"
