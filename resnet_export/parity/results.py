"""What a check found: immutable data, without any formatting."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from resnet_export.data import Plain
from resnet_export.errors import StructureError
from resnet_export.runtimes.session import Placement, Precision

Inputs = Literal["random", "pictures"]
Quantity = Literal["logits", "embedding", "probabilities", "output"]
"""What is compared; `output` is one whose meaning is unknown."""
Status = Literal["passed", "failed", "unsupported", "not applicable", "crashed", "not here"]
"""How a runtime fared. `unsupported`: it cannot load the file; `not applicable`: it is of a kind that runs other files;
`not here`: a package, library or device is missing."""


@dataclass(frozen=True)
class Comparison:
    """One runtime against the truth, on one batch. Errors are absolute ones of the compared quantity."""

    DERIVED: ClassVar[tuple[str, ...]] = ("ratio",)

    runtime: str
    """`ort:cpu` for the file; `torch` or `keras` for the model that it came from, or for the file run by it."""
    inputs: Inputs
    batch: int
    """Images in the run."""
    quantity: Quantity
    error: float
    """Largest absolute difference from the float64 truth."""
    mean_error: float
    yardstick: float
    """Largest absolute error of the other float32 evaluation that this one is held against, at least the floor."""
    bound: float
    """Largest error that passes."""
    scale: float
    """Largest absolute value of the truth."""
    cosine: float
    """Smallest cosine of the angle between an image's values and their truth."""
    top1_agreed: int
    """Images whose top-1 is the truth's."""
    top1_exempt: int
    """Images whose two best classes are closer in truth than twice the bound, so that rounding may swap them."""
    top5_agreed: int
    """Images whose five best classes are the truth's, in any order."""
    passed: bool
    failure: str | None = None
    """Why it did not pass, in a sentence."""
    output: str | None = None
    """The name of the output; None for the first, which classifies."""
    excused: bool = False
    """Of a source that did not pass: whether rounding alone explains it, so that a note says so and nothing fails."""

    @property
    def ratio(self) -> float:
        """Error over yardstick: about 1 when rounding is all that tells the two apart."""
        return self.error / self.yardstick if self.yardstick else 0.0


OTHER_WEIGHTS = "other weights"
"""Stands for the layer, where a file holds the numbers of another checkpoint."""
NO_LAYERS = (OTHER_WEIGHTS, "specification", "metadata", "initializers")
"""What a diagnosis names in place of a layer."""


@dataclass(frozen=True)
class Diagnosis:
    """Where a failed check goes wrong first."""

    layer: str
    """The first layer that is not the specification's, such as `layer2.0.conv1`."""
    side: str
    """Which side is wrong: `the file`, `the torch model`, `the converter's output`, ..."""
    detail: str
    """What was found there."""
    cause: str | None
    """The mistake that this is the mark of, in words; None where none is known."""

    @classmethod
    def of(cls, error: StructureError, side: str = "the file") -> Self:
        """What is wrong with a structure, and on which side."""
        return cls(error.layer, side, error.detail, error.cause)

    @property
    def failure(self) -> str:
        """The failure that it is of its own, among those of a report."""
        return f"{self.layer}: {self.detail}"

    def __str__(self) -> str:
        """A sentence."""
        where = self.layer.capitalize() if self.layer in NO_LAYERS else f"First wrong layer: {self.layer}"
        return f"{where}, in {self.side}: {self.detail.rstrip('.')}."


@dataclass(frozen=True)
class LayerError:
    """How far one layer is from the truth, and from what its own inputs make of it. Largest absolute differences."""

    DERIVED: ClassVar[tuple[str, ...]] = ("wrong",)

    layer: str
    op: str
    value: str | None
    """The name of the layer's output in the file; None where the file has no value like it."""
    error: float
    """From the truth: mistakes and rounding of all layers up to here."""
    scale: float
    """Largest absolute value of the truth."""
    local_error: float
    """From what its own inputs make in float64: this layer's alone."""
    bound: float
    """Largest local error that rounding explains."""

    @property
    def wrong(self) -> bool:
        """Whether rounding does not explain the local error."""
        return not self.local_error <= self.bound


@dataclass(frozen=True)
class Bisection:
    """The error layer by layer, in the order of the network."""

    runtime: str
    layers: tuple[LayerError, ...]
    """Up to the last one that could be looked at."""
    first_wrong: str | None
    cause: str | None
    """The mistake that explains it, in words; None where none is known."""

    @property
    def is_open(self) -> bool:
        """Whether no layer was found whose output is there, and wrong."""
        return not any(layer.layer == self.first_wrong and layer.value is not None for layer in self.layers)


@dataclass(frozen=True)
class RuntimeResult:
    """What became of one runtime."""

    runtime: str
    """With its options."""
    status: Status
    reason: str | None = None
    """Why it did not run, or what failed first."""
    hint: str | None = None
    """What to do about it."""
    refused: bool = False
    """Whether it is a failure that it did not run the file."""
    precision: Precision | None = None
    """In what the file was computed: the runtime's, or the file's own where that is less."""
    placement: Placement | None = None
    batches_left_out: tuple[int, ...] = ()
    """Batches that it does not take."""
    version: str = ""
    """What ran, such as `openvino 2026.4.1, CPU: AMD EPYC`."""
    log: tuple[str, ...] = ()
    """The last lines that it printed before it died."""


@dataclass(frozen=True)
class PreparationDistance:
    """How far the resize and the crop in a file are from Pillow's, in pixels 0..255 before the normalisation."""

    runtime: str
    inputs: Inputs
    pictures: int
    equal: float
    """Share of the values that are the same."""
    largest: int
    """Largest difference."""

    def __str__(self) -> str:
        """`99.98% of the values as in Pillow, the others up to 1 of 255 off (2 pictures in ort:cpu)`."""
        of = "a random picture" if self.inputs == "random" else f"{self.pictures} picture{'s' * (self.pictures > 1)}"
        off = f", the others up to {self.largest} of 255 off" if self.largest else ""
        return f"{self.equal:.2%} of the values as in Pillow{off} ({of} in {self.runtime})"


@dataclass(frozen=True)
class VerifyReport(Plain):
    """Whether a file is the network that it says it is."""

    file: str
    passed: bool
    comparisons: tuple[Comparison, ...]
    failures: tuple[str, ...]
    """One sentence for each check that failed; empty when `passed`."""
    notes: tuple[str, ...] = ()
    """What was not checked, and why."""
    diagnosis: Diagnosis | None = None
    sha256: str = ""
    """SHA-256 of the file."""
    truth: str = ""
    """What was evaluated in float64."""
    yardstick: str = ""
    """Whose float32 error the others are held against."""
    witness: float | None = None
    """How far the source's own float64 run is from the truth, over the largest value; None where it has none."""
    runtimes: tuple[RuntimeResult, ...] = ()
    bisection: Bisection | None = None
    preparation: tuple[PreparationDistance, ...] = ()
    """Of a file that prepares its pictures, in each runtime that ran it."""
    schema_version: int = 2

    @classmethod
    def refused(cls, file: str, diagnosis: Diagnosis) -> Self:
        """Of a file in which something is wrong before it is run."""
        return cls(file, False, (), (diagnosis.failure,), diagnosis=diagnosis)

    @property
    def located(self) -> tuple[str, ...]:
        """Where it goes wrong first, and the likely cause: a sentence each; empty where nothing was diagnosed."""
        if self.diagnosis is None:
            return ()
        cause = self.diagnosis.cause
        if cause is None and self.bisection is not None and self.bisection.first_wrong == self.diagnosis.layer:
            cause = self.bisection.cause  # the numbers alone did not show it
        return (str(self.diagnosis), *([f"Likely cause: {cause.rstrip('.')}."] if cause else ()))

    def __str__(self) -> str:
        """`resnet18.onnx: passed in ort:cpu, torch`, and each check that failed."""
        ran = [result.runtime for result in self.runtimes if result.status in ("passed", "failed")]
        where = f" in {', '.join(ran)}" if ran else ""
        return "\n".join([f"{self.file}: {'passed' if self.passed else 'FAILED'}{where}", *self.failures])
