"""`Estimate`: a number that was measured, with the 95 % interval that the samples support."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, in whatever unit the samples have."""

    value: float
    """What the samples say; always a number."""
    low: float | None = None
    """Lower end of the 95 % interval; None where the samples are too few, or too alike, to give one."""
    high: float | None = None
    """Upper end, likewise."""

    @property
    def has_interval(self) -> bool:
        """Whether the samples support an interval. A value without one is shown with a mark."""
        return self.low is not None and self.high is not None

    def keys(self, name: str, unit: str = "") -> dict[str, float | None]:
        """Plain data, for JSON: `{"p50_ms": 8.1, "p50_low_ms": 8.0, "p50_high_ms": 8.2}`.

        Args:
            name: of the number, such as `p50`.
            unit: that ends each key, such as `_ms`.
        """
        return {f"{name}{unit}": self.value, f"{name}_low{unit}": self.low, f"{name}_high{unit}": self.high}
