"""`CheckReport`: what a check found, as immutable, schema-versioned data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from resnet_export.bench.check.times import Quantity
    from resnet_export.bench.estimate import Estimate

SCHEMA_VERSION = 2
"""Raised when a key changes its meaning or goes."""
Status = Literal["same", "slower", "faster", "unmeasured", "undecided", "unchecked", "missing", "new"]
NO_RATIO = dict.fromkeys(("ratio", "ratio_low", "ratio_high"))
FAILING: tuple[Status, ...] = ("slower", "unmeasured", "missing")
"""What fails the check."""


@dataclass(frozen=True)
class Checked:
    """A case of the result, the baseline or both."""

    label: str
    """For people; no two of a report are the same."""
    status: Status
    quantity: Quantity = "p50"
    """What the ratio is of: the time relative to the reference network's, the median, or the time of an image."""
    result_ms: float | None = None
    """The median of a run, or the time of an image for `offline`, in the result; None where that has none."""
    baseline_ms: float | None = None
    """It, in the baseline."""
    ratio: Estimate | None = None
    """The time of the result over that of the baseline."""
    reason: str | None = None
    """Why it can't be told."""

    @property
    def failed(self) -> bool:
        """Whether the check fails because of it."""
        return self.status in FAILING


@dataclass(frozen=True)
class CheckReport:
    """What the check found."""

    cases: tuple[Checked, ...]
    """In the order of the baseline, then what is new."""
    tolerance: float
    notes: tuple[str, ...] = ()
    """In what the two were not measured alike."""

    @property
    def passed(self) -> bool:
        """Whether everything is known not to be slower."""
        return not self.failures and not self.undecided

    @property
    def failures(self) -> tuple[Checked, ...]:
        """The cases that fail the check."""
        return tuple(case for case in self.cases if case.failed)

    @property
    def undecided(self) -> tuple[Checked, ...]:
        """The cases of which the samples can't tell."""
        return tuple(case for case in self.cases if case.status == "undecided")

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench-compare.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed,
            "tolerance": self.tolerance,
            "notes": list(self.notes),
            "cases": [
                {
                    "case": case.label,
                    "status": case.status,
                    "quantity": case.quantity,
                    "result_ms": case.result_ms,
                    "baseline_ms": case.baseline_ms,
                    **(NO_RATIO if case.ratio is None else case.ratio.keys("ratio")),
                    "reason": case.reason,
                }
                for case in self.cases
            ],
        }
