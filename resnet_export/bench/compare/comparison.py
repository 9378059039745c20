"""`Comparison`: what two sides measured in turns gave, as immutable, schema-versioned data. Times in milliseconds."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from resnet_export import __version__
from resnet_export.bench.compare import paired
from resnet_export.bench.grade import disturbances

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.compare.paired import Ratio, Verdict
    from resnet_export.bench.compare.side import Side
    from resnet_export.machine import Machine
    from resnet_export.machine.noise import Noise

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""
Name = Literal["a", "b"]


@dataclass(frozen=True)
class Ran:
    """What ran on one side."""

    side: Side
    threads: int
    """That a run was given."""
    version: str
    """Of the runtime, for people."""
    precision: str
    """In what it multiplied."""
    device: str
    """On which it ran."""
    nodes: Mapping[str, int]
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None
    """What did not go where it was asked for."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        case = self.side.case
        return {
            "model": case.model.path,
            "sha256": case.model.sha256,
            "file_bytes": case.model.size,
            "runtime": case.runtime,
            "batch": case.batch,
            "threads": self.threads,
            "boundary": case.boundary,
            "python": self.side.python,
            "python_version": self.side.python_version,
            "version": self.version,
            "precision": self.precision,
            "device": self.device,
            "nodes": dict(self.nodes),
            "fallback": self.fallback,
        }


@dataclass(frozen=True)
class Pair:
    """A block of runs of either side, one block behind the other."""

    first: Name
    """Whose block came first."""
    a_ms: tuple[float, ...]
    """A's times, in the order in which they were measured; none is left out."""
    b_ms: tuple[float, ...]
    """B's."""

    def samples_ms(self, side: Name) -> tuple[float, ...]:
        """Of one side."""
        return self.a_ms if side == "a" else self.b_ms


@dataclass(frozen=True)
class Launch:
    """A fresh process of either side."""

    first: Name
    """Whose file was opened first."""
    pairs: tuple[Pair, ...]

    @cached_property
    def log_ratio(self) -> float:
        """See `paired`."""
        return paired.launch_log_ratio((pair.a_ms, pair.b_ms) for pair in self.pairs)

    def samples_ms(self, side: Name) -> tuple[float, ...]:
        """All of one side."""
        return tuple(one for pair in self.pairs for one in pair.samples_ms(side))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        pairs = [{"first": pair.first, "a_ms": list(pair.a_ms), "b_ms": list(pair.b_ms)} for pair in self.pairs]
        return {"first": self.first, "log_ratio": self.log_ratio, "pairs": pairs}


@dataclass(frozen=True)
class Comparison:
    """What a comparison found."""

    a: Ran
    b: Ran
    launches: tuple[Launch, ...]
    band: float
    """That the ratio may be off 1 by and still mean the same."""
    budget_seconds: float
    """That it was given."""
    seconds: float
    """That it took."""
    seed: int
    """Of the orders."""
    machine: Machine
    noise: Noise
    """What disturbed the machine meanwhile."""
    interrupted: bool = False
    """Whether it was ended early."""

    @cached_property
    def ratio(self) -> Ratio:
        """The time of B over the time of A."""
        return paired.estimate([launch.log_ratio for launch in self.launches])

    @property
    def verdict(self) -> Verdict:
        """On B."""
        return self.ratio.verdict(self.band)

    @property
    def needs_seconds(self) -> float | None:
        """For a verdict, where there is none yet; None too where no time would give one."""
        if self.verdict != "inconclusive":
            return None
        launches = self.ratio.launches_needed(self.band)
        return None if launches is None else launches * self.seconds / len(self.launches)

    @property
    def disturbances(self) -> tuple[str, ...]:
        """What was wrong with the machine meanwhile, a sentence each; most of it falls on both sides alike."""
        sides = (self.a, self.b)
        on_cpu = any(side.device.startswith("CPU") for side in sides)
        return disturbances(max(side.threads for side in sides), self.noise, self.machine, on_cpu=on_cpu)

    def median_ms(self, side: Name) -> float:
        """The median of the launches' medians of one side."""
        return statistics.median(statistics.median(launch.samples_ms(side)) for launch in self.launches)

    def runs(self, side: Name) -> int:
        """That one side's times come from."""
        return sum(len(launch.samples_ms(side)) for launch in self.launches)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench-compare.md."""
        ratio = self.ratio
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "verdict": self.verdict,
            **ratio.keys("ratio"),
            "same_images": self.a.side.case.model.images == self.b.side.case.model.images,
            "band": self.band,
            "needs_seconds": self.needs_seconds,
            "budget_seconds": self.budget_seconds,
            "seconds": self.seconds,
            "seed": self.seed,
            "a": {**self.a.as_dict(), "p50_ms": self.median_ms("a"), "samples": self.runs("a")},
            "b": {**self.b.as_dict(), "p50_ms": self.median_ms("b"), "samples": self.runs("b")},
            "machine": self.machine.as_dict(),
            "noise": asdict(self.noise),
            "disturbances": list(self.disturbances),
            "interrupted": self.interrupted,
            "launches": [launch.as_dict() for launch in self.launches],
        }
