"""`Relative`: how a case stands to the reference network, as immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Relative:
    """The time of a case over that of the reference network, which took turns with it."""

    ratio: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end."""
    launches: int
    """That it rests on (see `compare.paired`)."""
    reference: str
    """The network and what ran it; ratios to others don't compare."""
    reference_ms: float
    """The median of its times, in milliseconds."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "ratio": self.ratio,
            "ratio_low": self.low,
            "ratio_high": self.high,
            "launches": self.launches,
            "reference": self.reference,
            "reference_ms": self.reference_ms,
        }
