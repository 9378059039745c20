"""`Estimate`: a measured number with the 95 % interval that its samples support."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, in the unit of the samples."""

    value: float
    """The sample's own number; there always is one."""
    low: float | None = None
    """Lower end of the 95 % interval; None where the samples are too few, or too alike, to give one."""
    high: float | None = None
    """Upper end, likewise."""

    @property
    def has_interval(self) -> bool:
        """Whether the samples support an interval. A value without one is shown with a question mark."""
        return self.low is not None and self.high is not None

    def over(self, amount: float) -> Estimate:
        """`amount` divided by it: a rate from a time, whose ends change places."""
        if self.low is None or self.high is None or self.low <= 0:
            return Estimate(amount / self.value)
        return Estimate(amount / self.value, amount / self.high, amount / self.low)
