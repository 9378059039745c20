"""What is found in a file, and what tells two files apart, as data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from resnet_export.data import Plain
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.metadata import Metadata


@dataclass(frozen=True)
class Port:
    """An input or output of the graph."""

    name: str
    dtype: str | None
    """As NumPy calls it, or `a sequence`; None where the file doesn't say."""
    shape: tuple[int | str | None, ...] | None
    """A name stands for a size that is open; None for unknown, of a size or of them all."""


@dataclass(frozen=True)
class Layer:
    """A node that multiplies and adds: a convolution or a matrix product."""

    name: str
    op: str
    weights: str | None
    """Type in which its weights are stored; None where the file doesn't tell."""
    activations: str | None
    """Type in which its input comes, before a `DequantizeLinear` that stands in front of it."""
    quantized: Literal["qdq", "qoperator"] | None
    """How quantisation is written down: with pairs of nodes around the operator, or with an operator of its own."""
    multiply_adds: int | None
    """For one image; None where the shapes cannot be inferred."""


@dataclass(frozen=True)
class ModelReport(Plain):
    """What a file says of itself, and whether that is so."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed", "multiply_adds")

    path: str
    size: int
    """In bytes, without the files beside it."""
    data: Mapping[str, int]
    """Name of each file beside it that holds numbers of it -> bytes."""
    sha256: str
    """SHA-256 of the .onnx file."""
    ir_version: int
    opsets: Mapping[str, int]
    """Domain -> version; the ONNX operators' own domain is `ai.onnx`."""
    producer: str
    """Name and version of what wrote it; empty where it doesn't say."""
    inputs: tuple[Port, ...]
    """Without initializers."""
    outputs: tuple[Port, ...]
    image: ImageInput | None
    """The one image that it takes; None where it takes something else."""
    operators: Mapping[str, int]
    """Operator -> number of nodes, the most frequent first; subgraphs count."""
    parameters: int
    """Numbers that it computes with: constants of a floating or quantised type, less scales and zero points."""
    layers: tuple[Layer, ...]
    """In the order of the graph."""
    image_size: tuple[int, int] | None
    """Height and width in pixels at which multiply-adds are counted."""
    metadata: Metadata | None
    """None where it has none that can be read."""
    other_metadata: Mapping[str, str]
    """Entries of others."""
    canonical: bool | None
    """Whether the graph is that of its specification; None where it names none."""
    intact: bool | None
    """Whether its numbers are those that were written; None where it holds no digest."""
    faults: tuple[str, ...]
    """What is not as the file says, a sentence each."""
    schema_version: int = 2

    @property
    def passed(self) -> bool | None:
        """Whether everything is as the file says; None where it says nothing."""
        return False if self.faults else None if self.metadata is None else True

    @property
    def multiply_adds(self) -> int | None:
        """For one image; None where they cannot be counted for every layer."""
        counts = [layer.multiply_adds for layer in self.layers]
        return None if None in counts else sum(count for count in counts if count is not None)


@dataclass(frozen=True)
class Change:
    """Something that two files have differently."""

    where: str
    """A node, a key of the metadata, or a property of the file."""
    what: str
    """An attribute, an input, or empty for the whole."""
    first: Any
    """What the first file has there; None for nothing."""
    second: Any


@dataclass(frozen=True)
class TensorChange:
    """A tensor that two files have differently."""

    name: str
    """In the first file."""
    other_name: str
    """In the second one."""
    dtypes: tuple[str, str]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    differing: int | None
    """How many elements differ; this and what follows is None where shapes or types do."""
    max_difference: float | None
    """Largest |first - second|; infinite where one is NaN or infinite and the other is not."""
    max_ulp: float | None
    """Largest number of representable values from one element to the other."""
    max_ulp_of_largest: float | None
    """`max_difference` in units in the last place of the largest absolute value of the first."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shapes[0])


@dataclass(frozen=True)
class ModelDiff(Plain):
    """What tells two files apart."""

    DERIVED: ClassVar[tuple[str, ...]] = ("same",)

    paths: tuple[str, str]
    sizes: tuple[int, int]
    """In bytes."""
    sha256: tuple[str, str]
    nodes: tuple[int, int]
    """How many each graph has, constants left out."""
    tensors: int
    """How many tensors were compared."""
    matched_by: Literal["name", "position"]
    """How the nodes of one were found in the other."""
    header: tuple[Change, ...]
    """Versions, producer, inputs and outputs."""
    structure: tuple[Change, ...]
    """Nodes that only one has, and what matched nodes have differently."""
    weights: tuple[TensorChange, ...]
    """The worst first."""
    unmatched: tuple[tuple[str, ...], tuple[str, ...]]
    """Tensors that only the first has, and those that only the second has."""
    metadata: tuple[Change, ...]
    """Key by key."""
    schema_version: int = 2

    @property
    def same(self) -> bool:
        """Whether nothing differs. Files of other bytes may say the same."""
        return not (self.header or self.structure or self.weights or any(self.unmatched) or self.metadata)
