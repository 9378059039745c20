"""`Trained`: a network with its numbers, and all that its source says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from resnet_export.assumptions import Assumption
from resnet_export.errors import CheckpointError
from resnet_export.graph.interface import OUTPUTS, Activation, Layout
from resnet_export.graph.reading import Shown
from resnet_export.graph.reading.naming import unused
from resnet_export.live import LiveModel
from resnet_export.network import IMAGE, Network
from resnet_export.network.evaluation import Numbers, not_finite
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.canonical import digest
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description

Image = tuple[int, int, int]


@dataclass(frozen=True)
class Trained:
    """A source, read."""

    network: Network
    """From the image to the logits, with batch norms as steps of their own."""
    numbers: Numbers
    """Name of a parameter -> its numbers."""
    spec: ResNetSpec | None
    """The family that the network is of, where it is one that is known."""
    origin: str
    """Where the numbers come from, in words."""
    assumptions: tuple[Assumption, ...] = ()
    """What was taken for granted of the network."""
    model: LiveModel | None = None
    """The live model that it was read from."""
    path: str | None = None
    """The `.onnx` file that it was read from."""
    file_input: tuple[Layout, str] = ("nchw", "float32")
    """Layout and type of that file's input."""
    file_precision: Literal["float32", "float16", "bfloat16"] = "float32"
    """In what its layers multiply."""
    file_batch: int | None = None
    """Images that a run of that file takes; None for any number."""
    activation: Activation | None = None
    """What the source makes of the logits."""
    outputs: tuple[str, ...] = ("output",)
    """What the source calls its outputs, in the order of the network's."""
    positions: tuple[int, ...] = (0,)
    """Which of the source's outputs these are: what no layer makes of the image is not among the network's."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What it calls the outputs that are not among the network's -> why they are not."""
    shown: Mapping[str, Shown] = field(default_factory=dict)
    """Name of a module, layer or value of the source -> the step that gives its output."""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    """What the source says of the preparation of its pictures: fields of `Preprocessing`; `origin`, where that stands,
    in words; and `assumed`, names of the fields that are likely only."""
    labels: tuple[str, ...] | None = None
    """The names of the classes, where the source has them."""
    same_at: Callable[[Image], bool] | None = None
    """Whether the source is the same network for images of another (channels, height, width), which is read anew; None
    where nothing but the network itself depends on that."""
    name: str | None = None
    """What a variant of a family is called that no specification has, such as `SE-ResNet-50`."""
    headless: str | None = None
    """Why a checkpoint is read up to the pooled features alone, in words; None where it has its classifier."""

    @classmethod
    def of_weights(cls, weights: Weights, origin: str, assumptions: tuple[Assumption, ...] = ()) -> Self:
        """The network of a specification with its weights."""
        return cls(weights.network, weights, weights.spec, origin, assumptions)

    def completed_by(self, contents: Contents) -> Self:
        """The source with what its checkpoint says of the classes and the pictures, where that fits the network."""
        fit = contents.labels is not None and len(contents.labels) == self.network.classes
        labelled = replace(self, labels=contents.labels) if fit else self
        return labelled.described(contents.description, "the training's, in the checkpoint")

    def described(self, description: Description | None, origin: str) -> Self:
        """The source with what its training says of pictures and classes, if it does; `origin`: where that stands."""
        if description is None:
            return self
        labels = description.labels if len(description.labels) == self.network.classes else self.labels
        return replace(self, labels=labels, preprocessing={**vars(description.preprocessing), "origin": origin})

    @property
    def others(self) -> tuple[str, ...]:
        """What a file calls the outputs behind the first: as the source does, where that name is free."""
        names: list[str] = []
        for name in self.outputs[1:]:
            names.append(unused(name, {IMAGE, *OUTPUTS.values(), *self.network.parameters, *names}))
        return tuple(names)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, shapes and bytes of the numbers, in hexadecimal."""
        return self.numbers.digest if isinstance(self.numbers, Weights) else digest(self.numbers)

    @property
    def title(self) -> str:
        """`ResNet-18`, or how many layers there are where the network has no name."""
        if self.spec is not None:
            return self.spec.title
        if self.name is not None:
            return self.name
        layers = sum(step.op in ("Conv", "Gemm") for step in self.network.steps)
        return (
            f"network of {layers} weight layers" if self.model is None else f"{self.model.name}, {layers} weight layers"
        )


def refuse_unfit(numbers: Mapping[str, NDArray[Any]], origin: str) -> None:
    """Refuses numbers that no file should hold.

    Raises:
        CheckpointError: one is NaN or infinite in float32.
    """
    for name, wrong in not_finite(numbers, np.float32):
        hint = "The training has diverged, or the source is damaged: give an earlier checkpoint."
        if name.endswith((".left", ".right")):  # of arithmetic, which may have them of the code
            hint = f"If it is a constant, such as a mask, let it be finite, such as -1e9. Else: {hint}"
        found = f"{wrong} values that are NaN or infinite in float32, of {numbers[name].size}"
        raise CheckpointError(f"{origin}: {name} has {found}.", hint=hint)
