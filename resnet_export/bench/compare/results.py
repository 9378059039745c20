"""`Comparison`: what two sides gave that were measured in turns, as immutable, schema-versioned data."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.compare import paired
from resnet_export.bench.compare.paired import Verdict
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.grade import disturbances
from resnet_export.bench.request import Ran
from resnet_export.data import Plain
from resnet_export.machine import Machine
from resnet_export.machine.noise import Noise

Name = Literal["a", "b"]


@dataclass(frozen=True)
class Pair:
    """A block of runs of either side, one after the other."""

    first: Name
    """Whose block came first."""
    a_ns: tuple[int, ...]
    """A's times, in the order in which they were measured; none is left out."""
    b_ns: tuple[int, ...]


@dataclass(frozen=True)
class Launch:
    """A fresh process of either side."""

    DERIVED: ClassVar[tuple[str, ...]] = ("log_ratio",)

    first: Name
    """Whose file was opened first."""
    pairs: tuple[Pair, ...]

    @cached_property
    def log_ratio(self) -> float:
        """See `paired`."""
        return paired.launch_log_ratio((pair.a_ns, pair.b_ns) for pair in self.pairs)


@dataclass(frozen=True)
class Measured:
    """What one side gave."""

    case: Case
    threads: int
    ran: Ran
    p50_ms: float
    """The median of the launches' medians."""
    runs: int


@dataclass(frozen=True)
class Comparison(Plain):
    """What a comparison found."""

    DERIVED: ClassVar[tuple[str, ...]] = ("ratio", "verdict", "needs_seconds", "disturbances", "same_images")

    a: Measured
    b: Measured
    launches: tuple[Launch, ...]
    band: float
    """How far the ratio may be from 1 and still mean the same."""
    budget_seconds: float
    """The time that it was given."""
    seconds: float
    """The time that it took."""
    seed: int
    machine: Machine
    noise: Noise
    """What disturbed the machine during it."""
    interrupted: bool = False
    version: str = __version__
    schema_version: int = field(default=3, kw_only=True)
    """Raised when a key changes its meaning or goes."""

    @cached_property
    def ratio(self) -> Estimate:
        """The time of B over the time of A."""
        return paired.estimate([launch.log_ratio for launch in self.launches])

    @property
    def verdict(self) -> Verdict:
        """The verdict on B."""
        return paired.verdict_of(self.ratio, self.band)

    @property
    def needs_seconds(self) -> float | None:
        """The time for a verdict, where there is none yet; None too where no time would give one."""
        if self.verdict != "inconclusive":
            return None
        needed = paired.launches_needed(self.ratio, len(self.launches), self.band)
        return None if needed is None else needed * self.seconds / len(self.launches)

    @cached_property
    def disturbances(self) -> tuple[str, ...]:
        """What was wrong with the machine, a sentence each; most of it falls on both sides alike."""
        sides = (self.a, self.b)
        on_cpu = any(side.ran.on_cpu for side in sides)
        return disturbances(max(side.threads for side in sides), self.noise, self.machine, on_cpu=on_cpu)

    @property
    def same_images(self) -> bool:
        """Whether both take images of the same size and type."""
        return self.a.case.model.images == self.b.case.model.images
