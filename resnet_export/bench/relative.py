"""`Relative`: how a case stands to the reference network, as immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Relative:
    """The time of a case over that of the reference network, which took turns with it."""

    ratio: float
    low: float | None
    """Lower end of the 95 % interval; None where there were too few launches."""
    high: float | None
    """Upper end, likewise."""
    launches: int
    """That it rests on (see `compare.paired`)."""
    reference: str
    """The network and what ran it; ratios to others don't compare."""
    reference_ms: float
    """The median of its times, in milliseconds."""
    disturbances: tuple[str, ...]
    """What was wrong with the machine meanwhile, a sentence each."""

    @classmethod
    def from_journal(cls, fields: Mapping[str, Any]) -> Relative:
        """The inverse of `dataclasses.asdict`, after JSON made lists of the tuples."""
        return cls(**{**fields, "disturbances": tuple(fields["disturbances"])})

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "ratio": self.ratio,
            "ratio_low": self.low,
            "ratio_high": self.high,
            "launches": self.launches,
            "reference": self.reference,
            "reference_ms": self.reference_ms,
            "disturbances": list(self.disturbances),
        }
