"""What became of the bundles, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_export.bench.estimate import Estimate
from resnet_export.data import Plain
from resnet_export.runtimes.session import Precision

Status = Literal["proven", "written", "failed", "refused", "missing"]
"""`written`: nothing here can run it. `failed`: the proof, or the runtime, failed. `refused`: the file can't be carried
there. `missing`: a tool, a library or a device is."""


@dataclass(frozen=True)
class Wanted:
    """What a client should answer to a golden picture."""

    pixels: str
    """SHA-256 of its pixels, as they are handed to the network."""
    scores: tuple[float, ...]
    """Of the network in float64."""
    top1: int
    decided: bool
    """Whether error and decoder leave the most probable class as it is."""


@dataclass(frozen=True)
class GoldenAnswers:
    """The file `golden/golden.json`, with which the self-test of a bundle compares."""

    bounds: Mapping[str, float]
    """Network -> how far a score may be from the truth."""
    pictures: Mapping[str, Wanted]


@dataclass(frozen=True)
class Decoder:
    """A picture that the client's decoder gives other pixels of than Pillow's."""

    picture: str
    levels: int
    """Largest difference of a prepared pixel, of 255."""
    share: float
    """Largest difference that this alone makes to a score, in float64."""


@dataclass(frozen=True)
class Proof:
    """What the bundle's own client answered to the golden pictures, in a process of its own."""

    artefact: str
    """The file that it opened."""
    runtime: str
    """What ran, with its version."""
    precision: Precision
    error: float
    """Largest difference of a score from float64 truth, from the client's own pixels on."""
    bound: float
    """Largest that passes."""
    scale: float
    """Largest absolute value of the truth."""
    pictures: int
    top1_agreed: int
    """Pictures whose most probable class is the truth's, from the file on."""
    undecided: tuple[str, ...]
    """Pictures whose two best classes are so close that rounding and the decoder may swap them."""
    decoders: tuple[Decoder, ...]
    """Pictures that were decoded to other pixels."""
    p50_ms: Estimate
    """Median time of a run of the network in the client."""
    peak_mb: float | None = None
    """The largest memory of the client's process, decoded pictures included; None where it can't say."""


@dataclass(frozen=True)
class BundleResult:
    """What became of one target."""

    target: str
    status: Status
    folder: str | None = None
    """Where the bundle is; None where there is none."""
    artefacts: tuple[str, ...] = ()
    """Names of the network's files in it."""
    sizes: tuple[int, ...] = ()
    """Bytes of each, with the numbers beside it."""
    precision: Precision | None = None
    proofs: tuple[Proof, ...] = ()
    """One for each artefact that was run."""
    reason: str | None = None
    """Why there is no bundle, or no proof."""
    hint: str | None = None
    """What to do about it."""
    exit_code: int = 0

    def __str__(self) -> str:
        """`web: proven, in bundles/web`, or why there is no bundle."""
        where = "" if self.folder is None else f", in {self.folder}"
        return f"{self.target}: {self.status}{where}{'' if self.reason is None else f'. {self.reason}'}"


@dataclass(frozen=True)
class DeployReport(Plain):
    """What became of a file's bundles."""

    DERIVED: ClassVar[tuple[str, ...]] = ("exit_code",)

    file: str
    sha256: str
    """Of the file."""
    precision: Precision
    """In what the file's numbers are stored."""
    pictures: tuple[str, ...]
    """Names of the golden pictures."""
    bundles: tuple[BundleResult, ...]
    notes: tuple[str, ...] = ()
    schema_version: int = 1

    def __str__(self) -> str:
        """A line for each target."""
        return "\n".join(map(str, self.bundles))

    @property
    def exit_code(self) -> int:
        """0 where every bundle was written; else the lowest code of those that were not."""
        return min((bundle.exit_code for bundle in self.bundles if bundle.exit_code), default=0)


@dataclass(frozen=True)
class TargetFacts:
    """A target, as `--list` shows it."""

    name: str
    writes: str
    proven_by: str
    """What runs the bundle in the proof."""
    problem: str | None
    """What is missing here; None where it can be written and proven."""
    hint: str | None


@dataclass(frozen=True)
class TargetList(Plain):
    """All targets, and those that are not offered."""

    targets: tuple[TargetFacts, ...]
    not_offered: dict[str, str]
    """Name -> why."""
    schema_version: int = 1
