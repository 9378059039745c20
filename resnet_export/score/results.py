"""What `score` makes, as data: a row for each picture, the manifest of the parts, and the report on all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args

from resnet_export.classify.decoder import Reason
from resnet_export.classify.results import ClassProbability
from resnet_export.data import Plain
from resnet_export.graph.interface import Head
from resnet_export.images import Preprocessing

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)
Error = Reason | Literal["not finite"]
"""Why a picture has no label; the last is the network's, and the others the decoder's."""
MANIFEST = "manifest.json"
VERSION = 1
BINS = 20
"""Of the histogram of confidence."""


@dataclass(frozen=True)
class Row:
    """A picture's place in the output: a label, or a reason why there is none."""

    path: str
    width: int | None
    """Of the upright picture, in pixels."""
    height: int | None
    frames: int
    """How many it has; the first is taken."""
    top: tuple[ClassProbability, ...]
    """The most probable classes, the first one first."""
    logits: tuple[float, ...] | None
    """What the network gave, where that was asked for."""
    embedding: tuple[float, ...] | None
    """What its last matrix product took, likewise."""
    error: Error | None
    detail: str | None
    """The reason in the words of what failed."""
    bytes: int | None
    """Of the file."""
    modified_ns: int | None
    """When it was changed last, in nanoseconds since 1970."""


@dataclass(frozen=True)
class Settings:
    """What the rows depend on: one folder holds the rows of one of these."""

    sha256: str
    """Of the `.onnx` file."""
    runtime: str
    """As it was asked for."""
    preprocessing: Preprocessing
    head: Head
    labels: str | None
    """SHA-256 of the names of the classes."""
    top: int
    batch: int | None
    fast: bool
    logits: bool
    format: Format
    part_size: int
    embedding: bool = False

    def differences(self, other: Settings) -> list[str]:
        """What is otherwise, such as `top 5 instead of 3`."""
        both = ((one.name.replace("_", " "), getattr(self, one.name), getattr(other, one.name)) for one in fields(self))
        return [
            f"another {name}" if name in ("sha256", "labels", "preprocessing") else f"{name} {mine} instead of {theirs}"
            for name, mine, theirs in both
            if mine != theirs
        ]


@dataclass(frozen=True)
class Part(Plain):
    """A file of rows that counts."""

    DERIVED: ClassVar[tuple[str, ...]] = ("rate",)

    file: str
    rows: int
    errors: int
    """Rows with a reason in place of a label."""
    bytes: int
    seconds: float
    """Since the part before it."""

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.rows / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Manifest(Plain):
    """The parts that count. What it doesn't name is no part of the result."""

    model: str
    """The `.onnx` file."""
    settings: Settings
    versions: Mapping[str, str]
    """Of what made the first part."""
    parts: tuple[Part, ...] = ()
    named: int = 0
    """How many names of parts were used: no name is used twice."""
    schema_version: int = VERSION


@dataclass(frozen=True)
class Run(Plain):
    """What one call of `score` did."""

    DERIVED: ClassVar[tuple[str, ...]] = ("rate",)

    pictures: int
    """Rows that it wrote."""
    known: int
    """Rows that were there before."""
    seconds: float
    runtime: str
    """With the threads of a call."""
    decoders: int
    """Processes that decode."""
    callers: int
    """Threads that call the network at a time."""
    batch: int
    limit: Literal["decoding", "the network"] | None
    """What the other one waited for; None where nothing was done, or Ray did it."""
    fast: Fast | None = None
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Fast:
    """How far scaled decoding is from decoding as the file says, on the first JPEGs."""

    pictures: int
    mean: float
    """Mean distance of a pixel's value, of 255."""
    largest: float
    other_top1: int
    """Pictures whose most probable class is another one."""


@dataclass(frozen=True)
class ClassCount:
    """A class and how many pictures have it."""

    index: int
    label: str | None
    count: int


@dataclass(frozen=True)
class Unsure:
    """A picture whose most probable class is hardly so."""

    path: str
    found: ClassProbability
    thumbnail: str | None = None
    """A small copy, a PNG in base64; None where none was asked for, or it can't be made."""


@dataclass(frozen=True)
class Failed:
    """A reason, and the pictures that have it in place of a label."""

    reason: str
    count: int
    example: str
    """The first of them."""


@dataclass(frozen=True)
class ScoreReport(Plain):
    """What all parts together say."""

    DERIVED: ClassVar[tuple[str, ...]] = ("failed",)

    folder: str
    """Where the parts are."""
    model: str
    sha256: str
    runtime: str
    rows: int
    several_frames: int
    """Pictures of several frames, of which the first was taken."""
    classes: tuple[ClassCount, ...]
    """By the most probable class, the most frequent first."""
    histogram: tuple[int, ...]
    """Pictures by the probability of their most probable class, in equal steps from 0 to 1."""
    errors: tuple[Failed, ...]
    """The most frequent first."""
    unsure: tuple[Unsure, ...]
    """Those whose most probable class has the least probability, the least first."""
    parts: int
    run: Run | None = None
    """The run that ended with this report; None where the folder alone was read."""
    schema_version: int = VERSION

    def __str__(self) -> str:
        """`predictions: 4,000 pictures, 40 of them without a label`."""
        return f"{self.folder}: {self.rows:,} pictures, {self.failed:,} of them without a label"

    @property
    def failed(self) -> int:
        """How many pictures have a reason in place of a label."""
        return sum(one.count for one in self.errors)
