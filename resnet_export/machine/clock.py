"""The CPU's clock: how fast it runs, and who decides on that."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from resnet_export.machine.sysfs import ROOT, read_text

GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
"""Of the first CPU: it is set for all alike."""
BOOST = (("sys/devices/system/cpu/cpufreq/boost", "1"), ("sys/devices/system/cpu/intel_pstate/no_turbo", "0"))
"""Files that tell of it -> what stands in them when it is allowed."""


@dataclass(frozen=True)
class Clock:
    """The clock as the system tells it; None is what it doesn't tell, as most virtual machines."""

    current_mhz: float | None = field(default=None, compare=False)
    """When it was asked, the mean of all CPUs; no part of what tells machines apart."""
    min_mhz: float | None = None
    """The lowest that the governor may choose."""
    max_mhz: float | None = None
    """The highest."""
    governor: str | None = None
    """Linux's policy, such as `performance`, `powersave` or `schedutil`."""
    boost: bool | None = None
    """Whether it may go beyond its nominal clock (Intel's Turbo Boost, AMD's Core Performance Boost)."""


def read_clock(root: Path = ROOT) -> Clock:
    """The clock of this machine."""
    told = _ask_library(percpu=False)
    current, least, most = (told.current, told.min, told.max) if told else (None, None, None)
    governor = read_text(root / GOVERNOR) or None
    return Clock(current or None, least or None, most or None, governor, read_boost(root))


def read_boost(root: Path) -> bool | None:
    """Whether the clock may go beyond the nominal one; None where the system doesn't tell."""
    for name, allowed in BOOST:
        word = read_text(root / name)
        if word:
            return word == allowed
    return None


def read_speeds() -> tuple[float, ...] | None:
    """The current clock of each CPU in MHz; None where the system doesn't tell."""
    return tuple(float(one.current) for one in _ask_library(percpu=True) or () if one.current) or None


def _ask_library(*, percpu: bool) -> Any:
    try:
        return psutil.cpu_freq(percpu)
    except (AttributeError, NotImplementedError, OSError, RuntimeError):  # its signs for a system that doesn't tell
        return None
