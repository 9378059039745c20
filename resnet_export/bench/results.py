"""`BenchReport`: what was measured, as immutable, schema-versioned data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.measured import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.sampling import Budget
    from resnet_export.machine import Machine

SCHEMA_VERSION = 1
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

    def as_journal(self) -> dict[str, Any]:
        """All that can't be computed again, as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_journal(cls, fields: Mapping[str, Any]) -> CaseResult:
        """The inverse of `as_journal`, after JSON made lists of the tuples."""
        measured = fields["measured"] and Measured.from_journal(fields["measured"])
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
            "scenario": dataclasses.asdict(case.scenario),
            "status": self.status,
            "reason": self.reason,
            "hint": self.hint,
            "signal": self.signal,
            "log": list(self.log),
        }
        return plain if self.measured is None else {**plain, **self.measured.as_dict(case.scenario.slo_p99_ms)}


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
