"""`CheckReport`: what a check found, as immutable, schema-versioned data."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from resnet_export.bench.check.times import Compared
from resnet_export.data import Plain

Status = Literal["same", "slower", "faster", "unmeasured", "undecided", "unchecked", "missing", "new"]
FAILING: tuple[Status, ...] = ("slower", "unmeasured", "missing")
"""What fails the check."""


@dataclass(frozen=True)
class Checked:
    """A case of the result, the baseline or both."""

    label: str
    """For people; no two of a report are the same."""
    status: Status
    times: Compared
    result_ms: float | None = None
    """The median of a run, or the time of an image for `offline`, in the result; None where that has none."""
    baseline_ms: float | None = None
    """It, in the baseline."""
    reason: str | None = None
    """Why it can't be told."""

    @property
    def failed(self) -> bool:
        """Whether the check fails because of it."""
        return self.status in FAILING


@dataclass(frozen=True)
class CheckReport(Plain):
    """What the check found."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed",)

    cases: tuple[Checked, ...]
    """In the order of the baseline, then what is new."""
    tolerance: float
    """What the ratio may be above 1 by."""
    notes: tuple[str, ...] = ()
    """What was different between the two measurements."""
    schema_version: int = field(default=3, kw_only=True)
    """Raised when a key changes its meaning or goes."""

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
        """The cases that the samples do not decide."""
        return tuple(case for case in self.cases if case.status == "undecided")
