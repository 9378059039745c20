"""`BenchReport`: what was measured, as immutable, schema-versioned data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.grade import grade
from resnet_export.bench.measured import Measured
from resnet_export.bench.relative import Relative
from resnet_export.bench.roofline import share
from resnet_export.machine.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.grade import Grade
    from resnet_export.bench.profile.profiled import Profile
    from resnet_export.bench.roofline import Device, Peaks, Share
    from resnet_export.bench.sampling import Budget
    from resnet_export.graph.cost import Cost
    from resnet_export.machine import Machine

SCHEMA_VERSION = 2
"""Raised when a key changes its meaning or goes."""
Status = Literal["measured", "failed", "crashed", "hung"]


@dataclass(frozen=True)
class CaseResult:
    """What became of a case."""

    case: Case
    status: Status
    threads: int
    """That a run was given."""
    measured: Measured | None = None
    """None where it did not run to its end."""
    reason: str | None = None
    """Why it did not, as a sentence."""
    hint: str | None = None
    """What to do about it."""
    signal: str | None = None
    """That ended its process, such as `SIGSEGV`."""
    exit_code: int | None = None
    """Of the program, for what it raised (see `errors`)."""
    log: tuple[str, ...] = ()
    """The last lines that a process printed that died."""
    noise: Noise | None = None
    """What disturbed the samples; None where it did not run to its end."""
    relative: Relative | None = None
    """How it stands to the reference network, where that was asked for and can be."""
    relative_reason: str | None = None
    """Why it was asked for and there is none."""

    def as_journal(self) -> dict[str, Any]:
        """All that can't be computed again, as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_journal(cls, fields: Mapping[str, Any]) -> CaseResult:
        """The inverse of `as_journal`, after JSON made lists of the tuples."""
        measured = fields["measured"] and Measured.from_journal(fields["measured"])
        case = Case.from_dict(fields["case"])
        noise = fields["noise"] and Noise(**fields["noise"])
        relative = fields["relative"] and Relative.from_journal(fields["relative"])
        known = {"case": case, "measured": measured, "noise": noise, "relative": relative}
        return cls(**{**fields, **known, "log": tuple(fields["log"])})

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench.md."""
        case = self.case
        plain: dict[str, Any] = {
            "model": case.model.path,
            "sha256": case.model.sha256,
            "file_bytes": case.model.size,
            "runtime": case.runtime,
            "batch": case.batch,
            "threads": self.threads,
            "boundary": case.boundary,
            "scenario": dataclasses.asdict(case.scenario),
            "status": self.status,
            "reason": self.reason,
            "hint": self.hint,
            "signal": self.signal,
            "log": list(self.log),
            "noise": self.noise and dataclasses.asdict(self.noise),
            **self.relative_keys(),
        }
        return plain if self.measured is None else {**plain, **self.measured.as_dict(case.scenario.slo_p99_ms)}

    def relative_keys(self) -> dict[str, Any]:
        """`relative` and `relative_reason`."""
        return {"relative": self.relative and self.relative.as_dict(), "relative_reason": self.relative_reason}


@dataclass(frozen=True)
class BenchReport:
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
    costs: Mapping[str, Cost] = dataclasses.field(default_factory=dict)
    """SHA-256 of a file -> what an image costs."""
    profiles: Mapping[str, Profile] = dataclasses.field(default_factory=dict)
    """Key of a case -> where its time goes; of those that were profiled."""
    unprofiled: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Key of a case -> why it could not be profiled."""
    unkept: str | None = None
    """Why the journal lacks some of it; None where it has all, or nobody asked for one."""

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that did not run to their end."""
        return tuple(result for result in self.cases if result.status != "measured")

    def grade(self, result: CaseResult) -> Grade | None:
        """How far a result can be trusted; None where there is none."""
        told = result.measured
        if told is None:
            return None
        on_cpu = told.device.startswith("CPU")
        return grade(told.summary, told.settled, result.threads, result.noise, self.machine, self.budget, on_cpu=on_cpu)

    def share(self, result: CaseResult) -> Share | None:
        """How much of the possible a latency is; None where calls wait for others, or no peak is known."""
        told, cost = result.measured, self.costs.get(result.case.model.sha256)
        if told is None or cost is None or told.main.loop == "open" or told.main.callers > 1:
            return None
        latency = told.summary.median.value
        device, threads = peaks_of(result)
        for peaks in self.peaks:
            if peaks.device == device and (device == "cuda" or peaks.threads == threads):
                return share(cost, peaks, latency, told.main.batch, told.precision)
        return None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "plan": self.plan,
            "budget": dataclasses.asdict(self.budget),
            "resumed_cases": self.resumed,
            "machine": self.machine.as_dict(),
            "peaks": [peaks.as_dict() for peaks in self.peaks],
            "cases": [{**result.as_dict(), **self._judged(result)} for result in self.cases],
        }

    def _judged(self, result: CaseResult) -> dict[str, Any]:
        grade, share = self.grade(result), self.share(result)
        profile = self.profiles.get(result.case.key)
        return {
            "grade": grade and grade.as_dict(),
            "roofline": share and share.as_dict(),
            "profile": profile and profile.as_dict(),
        }


def peaks_of(result: CaseResult) -> tuple[Device | None, int]:
    """(the device whose peaks bound a result, its threads); None for one whose peaks nobody measures."""
    device = "" if result.measured is None else result.measured.device
    return ("cpu" if device.startswith("CPU") else "cuda" if device.startswith("GPU") else None), result.threads
