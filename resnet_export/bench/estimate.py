"""`Estimate`: a measured number with the 95 % interval that its samples support."""

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
    def interval(self) -> tuple[float, float] | None:
        """Both ends; None where the samples support no interval. The value is then shown with a question mark."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def has_interval(self) -> bool:
        """Whether the samples support an interval."""
        return self.interval is not None

    def over(self, amount: float) -> "Estimate":
        """`amount` divided by it: a rate from a time, whose ends change places."""
        low, high = self.interval or (0.0, 0.0)
        if low <= 0:
            return Estimate(amount / self.value)
        return Estimate(amount / self.value, amount / high, amount / low)
