"""`CheckReport`: what a check found, as immutable, schema-versioned data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from resnet_export.bench.check.times import Quantity

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""
Status = Literal["same", "slower", "faster", "unmeasured", "unsupported", "unchecked", "missing", "new"]
FAILING: tuple[Status, ...] = ("slower", "unmeasured", "unsupported", "missing")
"""What fails the check: what isn't known not to be slower is no pass."""


@dataclass(frozen=True)
class Checked:
    """A case of the result, the baseline or both."""

    label: str
    """For people; no two of a report are the same."""
    status: Status
    quantity: Quantity = "p50"
    """What is compared: the time relative to the reference network's, the median of a run, or the time of an image."""
    result: float | None = None
    """It, in the result, in milliseconds but for `relative`; None where that can't say."""
    baseline: float | None = None
    """It, in the baseline."""
    ratio: float | None = None
    """The time of the result over that of the baseline."""
    low: float | None = None
    """Lower end of the ratio's 95 % interval."""
    high: float | None = None
    """Upper end."""
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
        """Whether nothing became slower."""
        return not self.failures

    @property
    def failures(self) -> tuple[Checked, ...]:
        """The cases that fail the check."""
        return tuple(case for case in self.cases if case.failed)

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
                    "result": case.result,
                    "baseline": case.baseline,
                    "ratio": case.ratio,
                    "ratio_low": case.low,
                    "ratio_high": case.high,
                    "reason": case.reason,
                }
                for case in self.cases
            ],
        }
