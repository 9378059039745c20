"""What runs here, what doesn't, and why: `diagnose()` gives a `DoctorReport`.

Runtimes are checked in workers, where a crash, a hang or a library's chatter hurts nobody.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_export import __version__
from resnet_export.data import Plain
from resnet_export.errors import MissingDependencyError, ResNetExportError, RuntimeFailedError
from resnet_export.machine import Machine, read_machine
from resnet_export.machine.distributions import Distribution, onnxruntime_cure, read_distributions, read_onnxruntimes
from resnet_export.optional import KNOWN_BAD, refuse_known_bad
from resnet_export.runtimes import TEST_DOUBLES, find, names
from resnet_export.workers import Worker

TIMEOUT_S = 60.0
"""Seconds that one runtime's check may take: importing a framework from a cold disk takes twenty."""
PROVIDERS = "ort:providers compiled in"
"""Stands for the question which providers were compiled into ONNX Runtime; no runtime's name has a blank."""
LONGEST = 2000
"""Characters of a reason: some libraries put a stack trace into theirs."""
MOST = 4
"""Processes at a time: each may hold a framework of half a gigabyte."""
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


def diagnose(require: Sequence[str] = ()) -> DoctorReport:
    """Finds out what runs here.

    Every runtime is checked in a process of its own, so that one which crashes or hangs is a finding as well.

    Args:
        require: runtimes that have to run; they are checked even where they take part only when named.

    Raises:
        UsageError: `require` names an unknown runtime.
    """
    known = names()
    for name in set(require) - set(known):
        find(name)
    wanted = [name for name in known if name not in TEST_DOUBLES or name in require]
    with ThreadPoolExecutor(1) as pool:
        machine = pool.submit(read_machine)
        checks, providers = check_all(wanted)
    onnxruntimes = read_onnxruntimes()
    return DoctorReport(
        version=__version__,
        machine=machine.result(),
        onnxruntimes=onnxruntimes,
        providers=providers,
        distributions=read_distributions(),
        runtimes=checks,
        problems=find_problems(onnxruntimes),
        required=tuple(dict.fromkeys(require)),
    )


def find_problems(onnxruntimes: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems of this environment.

    Args:
        onnxruntimes: the distributions that own the package `onnxruntime` -> version.
    """
    problems = []
    if len(onnxruntimes) > 1:
        listed = " and ".join(f"{name} {version}" for name, version in onnxruntimes.items())
        problems.append(
            Problem(
                f"{listed} are installed at once. They share the package onnxruntime: "
                "each has overwritten files of the other, and which providers there are is left to chance.",
                onnxruntime_cure(onnxruntimes),
            )
        )
    for distribution, (_, _, cure) in KNOWN_BAD.items():
        try:
            refuse_known_bad(distribution)
        except MissingDependencyError as error:
            problems.append(Problem(error.message, (cure,)))
    return tuple(problems)


class Checker:
    """What a worker does."""

    def __init__(self, report: object) -> None:
        """Reports no progress."""

    def check(self, name: str) -> RuntimeCheck:
        """Whether a runtime runs here. The answer to `PROVIDERS` has their names as its detail."""
        try:
            if name == PROVIDERS:
                import onnxruntime

                return RuntimeCheck(name, "usable", " ".join(onnxruntime.get_available_providers()))
            return RuntimeCheck(name, "usable", str(find(name).probe()))
        except (Exception, SystemExit) as error:
            return failure(name, error)


def check_all(names: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> tuple[tuple[RuntimeCheck, ...], Providers]:
    """Checks runtimes, each in a process of its own, and asks ONNX Runtime for its providers.

    Args:
        names: of the runtimes; the checks come in the same order.
        timeout_s: seconds for each.
    """

    def check(name: str) -> RuntimeCheck:
        try:
            with Worker(f"{__name__}:Checker", timeout_s=timeout_s) as worker:
                found: RuntimeCheck = worker.call("check", name, doing="checking it")
                return found
        except ResNetExportError as error:
            return failure(name, error)

    with ThreadPoolExecutor(min(MOST, os.cpu_count() or 1)) as threads:
        first, *checks = threads.map(check, [PROVIDERS, *names])
    return tuple(checks), Providers(tuple(first.detail.split())) if first.usable else Providers(reason=first.detail)


def failure(name: str, error: BaseException) -> RuntimeCheck:
    """What an error says of a runtime."""
    if not isinstance(error, ResNetExportError):
        detail = f"{type(error).__name__}: {error}"
        return RuntimeCheck(name, "failed", detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}...")
    state: State = "missing" if isinstance(error, MissingDependencyError) else "unavailable"
    # Whoever reads this need not be sent here, and doctor has no --allow-fallback.
    hint = None if "resnet-export doctor" in (error.hint or "") else error.hint
    hint = hint and hint.partition("; or go on without it")[0]
    return RuntimeCheck(name, "failed" if isinstance(error, RuntimeFailedError) else state, error.message, hint)
