"""`DoctorReport`: what `diagnose` found, as immutable, schema-versioned data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.machine import Machine
    from resnet_export.machine.distributions import Distribution

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""

State = Literal["usable", "missing", "unavailable", "failed"]
"""It runs; a package is missing; a library, driver or device is missing; its check itself went wrong."""


@dataclass(frozen=True)
class RuntimeCheck:
    """Whether one runtime runs here."""

    name: str
    state: State
    detail: str
    """What would run when it is usable, else the reason why it isn't."""
    hint: str | None = None
    """What to do about it."""

    @property
    def usable(self) -> bool:
        """Whether it runs."""
        return self.state == "usable"


@dataclass(frozen=True)
class Problem:
    """Something installed that has to be changed before any result is worth a look."""

    what: str
    cure: tuple[str, ...]
    """Commands."""


@dataclass(frozen=True)
class Providers:
    """What the installed ONNX Runtime says of itself."""

    names: tuple[str, ...] = ()
    """Execution providers that were compiled in."""
    reason: str | None = None
    """Why it can't be asked."""


@dataclass(frozen=True)
class DoctorReport:
    """What runs here, what doesn't, and why."""

    version: str
    """Of this package."""
    machine: Machine
    onnxruntimes: Mapping[str, str]
    """The distributions that own the package `onnxruntime` -> version; more than one is a problem."""
    providers: Providers
    distributions: tuple[Distribution, ...]
    """Packages that have a part in an export or a run."""
    runtimes: tuple[RuntimeCheck, ...]
    problems: tuple[Problem, ...]
    required: tuple[str, ...] = ()
    """Runtimes that have to run."""

    @property
    def lacking(self) -> tuple[RuntimeCheck, ...]:
        """The required runtimes that don't run."""
        return tuple(check for check in self.runtimes if check.name in self.required and not check.usable)

    @property
    def passed(self) -> bool:
        """Whether there is no problem, and all that is required runs."""
        return not self.problems and not self.lacking

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/doctor.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "version": self.version,
            "passed": self.passed,
            "machine": self.machine.as_dict(),
            "onnxruntime": {
                "distributions": dict(self.onnxruntimes),
                "compiled_in": list(self.providers.names),
                "reason": self.providers.reason,
            },
            "runtimes": {
                check.name: {"usable": check.usable, "state": check.state, "detail": check.detail, "hint": check.hint}
                for check in self.runtimes
            },
            "required": list(self.required),
            "distributions": {
                found.name: {"version": found.version, "tested": found.tested, "as_tested": found.as_tested}
                for found in self.distributions
            },
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
        }
