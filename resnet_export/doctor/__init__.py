"""What runs here, what doesn't, and why: `diagnose()` gives a `DoctorReport`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from resnet_export.doctor.report import DoctorReport, RuntimeCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from resnet_export import __version__, runtimes
    from resnet_export.doctor.checks import check_all
    from resnet_export.doctor.problems import find_problems
    from resnet_export.machine import read_machine
    from resnet_export.machine.distributions import read_distributions, read_onnxruntimes

    known = runtimes.names()
    for name in require:
        if name not in known:
            runtimes.find(name)
    wanted = [name for name in known if name not in runtimes.TEST_DOUBLES or name in require]
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
