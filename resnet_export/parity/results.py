"""What a check found: immutable data, without any formatting."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Inputs = Literal["random", "pictures"]


@dataclass(frozen=True)
class Comparison:
    """One runtime against the truth, on one batch. Errors are absolute ones of the logits (or of the embedding)."""

    runtime: str
    """`ort:cpu` for the file; `torch` or `keras` for the model that it came from, or for the file run by it."""
    inputs: Inputs
    batch: int
    """Images in the run."""
    error: float
    """Largest absolute difference from the float64 truth."""
    mean_error: float
    yardstick: float
    """Largest absolute error of the other float32 evaluation that this one is held against, at least the floor."""
    bound: float
    """Largest error that passes."""
    scale: float
    """Largest absolute value of the truth."""
    top1_agreed: int
    """Images whose top-1 is the truth's."""
    top1_exempt: int
    """Images whose two best classes are closer in truth than twice the bound, so that rounding may swap them."""
    passed: bool

    @property
    def ratio(self) -> float:
        """Error over yardstick: about 1 when rounding is all that tells the two apart."""
        return self.error / self.yardstick if self.yardstick else 0.0


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
    """The mistake that this is the mark of, in words; None where it is no known one."""


@dataclass(frozen=True)
class VerifyReport:
    """Whether a file is the network that it says it is."""

    file: str
    passed: bool
    comparisons: tuple[Comparison, ...]
    failures: tuple[str, ...]
    """One sentence for each check that failed; empty when `passed`."""
    notes: tuple[str, ...] = ()
    """What was not checked, and why."""
    diagnosis: Diagnosis | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        data = dataclasses.asdict(self)
        for entry, comparison in zip(data["comparisons"], self.comparisons, strict=True):
            entry["ratio"] = comparison.ratio
        return data
