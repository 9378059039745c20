"""How often a network is right on labelled pictures, as data: `EvaluateReport` and its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.matching import How
from resnet_export.classify.results import Ran
from resnet_export.data import Plain

Kind = Literal["classes", "binary", "labels"]
"""One of several classes; one of two, by a single output; or several labels at once."""
Status = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True)
class ClassScore:
    """How often a class is recognised. Intervals are Wilson's."""

    label: str
    support: int
    """Pictures of the class."""
    precision: Estimate | None
    """Share of the class among the pictures that were taken for it; None where none was."""
    recall: Estimate | None
    """Share of its pictures that were taken for it; None where it has none."""
    f1: float | None
    """Harmonic mean of both; None where the class occurs neither in the data nor in the answers."""
    average_precision: float | None = None
    """Of one output or several labels: the area below precision over recall."""


@dataclass(frozen=True)
class Bin:
    """The answers of about one probability."""

    probability: float
    """Their mean probability."""
    right: Estimate
    """Share of them that is right."""
    count: int


@dataclass(frozen=True)
class Calibration:
    """Whether answers of probability p are right in a share p of the cases."""

    error: float
    """The expected calibration error: the mean distance of both, each bin by its count."""
    bins: tuple[Bin, ...]
    """Those that are not empty, of 15 of equal width."""


@dataclass(frozen=True)
class Measured(Ran):
    """A file and how good it is. An average is over the classes that occur."""

    kind: Kind
    labels: tuple[str, ...]
    """What the classes are called, in the order of the output."""
    matched: How
    """How the labels of the data were matched to them."""
    accuracy: Estimate
    """Share of pictures whose most probable class is theirs; of several labels, of those with all labels right."""
    top5: Estimate | None
    """Share whose class is among the five most probable; None where there are no more than five, and of several labels.
    """
    balanced_accuracy: float
    """Mean recall."""
    macro_f1: float
    """Mean F1."""
    micro_f1: float | None
    """Of several labels, F1 of all decisions together; else it would be the accuracy, and is None."""
    average_precision: float | None
    """Of one output, of its class; of several labels, their mean."""
    roc_auc: float | None
    """Likewise the area below the receiver's operating characteristic: how often a picture of the class is the more
    probable one of two."""
    calibration: Calibration
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    """Pictures of each class (row) that were taken for each (column); None of several labels."""
    prepared_in_file: bool = False
    """Whether the file took the pictures as they are, and prepared them itself."""
    notes: tuple[str, ...] = ()
    """What else a reader has to know, a sentence each."""


@dataclass(frozen=True)
class Answered:
    """The answer of a file to a picture."""

    classes: tuple[int, ...]
    """The most probable class, or all labels that are more probable than not; empty where the network gave numbers that
    are not finite. In the numbering of the first file."""
    right: bool
    probability: float | None
    """Of the class; None of several labels, and where the network gave numbers that are not finite."""
    truth_probability: float | None
    """Of what the picture is; of several labels, that of the least probable decision which would be right."""
    rank: int | None
    """The place of the picture's class among all, 1 for the most probable; None likewise."""


@dataclass(frozen=True)
class Judged:
    """A picture, what it is, and what it was taken for."""

    picture: str
    truth: tuple[int, ...]
    """Its classes, in the numbering of the file."""
    answers: tuple[Answered, ...]
    """Of the file, and of the other one where there is one; empty where it could not be read."""
    error: str | None = None
    """Why it could not be read."""
    thumbnail: str | None = None
    """A small PNG in base64, of some of those that are wrong, if asked for."""

    @property
    def differs(self) -> bool:
        """Whether two files answer it differently."""
        return len({answer.classes for answer in self.answers}) > 1


@dataclass(frozen=True)
class Paired:
    """Two files on the same pictures. See `metrics.pair`."""

    only_file: int
    """Pictures on which the file alone is right."""
    only_other: int
    """Pictures on which the other one alone is."""
    differ: int
    """Pictures with two answers, both wrong ones among them."""
    difference: Estimate
    """Accuracy of the file, less that of the other one."""
    p_value: float
    """Of McNemar's exact test: how probable at least such a difference is between two that are equally good."""
    needs_pictures: int
    """Pictures with which a difference of 0.1 points would be found in four cases of five."""


@dataclass(frozen=True)
class Check:
    """A limit that was given, and whether it is kept."""

    name: Literal["min_top1", "max_drop"]
    limit: float
    """As a share of 1."""
    found: Estimate
    """What is held against it: the accuracy, or the drop from the other file's."""
    status: Status
    """`undecided` where the limit lies within the interval."""
    needs_pictures: int | None
    """Pictures that would probably decide it; None where it is decided, or no number would."""


@dataclass(frozen=True)
class EvaluateReport(Plain):
    """How good a file is on labelled pictures, and beside another one."""

    DERIVED: ClassVar[tuple[str, ...]] = ("evaluated", "failed", "passed")

    data: str
    """What the pictures came from."""
    file: Measured
    against: Measured | None
    """The other file."""
    paired: Paired | None
    """Both together."""
    checks: tuple[Check, ...]
    pictures: tuple[Judged, ...]
    """In the order of the data."""
    notes: tuple[str, ...] = ()
    """On the data, a sentence each."""
    schema_version: int = 1

    @property
    def evaluated(self) -> int:
        """How many pictures were read."""
        return len(self.pictures) - self.failed

    @property
    def failed(self) -> int:
        """How many pictures could not be read, and count for nothing."""
        return sum(one.error is not None for one in self.pictures)

    @property
    def passed(self) -> bool:
        """Whether every limit that was given is known to be kept."""
        return all(check.status == "passed" for check in self.checks)

    def __str__(self) -> str:
        """`resnet18.onnx in ort:cpu: 92.43% of 10,000 pictures right`, the other file, and each limit."""
        sides = [self.file, *([self.against] if self.against is not None else [])]
        right = "right" if self.file.kind != "labels" else "right in all labels"
        lines = [
            f"{one.model} in {one.runtime}: {one.accuracy.value:.2%} of {self.evaluated:,} pictures {right}"
            for one in sides
        ]
        return "\n".join([*lines, *(f"{one.name} {one.limit:g}: {one.status}" for one in self.checks)])

    def mistakes(self) -> Iterator[tuple[int, Judged]]:
        """The pictures on which the file is wrong, with their places: the one that it finds least probable first."""
        wrong = [(at, one) for at, one in enumerate(self.pictures) if one.answers and not one.answers[0].right]
        yield from sorted(wrong, key=lambda entry: entry[1].answers[0].truth_probability or 0.0)

    def differing(self) -> Iterator[tuple[int, Judged]]:
        """The pictures that two files answer differently, with their places: first those on which one is right."""
        found = [(at, one) for at, one in enumerate(self.pictures) if one.differs]
        yield from sorted(found, key=lambda entry: not any(answer.right for answer in entry[1].answers))
