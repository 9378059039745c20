"""`BenchReport`: what was measured, as immutable, schema-versioned data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.statistics import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.sampling import Budget
    from resnet_export.bench.statistics import Summary
    from resnet_export.machine import Machine

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""
Status = Literal["measured", "failed", "crashed", "hung"]


@dataclass(frozen=True)
class Measured:
    """What a case gave that ran to its end. Times in milliseconds."""

    version: str
    """What ran, for people."""
    precision: str
    """In what it multiplied."""
    device: str
    """On which it ran."""
    nodes: Mapping[str, int]
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None
    """What did not go where it was asked for."""
    import_ms: float
    """For the runtime's libraries."""
    open_ms: float
    """For the session."""
    first_run_ms: float
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    warm_up_ms: tuple[float, ...]
    """Its runs."""
    samples_ms: tuple[float, ...]
    """The steady state, in the order in which it was measured; none is left out."""
    peak_rss_bytes: int | None
    """Of the process, its Python included."""
    steady_rss_bytes: int
    """Before the first sample."""

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Measured:
        """From what the worker says, in nanoseconds."""
        times: dict[str, Any] = {
            name.removesuffix("_ns"): value for name, value in answer.items() if name.endswith("_ns")
        }
        in_ms: dict[str, Any] = {
            f"{name}_ms": tuple(one / 1e6 for one in value) if isinstance(value, list | tuple) else value / 1e6
            for name, value in times.items()
        }
        return cls(**in_ms, **{name: value for name, value in answer.items() if not name.endswith("_ns")})

    @cached_property
    def summary(self) -> Summary:
        """What the samples support."""
        return summarise(self.samples_ms, "closed")


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

    @property
    def images_per_s(self) -> tuple[float, float, float] | None:
        """Throughput with its interval; None where the samples can't support it."""
        mean = None if self.measured is None else self.measured.summary.mean
        if mean is None or mean.low <= 0:
            return None
        value, high, low = (self.case.batch * 1e3 / time for time in (mean.value, mean.low, mean.high))
        return value, low, high

    def as_journal(self) -> dict[str, Any]:
        """All that can't be computed again, as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_journal(cls, fields: Mapping[str, Any]) -> CaseResult:
        """The inverse of `as_journal`, after JSON made lists of the tuples."""
        measured = fields["measured"]
        if measured is not None:
            entries: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in measured.items()
            }
            measured = Measured(**entries)
        case = Case.from_dict(fields["case"])
        return cls(**{**fields, "case": case, "measured": measured, "log": tuple(fields["log"])})

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
            "status": self.status,
            "reason": self.reason,
            "hint": self.hint,
            "signal": self.signal,
            "log": list(self.log),
        }
        if self.measured is None:
            return plain
        rate = self.images_per_s
        return {
            **plain,
            **_summary_keys(self.measured.summary),
            "images_per_s": rate and rate[0],
            "images_per_s_low": rate and rate[1],
            "images_per_s_high": rate and rate[2],
            **dataclasses.asdict(self.measured),
        }


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

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that did not run to their end."""
        return tuple(result for result in self.cases if result.status != "measured")

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "plan": self.plan,
            "budget": dataclasses.asdict(self.budget),
            "resumed_cases": self.resumed,
            "machine": self.machine.as_dict(),
            "cases": [result.as_dict() for result in self.cases],
        }


def _summary_keys(found: Summary) -> dict[str, Any]:
    """`p50_ms`, `p50_low_ms`, `p50_high_ms`, `p50_needs` and so on."""
    keys: dict[str, Any] = {}
    for one in found.quantiles:
        name = f"p{one.probability * 100:g}"
        keys |= {f"{name}_ms": one.value, f"{name}_low_ms": one.low, f"{name}_high_ms": one.high}
        keys[f"{name}_needs"] = one.needs
    mean = found.mean
    return {
        **keys,
        "p99_bound_ms": found.bound,
        "p99_bound_needs": found.bound_needs,
        "mean_ms": mean and mean.value,
        "mean_low_ms": mean and mean.low,
        "mean_high_ms": mean and mean.high,
        "samples": found.samples,
        "effective_samples": found.effective,
        "lag1_autocorrelation": found.lag1,
        "drift": {"p_value": found.drift.p_value, "change": found.drift.change, "found": found.drift.found},
    }
