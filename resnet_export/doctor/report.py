"""`DoctorReport`: what `diagnose` found, as immutable, schema-versioned data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_export.data import Plain
from resnet_export.machine import Machine
from resnet_export.machine.distributions import Distribution

State = Literal["usable", "missing", "unavailable", "failed"]
"""It runs; a package is missing; a library, driver or device is missing; its check itself went wrong."""


@dataclass(frozen=True)
class RuntimeCheck:
    """Whether one runtime runs here."""

    DERIVED: ClassVar[tuple[str, ...]] = ("usable",)
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


@dataclass(frozen=True, kw_only=True)
class DoctorReport(Plain):
    """What runs here, what doesn't, and why. The keys of its JSON are documented in docs/doctor.md."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed",)
    schema_version: int = 2
    """Raised when a key changes its meaning or goes."""
    version: str
    """The version of this package."""
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
