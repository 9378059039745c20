"""The counters of the system that tell what happens beside a process, read at one moment."""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from resnet_export.machine.cgroup import Throttling, read_throttling
from resnet_export.machine.gpu import read_slowdowns
from resnet_export.machine.sysfs import read_text

BUSY = ("user", "nice", "system", "irq", "softirq")
"""Kinds of time in which a CPU works; a guest's is part of the user's."""
THERMAL = "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"
"""Where Linux counts how often Intel's CPUs became too hot."""
MAJOR_FAULTS = (9, 10)
"""Of the process and of its ended children: fields of `/proc/<pid>/stat` behind the name (proc(5): 12 and 13)."""


@dataclass(frozen=True)
class Moment:
    """The counters at one moment; None is what the system doesn't tell."""

    seconds: float
    """Of a clock that goes on steadily."""
    busy_s: float | None = None
    """Of the CPUs."""
    steal_s: float | None = None
    own_s: float | None = None
    """CPU time of the measured processes."""
    load: float | None = None
    switches: Mapping[int, tuple[int, int]] | None = None
    """Thread -> times that it waited by itself, and that it was preempted."""
    throttling: Throttling | None = None
    thermal: int | None = None
    major_faults: int | None = None
    gpu_slowdowns: tuple[tuple[float, ...], ...] | None = None
    """Of each GPU, seconds for which its clock was held down, by reason."""


def read_moment(
    process: psutil.Process | None, pid: int, cpus: tuple[int, ...], root: Path, *, on_gpu: bool = False
) -> Moment:
    """Reads them now.

    Args:
        process: that is measured, with its children; None where it has ended.
        pid: its number.
        cpus: that it may run on.
        root: see `sysfs.ROOT`.
        on_gpu: ask for the GPUs', too.
    """
    seconds = time.perf_counter()
    busy, steal = _cpu_times(cpus)
    processes = _tree(process)
    ids = [one.pid for one in processes]
    return Moment(
        seconds,
        busy,
        steal,
        _own_time(processes),
        os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        read_switches(root, ids) or _ask_switches(processes),
        read_throttling(root, pid),
        read_thermal(root),
        read_major_faults(root, ids),
        read_slowdowns() if on_gpu else None,  # last, as it takes the longest
    )


def read_thermal(root: Path) -> int | None:
    """How often the CPUs became too hot since the start of the system; None where that isn't counted."""
    words = [read_text(path) for path in root.glob(THERMAL)]
    counts = [int(word) for word in words if word.isdigit()]
    return sum(counts) if counts else None


def read_major_faults(root: Path, pids: Iterable[int]) -> int | None:
    """Pages that the processes and their ended children waited for; None where that isn't told."""
    counts = []
    for pid in pids:
        # The name stands in parentheses, and may hold blanks and parentheses itself.
        fields = read_text(root / f"proc/{pid}/stat").rpartition(")")[2].split()
        if len(fields) > max(MAJOR_FAULTS):
            counts += [int(fields[index]) for index in MAJOR_FAULTS]
    return sum(counts) if counts else None


def read_switches(root: Path, pids: Iterable[int]) -> dict[int, tuple[int, int]] | None:
    """Thread -> (voluntary, involuntary) context switches, of all threads; None where Linux doesn't tell."""
    found = {}
    for pid in pids:
        for folder in root.glob(f"proc/{pid}/task/[0-9]*"):
            lines = (line.partition(":") for line in read_text(folder / "status").splitlines())
            counts = {name: word.strip() for name, _, word in lines if name.endswith("voluntary_ctxt_switches")}
            if len(counts) == 2 and all(map(str.isdigit, counts.values())):
                waited, aside = (counts[f"{kind}voluntary_ctxt_switches"] for kind in ("", "non"))
                found[int(folder.name)] = (int(waited), int(aside))
    return found or None


def _ask_switches(processes: Iterable[psutil.Process]) -> dict[int, tuple[int, int]] | None:
    """Process -> likewise, for systems other than Linux."""
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            told = process.num_ctx_switches()
            found[process.pid] = (told.voluntary, told.involuntary)
    return found or None


def _cpu_times(cpus: tuple[int, ...]) -> tuple[float, float | None] | tuple[None, None]:
    """(busy, stolen) seconds of the CPUs."""
    try:
        told = psutil.cpu_times(percpu=True)
    except (OSError, RuntimeError, psutil.Error):
        return None, None
    mine = [told[cpu] for cpu in cpus if cpu < len(told)]
    busy = sum(getattr(one, kind, 0.0) for one in mine for kind in BUSY)
    return busy, sum(one.steal for one in mine) if all(hasattr(one, "steal") for one in mine) else None


def _tree(process: psutil.Process | None) -> list[psutil.Process]:
    """The process and its children, without what has ended."""
    try:
        return [process, *process.children(recursive=True)] if process is not None and process.is_running() else []
    except psutil.Error:
        return []


def _own_time(processes: list[psutil.Process]) -> float | None:
    """CPU seconds; None where the first, which is the measured one, doesn't tell."""
    found: dict[int, float] = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            told = process.cpu_times()
            children = getattr(told, "children_user", 0.0) + getattr(told, "children_system", 0.0)
            found[process.pid] = told.user + told.system + children
    return sum(found.values()) if processes and processes[0].pid in found else None
