"""`Scenario`: in which pattern a case calls the network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from resnet_export.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Name = Literal["single", "offline", "concurrent", "server", "idle"]
NAMES: tuple[Name, ...] = get_args(Name)
CALLERS = 4
"""Where nobody says how many: more than the two cores of a small machine, so that they have to wait."""
GAPS_MS = (0.0, 1.0, 10.0, 100.0, 1000.0)
"""Where nobody says which: caches, clocks and spinning threads cool down on scales from 1 ms to 1 s."""


@dataclass(frozen=True)
class Scenario:
    """A pattern of calls with what it needs to know."""

    name: Name = "single"
    """`single`: one call behind the other. `offline`: the batch with the best throughput. `concurrent`: several callers
    on one session. `server`: calls that come when they come. `idle`: calls after a pause."""
    batches: tuple[int, ...] = ()
    """Of `offline`: those to choose from; none for powers of two while they pay."""
    callers: int | None = None
    """Of `concurrent`."""
    slo_p99_ms: float | None = None
    """Of `server`: the latency that 99 % of the requests have to keep; the highest rate that does is sought.
    None for a few loads."""
    gaps_ms: tuple[float, ...] = ()
    """Of `idle`: the pauses."""

    @property
    def label(self) -> str:
        """For people: `server, p99 within 50 ms`."""
        match self.name:
            case "concurrent":
                return f"{self.callers} concurrent callers"
            case "server" if self.slo_p99_ms is not None:
                return f"server, p99 within {self.slo_p99_ms:g} ms"
        return self.name

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Scenario:
        """The inverse of `dataclasses.asdict`, after JSON made lists of the tuples."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        return cls(**plain)


def make_scenario(
    name: str, *, callers: int | None = None, slo_p99_ms: float | None = None, gaps_ms: tuple[float, ...] = ()
) -> Scenario:
    """A scenario with its defaults filled in.

    Raises:
        UsageError: there is no such scenario, a number cannot be meant so, or it belongs to another scenario.
    """
    if name not in NAMES:
        raise UsageError(f"There is no scenario {name!r}.", hint=f"Known are {', '.join(NAMES)}.")
    for option, value, owner in (
        ("callers", callers, "concurrent"),
        ("slo-p99", slo_p99_ms, "server"),
        ("gaps", gaps_ms or None, "idle"),
    ):
        if value is not None and name != owner:
            raise UsageError(f"{option} belongs to the scenario {owner}, not to {name}.", hint=f"Leave out {option}.")
    if callers is not None and callers < 1:
        raise UsageError(f"{callers} callers are below 1.", hint="Give a whole number from 1.")
    if slo_p99_ms is not None and not 0 < slo_p99_ms < float("inf"):
        raise UsageError(f"slo-p99 {slo_p99_ms:g} ms is no bound.", hint="Give a duration above 0, such as 50ms.")
    if any(not 0 <= gap < float("inf") for gap in gaps_ms):
        raise UsageError("A gap is below 0.", hint="Give milliseconds from 0, such as 0,1,10.")
    scenario = Scenario(name, slo_p99_ms=slo_p99_ms)
    match name:
        case "concurrent":
            return dataclasses.replace(scenario, callers=callers or CALLERS)
        case "idle":
            return dataclasses.replace(scenario, gaps_ms=gaps_ms or GAPS_MS)
    return scenario
