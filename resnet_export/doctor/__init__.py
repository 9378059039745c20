"""What runs here, what doesn't, and why: `diagnose()` gives a `DoctorReport`."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from resnet_export import __version__
from resnet_export.doctor.checks import check_all
from resnet_export.doctor.report import DoctorReport, Problem, RuntimeCheck
from resnet_export.errors import MissingDependencyError
from resnet_export.machine import read_machine
from resnet_export.machine.distributions import onnxruntime_cure, read_distributions, read_onnxruntimes
from resnet_export.optional import KNOWN_BAD, refuse_known_bad
from resnet_export.runtimes import TEST_DOUBLES, find, names

__all__ = ["DoctorReport", "RuntimeCheck", "diagnose"]

TIMEOUT_S = 60.0
"""Seconds that one runtime's check may take: importing a framework from a cold disk takes twenty."""


def diagnose(require: Sequence[str] = (), *, timeout_s: float = TIMEOUT_S) -> DoctorReport:
    """Finds out what runs here.

    Every runtime is checked in a process of its own, so that one which crashes or hangs is a finding as well.

    Args:
        require: runtimes that have to run; they are checked even where they take part only when named.
        timeout_s: seconds for the check of one runtime.

    Raises:
        UsageError: `require` names an unknown runtime.
    """
    known = names()
    for name in set(require) - set(known):
        find(name)
    wanted = [name for name in known if name not in TEST_DOUBLES or name in require]
    with ThreadPoolExecutor(1) as pool:
        machine = pool.submit(read_machine)
        checks, providers = check_all(wanted, timeout_s=timeout_s)
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
