"""What was measured, as immutable, schema-versioned data: `BenchReport` holds a `CaseResult` for each case.

Durations are whole nanoseconds, as they were taken; what is estimated from them is in milliseconds.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.grade import Grade
from resnet_export.bench.memory import Memory
from resnet_export.bench.request import Ran
from resnet_export.bench.roofline import Peaks, Share
from resnet_export.bench.sampling import Budget
from resnet_export.bench.scenarios.rig import Taken
from resnet_export.bench.slo import Slo, check_slo
from resnet_export.bench.statistics import Summary, summarise
from resnet_export.data import Plain
from resnet_export.machine import Machine
from resnet_export.machine.noise import Noise

SCHEMA_VERSION = 3
"""Raised when a key changes its meaning or goes."""
Status = Literal["measured", "failed", "crashed", "hung"]


@dataclass(frozen=True)
class Series(Taken):
    """Latencies that were taken under one condition, and what they say; none is left out."""

    latency_ms: Summary = field(kw_only=True)
    images_per_s: Estimate | None = field(kw_only=True)
    """Throughput; None where pauses lie between the calls. Its interval is that of the mean latency."""
    slo: Slo | None = None
    """Whether 99 % kept the bound, where there is one."""

    @classmethod
    def of(cls, taken: Taken, slo_ms: float | None = None) -> Self:
        """Summarises what a scenario took; `slo_ms` is a bound on p99."""
        samples_ms = np.asarray(taken.samples_ns) / 1e6
        summary = summarise(samples_ms, queue=taken.loop == "open")
        if taken.condition.get("gap_ms"):
            rate = None
        elif taken.loop == "open":
            rate = Estimate(len(taken.samples_ns) * taken.batch * 1e9 / taken.duration_ns)
        else:
            rate = summary.mean.over(taken.callers * taken.batch * 1e3)
        slo = None if slo_ms is None else check_slo(samples_ms, slo_ms)
        return cls(**vars(taken), latency_ms=summary, images_per_s=rate, slo=slo)


@dataclass(frozen=True)
class Relative:
    """The time of a case over that of the reference network, which took turns with it."""

    ratio: Estimate
    launches: int
    """Fresh processes of either that it rests on."""
    reference: str
    """The network and what ran it; ratios to others do not compare."""
    reference_ms: float
    """The median of its times."""
    disturbances: tuple[str, ...]
    """What was wrong with the machine during it, a sentence each."""


@dataclass(frozen=True)
class Measured:
    """What a case gave that ran to its end."""

    ran: Ran
    import_ns: int
    """Import of the runtime's libraries."""
    open_ns: int
    first_run_ns: int
    warm_up_ns: tuple[int, ...]
    """Its runs."""
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    series: tuple[Series, ...]
    """The steady state."""
    headline: int
    """Index of the series that stands for the case."""
    memory: Memory
    new_shape_ns: int | None = None
    """The first run of another batch; None where none can be run."""

    @property
    def main(self) -> Series:
        """The series that stands for the case."""
        return self.series[self.headline]


@dataclass(frozen=True)
class CaseResult:
    """What became of a case."""

    DERIVED: ClassVar[tuple[str, ...]] = ("p50_ms",)

    case: Case
    status: Status
    threads: int
    measured: Measured | None = None
    """None where it did not run to its end."""
    reason: str | None = None
    """Why it did not, as a sentence."""
    hint: str | None = None
    signal: str | None = None
    """The signal that ended its process, such as `SIGSEGV`."""
    exit_code: int | None = None
    """The program's exit code for what it raised (see `errors`)."""
    log: tuple[str, ...] = ()
    """The last lines that a process printed that died."""
    noise: Noise | None = None
    """What disturbed the samples; None where it did not run to its end."""
    relative: Relative | None = None
    """How it compares with the reference network, where that was asked for and can be told."""
    relative_reason: str | None = None
    """Why it was asked for and there is none."""
    grade: Grade | None = None
    roofline: Share | None = None
    """How much of the possible the latency is; None where calls wait for others, or no peak is known."""

    @property
    def p50_ms(self) -> float | None:
        """The median latency of the series that stands for the case."""
        return None if self.measured is None else self.measured.main.latency_ms.p50.value


@dataclass(frozen=True)
class BenchReport(Plain):
    """What became of a plan."""

    plan: str
    """Its digest."""
    budget: Budget
    """For all cases together."""
    machine: Machine
    cases: tuple[CaseResult, ...]
    """In the plan's order."""
    resumed: int = 0
    """Cases of them that a journal had already."""
    peaks: tuple[Peaks, ...] = ()
    """Of this machine, one for each device and number of threads that were used."""
    unkept: str | None = None
    """Why the journal lacks some of it; None where it has all, or nobody asked for one."""
    version: str = __version__
    schema_version: int = field(default=SCHEMA_VERSION, kw_only=True)

    def __str__(self) -> str:
        """The median of each case, such as `resnet18.onnx in ort:cpu, batch 1: 8.06 ms`, or why there is none."""
        return "\n".join(
            f"{one.case.label}: {one.reason if one.p50_ms is None else f'{one.p50_ms:.3g} ms'}" for one in self.cases
        )

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that did not run to their end."""
        return tuple(result for result in self.cases if result.status != "measured")
