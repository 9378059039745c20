"""The answers of a file to pictures, as data, with how they came about."""

from dataclasses import dataclass
from typing import ClassVar

from resnet_export.assumptions import Assumption
from resnet_export.data import Plain
from resnet_export.graph.interface import Activation, Head
from resnet_export.images import Preprocessing
from resnet_export.runtimes.session import Placement, Precision


@dataclass(frozen=True)
class Override:
    """Something that the file says, and the caller wanted otherwise."""

    name: str
    """Such as `mean`."""
    value: str
    """What was taken, in words."""
    stated: str
    """What the file says, in words."""

    def __str__(self) -> str:
        """`mean 0.5/0.5/0.5 instead of 0.485/0.456/0.406`."""
        return f"{self.name} {self.value} instead of {self.stated}"


@dataclass(frozen=True)
class ClassProbability:
    """A class and how probable it is."""

    index: int
    """Its place in the output, from 0."""
    label: str | None
    """Its name; None where there are no labels."""
    probability: float


@dataclass(frozen=True)
class PictureResult:
    """The answer to one picture."""

    path: str
    top: tuple[ClassProbability, ...]
    """The most probable classes, the first one first; empty where there is no answer."""
    error: str | None = None
    """Why there is no answer; None where there is one."""

    def __str__(self) -> str:
        """`cat.jpg: 0.6700 tabby`, or why there is no answer."""
        if not self.top:
            return f"{self.path}: {self.error}"
        best = self.top[0]
        return f"{self.path}: {best.probability:.4f} {best.index if best.label is None else best.label}"


@dataclass(frozen=True)
class Ran(Plain):
    """A file that ran on pictures, and how its answers came about."""

    model: str
    """The `.onnx` file."""
    sha256: str
    """SHA-256 of it."""
    runtime: str
    """With its options, such as `ort:cpu,threads=2`."""
    version: str
    """What ran, for people; empty where it doesn't say."""
    placement: Placement
    """Where the network ran."""
    precision: Precision
    """The type in which the runtime multiplies."""
    preprocessing: Preprocessing
    """How the pictures were prepared."""
    raw_pixels: bool
    """Whether the file takes pixels 0..255 and normalises them itself."""
    stated: bool
    """Whether the file says how pictures are prepared and what it gives."""
    assumptions: tuple[Assumption, ...]
    """What was taken for granted, here or at the export, each with the option that changes it."""
    overrides: tuple[Override, ...]
    """What the caller wanted otherwise than the file says."""
    output: str
    """Name of the output that was taken."""
    head: Head
    """What that output is."""
    activation: Activation | None
    """What made probabilities of what ran; None where it gave these."""
    classes: int
    """How many there are."""


@dataclass(frozen=True)
class PredictReport(Ran):
    """What a file says of pictures."""

    DERIVED: ClassVar[tuple[str, ...]] = ("failed",)

    pictures: tuple[PictureResult, ...]
    """In the order in which they were given."""
    notes: tuple[str, ...] = ()
    """What else a reader has to know, a sentence each."""
    prepared_in_file: bool = False
    """Whether the file took the pictures as they are, and prepared them itself."""
    schema_version: int = 1

    @property
    def failed(self) -> int:
        """How many pictures have no answer."""
        return sum(picture.error is not None for picture in self.pictures)

    def __str__(self) -> str:
        """`cat.jpg: 0.6700 tabby`, a line for each picture."""
        return "\n".join(map(str, self.pictures))
